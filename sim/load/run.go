package load

import (
	"context"
	"errors"
	"time"

	"workbench/sim/stat"
)

// period is the length of a frame.
const period = 100 * time.Millisecond

// Run is a run of traffic. Its methods may be called from any goroutine.
type Run struct {
	box   *outbox
	done  chan struct{}
	err   error // set before done is closed
	apply func(Change) error
}

// Start begins a run in this process. It ends by itself after the plan's
// duration, when ctx ends, or by Change.Stop. The caller reads Frames, or not,
// and calls Wait. An error names each field at fault.
func Start(ctx context.Context, p Plan) (*Run, error) {
	pace, err := newPacer()
	if err != nil {
		return nil, err
	}
	return start(ctx, p, pace, false)
}

// start begins a run paced by pace. alone says that the process does nothing
// else, so that its processor time is the generator's.
func start(ctx context.Context, p Plan, pace pacer, alone bool) (*Run, error) {
	p.fill()
	addr, err := resolve(ctx, p.Target)
	if err = errors.Join(p.check(), err); err != nil {
		return nil, errors.Join(err, pace.close())
	}
	e, err := newEngine(ctx, p, addr, pace)
	if err != nil {
		return nil, errors.Join(err, pace.close())
	}
	r := &Run{box: newOutbox(), done: make(chan struct{}), apply: e.apply}
	driven, finish := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		e.drive()
		finish()
	}()
	go func() {
		newReporter(e, alone).run(driven, r.box)
		err := context.Cause(e.ctx)
		if err == errStop {
			err = nil
		}
		r.end(errors.Join(err, pace.close()))
		e.cancel(nil)
	}()
	return r, nil
}

// end closes the run; err is why it was cut short, nil if it was not.
func (r *Run) end(err error) {
	r.err = err
	r.box.close()
	close(r.done)
}

// Apply changes the run while it goes on, whole or not at all; an error names
// the field. It returns ErrEnded when the run is over.
func (r *Run) Apply(c Change) error { return r.apply(c) }

// Frames returns what happened, ten times a second. The last frame has Done
// set; then the channel is closed. A reader that is slow never delays the run:
// the frames it misses are added to the next one.
func (r *Run) Frames() <-chan Frame { return r.box.out }

// Wait returns when the run has ended: nil after its duration or a Stop, else
// why it was cut short.
func (r *Run) Wait() error {
	<-r.done
	return r.err
}

// outbox hands frames to a reader without ever waiting for it.
type outbox struct {
	out  chan Frame
	rest *Frame // what did not fit, added up
}

// backlog is how many frames wait for a reader before they are added up.
const backlog = 20

func newOutbox() *outbox { return &outbox{out: make(chan Frame, backlog)} }

// send is called by one goroutine, the run's own.
func (b *outbox) send(f Frame) {
	if b.rest != nil {
		b.rest.Add(f)
		f = *b.rest
	}
	select {
	case b.out <- f:
		b.rest = nil
		return
	default:
		b.rest = &f
	}
	if !f.Done {
		return
	}
	// The last frame must arrive. Only this goroutine sends, so once one frame
	// is taken back there is room.
	select {
	case old := <-b.out:
		old.Add(f)
		f = old
	default:
	}
	b.out <- f
	b.rest = nil
}

func (b *outbox) close() { close(b.out) }

// reporter turns an engine's windows into frames.
type reporter struct {
	e       *engine
	alone   bool
	spare   *window
	second  second
	calm    stat.Hist // service times of the whole run: in calm,
	normal  stat.Hist // and of all tries
	verdict Verdict
	whole   time.Duration // seconds judged so far
	at, cpu time.Duration // the last window's end, and the processor time used by then
	rss     uint64
}

func newReporter(e *engine, alone bool) *reporter {
	return &reporter{e: e, alone: alone, spare: newWindow(len(e.plan.Ops)), verdict: Unlimited, cpu: cpuTime()}
}

// run sends a frame each period until driven ends, and then the last one.
func (r *reporter) run(driven context.Context, box *outbox) {
	clk := r.e.clk
	for next := period; clk.Wait(driven, next) == nil; next = (clk.Now()/period + 1) * period {
		box.send(r.frame())
	}
	last := r.frame()
	last.Done = true
	box.send(last)
}

// frame closes the current window.
func (r *reporter) frame() Frame {
	w, g := r.e.swap(r.spare, r.normal.Quantile(0.5))
	r.spare = w
	share := r.usage(g.at)
	r.calm.Merge(&w.calm)
	r.normal.Merge(&w.service)
	r.second.calm, r.second.silent = r.calm.Quantile(0.5), r.normal.Count() == 0
	r.second.patience = r.e.habit.Load().Timeout
	r.second.add(w, &g, share)
	if whole := g.at / time.Second; whole > r.whole {
		r.whole = whole
		r.verdict = r.second.judge()
		r.second = second{}
	}
	f := w.frame(&g)
	f.CPU, f.RSS, f.Verdict = share, r.rss, r.verdict
	w.reset()
	return f
}

// usage returns the share of a core used since the last window.
func (r *reporter) usage(now time.Duration) float64 {
	if !r.alone {
		return 0
	}
	if r.second.windows == 0 {
		r.rss = resident()
	}
	used := cpuTime()
	share := float64(used-r.cpu) / float64(max(now-r.at, time.Millisecond))
	r.at, r.cpu = now, used
	return share
}

// swap takes the window that has been filled and gives the engine an empty one.
func (e *engine) swap(empty *window, typical time.Duration) (*window, gauges) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.clk.Now()
	g := gauges{
		at: now, inflight: e.busy, pending: e.pending.size, conns: e.open,
		free:  len(e.idle) > 0 || len(e.all) < e.plan.Conns,
		words: e.seen.names,
	}
	if !e.over && !e.plan.Closed {
		g.overdue = max(0, now-e.src.due)
	}
	full := e.win
	e.win, e.typical = empty, typical
	return full, g
}
