package gate_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// open returns a gate on the bubble's clock; the test closes it.
func open(t testing.TB, spec gate.Spec) (*gate.Gate, *clock.Wall) {
	t.Helper()
	c := clock.NewWall()
	g, err := gate.New(spec, c, dist.New(1, "gate"))
	if err != nil {
		t.Fatal(err)
	}
	return g, c
}

func ok(context.Context) ([]byte, error) { return []byte("ok"), nil }

// crowd sends n requests at once, in order, and returns how each ended and when.
type crowd struct {
	mu    sync.Mutex
	ends  []error
	at    []time.Duration
	order []uint64
	all   sync.WaitGroup
}

func (c *crowd) send(ctx context.Context, g *gate.Gate, now func() time.Duration, n int, deadline time.Duration) {
	base := len(c.ends)
	c.ends = append(c.ends, make([]error, n)...)
	c.at = append(c.at, make([]time.Duration, n)...)
	for i := base; i < base+n; i++ {
		c.all.Go(func() {
			_, err := g.Do(ctx, &lab.Request{ID: uint64(i), Deadline: deadline}, func(context.Context) ([]byte, error) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.order = append(c.order, uint64(i))
				return nil, nil
			})
			c.ends[i], c.at[i] = err, now()
		})
		synctest.Wait() // one after the other, so that the order is known
	}
}

func TestCapacityIsExactAndOrderIsFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := open(t, gate.Spec{Slots: 4, Service: 20 * ms, Law: dist.Constant, RTT: 3 * ms})
		defer g.Close()
		var crowd crowd
		const n = 2000
		crowd.send(t.Context(), g, c.Now, n, 0)
		crowd.all.Wait()
		if got, want := c.Now(), n/4*20*ms+3*ms; got != want {
			t.Errorf("%d requests through 4 slots of 20ms took %v, want exactly %v", n, got, want)
		}
		// The four that start at one instant run in any order.
		inTurn := func(a, b uint64) int { return cmp.Compare(a/4, b/4) }
		if !slices.IsSortedFunc(crowd.order, inTurn) {
			t.Errorf("served in the order %v…, want first come first served", crowd.order[:20])
		}
		s := g.Stats()
		if s.Served != n || s.Entered != n || s.BusyTime != n*20*ms || s.Busy != 0 {
			t.Errorf("stats are %+v, want %d entered and served, %v busy time, 0 busy", s, n, n*20*ms)
		}
	})
}

func TestAFullBacklogOfWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _ := open(t, gate.Spec{Slots: 1, Service: ms, Law: dist.Constant})
		defer g.Close()
		var full, served atomic.Int64
		var all sync.WaitGroup
		for range gate.DefaultBacklog + 11 {
			all.Go(func() {
				switch _, err := g.Do(t.Context(), &lab.Request{}, ok); {
				case err == nil:
					served.Add(1)
				case errors.Is(err, lab.ErrFull):
					full.Add(1)
				default:
					t.Errorf("Do() = %v, want nil or ErrFull", err)
				}
			})
		}
		all.Wait()
		if served.Load() != gate.DefaultBacklog+1 || full.Load() != 10 {
			t.Errorf("served %d, full %d; want %d and 10", served.Load(), full.Load(), gate.DefaultBacklog+1)
		}
	})
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := open(t, gate.Spec{Slots: 1, Service: 10 * ms, Law: dist.Constant})
		defer g.Close()
		var crowd crowd
		crowd.send(t.Context(), g, c.Now, 1, 4*ms) // late in service
		crowd.send(t.Context(), g, c.Now, 1, 5*ms) // late in the queue
		crowd.send(t.Context(), g, c.Now, 1, 0)    // served when the wasted slot is free
		crowd.all.Wait()
		if !errors.Is(crowd.ends[0], lab.ErrLate) || !errors.Is(crowd.ends[1], lab.ErrLate) || crowd.ends[2] != nil {
			t.Errorf("ends are %v, want late, late, nil", crowd.ends)
		}
		if want := []time.Duration{4 * ms, 5 * ms, 20 * ms}; !slices.Equal(crowd.at, want) {
			t.Errorf("ended at %v, want %v", crowd.at, want)
		}
	})
}

func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := open(t, gate.Spec{Slots: 2, Service: 10 * ms, Law: dist.Constant})
		defer g.Close()
		g.Hang(true)
		var crowd crowd
		crowd.send(t.Context(), g, c.Now, 1, 50*ms)
		crowd.send(t.Context(), g, c.Now, 2, 0)
		if err := c.Wait(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		if s := g.Stats(); s.Busy != 2 || s.Wasted != 1 || s.Waiting != 1 || s.Late != 1 || !s.Hung || s.Fault != "hung" {
			t.Errorf("in the hang: %+v, want 2 busy of which 1 wasted, 1 waiting, 1 late, and the fault named", s)
		}
		g.Hang(false)
		crowd.all.Wait()
		if want := []time.Duration{50 * ms, time.Second, time.Second + 10*ms}; !slices.Equal(crowd.at, want) {
			t.Errorf("ended at %v, want %v", crowd.at, want)
		}
	})
}

func TestRealWorkHoldsTheSlotAndItsErrorComesThrough(t *testing.T) {
	broken := errors.New("no such table")
	for _, c := range []struct {
		name         string
		takes, until time.Duration
		fault        error
		share        float64
		want         error
	}{
		{"shorter than the service", 3 * ms, 10 * ms, nil, 0, nil},
		{"longer than the service", 30 * ms, 30 * ms, nil, 0, nil},
		{"its own error", 3 * ms, 10 * ms, broken, 0, broken},
		{"the error fault", 3 * ms, 10 * ms, nil, 1, lab.ErrFail},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, clk := open(t, gate.Spec{Slots: 1, Service: 10 * ms, Law: dist.Constant})
				defer g.Close()
				if err := g.Error(c.share); err != nil {
					t.Fatal(err)
				}
				_, err := g.Do(t.Context(), &lab.Request{}, func(ctx context.Context) ([]byte, error) {
					return nil, errors.Join(c.fault, clk.Wait(ctx, c.takes))
				})
				if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) || clk.Now() != c.until {
					t.Errorf("Do() = %v at %v, want %v at %v", err, clk.Now(), c.want, c.until)
				}
				if s := g.Stats(); s.Busy != 0 || s.BusyTime != c.until {
					t.Errorf("busy %d for %v, want 0 for %v", s.Busy, s.BusyTime, c.until)
				}
			})
		})
	}
}

func TestDeadlineEndsTheRealWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := open(t, gate.Spec{Slots: 1, Service: ms, Law: dist.Constant})
		defer g.Close()
		_, err := g.Do(t.Context(), &lab.Request{Deadline: 5 * ms}, func(ctx context.Context) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if !errors.Is(err, lab.ErrLate) || c.Now() != 5*ms {
			t.Errorf("Do() = %v at %v, want ErrLate at 5ms", err, c.Now())
		}
	})
}

func TestCallersThatLeaveLeakNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := open(t, gate.Spec{Slots: 1, Service: 10 * ms, Law: dist.Constant, RTT: 10 * ms})
		defer g.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var crowd crowd
		crowd.send(ctx, g, c.Now, 3, 0)
		cancel()
		crowd.all.Wait()
		for i, err := range crowd.ends {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("request %d ended by %v, want the context's error", i, err)
			}
		}
		if s := g.Stats(); s.Left != 3 || s.Busy != 1 || s.Wasted != 1 || s.Waiting != 0 {
			t.Errorf("stats are %+v, want 3 left, 1 slot wasted, nobody waiting", s)
		}
		if _, err := g.Do(t.Context(), &lab.Request{}, ok); err != nil || c.Now() != 30*ms {
			t.Errorf("the next Do() = %v at %v, want nil at 30ms: 10 wasted, 10 served, 10 on the way", err, c.Now())
		}
	})
}

func TestAPanicInWorkFreesTheSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := open(t, gate.Spec{Slots: 1, Service: 10 * ms, Law: dist.Constant})
		defer g.Close()
		func() {
			defer func() {
				if recover() == nil {
					t.Error("Do swallowed the panic of its work")
				}
			}()
			_, _ = g.Do(t.Context(), &lab.Request{}, func(context.Context) ([]byte, error) { panic("a bug") })
		}()
		if _, err := g.Do(t.Context(), &lab.Request{}, ok); err != nil || c.Now() != 20*ms {
			t.Errorf("Do() after a panic = %v at %v, want nil at 20ms", err, c.Now())
		}
	})
}

func TestCloseReleasesEveryone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := open(t, gate.Spec{Slots: 2, Service: time.Hour, Law: dist.Constant})
		var crowd crowd
		crowd.send(t.Context(), g, c.Now, 5, 0)
		g.Close()
		g.Close()
		crowd.all.Wait()
		for i, err := range crowd.ends {
			if !errors.Is(err, lab.ErrStop) {
				t.Errorf("request %d ended by %v, want ErrStop", i, err)
			}
		}
		if _, err := g.Do(t.Context(), &lab.Request{}, ok); !errors.Is(err, lab.ErrStop) {
			t.Errorf("Do() after Close = %v, want ErrStop", err)
		}
		if err := g.Slow(2); !errors.Is(err, lab.ErrStop) {
			t.Errorf("Slow() after Close = %v, want ErrStop", err)
		}
	})
}

func TestChangesUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, c := open(t, gate.Spec{Slots: 4, Service: ms, RTT: ms, Backlog: 50})
		defer g.Close()
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for u := range 60 {
			all.Go(func() {
				draw := dist.New(uint64(u), "user")
				for range 100 {
					r := &lab.Request{Deadline: c.Now() + time.Duration(draw.IntN(30))*ms}
					if draw.IntN(4) == 0 {
						r.Deadline = 0
					}
					_, err := g.Do(ctx, r, ok)
					if err != nil && !errors.Is(err, lab.ErrLate) && !errors.Is(err, lab.ErrFull) && !errors.Is(err, lab.ErrFail) {
						t.Errorf("Do() = %v, want nil, late, full or fail", err)
					}
					if c.Wait(ctx, c.Now()+time.Duration(draw.Exp()*float64(10*ms))) != nil {
						return
					}
				}
			})
		}
		for i := range 40 {
			g.Hang(i%5 == 1)
			err := errors.Join(g.Slow(1+float64(i%3)), g.Error(float64(i%2)/4), g.Delay(time.Duration(i%4)*ms), g.Resize(1+i%6, ms))
			if err := errors.Join(err, c.Wait(ctx, c.Now()+20*ms)); err != nil {
				t.Fatal(err)
			}
		}
		g.Hang(false)
		all.Wait()
		cancel()
		if err := c.Wait(t.Context(), c.Now()+time.Minute); err != nil {
			t.Fatal(err)
		}
		s := g.Stats()
		if s.Busy != 0 || s.Waiting != 0 || s.Entered != 6000 || s.Entered != s.Served+s.Failed+s.Late+s.Refused+s.Left {
			t.Errorf("at rest: %+v, want 6000 entered, all of them ended, nothing inside", s)
		}
		if s.Served == 0 || s.Failed == 0 || s.Late == 0 || s.Refused == 0 {
			t.Errorf("at rest: %+v, want every kind of end to have happened", s)
		}
	})
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := gate.New(gate.Spec{}, nil, nil)
	for _, want := range []string{"slots", "stream", "clock"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(nothing) = %v, want an error that names %s", err, want)
		}
	}
}

func BenchmarkDo(b *testing.B) {
	g, _ := open(b, gate.Spec{Slots: 64})
	defer g.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Do(b.Context(), &lab.Request{}, ok); err != nil {
			b.Fatal(err)
		}
	}
}
