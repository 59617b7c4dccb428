package gate

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// stopped is what waiters are told when the gate closes.
const stopped = Full + 1

// Work is the real work done inside a slot, such as a query.
type Work func(context.Context) ([]byte, error)

// Gate is a Model on a clock, for real requests. All methods are safe for
// concurrent use. Use New; Close it.
type Gate struct {
	clock    clock.Clock
	waits    sync.Pool                // of *wait
	observer atomic.Pointer[Observer] // nil: nobody watches

	mu      sync.Mutex
	model   *Model      // guarded by mu
	waiters []*wait     // by job; nil when nobody waits; guarded by mu
	events  []Event     // scratch; guarded by mu
	timer   *time.Timer // calls tick; guarded by mu
	armed   bool        // the timer is to fire at wake or earlier; guarded by mu
	wake    time.Duration
	closed  bool // guarded by mu
}

// wait is where one caller of Do learns what becomes of it. The channel holds
// the most that can be said, Started and one end, so telling never blocks.
type wait struct{ told chan Kind }

// New returns an idle gate. c must move at the pace of time (a clock.Wall, also
// in a synctest bubble); the gate owns stream from now on.
func New(spec Spec, c clock.Clock, stream *dist.Stream) (*Gate, error) {
	model, err := NewModel(spec, stream)
	if c == nil {
		err = errors.Join(err, errors.New("gate: clock is nil"))
	}
	if err != nil {
		return nil, err
	}
	model.manual = true
	g := &Gate{clock: c, model: model}
	g.waits.New = func() any { return &wait{told: make(chan Kind, 2)} }
	g.timer = time.AfterFunc(time.Hour, g.tick)
	g.timer.Stop()
	return g, nil
}

// Do waits for a slot, runs work in it, holds it for the service time and
// returns work's answer after the round trip.
//
// With r.Deadline it returns lab.ErrLate when that passes, in the queue or in
// service; without one it waits however long. Other errors: lab.ErrFull when
// the backlog is full, lab.ErrFail by the error fault, lab.ErrStop once the
// gate is closed, work's own error, and ctx's when it ends first.
func (g *Gate) Do(ctx context.Context, r *lab.Request, work Work) ([]byte, error) {
	if o := g.observer.Load(); o != nil {
		if inside, v := (*o)(ctx); v != nil {
			body, err := g.do(inside, r, watched(v, work))
			v.Left(err)
			return body, err
		}
	}
	return g.do(ctx, r, work)
}

func (g *Gate) do(ctx context.Context, r *lab.Request, work Work) ([]byte, error) {
	w := g.waits.Get().(*wait)
	job, end := g.enter(w, r)
	if job == none {
		g.waits.Put(w)
		return nil, verdict(end, nil)
	}
	end, err := g.await(ctx, w, job)
	var body []byte
	var failure error
	if err == nil && end == Started {
		body, failure = g.run(ctx, r, job, work)
		end, err = g.await(ctx, w, job)
	}
	g.waits.Put(w)
	if err != nil {
		return nil, err
	}
	if err := verdict(end, failure); err != nil {
		return nil, err
	}
	return body, nil
}

// verdict turns the end of a request into the error of Do.
func verdict(end Kind, failure error) error {
	switch {
	case end == Late:
		return lab.ErrLate
	case end == Full:
		return lab.ErrFull
	case end == stopped:
		return lab.ErrStop
	case failure != nil:
		return failure
	case end == Broken:
		return lab.ErrFail
	default:
		return nil
	}
}

// enter brings r to the model. The job is none when r was refused; end says why.
func (g *Gate) enter(w *wait, r *lab.Request) (job int32, end Kind) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return none, stopped
	}
	now := g.clock.Now()
	// What is due comes first and by itself: Enter may give the new request a job
	// that has just ended, whose last event is still to be told.
	g.tell(g.model.Advance(now, g.events[:0]))
	job, events := g.model.Enter(now, r.ID, r.Deadline, g.events[:0])
	if job == none {
		g.events = events
		return none, events[len(events)-1].Kind
	}
	for int(job) >= len(g.waiters) {
		g.waiters = append(g.waiters, nil)
	}
	g.waiters[job] = w
	g.tell(events)
	g.arm()
	return job, 0
}

// await returns the next thing that happens to job, or ctx's error, after which
// nothing more is told to w.
func (g *Gate) await(ctx context.Context, w *wait, job int32) (Kind, error) {
	select {
	case k := <-w.told:
		return k, nil
	case <-ctx.Done():
		g.leave(w, job)
		return 0, ctx.Err()
	}
}

// run does the real work of a started job. It frees the slot even when work
// panics.
func (g *Gate) run(ctx context.Context, r *lab.Request, job int32, work Work) (body []byte, err error) {
	began := g.clock.Now()
	failed := true
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		now := g.clock.Now()
		g.worked(now, job, now-began, failed)
	}()
	if r.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Deadline-began)
		defer cancel()
	}
	body, err = work(ctx)
	failed = err != nil
	return body, err
}

// worked reports the end of real work; the caller holds mu.
func (g *Gate) worked(now time.Duration, job int32, took time.Duration, failed bool) {
	if g.closed {
		return
	}
	g.tell(g.model.worked(now, job, took, failed, g.events[:0]))
	g.arm()
}

// leave gives up on job and empties w for its next user.
func (g *Gate) leave(w *wait, job int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock.Now()
	if !g.closed && g.waiters[job] == w {
		g.tell(g.model.Leave(now, job, g.events[:0]))
		if g.waiters[job] == w {
			g.waiters[job] = nil
		}
	}
	for {
		select {
		case k := <-w.told:
			if k == Started {
				g.worked(now, job, 0, false) // it has a slot, and will not work in it
			}
		default:
			g.arm()
			return
		}
	}
}

// tick is called by the timer.
func (g *Gate) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed = false
	g.advance()
}

// advance lets what is due happen; the caller holds mu.
func (g *Gate) advance() {
	if g.closed {
		return
	}
	g.tell(g.model.Advance(g.clock.Now(), g.events[:0]))
	g.arm()
}

// tell passes events to those who wait for them; the caller holds mu.
func (g *Gate) tell(events []Event) {
	g.events = events
	for _, e := range events {
		w := g.waiters[e.Job]
		if w == nil {
			continue
		}
		w.told <- e.Kind
		if e.Kind != Started {
			g.waiters[e.Job] = nil
		}
	}
}

// arm sets the timer for what is due next; the caller holds mu. A timer that
// fires too early is left alone: it costs less than setting it anew.
func (g *Gate) arm() {
	at, ok := g.model.Next()
	if g.closed || !ok || g.armed && g.wake <= at {
		return
	}
	g.armed, g.wake = true, at
	g.timer.Reset(at - g.clock.Now())
}

// change runs f on the model at the present instant.
func (g *Gate) change(f func(now time.Duration, out []Event) ([]Event, error)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return lab.ErrStop
	}
	events, err := f(g.clock.Now(), g.events[:0])
	g.tell(events)
	g.arm()
	return err
}

// Slow multiplies service times that begin from now on; 1 ends the fault.
func (g *Gate) Slow(factor float64) error {
	return g.change(func(_ time.Duration, out []Event) ([]Event, error) { return out, g.model.Slow(factor) })
}

// Error lets a share of the services that begin from now on end in
// lab.ErrFail, after their service time; 0 ends the fault.
func (g *Gate) Error(share float64) error {
	return g.change(func(_ time.Duration, out []Event) ([]Event, error) { return out, g.model.Error(share) })
}

// Delay lengthens the round trip of answers that leave from now on; 0 ends the
// fault.
func (g *Gate) Delay(by time.Duration) error {
	return g.change(func(_ time.Duration, out []Event) ([]Event, error) { return out, g.model.Delay(by) })
}

// Hang keeps every slot taken until the fault ends. Deadlines still hold. A
// closed gate has nothing to hang.
func (g *Gate) Hang(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.tell(g.model.Hang(g.clock.Now(), on, g.events[:0]))
	g.arm()
}

// Resize changes the capacity. Requests in service keep their time; slots
// beyond a smaller number are lost as they come free.
func (g *Gate) Resize(slots int, service time.Duration) error {
	return g.change(func(now time.Duration, out []Event) ([]Event, error) {
		return g.model.Resize(now, slots, service, out)
	})
}

// Spec returns the capacity as it stands, without faults.
func (g *Gate) Spec() Spec {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.model.Spec()
}

// Stats returns the state of the gate now.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.advance()
	return g.model.Stats(g.clock.Now())
}

// Close releases every waiter with lab.ErrStop; so ends every later call of Do.
// Real work that is running finishes in its caller. It may be called twice.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.closed = true
	g.timer.Stop()
	for i, w := range g.waiters {
		if w != nil {
			w.told <- stopped
			g.waiters[i] = nil
		}
	}
}
