//go:build exercise

package hedge_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	hedge "workbench/exercises/22-hedge/start"
)

var errDown = errors.New("the replica is down")

// The wait for the third attempt begins with the second, whenever that began.
func TestAfterCountsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, step{after: 40 * ms, err: errDown}, step{after: time.Hour}, step{after: ms, text: "third"})
		do(t, hedger(t, usual), s, "third", 91*ms)
		s.began(t, 0, 40*ms, 90*ms)
	})
}

// While one attempt is still under way nothing is lost.
func TestLateFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		two := usual
		two.Most = 2
		s := play(t, step{after: 200 * ms, text: "first"}, step{after: 10 * ms, err: errDown})
		do(t, hedger(t, two), s, "first", 200*ms)
		s.began(t, 0, 50*ms)
		// A failure of either brings the next attempt on.
		s = play(t, step{after: 60 * ms, err: errDown}, step{after: time.Hour}, step{after: ms, text: "third"})
		do(t, hedger(t, usual), s, "third", 61*ms)
		s.began(t, 0, 50*ms, 60*ms)
	})
}

func TestAllFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := []error{errors.New("one"), errors.New("two"), errors.New("three")}
		s := play(t, step{after: 10 * ms, err: faults[0]}, step{after: 20 * ms, err: faults[1]}, step{after: 30 * ms, err: faults[2]})
		began := time.Now()
		text, err := ask(t, t.Context(), hedger(t, usual), s.call)
		for i, fault := range faults {
			if text != "" || !errors.Is(err, fault) {
				t.Errorf("all attempts failed: Do = %q, %v; want an error that is also that of attempt %d", text, err, i)
			}
		}
		if took := time.Since(began); took != 60*ms {
			t.Errorf("the last attempt failed after 60ms, and Do took %v", took)
		}
		s.began(t, 0, 10*ms, 30*ms)
	})
}

// Who has lost must learn it, or he works on for nobody. And who has won must
// not keep his context's timer for ever.
func TestContextsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, step{after: time.Hour}, step{after: time.Hour}, step{after: 5 * ms, text: "third"})
		do(t, hedger(t, usual), s, "third", 105*ms)
		synctest.Wait()
		for n, ctx := range s.ctxs {
			if ctx.Err() == nil {
				tell(t, "the context of attempt %d goes on", n)
				t.Errorf("Do has returned, and the context of attempt %d goes on", n)
			}
		}
	})
}

// A loser that does not listen holds nobody up.
func TestDeafLoser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := play(t, step{after: time.Hour, deaf: true}, step{after: 20 * ms, text: "second"})
		do(t, hedger(t, usual), s, "second", 70*ms)
		pass(2 * time.Hour) // in which the loser comes home
	})
}

// On the real clock: once the calls have returned, nothing of a request is
// left.
func TestNoLeak(t *testing.T) {
	h := hedger(t, config{After: 100 * time.Microsecond, Most: 4, Share: 1, Saved: 1000})
	before := runtime.NumGoroutine()
	release, rings := make(chan struct{}), make(chan struct{})
	alarm := time.AfterFunc(5*time.Second, func() { close(rings) })
	defer alarm.Stop()
	for range 25 {
		var calls atomic.Int64
		_, err := h.Do(t.Context(), func(_ context.Context, n int) (string, error) {
			if calls.Add(1) < 4 {
				select {
				case <-release: // deaf until all requests are over, then each has an answer that nobody wants
				case <-rings:
					t.Error("5 s have gone by and no fourth attempt came")
				}
			}
			return "late", nil
		})
		if err != nil {
			t.Fatalf("Do = %v, want the answer of the fourth attempt", err)
		}
	}
	close(release)
	tell(t, "25 requests, each answered by its fourth attempt; now the others return")
	left := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); runtime.Gosched() {
		if left = runtime.NumGoroutine() - before; left <= 0 {
			return
		}
	}
	t.Errorf("3 s after the last call of 25 requests returned there are still %d more goroutines than before: who sends an answer that nobody takes?", left)
}

func TestCallerLeaves(t *testing.T) {
	for _, deaf := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 70*ms)
			defer cancel()
			s := play(t, step{after: time.Hour, deaf: deaf})
			text, err := ask(t, ctx, hedger(t, usual), s.call)
			if text != "" || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the caller's time is up: Do = %q, %v; want the context's error", text, err)
			}
			if took := time.Since(s.start); took != 70*ms {
				t.Errorf("the caller's time was up after 70ms, and Do took %v (attempts deaf: %v)", took, deaf)
			}
			pass(2 * time.Hour)
			s.began(t, 0, 50*ms)
			s = play(t, step{text: "late"})
			if text, err := ask(t, ctx, hedger(t, usual), s.call); text != "" || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the caller's time was up before: Do = %q, %v; want the context's error", text, err)
			}
			pass(time.Second)
			s.began(t)
		})
	}
}

type key struct{}

func TestContextHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), key{}, "trace 7"), time.Minute)
		defer cancel()
		want, _ := ctx.Deadline()
		s := play(t, step{after: time.Hour}, step{after: ms, text: "second"})
		if text, err := ask(t, ctx, hedger(t, usual), s.call); text != "second" || err != nil {
			t.Errorf("Do = %q, %v; want %q", text, err, "second")
		}
		for n, ctx := range s.ctxs {
			if got, ok := ctx.Deadline(); !ok || !got.Equal(want) || ctx.Value(key{}) != "trace 7" {
				t.Errorf("the context of attempt %d has the deadline %v (%v) and the value %v; want those of the caller's", n, got, ok, ctx.Value(key{}))
			}
		}
	})
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hedger(t, usual)
		text, err := ask(t, t.Context(), h, func(_ context.Context, n int) (string, error) {
			tell(t, "attempt %d begins", n)
			if n == 0 {
				panic("nil map")
			}
			return "second", nil
		})
		if text != "second" || err != nil {
			t.Errorf("the first attempt panicked: Do = %q, %v; want %q", text, err, "second")
		}
		if _, err := ask(t, t.Context(), h, func(context.Context, int) (string, error) { panic("nil map") }); !errors.Is(err, hedge.ErrPanic) {
			t.Errorf("all attempts panicked: Do = %v, want ErrPanic", err)
		}
	})
}

// extras makes requests one after the other and counts attempts after the first.
func extras(t *testing.T, h *hedge.Hedger, requests int, call hedge.Call) (extra int) {
	t.Helper()
	var all atomic.Int64
	for range requests {
		_, _ = h.Do(t.Context(), func(ctx context.Context, n int) (string, error) {
			all.Add(1)
			return call(ctx, n)
		})
	}
	tell(t, "%d requests one after the other: %d attempts", requests, all.Load())
	return int(all.Load()) - requests
}

func slow(context.Context, int) (string, error) {
	pass(time.Second)
	return "slow", nil
}

func down(context.Context, int) (string, error) { return "", errDown }

// When everything is slow, asking twice makes it slower. The extra load is a
// share of the load, whatever happens.
func TestSavings(t *testing.T) {
	for _, c := range []struct {
		name     string
		conf     config
		requests int
		call     hedge.Call
		want     int
	}{
		{"slow, 3 saved and a quarter of 80", config{After: ms, Most: 2, Share: 0.25, Saved: 3}, 80, slow, 22},
		{"slow, up to ten attempts", config{After: ms, Most: 10, Share: 0.25, Saved: 3}, 80, slow, 22},
		{"slow, nothing earned", config{After: ms, Most: 3, Saved: 5}, 50, slow, 5},
		{"slow, one for each", config{After: ms, Most: 10, Share: 1, Saved: 1}, 50, slow, 50},
		{"down: what fails costs as much", config{After: time.Hour, Most: 4, Share: 0.125, Saved: 6}, 160, down, 25},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := hedger(t, c.conf)
				// The first request earns nothing, because the savings are full.
				got := extras(t, h, c.requests, c.call)
				if got != c.want {
					t.Errorf("%+v: %d requests had %d extra attempts, want %d", c.conf, c.requests, got, c.want)
				}
				pass(time.Minute)
			})
		})
	}
}

// A quiet night must not be saved up for a storm.
func TestSavingsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hedger(t, config{After: 50 * ms, Most: 10, Share: 0.5, Saved: 4})
		extras(t, h, 1000, func(context.Context, int) (string, error) { return "fast", nil })
		if got := extras(t, h, 1, slow); got != 4 {
			t.Errorf("after a thousand fast requests one slow one had %d extra attempts, want the 4 that can be saved", got)
		}
		pass(time.Minute)
	})
}

// Without savings a failure is final, and a slow request just takes its time.
func TestNothingSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hedger(t, config{After: 50 * ms, Most: 3, Saved: 1})
		extras(t, h, 1, slow)
		s := play(t, step{after: 10 * ms, err: errDown}, step{text: "second"})
		if text, err := ask(t, t.Context(), h, s.call); text != "" || !errors.Is(err, errDown) {
			t.Errorf("an attempt failed and none is saved: Do = %q, %v; want its error", text, err)
		}
		s.began(t, 0)
		s = play(t, step{after: time.Minute, text: "at last"})
		do(t, h, s, "at last", time.Minute)
		s.began(t, 0)
		pass(time.Minute)
	})
}

// What others save up later comes too late for a request that found nothing: a
// slow one must not go on grabbing.
func TestNoSecondThoughts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hedger(t, config{After: 50 * ms, Most: 4, Share: 0.5, Saved: 1})
		go func() {
			pass(110 * ms)
			extras(t, h, 5, func(context.Context, int) (string, error) { return "fast", nil })
		}()
		s := play(t, step{after: time.Second, text: "first"}, step{after: 300 * ms, err: errDown})
		do(t, h, s, "first", time.Second)
		s.began(t, 0, 50*ms)
	})
}

// Two hundred requests at once, and savings for ten.
func TestConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests, saved = 200, 10
		h := hedger(t, config{After: 50 * ms, Most: 3, Share: 0.5, Saved: saved})
		var attempts, good atomic.Int64
		var all sync.WaitGroup
		for i := range requests {
			all.Go(func() {
				want := fmt.Sprint("answer ", i)
				text, err := h.Do(t.Context(), func(context.Context, int) (string, error) {
					attempts.Add(1)
					pass(time.Second)
					return want, nil
				})
				if text == want && err == nil {
					good.Add(1)
				}
			})
		}
		all.Wait()
		tell(t, "%d requests at once: %d attempts, %d got their own answer", requests, attempts.Load(), good.Load())
		if n := good.Load(); n != requests {
			t.Errorf("%d of %d requests got their own answer, want all", n, requests)
		}
		if n := attempts.Load() - requests; n != saved {
			t.Errorf("%d requests at once had %d extra attempts, want the %d that were saved", requests, n, saved)
		}
		pass(time.Minute)
	})
}

func TestBadSettings(t *testing.T) {
	good := config{After: ms, Most: 1, Saved: 1}
	for _, c := range []struct {
		name string
		edit func(*config)
		bad  bool
	}{
		{"the least", func(*config) {}, false},
		{"the most", func(c *config) { c.Most, c.Share = hedge.MaxAttempts, 1 }, false},
		{"no wait", func(c *config) { c.After = 0 }, true},
		{"negative wait", func(c *config) { c.After = -ms }, true},
		{"no attempts", func(c *config) { c.Most = 0 }, true},
		{"too many attempts", func(c *config) { c.Most = hedge.MaxAttempts + 1 }, true},
		{"negative share", func(c *config) { c.Share = -0.1 }, true},
		{"more than all", func(c *config) { c.Share = 1.1 }, true},
		{"not a number", func(c *config) { c.Share = math.NaN() }, true},
		{"no savings", func(c *config) { c.Saved = 0 }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := good
			c.edit(&conf)
			if h, err := hedge.New(conf); (err != nil) != c.bad || (h == nil) != c.bad {
				t.Errorf("New(%+v) = %v, %v; want an error: %v", conf, h, err, c.bad)
			}
		})
	}
}

func TestCheapWhenFast(t *testing.T) {
	h := hedger(t, config{After: time.Hour, Most: hedge.MaxAttempts, Share: 0.5, Saved: 1000})
	call := func(context.Context, int) (string, error) { return "fast", nil }
	ctx := t.Context()
	if n := testing.AllocsPerRun(200, func() {
		if _, err := h.Do(ctx, call); err != nil {
			t.Error(err)
		}
	}); n > 40 {
		t.Errorf("a request that is answered at once allocates %v times, want at most 40: nearly all requests are such", n)
	}
}

func BenchmarkFast(b *testing.B) {
	h := hedger(b, config{After: time.Hour, Most: 3, Share: 0.5, Saved: 1000})
	call := func(context.Context, int) (string, error) { return "fast", nil }
	for b.Loop() {
		if _, err := h.Do(b.Context(), call); err != nil {
			b.Fatal(err)
		}
	}
}
