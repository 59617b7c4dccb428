package trace

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	otel "go.opentelemetry.io/otel/trace"

	"workbench/lab"
	"workbench/sim/load"
)

// Header is the field of W3C Trace Context, as net/http keeps it.
const Header = "Traceparent"

// Serve begins the span of a request that an instance has decoded, below the one
// that its header names, and sets the request's Origin. done must be called with
// the answer; it is nil when the request is not followed.
func (t *Tracer) Serve(ctx context.Context, h http.Header, instance, op string, r *lab.Request) (_ context.Context, done func(lab.Response)) {
	if !t.On() {
		return ctx, nil
	}
	ctx, span := t.Start(t.headers.Extract(ctx, propagation.HeaderCarrier(h)), op, instance, KindServer)
	if !span.IsRecording() {
		return ctx, nil
	}
	c := span.SpanContext()
	r.Origin = &lab.Origin{Trace: c.TraceID(), Span: c.SpanID(), Sampled: c.IsSampled()}
	span.SetAttributes(attribute.String(keyOp, op), attribute.Int64("user", int64(r.User)), attribute.Int64("key", int64(r.Key)))
	return ctx, func(res lab.Response) {
		finish(span, res)
		span.End()
	}
}

// Passage is one request on its way through the balancer. A nil *Passage does
// nothing.
type Passage struct {
	t    *Tracer
	ctx  context.Context
	span otel.Span
	away string // the instance that measures its part in another process; empty: none is awaited
}

// Pass begins the balancer's span of a request.
func (t *Tracer) Pass(in *http.Request) *Passage {
	if !t.On() {
		return nil
	}
	ctx, span := t.Start(t.headers.Extract(in.Context(), propagation.HeaderCarrier(in.Header)), "balancer", "balancer", KindServer)
	if !span.IsRecording() {
		return nil
	}
	span.SetAttributes(attribute.String("request", in.Method+" "+in.URL.Path))
	return &Passage{t: t, ctx: ctx, span: span}
}

// Picked notes the instance that a request is sent to, and writes the header
// that makes the instance's span a child.
func (p *Passage) Picked(instance string, h http.Header) {
	if p == nil {
		return
	}
	p.span.SetAttributes(attribute.String(keyInstance, instance))
	p.t.headers.Inject(p.ctx, propagation.HeaderCarrier(h))
}

// Refused notes an instance that could not be reached.
func (p *Passage) Refused(instance string) {
	if p != nil {
		p.span.AddEvent("no connection to instance " + instance)
		p.span.SetAttributes(attribute.String("refused_by", instance))
		p.arrived(false)
	}
}

// Done ends the balancer's span. broken says why the balancer itself could not
// answer; empty: it passed the instance's answer on.
func (p *Passage) Done(broken lab.Reason) {
	if p == nil {
		return
	}
	switch {
	case p.ctx.Err() != nil:
		p.span.SetAttributes(attribute.String(keyDid, left))
		p.span.SetStatus(codes.Error, "client_left")
	case broken != "":
		p.span.SetAttributes(attribute.String(keyOutcome, lab.Failed.String()), attribute.String(keyReason, string(broken)))
		p.span.SetStatus(codes.Error, string(broken))
	}
	p.arrived(p.ctx.Err() == nil)
	p.span.End()
}

// Client takes the spans that the users' process measured.
func (t *Tracer) Client(salt uint64, ops []string, tries []load.TrySpan) {
	if !t.On() {
		return
	}
	for _, x := range tries {
		s := Span{
			Trace: load.TraceID(salt, x.Seq), ID: load.SpanID(salt, x.Seq, x.Try), Name: "user's try", Where: "users", Kind: KindClient,
			Start: time.Unix(0, x.Start), End: time.Unix(0, x.End), Failed: !x.Outcome.Good(),
			Attrs: []Attr{{keyForUser, x.Outcome.String()}},
		}
		if x.Try > 0 {
			s.Name = "user's retry"
		}
		if int(x.Op) < len(ops) {
			s.Attrs = append(s.Attrs, Attr{"operation", ops[x.Op]})
		}
		t.store.Client(s)
	}
}
