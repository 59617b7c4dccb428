package asyncio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"

	"workbench/lab/trial"
)

// newClient returns a client that keeps so many idle connections for a host.
func newClient(idle int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: idle, MaxIdleConns: idle}}
}

// get asks and reads the answer to its end.
func get(ctx context.Context, client *http.Client, url string) error {
	res, err := open(ctx, client, url)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}

func open(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	return res, nil
}

// together runs f in so many goroutines at once and returns what went wrong.
func together(many int, f func() error) error {
	faults := make([]error, many)
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() { faults[i] = f() })
	}
	all.Wait()
	return errors.Join(faults...)
}

// connKnobs are the settings of Connections.
type connKnobs struct {
	Client  string `knob:"client" options:"shared,two-idle,fresh,undrained" help:"one client with room for all callers, one with the default room for two, a new one for each call, or one whose answers are not read"`
	Callers int    `knob:"callers" min:"1" max:"200" help:"callers at once"`
	Calls   int    `knob:"calls" min:"1" max:"200" help:"calls of each, in turn"`
}

// Connections counts the connections that a service sees.
func Connections() trial.Trial {
	return trial.Trial{
		Name: "connection-reuse", Title: "A connection for each call", Chapter: 2,
		Question: "20 callers make 20 calls each. How many TCP connections does the service see when the answers are closed without being read?",
		Lesson:   "A connection is used again only when the answer was read to its end, by a client that lives longer than the call and has room to keep it.",
		Knobs:    func() any { return &connKnobs{Client: "shared", Callers: 20, Calls: 20} },
		Wrong:    map[string]any{"client": "undrained"}, Right: map[string]any{"client": "shared"},
		Run: connections,
	}
}

// large is an answer that does not fit in what the kernel takes at once, so
// that a caller who leaves it unread has to close the connection.
const large = 1 << 20

func connections(ctx context.Context, _ trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*connKnobs)
	var opened atomic.Int64
	body := strings.Repeat("x", large)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			_, _ = io.WriteString(w, body) // a caller who closes early makes it fail
			return
		}
		_, _ = io.WriteString(w, "small")
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	idle := k.Callers
	if k.Client == "two-idle" {
		idle = http.DefaultMaxIdleConnsPerHost
	}
	client := newClient(idle)
	defer client.CloseIdleConnections()
	for turn := range k.Calls {
		tell(trial.Step{Text: "calls", Done: turn * k.Callers, Total: k.Calls * k.Callers})
		if err := together(k.Callers, func() error { return call(ctx, client, s.URL, k.Client) }); err != nil {
			return trial.Result{}, err
		}
	}
	calls, n := k.Calls*k.Callers, int(opened.Load())
	return trial.Result{
		Component: "net/http client and server on loopback",
		Columns:   []trial.Column{{Title: "calls"}, {Title: "new TCP connections"}, {Title: "calls on a used one"}},
		Rows:      [][]string{{trial.Count(calls), trial.Count(n), trial.Share(calls-n, calls)}},
		Claims:    []trial.Claim{trial.AtMost("new TCP connections", float64(n), 2*float64(k.Callers), "")},
	}, nil
}

// call makes one call the way that is named.
func call(ctx context.Context, shared *http.Client, url, way string) error {
	switch way {
	case "fresh":
		own := newClient(2)
		defer own.CloseIdleConnections() // most who do this forget it, and leak the connection too
		return get(ctx, own, url)
	case "undrained":
		res, err := open(ctx, shared, url+"/large")
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
	return get(ctx, shared, url)
}
