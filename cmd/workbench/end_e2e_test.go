//go:build e2e

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"workbench/sim/clock"
)

// ledger counts what became of the requests of many clients while the program
// ends.
type ledger struct {
	mu      sync.Mutex
	acked   int // a whole answer that says that it was done
	refused int // a whole answer that says that it was not, or no connection: nothing was sent
	cut     int // sent, and no whole answer
	why     map[string]int
}

func (l *ledger) note(count *int, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*count++
	if why != "" {
		l.why[why]++
	}
}

// hammer sends requests one after the other until no connection can be made.
func (l *ledger) hammer(ctx context.Context, ask func() (*http.Request, error)) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		req, err := ask()
		if err != nil {
			panic(err)
		}
		res, err := client.Do(req)
		var op *net.OpError
		switch {
		case errors.As(err, &op) && op.Op == "dial":
			l.note(&l.refused, "no connection")
			return
		case err != nil:
			l.note(&l.cut, err.Error()[strings.LastIndex(err.Error(), ": ")+2:])
			return
		}
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		switch {
		case err != nil:
			l.note(&l.cut, "half an answer: "+err.Error())
		case res.StatusCode < 300:
			l.note(&l.acked, "")
		default:
			l.note(&l.refused, fmt.Sprintf("%d %s", res.StatusCode, res.Header.Get("Workbench-Reason")))
		}
	}
}

// The loads under which the program ends: with room, and with more inside than
// it can do in the time.
const (
	roomy = `name: roomy
instances: 3
gate: {slots: 100, service: 20ms, law: constant}
population: {users: 1000, keys: 1000}
traffic: [{for: 600s, rate: 200}]
clients: {timeout: 5s}
live_scale: 1`
	drowning = `name: drowning
instances: 3
gate: {slots: 2, service: 50ms, law: constant}
population: {users: 1000, keys: 1000}
traffic: [{for: 600s, rate: 400}]
clients: {timeout: 2s, retries: 3}
live_scale: 1`
)

// TestServeEndsUnderLoad ends the whole program with SIGTERM while its traffic
// runs, 64 clients of ours write to the service, 8 read the API and 4 pages have
// their stream open, and counts what was cut.
func TestServeEndsUnderLoad(t *testing.T) {
	binary := ordersBinary(t)
	for _, c := range []struct {
		name, yaml string
		joined     int
	}{
		{"roomy", roomy, 0}, {"drowning", drowning, 0}, {"roomy, two of its instances processes", roomy, 2},
	} {
		t.Run(c.name, func(t *testing.T) { endUnderLoad(t, binary, c.yaml, c.joined) })
	}
}

func endUnderLoad(t *testing.T, binary, yaml string, joined int) {
	s := serveBinary(t, binary, yaml, "--log", "info")
	var guests []*spawned
	for range joined {
		g := spawn(t, binary, "instance", "--join", s.url)
		g.until(`serves profile at (\S+)`, time.Minute)
		guests = append(guests, g)
	}
	s.started.until("all serve", time.Minute, func() bool {
		up := 0
		for _, i := range s.state().Instances {
			if i.State == "up" {
				up++
			}
		}
		return up == 3+joined
	})
	said := s.said()
	_, at, ok := strings.Cut(said[strings.LastIndex(said, `msg="balancer started"`):], "addr=")
	if !ok {
		t.Fatalf("no address of the balancer in the log:\n%s", said)
	}
	at = "http://" + strings.Fields(at)[0]

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	service, api := &ledger{why: map[string]int{}}, &ledger{why: map[string]int{}}
	var clients sync.WaitGroup
	for n := range 64 {
		clients.Go(func() {
			service.hammer(ctx, func() (*http.Request, error) {
				return http.NewRequest("PUT", fmt.Sprintf("%s/profiles/%d", at, 1+n), strings.NewReader(`{"bio":"written while it ends"}`))
			})
		})
	}
	for range 8 {
		clients.Go(func() {
			api.hammer(ctx, func() (*http.Request, error) { return http.NewRequest("GET", s.url+"/api/lab", nil) })
		})
	}
	streams := make(chan error, 4)
	for range cap(streams) {
		go func() {
			res, err := http.Get(s.url + "/api/lab/stream")
			if err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			streams <- err
		}()
	}
	wall := clock.NewWall()
	if err := wall.Wait(ctx, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	began := wall.Now()
	s.signal(syscall.SIGTERM)
	code, _ := s.ends(20 * time.Second)
	took := wall.Now() - began
	clients.Wait()
	for _, one := range []struct {
		name string
		*ledger
	}{{"service", service}, {"api", api}} {
		t.Logf("%s: acked %d, refused %d, cut %d; %v", one.name, one.acked, one.refused, one.cut, one.why)
		if one.cut > 0 || one.acked == 0 {
			t.Errorf("%s: %d requests were cut and %d acknowledged, want none and some", one.name, one.cut, one.acked)
		}
	}
	for range cap(streams) {
		if err := <-streams; err != nil {
			t.Errorf("a stream broke: %v", err)
		}
	}
	t.Logf("exit code %d in %v", code, took.Round(time.Millisecond))
	if code != exitOK || took > 2*time.Second {
		t.Errorf("exit code %d in %v, want 0 within a second (two on a busy machine); it said:\n%s", code, took, s.said())
	}
	for _, g := range guests {
		if code, _ := g.ends(10 * time.Second); code != exitOK || !strings.Contains(g.said(), "the lab has ended") {
			t.Errorf("a joined instance: exit code %d; it said:\n%s", code, g.said())
		}
	}
}
