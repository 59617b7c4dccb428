package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/queue"
	"workbench/sim/clock"
)

// paper is a solution that says what the test has it say.
type paper struct {
	who lab.Waiters

	mu     sync.Mutex
	pushed []uint32 // guarded by mu; and not answered
	pops   int      // guarded by mu; and not answered
}

func (p *paper) Name() string                                 { return "paper" }
func (p *paper) Open(lab.Env, lab.Terms) (lab.Foreign, error) { return p, nil }
func (p *paper) Done(lab.Ruling, time.Duration, lab.End)      {}
func (p *paper) Gauges(time.Duration) []lab.Gauge             { return []lab.Gauge{{Name: lab.GaugeGuard}} }
func (p *paper) Close() error                                 { p.who.Lost(); return nil }
func (p *paper) Admit(context.Context, lab.Question) (lab.Ruling, error) {
	return lab.Ruling{}, lab.ErrForeign
}

func (p *paper) Attend(w lab.Waiters) { p.who = w }

func (p *paper) Push(item uint32, _ time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pushed = append(p.pushed, item)
}

func (p *paper) Pop(time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pops++
}

// desk is a lab with one worker and one queue.
type desk struct {
	*testing.T
	p     *paper
	l     lab.Live
	n     *lab.Counters
	hold  chan struct{} // a worker takes one for each request
	mu    sync.Mutex
	done  []string // guarded by mu; how requests ended, in order
	calls sync.WaitGroup
}

func yours(t *testing.T, knobs map[string]any, test func(d *desk)) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, p: &paper{}, n: lab.NewCounters(), hold: make(chan struct{})}
		pattern := queue.Pattern()
		all := map[string]any{"workers": 1, "length": 2}
		for name, v := range knobs {
			all[name] = v
		}
		k, err := pattern.Settings(all)
		if err != nil {
			t.Fatal(err)
		}
		d.l, err = pattern.Yours(lab.Env{Clock: clock.NewWall(), Counters: d.n, Log: slog.New(slog.DiscardHandler), Go: func(f func(context.Context)) { go f(context.Background()) }}, k, d.p)
		if err != nil {
			t.Fatal(err)
		}
		test(d)
		if err := d.l.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
		close(d.hold)
		d.calls.Wait()
		g := d.l.Gauges(0)
		if g[0].Value != 0 || g[1].Value != 0 {
			t.Errorf("in the end %v, want nobody waiting and no worker busy", g)
		}
	})
}

// come has a request come, and returns its item.
func (d *desk) come(id uint64) uint32 {
	d.calls.Go(func() {
		h := d.l.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			d.note(fmt.Sprint(id, " served"))
			<-d.hold
			return lab.Response{}
		}), lab.Yours)
		if res := h.Serve(context.Background(), &lab.Request{ID: id}); res.Outcome != lab.OK {
			d.note(fmt.Sprint(id, " ", res.Reason))
		}
	})
	synctest.Wait()
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	return d.p.pushed[len(d.p.pushed)-1]
}

func (d *desk) note(s string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, s)
}

// want checks how requests have ended so far, and how many pops wait.
func (d *desk) want(pops int, done ...string) {
	d.Helper()
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.done, done) {
		d.Errorf("so far %q, want %q", d.done, done)
	}
	d.p.mu.Lock()
	defer d.p.mu.Unlock()
	if d.p.pops != pops {
		d.Errorf("%d times it was asked who is next, want %d", d.p.pops, pops)
	}
}

// hear checks that a word was taken, and lets it have its effect.
func (d *desk) hear(err error) {
	d.Helper()
	synctest.Wait()
	if err != nil {
		d.Errorf("a word that makes sense is refused: %v", err)
	}
}

func (d *desk) counts(want map[string]uint64) {
	d.Helper()
	got := d.n.All()
	for name, n := range want {
		if got[name] != n {
			d.Errorf("%s is %d, want %d (%v)", name, got[name], n, got)
		}
	}
}

// A solution says who may come in, who is next and who waits in vain.
func TestYoursDecides(t *testing.T) {
	yours(t, nil, func(d *desk) {
		a := d.come(1)
		d.want(0)
		d.hear(d.p.who.Pushed(a, true, false, nil))
		d.want(1)
		d.hear(d.p.who.Popped(a, true, false, nil))
		d.want(1, "1 served")
		b, c, e, f := d.come(2), d.come(3), d.come(4), d.come(5)
		d.hear(d.p.who.Pushed(b, true, false, nil))
		d.hear(d.p.who.Pushed(c, true, false, nil))
		d.hear(d.p.who.Pushed(e, false, false, nil)) // ours would not have refused: two wait
		d.hear(d.p.who.Dropped(b, true))
		d.hear(d.p.who.Pushed(f, true, false, nil))
		d.want(1, "1 served", "4 queue_full", "2 queue_evicted")
		d.hold <- struct{}{}
		d.want(2, "1 served", "4 queue_full", "2 queue_evicted")
		d.hear(d.p.who.Dropped(c, false))
		d.hear(d.p.who.Popped(f, true, false, nil))
		d.want(2, "1 served", "4 queue_full", "2 queue_evicted", "3 queue_codel", "5 served")
		d.hold <- struct{}{}
		d.counts(map[string]uint64{"admitted": 2, "full": 1, "evicted": 1, "dropped": 1, "waited": 2, lab.EventFallbacks: 0, lab.EventAgreed: 6, lab.EventDiffered: 1})
	})
}

// When it is late or gone ours decides, and everybody who was let in is served.
func TestOursStandsInForTheQueue(t *testing.T) {
	overdue := fmt.Errorf("%w: %w", lab.ErrForeign, lab.ErrOverdue)
	yours(t, map[string]any{"length": 3}, func(d *desk) {
		a, b, c := d.come(1), d.come(2), d.come(3)
		d.hear(d.p.who.Pushed(a, false, false, overdue)) // ours serves it
		d.want(0, "1 served")
		d.hear(d.p.who.Pushed(b, true, false, nil))
		d.hear(d.p.who.Pushed(c, true, false, nil))
		d.hold <- struct{}{}
		d.want(1, "1 served")
		d.hear(d.p.who.Popped(0, false, false, overdue)) // ours chooses the oldest
		d.want(1, "1 served", "2 served")
		d.hear(d.p.who.Popped(c, true, true, nil)) // too late, and nobody is free: it keeps its place
		d.want(1, "1 served", "2 served")
		d.hold <- struct{}{}
		d.want(1, "1 served", "2 served", "3 served")
		e, f, g, x := d.come(4), d.come(5), d.come(6), d.come(7)
		d.hear(d.p.who.Pushed(e, true, false, nil))
		d.hear(d.p.who.Pushed(f, true, false, nil))
		d.hear(d.p.who.Pushed(g, false, false, lab.ErrForeign))
		d.hear(d.p.who.Pushed(x, false, false, lab.ErrForeign)) // there is no room for it with ours
		d.p.who.Lost()
		d.want(1, "1 served", "2 served", "3 served", "7 queue_full")
		for _, next := range []string{"4 served", "5 served", "6 served"} {
			d.hold <- struct{}{}
			synctest.Wait()
			d.mu.Lock()
			if last := d.done[len(d.done)-1]; last != next {
				d.Errorf("next is %q, want %q", last, next)
			}
			d.mu.Unlock()
		}
		d.hold <- struct{}{}
		d.counts(map[string]uint64{"admitted": 6, "full": 1, lab.EventFallbacks: 6, lab.EventAgreed: 4})
	})
}

// Who leaves while the solution still holds it is passed over when its turn comes.
func TestWhoLeftIsPassedOver(t *testing.T) {
	yours(t, map[string]any{"max_wait": "1s"}, func(d *desk) {
		a, b := d.come(1), d.come(2)
		d.hear(d.p.who.Pushed(a, true, false, nil))
		d.hear(d.p.who.Popped(a, true, false, nil))
		d.hear(d.p.who.Pushed(b, true, false, nil))
		wall := clock.NewWall()
		if wall.Wait(d.Context(), 2*time.Second) != nil {
			d.Fatal("no time")
		}
		d.want(1, "1 served", "2 queue_wait")
		c := d.come(3)
		d.hear(d.p.who.Pushed(c, true, false, nil))
		d.hold <- struct{}{}
		d.want(2, "1 served", "2 queue_wait")
		d.hear(d.p.who.Popped(b, true, false, nil))
		d.want(3, "1 served", "2 queue_wait")
		d.hear(d.p.who.Popped(c, true, false, nil))
		d.want(3, "1 served", "2 queue_wait", "3 served")
		d.hold <- struct{}{}
		d.counts(map[string]uint64{"timed_out": 1, "admitted": 2})
	})
}

// What no queue says is refused, and costs nobody a place.
func TestNonsenseOfAQueue(t *testing.T) {
	yours(t, nil, func(d *desk) {
		a, b := d.come(1), d.come(2)
		d.hear(d.p.who.Pushed(a, true, false, nil))
		for name, err := range map[string]error{
			"an item that is none":        d.p.who.Popped(99, true, true, nil),
			"one that is not in yet":      d.p.who.Popped(b, true, true, nil),
			"nobody, though one waits":    d.p.who.Popped(0, false, false, nil),
			"a drop of what is not there": d.p.who.Dropped(99, false),
		} {
			if err == nil {
				d.Errorf("%s = nil, want an error", name)
			}
		}
		d.p.who.Lost()
		d.hear(d.p.who.Popped(0, false, false, lab.ErrForeign)) // it was asked once more
		d.hear(d.p.who.Pushed(b, false, false, lab.ErrForeign))
		d.hold <- struct{}{}
		synctest.Wait()
		d.hold <- struct{}{}
		synctest.Wait()
		d.mu.Lock()
		defer d.mu.Unlock()
		if !slices.Equal(d.done, []string{"1 served", "2 served"}) {
			d.Errorf("in the end %q, want both served", d.done)
		}
	})
}
