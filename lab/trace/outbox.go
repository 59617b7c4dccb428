package trace

import (
	"context"
	"sync"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// The bounds of what a process sends of its spans at once.
const (
	MaxSent      = 2048    // spans
	MaxSentBytes = 1 << 20 // of their JSON, at most
)

// Finished is a span on its way to the store of another process.
type Finished struct {
	Span
	Sampled bool `json:"sampled,omitempty"` // the head drew its trace
}

// Outbox collects what a process measures for the store of another one: a
// Tracer with an Outbox keeps nothing itself. It never waits: a span that finds it full is
// dropped and counted. It is safe for concurrent use; the zero value is ready.
type Outbox struct {
	mu    sync.Mutex
	list  []Finished // guarded by mu; at most MaxSent
	bytes int        // guarded by mu; at most MaxSentBytes
	lost  uint64     // guarded by mu
}

// Take returns what has been measured since the last call, and how many spans
// had no room.
func (o *Outbox) Take() (list []Finished, lost uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list, lost = o.list, o.lost
	o.list, o.bytes, o.lost = nil, 0, 0
	return list, lost
}

// OnStart implements the SDK's SpanProcessor.
func (o *Outbox) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd implements the SDK's SpanProcessor.
func (o *Outbox) OnEnd(s sdk.ReadOnlySpan) {
	o.mu.Lock()
	full := len(o.list) >= MaxSent // looked at first: a span that is dropped costs nothing
	if full {
		o.lost++
	}
	o.mu.Unlock()
	if full {
		return
	}
	f := Finished{Span: spanOf(s), Sampled: s.SpanContext().IsSampled()}
	size := f.size()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.list) >= MaxSent || o.bytes+size > MaxSentBytes {
		o.lost++
		return
	}
	o.list, o.bytes = append(o.list, f), o.bytes+size
}

// Shutdown implements the SDK's SpanProcessor.
func (*Outbox) Shutdown(context.Context) error { return nil }

// ForceFlush implements the SDK's SpanProcessor.
func (*Outbox) ForceFlush(context.Context) error { return nil }

// What the JSON of a span takes besides its texts, at most.
const (
	spanBytes = 320
	attrBytes = 24
	linkBytes = 88
)

// size is how many bytes the span's JSON has at most.
func (f *Finished) size() int {
	n := spanBytes + Escaped(f.Name) + Escaped(f.Where) + Escaped(f.Kind) + linkBytes*len(f.Links)
	for _, a := range f.Attrs {
		n += attrBytes + Escaped(a.Key) + Escaped(a.Value)
	}
	return n
}

// Escaped is how many bytes a text has in JSON at most, without its quotation
// marks.
func Escaped(text string) int {
	n := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c == '<' || c == '>' || c == '&' || c >= 0x80:
			n += 6 // \u and four digits: at most one for each byte that is not text
		case c == '"' || c == '\\':
			n += 2
		default:
			n++
		}
	}
	return n
}

var _ sdk.SpanProcessor = (*Outbox)(nil)
