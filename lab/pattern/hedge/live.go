package hedge

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/shield"
	"workbench/sim/clock"
)

// Pattern describes the hedge to the catalog. It passes failures on and has no
// reason of its own.
func Pattern() lab.Pattern {
	return lab.DefineCore(lab.Pattern{
		Name:   "hedge",
		Title:  "Hedged reads",
		Line:   "asks a second time when a read is late, and takes the first answer",
		Events: []string{"calls", "hedged", "won", "budget_denied"},
	}, Defaults, New, newLive, newStage)
}

// counts are the pattern's counters: calls are the first calls that might have
// had a second, hedged those that had, won the second calls whose answer
// counted. In shadow, hedged counts the second calls that would have been made.
type counts struct{ calls, hedged, won, denied *atomic.Uint64 }

func newCounts(c *lab.Counters) counts {
	return counts{calls: c.Get("calls"), hedged: c.Get("hedged"), won: c.Get("won"), denied: c.Get("budget_denied")}
}

func (c *counts) decided(v Verdict) {
	switch v {
	case Ask:
		c.hedged.Add(1)
	case Denied:
		c.denied.Add(1)
	}
}

// gauges shows the delay of the first operation, which is the commonest.
func gauges(h *Hedge, twice int) []lab.Gauge {
	budget := lab.Gauge{Name: "budget_calls", Value: h.Balance()}
	if h.unbounded() {
		budget = lab.Gauge{Name: "budget_calls", Text: "no bound"}
	}
	return []lab.Gauge{{Name: "delay_seconds", Value: h.Delay(0).Seconds()}, budget, {Name: "second_calls", Value: float64(twice)}}
}

// Live is the hedge in a running service.
type Live struct {
	clock  clock.Clock
	run    func(func(context.Context))
	log    *slog.Logger
	counts counts

	mu    sync.Mutex
	core  *Hedge // guarded by mu
	twice int    // requests with two calls under way; guarded by mu
}

func newLive(env lab.Env, core *Hedge) *Live {
	return &Live{clock: env.Clock, run: env.Go, log: env.Log, counts: newCounts(env.Counters), core: core}
}

// Wrap implements lab.Live.
func (l *Live) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		switch {
		case !Hedged(r):
			return next.Serve(ctx, r)
		case state == lab.Shadow:
			return l.watch(ctx, r, next)
		}
		return l.serve(ctx, r, next)
	})
}

// answer is what one of the two calls brought.
type answer struct {
	res    lab.Response
	second bool
}

func (l *Live) serve(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	ctx, cancel := context.WithCancel(ctx) // ends the call that lost
	defer cancel()
	began := l.clock.Now()
	delay := l.first(r)
	answers := make(chan answer, 2) // takes both without a reader
	l.ask(ctx, r, next, answers, false)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case a := <-answers:
		l.took(r.Op, began)
		return a.res
	case <-ctx.Done():
		return lab.Answer(nil, lab.ErrStop)
	case <-timer.C:
	}
	if !l.second(r) {
		res := l.await(ctx, answers)
		l.took(r.Op, began)
		return res.res
	}
	defer l.note(-1)
	l.ask(ctx, r, next, answers, true)
	first := l.await(ctx, answers)
	a := first
	if !a.res.Outcome.Good() && ctx.Err() == nil {
		if a = l.await(ctx, answers); !a.res.Outcome.Good() {
			a = first
		}
	}
	l.took(r.Op, began)
	if a.second && a.res.Outcome.Good() {
		l.counts.won.Add(1)
	}
	return a.res
}

func (l *Live) first(r *lab.Request) time.Duration {
	l.counts.calls.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.core.First(r.Op)
}

// second reports whether the second call is made.
func (l *Live) second(r *lab.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.core.Second(l.clock.Now(), r)
	l.counts.decided(v)
	if v != Ask {
		return false
	}
	l.twice++
	return true
}

func (l *Live) took(op uint8, began time.Duration) {
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.core.Took(op, now-began)
}

func (l *Live) note(change int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.twice += change
}

// ask makes a call on a goroutine of the lab's. Each has a copy of the request,
// because what is below may write to it.
func (l *Live) ask(ctx context.Context, r *lab.Request, next lab.Handler, answers chan<- answer, second bool) {
	own := *r
	l.run(func(context.Context) {
		res, _ := shield.Call(ctx, l.log, "hedge", &own, next)
		answers <- answer{res, second}
	})
}

// await waits for the next answer, or for the service to stop.
func (l *Live) await(ctx context.Context, answers <-chan answer) answer {
	select {
	case a := <-answers:
		return a
	case <-ctx.Done():
		return answer{res: lab.Answer(nil, lab.ErrStop)}
	}
}

// watch passes everything and counts the second calls that would have been made.
func (l *Live) watch(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	began := l.clock.Now()
	delay := l.first(r)
	res := next.Serve(ctx, r)
	took := l.clock.Now() - began
	l.mu.Lock()
	defer l.mu.Unlock()
	l.core.Took(r.Op, took)
	if took > delay {
		l.counts.decided(l.core.Second(began+delay, r))
	}
	return res
}

// Gauges implements lab.Live.
func (l *Live) Gauges(time.Duration) []lab.Gauge {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gauges(l.core, l.twice)
}

// Close implements lab.Live. Calls under way belong to their requests, which
// finish.
func (l *Live) Close() error { return nil }

var _ lab.Live = (*Live)(nil)
