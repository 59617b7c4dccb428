package trace

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	otel "go.opentelemetry.io/otel/trace"
)

// CorrelationHeader is what belongs to one request over all its messages.
const CorrelationHeader = "correlation-id"

// KeyOrder is the attribute that names the order which a span or a line is
// about.
const KeyOrder = "order"

// Produce begins the span of a message that is published, and returns its
// headers with the trace's own added: the traceparent, and the trace's id as the
// correlation id where there is none yet. Headers are copied, not changed. end
// must be called with what became of the publishing. A request that is not
// recorded has no span; its headers are the same.
func (t *Tracer) Produce(ctx context.Context, queue string, headers map[string]string) (_ context.Context, out map[string]string, end func(error)) {
	if !t.On() || !otel.SpanContextFromContext(ctx).IsValid() {
		return ctx, headers, func(error) {}
	}
	end = func(error) {}
	inside, span, ok := t.child(ctx, "publish to "+queue, queue, KindMessage)
	if ok {
		end = ender(span)
	}
	out = make(map[string]string, len(headers)+2)
	for k, v := range headers {
		out[k] = v
	}
	t.headers.Inject(inside, propagation.MapCarrier(out))
	if out[CorrelationHeader] == "" {
		out[CorrelationHeader] = Of(inside)
	}
	return inside, out, end
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

// Say writes a fact into the span of ctx, if it is recorded.
func Say(ctx context.Context, key, value string) {
	if span := otel.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String(key, value))
	}
}

// About reports whether a span says that it is about an order.
func (t *Trace) About(order string) bool {
	for _, s := range t.Spans {
		if s.Attr(KeyOrder) == order {
			return true
		}
	}
	return false
}
