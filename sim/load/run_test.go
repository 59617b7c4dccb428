package load_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/sim/load"
	"workbench/sim/load/null"
	"workbench/sim/outcome"
	"workbench/sim/population"
	"workbench/sim/stat"
)

func TestRunMeasuresServedUsers(t *testing.T) {
	t.Parallel()
	var n int
	var mu sync.Mutex
	addr := serve(t, func(*http.Request) string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return reply("200 OK", []string{"", "Workbench-Outcome: stale\r\n", "Workbench-Cache: hit\r\n"}[n%3])
	})
	sum := run(t, plan(addr, 1000, 300*time.Millisecond))
	served := sum.Outcomes[outcome.OK] + sum.Outcomes[outcome.Stale]
	if served != sum.Offered {
		t.Errorf("served = %d, want all %d", served, sum.Offered)
	}
	if want := sum.Offered / 3; sum.Outcomes[outcome.Stale] < want || sum.Outcomes[outcome.Stale] > want+1 || sum.Cached < want || sum.Cached > want+1 {
		t.Errorf("stale = %d, cached = %d, want a third of %d each", sum.Outcomes[outcome.Stale], sum.Cached, sum.Offered)
	}
	for name, d := range map[string]stat.Delta{"response": sum.Response, "service": sum.Service, "lag": sum.Lag, "wait": sum.Wait, "op": sum.ByOp[0].Latency} {
		if got := count(d); got != sum.Offered {
			t.Errorf("%s holds %d, want %d", name, got, sum.Offered)
		}
	}
	if sum.Response.Sum < sum.Service.Sum || sum.Response.Sum < sum.Lag.Sum {
		t.Errorf("response %v is less than service %v or lag %v", sum.Response.Sum, sum.Service.Sum, sum.Lag.Sum)
	}
}

func count(d stat.Delta) (n uint64) {
	for _, c := range d.Cells {
		n += c.Count
	}
	return n
}

// The requests that a service sees are the drawn ones, though half of them are
// refused and repeated.
func TestRunSendsWhatIsDrawn(t *testing.T) {
	t.Parallel()
	type seen struct{ user, path, id, body string }
	var mu sync.Mutex
	got := map[string]seen{}
	addr := serve(t, func(r *http.Request) string {
		mu.Lock()
		defer mu.Unlock()
		h := r.Header
		if h.Get("Workbench-Try") == "0" {
			got[h.Get("Workbench-Id")] = seen{h.Get("Workbench-User"), r.URL.Path, h.Get("Workbench-Id"), h.Get("Test-Body")}
			if len(got)%2 == 0 {
				return reply("503 Busy", "")
			}
		}
		return reply("200 OK", "")
	})
	p := lull(plan(addr, 1000, 200*time.Millisecond))
	p.Client.Retries = 1
	p.Ops = []load.Op{{Name: "get", Path: "/a/{key}"}, {Name: "put", Method: "POST", Path: "/b/{user}", Body: `{"n":{n}}`}}
	p.Population = population.Spec{Mix: []population.Weight{{Op: "get", Weight: 1}, {Op: "put", Weight: 1}}}
	sum := run(t, p)
	arrivals, err := load.Draw(p)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	drawn := uint64(0)
	for a := range arrivals {
		drawn++
		id := fmt.Sprint(a.Seq * 100)
		want := seen{fmt.Sprint(a.Pick.User), fmt.Sprintf("/a/%d", a.Pick.Key), id, ""}
		if a.Pick.Op == 1 {
			want = seen{want.user, fmt.Sprintf("/b/%d", a.Pick.User), id, fmt.Sprintf(`{"n":%d}`, a.Seq)}
		}
		if got[id] != want {
			t.Fatalf("arrival %d: sent %+v, want %+v", a.Seq, got[id], want)
		}
	}
	if drawn != sum.Offered || uint64(len(got)) != drawn {
		t.Errorf("offered = %d, sent %d, want the %d drawn", sum.Offered, len(got), drawn)
	}
}

func TestRenderFillsEveryHeader(t *testing.T) {
	a := load.Arrival{Seq: 12, Pick: population.Pick{User: 3, IP: 4, Token: 5, Key: 6, High: true}}
	op := load.Op{Name: "x", Method: "POST", Path: "/{key}/{user}/{n}", Body: "k={key}", Priority: "low"}
	want := "POST /6/3/12 HTTP/1.1\r\nHost: h:1\r\nWorkbench-User: 3\r\nWorkbench-IP: 4\r\nWorkbench-Token: 5\r\n" +
		"Workbench-Priority: high\r\nWorkbench-Try: 2\r\nWorkbench-Deadline-Ms: 250\r\nWorkbench-Id: 1202\r\n" +
		"Content-Type: application/json\r\nContent-Length: 3\r\n\r\nk=6"
	if got := load.Render(op, "h:1", a, 2, 250); got != want {
		t.Errorf("Render = %q, want %q", got, want)
	}
	op.Once = true
	if got := load.Render(op, "h:1", a, 2, 250); !strings.Contains(got, "Workbench-Id: 1202\r\nIdempotency-Key: 12\r\n") {
		t.Errorf("Render = %q, want the arrival's number as its key", got)
	}
	a.Pick.High = false
	if got := load.Render(op, "h:1", a, 0, 250); !strings.Contains(got, "Priority: low\r\n") {
		t.Errorf("Render = %q, want the operation's priority", got)
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	busy := reply("503 Busy", "Workbench-Reason: queue_full\r\nWorkbench-Retry-After-Ms: 60000\r\n")
	for _, c := range []struct {
		name   string
		answer string
		client load.Client
		check  func(f load.Frame) string
	}{
		{"each user tries again", busy, load.Client{Retries: 2}, func(f load.Frame) string {
			if f.Tries != 3*f.Offered || f.Outcomes[outcome.Shed] != f.Offered || f.ByTry[outcome.Shed] != f.Tries {
				return "want three refused tries for each user"
			}
			if f.Reasons["queue_full"] != f.Tries {
				return "want the service's reason counted for each try"
			}
			return ""
		}},
		{"a bad request is final", reply("400 Bad", ""), load.Client{Retries: 2}, func(f load.Frame) string {
			if f.Tries != f.Offered || f.Outcomes[outcome.Failed] != f.Offered {
				return "want one failed try for each user"
			}
			return ""
		}},
		{"a budget holds retries back", busy, load.Client{Retries: 1, Budget: 0.1}, func(f load.Frame) string {
			if bound := f.Offered/10 + 11; f.Retries > bound || f.Retries+f.Denied != f.Offered {
				return fmt.Sprintf("want at most %d retries and the others denied", bound)
			}
			return ""
		}},
		{"the service's wish is honoured", busy, load.Client{Retries: 1, RetryAfter: true}, func(f load.Frame) string {
			if f.Retries != 0 || f.Outcomes[outcome.Shed] != f.Offered {
				return "want no retry within the run: the service asked for a minute"
			}
			return ""
		}},
		{"a broken connection", "", load.Client{Retries: 1}, func(f load.Frame) string {
			if f.Retries != f.Offered || f.ByTry[outcome.Failed] != f.Tries || f.Reasons["client_broken"] != f.Tries {
				return "want every try failed and counted as broken"
			}
			return ""
		}},
		{"not HTTP", "220 hello\r\n\r\n", load.Client{}, func(f load.Frame) string {
			if f.Reasons["client_protocol"] != f.Tries || f.Outcomes[outcome.Failed] != f.Offered {
				return "want every try failed and counted as a protocol error"
			}
			return ""
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := lull(plan(serve(t, func(*http.Request) string { return c.answer }), 1000, 200*time.Millisecond))
			c.client.Timeout = 5 * time.Second
			p.Client = c.client
			if f := run(t, p); c.check(f) != "" {
				t.Errorf("%s; offered %d, tries %d, retries %d, denied %d, outcomes %v, reasons %v",
					c.check(f), f.Offered, f.Tries, f.Retries, f.Denied, f.Outcomes, f.Reasons)
			}
		})
	}
}

// A safe request on an idle connection that the server has closed is sent anew
// on another.
func TestClosedIdleConnectionIsNoFailure(t *testing.T) {
	t.Parallel()
	var dead sync.Map // connections that have answered once
	addr := serve(t, func(r *http.Request) string {
		if _, again := dead.LoadOrStore(r.Header.Get("Test-Conn"), true); again {
			return ""
		}
		return reply("200 OK", "")
	})
	f := run(t, plan(addr, 500, 200*time.Millisecond))
	if f.Outcomes[outcome.OK] != f.Offered {
		t.Errorf("ok = %d, want all %d; reasons %v", f.Outcomes[outcome.OK], f.Offered, f.Reasons)
	}
}

func TestNoKeepAliveOpensOneConnectionARequest(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	addr := serve(t, func(r *http.Request) string {
		if _, again := seen.LoadOrStore(r.Header.Get("Test-Conn"), true); again || !r.Close {
			return reply("500 Reused", "")
		}
		return reply("200 OK", "")
	})
	p := plan(addr, 500, 200*time.Millisecond)
	p.Client.NoKeepAlive = true
	f := run(t, p)
	if f.Outcomes[outcome.OK] != f.Offered {
		t.Errorf("ok = %d, want all %d; reasons %v", f.Outcomes[outcome.OK], f.Offered, f.Reasons)
	}
}

// A stalled service costs every user who was due meanwhile their patience,
// whether or not a connection was free for them. The users come within a
// moment, 20 µs apart, so that their patience ends faster than two connections
// can take them up one after the other: most never leave.
func TestStallIsCharged(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	addr := serve(t, func(*http.Request) string { <-hold; return "" })
	t.Cleanup(func() { close(hold) })
	p := plan(addr, 50_000, 20*time.Millisecond)
	p.Conns = 2
	p.Client.Timeout = 100 * time.Millisecond
	f := run(t, p)
	if f.Outcomes[outcome.Late] != f.Offered {
		t.Errorf("late = %d, want all %d", f.Outcomes[outcome.Late], f.Offered)
	}
	if f.Expired == 0 || f.Expired+f.Tries != f.Offered || f.Reasons["client_timeout"] != f.Tries {
		t.Errorf("expired %d, sent %d of %d, timed out %v; want each user in one of the two", f.Expired, f.Tries, f.Offered, f.Reasons)
	}
}

func TestFullRingAbandons(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	release := sync.OnceFunc(func() { close(hold) })
	addr := serve(t, func(*http.Request) string { <-hold; return reply("200 OK", "") })
	t.Cleanup(release)
	p := plan(addr, 1000, 200*time.Millisecond)
	p.Conns, p.MaxPending = 1, 1
	r, err := load.Start(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	var sum load.Frame
	for f := range r.Frames() {
		sum.Add(f)
		if sum.Abandoned > 0 {
			release()
		}
	}
	if sum.Abandoned == 0 || sum.Outcomes[outcome.Late] != sum.Abandoned {
		t.Errorf("abandoned = %d, late = %d, want the same and some", sum.Abandoned, sum.Outcomes[outcome.Late])
	}
}

func TestStopCutsShort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		stop func(r *load.Run, cancel func()) error
		want error
	}{
		{"change", func(r *load.Run, _ func()) error { return r.Apply(load.Change{Stop: true}) }, nil},
		{"context", func(_ *load.Run, cancel func()) error { cancel(); return nil }, context.Canceled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hold := make(chan struct{})
			began := make(chan struct{}, 1<<16)
			addr := serve(t, func(*http.Request) string { began <- struct{}{}; <-hold; return "" })
			t.Cleanup(func() { close(hold) })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := plan(addr, 1000, time.Minute)
			p.Client.Timeout = time.Minute
			r, err := load.Start(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			<-began
			if err := c.stop(r, cancel); err != nil {
				t.Fatal(err)
			}
			sum := total(t, r)
			if err := r.Wait(); !errors.Is(err, c.want) {
				t.Errorf("Wait = %v, want %v", err, c.want)
			}
			if sum.Cut == 0 {
				t.Errorf("cut = 0, want those who were waiting")
			}
			if err := r.Apply(load.Change{}); !errors.Is(err, load.ErrEnded) {
				t.Errorf("Apply after the end = %v, want %v", err, load.ErrEnded)
			}
		})
	}
}

func TestVictimsAreCountedApart(t *testing.T) {
	t.Parallel()
	p := plan(serve(t, func(*http.Request) string { return reply("200 OK", "") }), 1000, 200*time.Millisecond)
	p.Population.Abuser = population.Abuser{Share: 0.5, User: 3}
	f := run(t, p)
	if f.Victim.Offered == 0 || f.Victim.Offered >= f.Offered || f.Victim.Good != f.Victim.Offered || f.ByOp[0].Good != f.Offered {
		t.Errorf("victims %d of %d offered, %d good; by operation %d good", f.Victim.Offered, f.Offered, f.Victim.Good, f.ByOp[0].Good)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	t.Parallel()
	addr := serve(t, func(r *http.Request) string {
		return reply("503 Busy", "Workbench-Reason: r"+r.Header.Get("Workbench-Id")+"\r\n")
	})
	f := run(t, plan(addr, 1000, 200*time.Millisecond))
	if len(f.Reasons) != 33 || f.Reasons["other"] != f.Tries-32 {
		t.Errorf("%d reasons, other = %d of %d; want 32 words and the rest as other", len(f.Reasons), f.Reasons["other"], f.Tries)
	}
}

func TestClosedLoop(t *testing.T) {
	t.Parallel()
	p := plan(serve(t, func(*http.Request) string { return reply("200 OK", "") }), 0, 200*time.Millisecond)
	p.Closed, p.Schedule, p.Conns = true, nil, 4
	f := run(t, p)
	if f.Outcomes[outcome.OK] != f.Offered || f.Tries != f.Offered || f.Pending != 0 || count(f.Lag) != f.Offered {
		t.Errorf("ok %d, tries %d of %d offered", f.Outcomes[outcome.OK], f.Tries, f.Offered)
	}
}

func TestSlowClientStillReadsAll(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 2000)
	addr := serve(t, func(*http.Request) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + body })
	p := plan(addr, 50, 100*time.Millisecond)
	p.Client.ReadBps = 20_000 // about 0.1 s an answer
	f := run(t, p)
	if f.Outcomes[outcome.OK] != f.Offered {
		t.Errorf("ok = %d, want all %d", f.Outcomes[outcome.OK], f.Offered)
	}
	if mean := f.Service.Sum / time.Duration(f.Offered); mean < 90*time.Millisecond {
		t.Errorf("mean service = %v, want what 2 KB take at 20 KB/s", mean)
	}
}

// A request on a warm connection allocates nothing, on either path.
func TestRequestAllocatesNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- null.Serve(ctx, l, nil) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	p := plan(l.Addr().String(), 0, time.Minute)
	p.Closed = true
	p.Client.Timeout = time.Minute
	request, end, err := load.Single(p)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if n := testing.AllocsPerRun(500, request); n != 0 {
		t.Errorf("a request allocates %v times, want 0", n)
	}
}

func TestCeiling(t *testing.T) {
	rate, err := load.Ceiling(t.Context())
	if err != nil || rate <= 0 {
		t.Errorf("Ceiling = %v, %v; want a rate", rate, err)
	}
}
