package desk

import (
	"context"
	"strconv"
	"strings"

	"workbench/lab"
	"workbench/lab/broker"
	"workbench/lab/journal"
	"workbench/lab/trace"
)

// inOutbox is what an event is published to when it is in its order's
// transaction.
const inOutbox = "outbox"

// announce notes in the headers of a submission's event to which request it
// belongs, and begins the span of its publishing where that is part of the
// order's transaction. published must be called with what became of that.
func (d *Desk) announce(ctx context.Context, r *lab.Request, s *submission) (_ context.Context, published func(error)) {
	s.headers = d.deps.Journal.Produce(r, nil)
	if !s.outbox {
		return ctx, func(error) {}
	}
	inside, headers, end := d.deps.Tracer.Produce(ctx, inOutbox, s.headers)
	s.headers = headers
	if !d.deps.Tracer.On() {
		return inside, end
	}
	return inside, func(err error) {
		switch {
		case err != nil:
		case s.replayed:
			trace.Say(inside, "did", "nothing: this order was accepted before")
		default:
			trace.Say(inside, trace.KeyOrder, strconv.FormatUint(s.seq, 10))
		}
		end(err)
	}
}

// publishNow hands an event to the broker in its request's own time.
func (d *Desk) publishNow(ctx context.Context, s *submission) error {
	inside, headers, end := d.deps.Tracer.Produce(ctx, d.carrying(), s.headers)
	s.headers = headers
	if d.deps.Tracer.On() {
		trace.Say(inside, trace.KeyOrder, strconv.FormatUint(s.seq, 10))
	}
	err := d.publish(inside, d.message(s))
	end(err)
	return err
}

// carrying names the broker that carries events now.
func (d *Desk) carrying() string {
	d.carry.mu.Lock()
	defer d.carry.mu.Unlock()
	if d.carry.now == nil {
		return "broker"
	}
	return d.carry.now.kind
}

// deliver handles one message, and follows it: a trace that is linked to its
// request's, and a line with its request's correlation id.
func (d *Desk) deliver(ctx context.Context, kind string, m broker.Message, dedupe bool) error {
	tracing := d.deps.Tracer.On()
	told := d.deps.Journal.Consume(journal.Delivery{
		From: kind, ID: m.ID, Correlation: m.Headers[broker.HeaderCorrelation], Request: m.Headers[journal.RequestHeader], Attempt: m.Attempt,
	})
	if !tracing && told == nil {
		return d.handle(ctx, m, dedupe)
	}
	order, ours := strings.CutPrefix(m.ID, d.name+"-")
	ctx, end := d.deps.Tracer.Consume(ctx, kind, m.Headers)
	if ours {
		trace.Say(ctx, trace.KeyOrder, order)
	}
	err := d.handle(ctx, m, dedupe)
	end(err)
	switch {
	case told == nil:
	case ours:
		told(err, journal.Attr{Key: trace.KeyOrder, Value: order})
	default:
		told(err)
	}
	return err
}
