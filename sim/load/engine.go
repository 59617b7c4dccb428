package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/sim/clock"
	"workbench/sim/dist"
	"workbench/sim/retry"
)

// engine runs one plan: a pacer, up to plan.Conns connections, and a ring
// between them. One lock guards what they share: it is taken once for each
// request, and with the few processors a generator gets it is all but free,
// where a dozen atomic counters would not be.
type engine struct {
	plan   Plan
	addr   string // what Target resolved to: a name is not asked for twice
	habit  atomic.Pointer[habit]
	clk    *clock.Wall
	pace   pacer
	ctx    context.Context         // ends when the run is cut short
	cancel context.CancelCauseFunc // with nil for a Stop

	mu      sync.Mutex // guards everything below
	src     *source
	end     time.Duration // when arrivals stop
	factor  float64       // the dial
	spike   Spike
	spiked  time.Duration // when the spike ends
	backoff retry.Backoff
	budget  *retry.Budget
	jitter  *dist.Stream
	pending ring
	later   timers
	idle    []*conn // last in, first out: warm connections are used first
	all     []*conn // at most plan.Conns
	busy    int     // connections with a try in hand
	open    int     // connections open
	dials   tokens
	win     *window
	typical time.Duration // median service time of the run so far; 0: unknown
	seen    words
	tracing Tracing
	over    bool // no more arrivals or retries
	workers sync.WaitGroup
}

// newEngine prepares a run of a valid plan. addr is the resolved target.
func newEngine(ctx context.Context, p Plan, addr string, pace pacer) (*engine, error) {
	src, err := newSource(&p)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	e := &engine{
		plan: p, addr: addr, clk: clock.NewWall(), pace: pace, ctx: ctx, cancel: cancel,
		src: src, end: p.Duration, factor: 1, jitter: dist.New(p.Seed, "jitter"),
		pending: newRing(p.MaxPending), later: timers{bound: p.MaxPending},
		idle: make([]*conn, 0, p.Conns), all: make([]*conn, 0, p.Conns),
		dials: tokens{left: MaxConns}, win: newWindow(len(p.Ops)),
	}
	e.seen.names = make([]string, 0, maxReasons)
	e.tracing = p.Trace
	e.behave(p.Client)
	return e, nil
}

// habit is how users behave and the requests they send. It is replaced whole.
type habit struct {
	Client
	ops []template
}

// behave changes the users' habits from the next try on. The caller holds mu,
// or is alone.
func (e *engine) behave(c Client) {
	old := e.habit.Load()
	if old == nil || c.Budget != old.Budget {
		e.budget = retry.NewBudget(c.Budget, budgetBurst)
	}
	e.backoff = retry.Backoff{Base: c.Backoff, Cap: c.BackoffCap, Jitter: c.Jitter}
	h := &habit{Client: c}
	for _, op := range e.plan.Ops {
		h.ops = append(h.ops, compile(op, e.plan.Target, c.NoKeepAlive, e.tracing))
	}
	e.habit.Store(h)
}

// budgetBurst is how many retries a budget allows at once after a calm time.
const budgetBurst = 10

// drive hands out arrivals and retries as they fall due, until the end of the
// run, and then lets what is on the wire finish. Every one that is due leaves
// in the same round with its own instant, so a late round costs lag and never
// a false latency.
func (e *engine) drive() {
	for {
		next, more := e.round(e.clk.Now())
		if !more {
			break
		}
		e.sleep(min(max(next-e.clk.Now(), minWait), maxWait))
	}
	e.finish()
	for e.unfinished(e.clk.Now()) {
		e.sleep(maxWait)
	}
	e.dismiss()
}

// sleep waits for a while. A pacer that fails ends the run; connections are
// then waited for by the runtime's timers.
func (e *engine) sleep(d time.Duration) {
	if e.ctx.Err() == nil {
		if err := e.pace.wait(d); err != nil {
			e.cancel(err)
		}
		return
	}
	// The background context does not end, so there is no error.
	_ = e.clk.Wait(context.Background(), e.clk.Now()+d)
}

// round dispatches what is due at now. It returns when something is due next,
// and false when the run is over.
func (e *engine) round(now time.Duration) (time.Duration, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.purge(now)
	for len(e.later.at) > 0 && e.later.at[0].due <= now {
		var t try
		e.later.pop(&t)
		e.dispatch(&t, now)
	}
	if e.ctx.Err() != nil || now >= e.end {
		return 0, false
	}
	if e.plan.Closed {
		for len(e.all) < e.plan.Conns {
			t := e.arrive(now)
			e.dispatch(&t, now)
		}
		return e.end, true
	}
	e.admit(now)
	next := min(e.src.due, e.end)
	if len(e.later.at) > 0 {
		next = min(next, e.later.at[0].due)
	}
	return next, true
}

// admit dispatches the arrivals that are due. The caller holds mu.
func (e *engine) admit(now time.Duration) {
	for e.src.due <= now && e.src.due < e.end {
		t := e.arrive(e.src.due)
		e.src.advance(e.src.due)
		e.dispatch(&t, now)
	}
}

// arrive counts a user who is due at an instant, and returns the first try.
// The caller holds mu.
func (e *engine) arrive(due time.Duration) try {
	a := e.src.take()
	w := e.win
	w.offered++
	w.ops[a.Pick.Op].offered++
	if e.victim(a.Pick.User) {
		w.victim.offered++
	}
	e.budget.Request()
	return try{born: due, due: due, until: due + e.habit.Load().Timeout, seq: a.Seq, pick: a.Pick}
}

// victim reports whether a user is not the abuser.
func (e *engine) victim(user uint64) bool {
	abuser := &e.plan.Population.Abuser
	return abuser.Share == 0 || user != abuser.User
}

// purge ends the waiting tries whose patience is over. The ring is in order of
// dispatch, so only its head need be looked at. The caller holds mu.
func (e *engine) purge(now time.Duration) {
	for e.pending.size > 0 && e.pending.at[e.pending.head].until <= now {
		var t try
		e.pending.pop(&t)
		e.expire(&t, now)
	}
}

// finish ends the arrivals. Users between two tries go with their last
// outcome; those who wait or are on the wire keep their patience, unless the
// run was cut short.
func (e *engine) finish() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
	for i := range e.later.at {
		e.leave(e.later.at[i].last)
	}
	e.later.at = e.later.at[:0]
}

// unfinished reports whether some tries have not ended. When the run is cut
// short it ends them.
func (e *engine) unfinished(now time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.purge(now)
	if e.ctx.Err() != nil {
		var t try
		for e.pending.pop(&t) {
			e.win.cut++
		}
		for _, c := range e.all {
			c.interrupt()
		}
	}
	return e.busy+e.pending.size > 0
}

// dismiss ends the connections' goroutines and waits for them. No try is left,
// so each waits for its turn.
func (e *engine) dismiss() {
	e.mu.Lock()
	for _, c := range e.all {
		close(c.turn)
	}
	e.mu.Unlock()
	e.workers.Wait()
}
