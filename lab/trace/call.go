package trace

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	otel "go.opentelemetry.io/otel/trace"

	"workbench/lab"
)

// Away notes that the instance which was picked measures its part in a process
// of its own.
func (p *Passage) Away(instance string) {
	if p == nil {
		return
	}
	c := p.span.SpanContext()
	if p.t.store.await(c.TraceID(), c.SpanID(), instance) {
		p.away = instance
	}
}

// arrived says what became of the part of another process: it is on its way, or
// comes when it comes, since the user has left before.
func (p *Passage) arrived(answered bool) {
	if p.away == "" {
		return
	}
	c := p.span.SpanContext()
	if answered {
		p.t.store.answered(c.TraceID(), c.SpanID(), p.away)
	} else {
		p.t.store.forgo(c.TraceID(), c.SpanID(), p.away)
	}
	p.away = ""
}

// Called begins the span of work that an instance in another process asks for.
// Like Serve it sets the request's Origin; header is the value of Parent there.
func (t *Tracer) Called(ctx context.Context, header, instance, op string, r *lab.Request) (_ context.Context, done func(lab.Response)) {
	if !t.On() {
		return ctx, nil
	}
	h := http.Header{}
	if header != "" {
		h[Header] = []string{header}
	}
	caller := otel.SpanContextFromContext(t.headers.Extract(context.Background(), propagation.HeaderCarrier(h)))
	ctx, span := t.Start(otel.ContextWithRemoteSpanContext(ctx, caller), "work for "+instance, "lab", KindServer)
	if !span.IsRecording() {
		return ctx, nil
	}
	c := span.SpanContext()
	r.Origin = &lab.Origin{Trace: c.TraceID(), Span: c.SpanID(), Sampled: c.IsSampled()}
	span.SetAttributes(attribute.String(keyOp, op))
	waits := caller.IsValid() && t.store.first(c.TraceID()) && t.store.await(c.TraceID(), caller.SpanID(), instance)
	return ctx, func(res lab.Response) {
		finish(span, res)
		if waits {
			t.store.answered(c.TraceID(), caller.SpanID(), instance)
		}
		span.End()
	}
}

// Parent returns the header's value that makes spans of another process children
// of the one of ctx; empty: nothing is recorded there.
func (t *Tracer) Parent(ctx context.Context) string {
	if !t.follows(ctx) {
		return ""
	}
	h := http.Header{}
	t.headers.Inject(ctx, propagation.HeaderCarrier(h))
	return h.Get(Header)
}

// Call runs f inside a span for a call of another process, which says what came
// of it.
func (t *Tracer) Call(ctx context.Context, name, where string, f func(context.Context) lab.Response) lab.Response {
	ctx, span, ok := t.child(ctx, name, where, KindService)
	if !ok {
		return f(ctx)
	}
	defer span.End()
	res := f(ctx)
	finish(span, res)
	return res
}
