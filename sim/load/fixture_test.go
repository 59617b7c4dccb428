package load_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"workbench/sim/arrival"
	"workbench/sim/load"
)

// childEnv makes the test binary a generator process, or something worse.
const childEnv = "WORKBENCH_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "serve":
		if err := load.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(1)
		}
		os.Exit(0)
	case "die":
		os.Stdout.WriteString("{\"ready\":true}\n")
		os.Stderr.WriteString("out of luck")
		os.Exit(3)
	case "babble":
		os.Stdout.WriteString("{\"ready\":true}\nnot json\n")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// reply is the text of an answer.
func reply(status string, headers string) string {
	return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: 2\r\n\r\nok"
}

// serve starts a server that answers each request with the bytes that answer
// returns; none closes the connection. It ends with the test.
func serve(t *testing.T, answer func(r *http.Request) string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { converse(c, answer) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Wait()
	})
	return l.Addr().String()
}

func converse(c net.Conn, answer func(r *http.Request) string) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Header.Set("Test-Body", string(body))
		r.Header.Set("Test-Conn", c.RemoteAddr().String())
		text := answer(r)
		if text == "" {
			return
		}
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
	}
}

// conns is how many connections a plan has, and so the most tries that can be
// on the wire when a run ends.
const conns = 16

// plan is a short run of one operation at a rate.
func plan(target string, rate float64, length time.Duration) load.Plan {
	return load.Plan{
		Target: target, Seed: 7, Duration: length, Conns: conns,
		Schedule: arrival.Schedule{{For: time.Hour, Shape: arrival.Shape{Kind: arrival.Steady, Rate: rate}}},
		Ops:      []load.Op{{Name: "get", Path: "/item/{key}"}},
		Client:   load.Client{Timeout: 5 * time.Second},
	}
}

// total adds up a run's frames and checks that nobody was lost.
func total(t *testing.T, r *load.Run) load.Frame {
	t.Helper()
	var sum, last load.Frame
	for f := range r.Frames() {
		sum.Add(f)
		last = f
	}
	if !last.Done {
		t.Errorf("last frame: Done = false, want true")
	}
	users, tries := sum.Cut, sum.Cut
	for i := range sum.Outcomes {
		users += sum.Outcomes[i]
		tries += sum.ByTry[i]
	}
	if users != sum.Offered {
		t.Errorf("outcomes and cut add up to %d users, want the %d offered", users, sum.Offered)
	}
	if sum.Cut == 0 && tries != sum.Tries {
		t.Errorf("tries by outcome add up to %d, want %d", tries, sum.Tries)
	}
	if sum.Offered == 0 && !errors.Is(r.Wait(), context.Canceled) {
		t.Errorf("offered = 0, want some")
	}
	return sum
}

// run runs p to its end in this process.
func run(t *testing.T, p load.Plan) load.Frame {
	t.Helper()
	r, err := load.Start(t.Context(), p)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	sum := total(t, r)
	if err := r.Wait(); err != nil {
		t.Fatalf("Wait: %v", err)
	}
	return sum
}

// lull appends two silent seconds to a plan, so that whoever arrived at the end
// still has time to be answered, on a busy machine too.
func lull(p load.Plan) load.Plan {
	p.Schedule[len(p.Schedule)-1].For = p.Duration
	p.Schedule = append(p.Schedule, arrival.Phase{For: 2 * time.Second, Shape: arrival.Shape{Kind: arrival.Steady}})
	p.Duration += 2 * time.Second
	return p
}
