package trace

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	otel "go.opentelemetry.io/otel/trace"
)

// CorrelationHeader is what belongs to one request over all its messages.
const CorrelationHeader = "correlation-id"

// Produce begins the span of a message that is published, and returns its
// headers with the trace's own added: the traceparent, and the trace's id as the
// correlation id where there is none yet. Headers are copied, not changed. end
// must be called with what became of the publishing.
func (t *Tracer) Produce(ctx context.Context, queue string, headers map[string]string) (_ context.Context, out map[string]string, end func(error)) {
	inside, span, ok := t.child(ctx, "publish to "+queue, queue, KindMessage)
	if !ok {
		return ctx, headers, func(error) {}
	}
	out = make(map[string]string, len(headers)+2)
	for k, v := range headers {
		out[k] = v
	}
	t.headers.Inject(inside, propagation.MapCarrier(out))
	if out[CorrelationHeader] == "" {
		out[CorrelationHeader] = span.SpanContext().TraceID().String()
	}
	return inside, out, ender(span)
}

// Consume begins the trace of a message that was delivered, linked to the span
// that published it: its work may come much later, and more than once. The
// correlation id is the message's own. end must be called with the result.
func (t *Tracer) Consume(ctx context.Context, queue string, headers map[string]string) (_ context.Context, end func(error)) {
	if !t.On() {
		return ctx, func(error) {}
	}
	cause := otel.SpanContextFromContext(t.headers.Extract(context.Background(), propagation.MapCarrier(headers)))
	var links []otel.Link
	if cause.IsValid() {
		links = append(links, otel.Link{SpanContext: cause})
	}
	inside, span := t.Start(ctx, "deliver from "+queue, queue, KindMessage, links...)
	if id := headers[CorrelationHeader]; id != "" {
		span.SetAttributes(correlation(id))
	}
	return inside, ender(span)
}
