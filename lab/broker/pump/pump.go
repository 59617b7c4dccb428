package pump

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"workbench/lab/broker"
)

// settleLimit is how long telling the broker may take; it must work also when
// the consumer's own context has just ended.
const settleLimit = 5 * time.Second

// ErrEnd says that there will be no more messages. It is not io.EOF, which a
// broken connection says too.
var ErrEnd = errors.New("there are no more messages")

// Verdict is what a consumer says of a message it holds.
type Verdict int

// The verdicts.
const (
	Ack     Verdict = iota // done
	Retry                  // failed: deliver it again, or give it up after the last attempt
	Bury                   // can never be handled: give it up now
	Release                // not tried to the end: deliver it again, and count no attempt where that can be helped
)

// Delivery is a message that a consumer holds.
type Delivery struct {
	broker.Message
	Tag any // by which the Source knows it
}

// Source is a broker as one consumer sees it.
type Source interface {
	// Next waits for a message. It returns ErrEnd when there will be no more,
	// and ctx's error when that ends first.
	Next(ctx context.Context) (Delivery, error)
	// Settle says what became of a delivery. A delivery that is no longer this
	// consumer's is not an error.
	Settle(ctx context.Context, d Delivery, v Verdict, why string) error
	// Lost counts messages that were acknowledged and not handled.
	Lost(n int)
}

// Job is one call of Consume.
type Job struct {
	Source  Source
	Options broker.Options // checked
	Handler broker.Handler
	Stop    context.Context // ends when no more messages are to be taken; nil: Source says so
	Kill    context.Context // ends when handlers are to stop at once; nil: never
	Gone    context.Context // ends, with its cause, when the connection is lost, also while all workers are busy; nil: never
	// Attempts has a worker that failed try again by itself, in place, up to as
	// many times, before it says Bury. A log, from which nothing can be taken
	// out of order, has no other way. 0: Retry is the broker's business.
	Attempts int
	// Lane has deliveries of one lane handled by one worker, in order; nil: any
	// worker takes the next.
	Lane func(Delivery) int
}

// run is a Job under way.
type run struct {
	Job
	ctx   context.Context // of handlers
	abort context.CancelCauseFunc
	slots chan struct{} // as many as messages may be held
}

// Run hands messages to the handler until ctx ends, which is its error, or the
// source has no more, which is nil. It returns when every worker has ended.
func Run(ctx context.Context, j Job) error {
	r := &run{Job: j, slots: make(chan struct{}, j.Options.Prefetch)}
	r.ctx, r.abort = context.WithCancelCause(ctx)
	defer r.abort(nil)
	if j.Kill != nil {
		defer context.AfterFunc(j.Kill, func() { r.abort(broker.ErrClosed) })()
	}
	if j.Gone != nil {
		defer context.AfterFunc(j.Gone, func() { r.abort(context.Cause(j.Gone)) })()
	}
	intake, halt := context.WithCancel(r.ctx)
	defer halt()
	if j.Stop != nil {
		defer context.AfterFunc(j.Stop, halt)()
	}
	lanes := r.lanes()
	var workers sync.WaitGroup
	for i := range j.Options.Workers {
		workers.Go(func() {
			for d := range lanes[i%len(lanes)] {
				r.handle(d)
				<-r.slots
			}
		})
	}
	err := r.intake(intake, lanes)
	for _, lane := range lanes {
		close(lane)
	}
	if err != nil { // the connection is gone: what is held cannot be settled
		r.abort(err)
	}
	workers.Wait()
	return r.result(ctx)
}

// lanes returns the channels through which messages reach workers: one for all,
// or one for each. None ever blocks, since each could take all that are held.
func (r *run) lanes() []chan Delivery {
	n := 1
	if r.Lane != nil {
		n = r.Options.Workers
	}
	lanes := make([]chan Delivery, n)
	for i := range lanes {
		lanes[i] = make(chan Delivery, r.Options.Prefetch)
	}
	return lanes
}

// intake takes messages until it is to stop; an error is the source's.
func (r *run) intake(ctx context.Context, lanes []chan Delivery) error {
	for {
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		d, err := r.Source.Next(ctx)
		if err != nil {
			if errors.Is(err, ErrEnd) || ctx.Err() != nil {
				return nil
			}
			return err
		}
		lane := 0
		if r.Lane != nil {
			lane = r.Lane(d) % len(lanes)
		}
		lanes[lane] <- d
	}
}

// result is what Run returns once all workers have ended.
func (r *run) result(ctx context.Context) error {
	cause := context.Cause(r.ctx)
	switch {
	case errors.Is(cause, broker.ErrClosed):
		return nil
	case ctx.Err() != nil && errors.Is(cause, ctx.Err()):
		return ctx.Err()
	}
	return cause
}

// crashed reports whether this consumer plays one that was killed.
func (r *run) crashed() bool { return errors.Is(context.Cause(r.ctx), broker.ErrCrash) }

// handle sees one message to its end.
func (r *run) handle(d Delivery) {
	if r.ctx.Err() != nil {
		if !r.crashed() {
			r.settle(d, Release, "the consumer stopped")
		}
		return
	}
	if r.Options.AtMostOnce {
		if r.settle(d, Ack, "") && r.try(d.Message) != nil {
			r.Source.Lost(1)
		}
		return
	}
	for {
		err := r.try(d.Message)
		switch {
		case r.crashed(): // also when another worker crashed: they share a process
			return
		case err == nil:
			r.settle(d, Ack, "")
		case errors.Is(err, broker.ErrPoison):
			r.settle(d, Bury, err.Error())
		case r.ctx.Err() != nil:
			r.settle(d, Release, "the consumer stopped")
		case r.Attempts == 0:
			r.settle(d, Retry, err.Error())
		case d.Attempt >= r.Attempts:
			r.settle(d, Bury, err.Error())
		default:
			d.Attempt++
			continue
		}
		return
	}
}

// try calls the handler once.
func (r *run) try(m broker.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v", p)
		}
		if errors.Is(err, broker.ErrCrash) {
			r.abort(err)
		}
	}()
	return r.Handler(r.ctx, m)
}

// settle tells the broker, and reports whether it listened. If it did not, the
// consumer ends: its messages will be delivered again to another.
func (r *run) settle(d Delivery, v Verdict, why string) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), settleLimit)
	defer cancel()
	if err := r.Source.Settle(ctx, d, v, why); err != nil {
		r.abort(fmt.Errorf("settle %s: %w", d.ID, err))
		return false
	}
	return true
}
