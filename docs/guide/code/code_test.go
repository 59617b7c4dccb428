package code_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/docs/guide/code"
	"workbench/sim/clock"
)

func TestInstances(t *testing.T) {
	for _, c := range []struct {
		name    string
		peak    float64
		service time.Duration
		slots   int
		busy    float64
		want    int
	}{
		{"one is enough, and one may be down", 100, 20 * time.Millisecond, 20, 0.6, 2},
		{"exactly full", 1200, 20 * time.Millisecond, 20, 0.6, 3},
		{"just over", 1201, 20 * time.Millisecond, 20, 0.6, 4},
		{"slower service", 1200, 40 * time.Millisecond, 20, 0.6, 5},
	} {
		if got := code.Instances(c.peak, c.service, c.slots, c.busy); got != c.want {
			t.Errorf("%s: Instances = %d, want %d", c.name, got, c.want)
		}
	}
	if got := code.Peak(864_000, 10, 3); got != 300 {
		t.Errorf("Peak = %v, want 300", got)
	}
}

func TestTesters(t *testing.T) {
	s := code.Stall{Quick: time.Millisecond, From: time.Second, To: 3 * time.Second}
	closed, open := code.Closed(s, 10*time.Millisecond, 10*time.Second), code.Open(s, 10*time.Millisecond, 10*time.Second)
	if got := closed.Over(100 * time.Millisecond); got != 1 {
		t.Errorf("the closed loop saw %d slow answers, want 1", got)
	}
	if got := open.Count(); got != 1000 {
		t.Errorf("the open loop sent %d, want 1000", got)
	}
	if got := open.Over(100 * time.Millisecond); got < 189 || got > 191 {
		t.Errorf("the open loop saw %d slow answers, want about 190", got)
	}
}

func TestEach(t *testing.T) {
	t.Run("bounded", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var now, most atomic.Int64
			wall := clock.NewWall()
			err := code.Each(t.Context(), 20, 3, func(ctx context.Context, _ int) error {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				defer now.Add(-1)
				return wall.Wait(ctx, wall.Now()+time.Second)
			})
			if err != nil || most.Load() != 3 || wall.Now() != 7*time.Second {
				t.Errorf("Each = %v with %d at once in %v, want nil with 3 in 7s", err, most.Load(), wall.Now())
			}
		})
	})
	t.Run("the first error ends it", func(t *testing.T) {
		broken := errors.New("broken")
		var begun atomic.Int64
		err := code.Each(t.Context(), 1000, 2, func(ctx context.Context, i int) error {
			begun.Add(1)
			if i == 3 {
				return broken
			}
			return nil
		})
		if !errors.Is(err, broken) || begun.Load() == 1000 {
			t.Errorf("Each = %v after %d calls, want %v and not all of them", err, begun.Load(), broken)
		}
	})
	t.Run("the caller leaves", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := code.Each(ctx, 5, 1, func(context.Context, int) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("Each = %v, want %v", err, context.Canceled)
		}
	})
}

func TestGate(t *testing.T) {
	g := code.NewGate(1)
	inside := func(ctx context.Context) error {
		if err := g.Do(ctx, time.Second, func(context.Context) error { return nil }); !errors.Is(err, code.ErrFull) {
			t.Errorf("Do in a full gate = %v, want ErrFull", err)
		}
		return nil
	}
	if err := g.Do(t.Context(), time.Second, inside); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = g.Do(t.Context(), time.Second, func(context.Context) error { panic("work") })
	}()
	if err := g.Do(t.Context(), time.Second, func(context.Context) error { return nil }); err != nil {
		t.Errorf("Do after a panic = %v, want nil: the place was not given back", err)
	}
	synctest.Test(t, func(t *testing.T) {
		err := g.Do(t.Context(), time.Second, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("hung work = %v, want a deadline", err)
		}
	})
}

func TestRefuse(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		after  string
	}{
		{"over quota", code.ErrQuota, 429, "2"},
		{"saturated", code.ErrFull, 503, "2"},
		{"too late", context.DeadlineExceeded, 503, "2"},
		{"a fault", errors.New("bug"), 500, ""},
	} {
		w := httptest.NewRecorder()
		code.Refuse(w, c.err, 1500*time.Millisecond)
		if w.Code != c.status || w.Header().Get("Retry-After") != c.after {
			t.Errorf("%s: status %d, Retry-After %q; want %d, %q", c.name, w.Code, w.Header().Get("Retry-After"), c.status, c.after)
		}
	}
}

func TestBucket(t *testing.T) {
	b := code.Bucket{Every: 100 * time.Millisecond, Burst: 2}
	for i, c := range []struct {
		now  time.Duration
		want bool
	}{{0, true}, {0, true}, {0, false}, {50 * time.Millisecond, false}, {100 * time.Millisecond, true}, {90 * time.Millisecond, false}, {time.Hour, true}, {time.Hour, true}, {time.Hour, false}} {
		if got := b.Take(c.now); got != c.want {
			t.Errorf("step %d: Take(%v) = %v, want %v", i, c.now, got, c.want)
		}
	}
}

func TestRetry(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		saving int // calls that succeeded before
		errs   []error
		want   error
		calls  int
	}{
		{"it works", 0, []error{nil}, nil, 1},
		{"one accident", 10, []error{broken, nil}, nil, 2},
		{"no budget", 0, []error{broken, nil}, broken, 1},
		{"permanent", 50, []error{code.ErrPermanent}, code.ErrPermanent, 1},
		{"no tries left", 50, []error{broken, broken, broken, nil}, broken, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			caller := code.Caller{Clock: &clock.Manual{}, Draw: func() float64 { return 0.5 }, Budget: &code.Budget{Share: 0.1, Most: 10}, Tries: 3, Base: time.Second, Cap: time.Minute}
			for range c.saving {
				_ = caller.Do(t.Context(), func(context.Context) error { return nil })
			}
			calls := 0
			err := caller.Do(t.Context(), func(context.Context) error { calls++; return c.errs[calls-1] })
			if !errors.Is(err, c.want) || calls != c.calls {
				t.Errorf("Do = %v after %d calls, want %v after %d", err, calls, c.want, c.calls)
			}
		})
	}
}

func TestBreaker(t *testing.T) {
	const second = time.Second
	type call struct {
		at   time.Duration
		done bool // a result comes; else somebody asks
		of   int  // done: which of the allowed calls, from 0
		ok   bool // done: how it went; else whether it may go
	}
	ask := func(at time.Duration, ok bool) call { return call{at: at, ok: ok} }
	done := func(at time.Duration, of int, ok bool) call { return call{at, true, of, ok} }
	opened := []call{ask(0, true), ask(0, true), ask(0, true), done(0, 0, false), ask(0, true), done(0, 1, false)} // calls 2 and 3 go on
	for _, c := range []struct {
		name  string
		calls []call
	}{
		{"it rests", []call{ask(999*time.Millisecond, false)}},
		{"one probe", []call{ask(second, true), ask(second, false)}},
		{"a failed probe", []call{ask(second, true), done(second, 4, false), ask(second+1, false), ask(2*second, true)}},
		{"a good probe", []call{ask(second, true), done(second, 4, true), ask(second, true), ask(second, true)}},
		{"failures in a row", []call{ask(second, true), done(second, 4, true), ask(second, true), done(second, 5, false), ask(second, true)}},
		{"a late success", []call{done(500*time.Millisecond, 2, true), ask(500*time.Millisecond, false)}},
		{"a late failure beside the probe", []call{ask(second, true), done(second, 2, false), ask(second, false), done(second, 4, true), ask(second, true)}},
		{"a probe whose caller gave up", []call{ask(second, true), ask(2*second-1, false), ask(2*second, true), ask(2*second, false)}},
		{"a probe that comes too late", []call{ask(second, true), ask(2*second, true), done(2*second, 4, true), ask(2*second, false), done(2*second, 5, true), ask(2*second, true)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := code.Breaker{Trip: 2, Rest: second}
			var periods []int
			for i, one := range append(slices.Clone(opened), c.calls...) {
				if one.done {
					b.Done(one.at, periods[one.of], one.ok)
					continue
				}
				period, ok := b.Allow(one.at)
				if ok != one.ok {
					t.Errorf("step %d: Allow(%v) = %v, want %v", i, one.at, ok, one.ok)
				}
				if ok {
					periods = append(periods, period)
				}
			}
		})
	}
}

func TestWithin(t *testing.T) {
	if err := code.Within(t.Context(), 100*time.Millisecond, 0.5, 80*time.Millisecond, nil); !errors.Is(err, code.ErrNoTime) {
		t.Errorf("Within = %v, want ErrNoTime", err)
	}
	synctest.Test(t, func(t *testing.T) {
		wall := clock.NewWall()
		err := code.Within(t.Context(), time.Second, 0.5, time.Millisecond, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if !errors.Is(err, context.DeadlineExceeded) || wall.Now() != 500*time.Millisecond {
			t.Errorf("Within = %v after %v, want a deadline after 500ms", err, wall.Now())
		}
	})
}

func TestPaged(t *testing.T) {
	calm := make([]float64, 60)
	if m, ok := code.Paged(calm, 10, 2, 0.999, 14.4); ok {
		t.Errorf("paged in minute %d of a calm hour", m)
	}
	bad := append(calm, 0.5, 0.5, 0.5)
	if m, ok := code.Paged(bad, 10, 2, 0.999, 14.4); !ok || m != 61 {
		t.Errorf("Paged = %d, %v; want 61, true", m, ok)
	}
	blip := append(append(calm, 1), calm...)
	if m, ok := code.Paged(blip, 60, 5, 0.999, 20); ok {
		t.Errorf("paged in minute %d for a blip of one minute", m)
	}
}

func TestCorrelate(t *testing.T) {
	for _, c := range []struct{ name, sent, want string }{
		{"none", "", "fresh-id"},
		{"the caller's", "abc-12345", "abc-12345"},
		{"unbounded", strings.Repeat("a", 65), "fresh-id"},
		{"a forged line", "abc\ndef-12345", "fresh-id"},
	} {
		var lines strings.Builder
		h := code.Correlate(func() string { return "fresh-id" }, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			code.Log(r.Context(), slog.New(slog.NewTextHandler(&lines, nil))).Info("served")
		}))
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["X-Request-Id"] = []string{c.sent}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("X-Request-Id"); got != c.want || !strings.Contains(lines.String(), "request_id="+c.want) {
			t.Errorf("%s: id %q, log %q; want %s in both", c.name, got, lines.String(), c.want)
		}
	}
}

func TestGet(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			http.Error(w, "gone", http.StatusGone)
			return
		}
		_, _ = io.WriteString(w, "page")
	}))
	defer s.Close()
	client := code.NewClient(2)
	if page, err := code.Get(t.Context(), client, s.URL); err != nil || string(page) != "page" {
		t.Errorf("Get = %q, %v; want page, nil", page, err)
	}
	if _, err := code.Get(t.Context(), client, s.URL+"/gone"); err == nil || !strings.Contains(err.Error(), "410") {
		t.Errorf("Get of what is gone = %v, want an error with 410", err)
	}
}

func TestService(t *testing.T) {
	down := errors.New("down")
	for _, c := range []struct {
		name   string
		quota  bool
		err    error
		old    bool
		status int
		body   string
		age    string
	}{
		{"well", true, nil, false, 200, "fresh /a", ""},
		{"over quota", false, nil, true, 429, "Too Many Requests\n", ""},
		{"down, with an old answer", true, down, true, 200, "old /a", "90"},
		{"full, without one", true, code.ErrFull, false, 503, "Service Unavailable\n", ""},
		{"down, without one", true, down, false, 500, "Internal Server Error\n", ""},
	} {
		s := code.Service{
			Quota: func(string) bool { return c.quota }, Copies: &code.Flight{Limit: time.Second}, Gate: code.NewGate(1), Limit: time.Second, Patient: time.Second,
			Load: func(_ context.Context, path string) (string, error) { return "fresh " + path, c.err },
			Old:  func(path string) (string, time.Duration, bool) { return "old " + path, 90 * time.Second, c.old },
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/a", nil))
		if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("Age") != c.age {
			t.Errorf("%s: %d %q, Age %q; want %d %q, %q", c.name, w.Code, w.Body, w.Header().Get("Age"), c.status, c.body, c.age)
		}
	}
}

func TestRing(t *testing.T) {
	if got := code.NewRing(nil, 10).Node("a"); got != "" {
		t.Errorf("a ring without nodes gave %q", got)
	}
	nodes := []string{"a", "b", "c"}
	before, after := code.NewRing(nodes, 100), code.NewRing(append(nodes, "d"), 100)
	for i := range 1000 {
		key := strconv.Itoa(i)
		if was, is := before.Node(key), after.Node(key); was != is && is != "d" {
			t.Fatalf("key %s moved from %s to %s, want only moves to the new node", key, was, is)
		}
	}
}
