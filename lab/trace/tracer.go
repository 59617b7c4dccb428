package trace

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"

	"workbench/lab"
	"workbench/sim/clock"
)

// Settings say what is recorded and kept.
type Settings struct {
	On    bool          `json:"on"`
	Share float64       `json:"share"` // the head's: what part of all requests is kept, whatever becomes of them
	Tail  bool          `json:"tail"`  // record every request, and keep those that failed or were slow
	Slow  time.Duration `json:"slow"`  // from when on a request is slow; 0: none is
}

// Defaults returns the settings with which a lab begins.
func Defaults() Settings {
	return Settings{On: true, Share: 0.02, Tail: true, Slow: 250 * time.Millisecond}
}

// Validate reports everything that is wrong with s.
func (s Settings) Validate() error {
	var faults []error
	if !(s.Share >= 0 && s.Share <= 1) {
		faults = append(faults, fmt.Errorf("trace: share is %v (want a share from 0 to 1)", s.Share))
	}
	if s.Slow < 0 || s.Slow > time.Minute {
		faults = append(faults, fmt.Errorf("trace: slow is %v (want 0 to 1m; 0: no request is slow)", s.Slow))
	}
	return errors.Join(faults...)
}

// Config is what a tracer is made from. Its zero value will do.
type Config struct {
	Settings Settings
	Keep     int         // traces of each ring; 0: 256; at most MaxKept
	Export   func(Trace) // gets every trace that is kept; it must not block
	Outbox   *Outbox     // gets every span, and nothing is kept here: the store is another process's; nil: there is none
}

// Tracer records spans. It is safe for concurrent use. Use New; Close it. A nil
// Tracer records nothing.
type Tracer struct {
	on       atomic.Bool // whether anything is recorded: what a request that is not followed asks
	settings atomic.Pointer[Settings]
	store    *Store
	provider *sdk.TracerProvider
	tracer   otel.Tracer
	headers  propagation.TraceContext
	wall     *clock.Wall
}

// New returns a tracer.
func New(c Config) (*Tracer, error) {
	if c.Keep == 0 {
		c.Keep = 256
	}
	err := c.Settings.Validate()
	if c.Keep < 1 || c.Keep > MaxKept {
		err = errors.Join(err, fmt.Errorf("trace: Keep is %d (want 1 to %d)", c.Keep, MaxKept))
	}
	if err != nil {
		return nil, err
	}
	t := &Tracer{store: newStore(c.Keep), wall: clock.NewWall()}
	t.store.export = c.Export
	t.apply(c.Settings)
	limits := sdk.NewSpanLimits()
	limits.AttributeCountLimit, limits.EventCountLimit, limits.LinkCountLimit, limits.AttributeValueLengthLimit = 32, 32, 8, 256
	ends := sdk.SpanProcessor(processor{t.store})
	if c.Outbox != nil {
		ends = c.Outbox
	}
	t.provider = sdk.NewTracerProvider(sdk.WithSampler(sampler{t}), sdk.WithSpanProcessor(ends), sdk.WithRawSpanLimits(limits))
	t.tracer = t.provider.Tracer("workbench")
	return t, nil
}

// Close ends recording. Spans under way may still end.
func (t *Tracer) Close(ctx context.Context) error {
	t.on.Store(false)
	return t.provider.Shutdown(ctx)
}

// Store returns where the traces are kept.
func (t *Tracer) Store() *Store { return t.store }

// Settings returns what is recorded and kept now.
func (t *Tracer) Settings() Settings { return *t.settings.Load() }

// Set changes what is recorded and kept, from the next request on.
func (t *Tracer) Set(s Settings) error {
	if err := s.Validate(); err != nil {
		return err
	}
	t.apply(s)
	return nil
}

func (t *Tracer) apply(s Settings) {
	t.settings.Store(&s)
	t.store.rule(s.Tail, s.Slow)
	t.on.Store(s.On && (s.Share > 0 || s.Tail))
}

// On reports whether anything is recorded: one atomic load.
func (t *Tracer) On() bool { return t != nil && t.on.Load() }

// Drawn reports whether the head draws a trace, given the share: by the last
// eight bytes of its id alone, so that every party comes to the same answer.
func Drawn(id otel.TraceID, share float64) bool {
	x := binary.BigEndian.Uint64(id[8:])
	return float64(x>>11)/(1<<53) < share || share >= 1
}

// sampler decides when a span begins. The first span of a request draws; all
// others follow it.
type sampler struct{ t *Tracer }

// ShouldSample implements the SDK's Sampler.
func (s sampler) ShouldSample(p sdk.SamplingParameters) sdk.SamplingResult {
	set := s.t.settings.Load()
	parent := otel.SpanContextFromContext(p.ParentContext)
	out := sdk.SamplingResult{Decision: sdk.Drop, Tracestate: parent.TraceState()}
	var head bool
	switch {
	case parent.IsValid():
		head = parent.IsSampled()
	case len(p.Links) > 0:
		head = p.Links[0].SpanContext.IsSampled()
	default:
		head = Drawn(p.TraceID, set.Share)
	}
	switch {
	case !set.On:
	case head:
		out.Decision = sdk.RecordAndSample
	case set.Tail:
		out.Decision = sdk.RecordOnly
	}
	return out
}

// Description implements the SDK's Sampler.
func (sampler) Description() string { return "workbench: head's share, and all for the tail" }

// processor brings the SDK's spans to the store.
type processor struct{ store *Store }

func (p processor) OnStart(_ context.Context, s sdk.ReadWriteSpan) {
	p.store.begin(s.SpanContext().TraceID())
}
func (p processor) OnEnd(s sdk.ReadOnlySpan)       { p.store.end(s) }
func (processor) Shutdown(context.Context) error   { return nil }
func (processor) ForceFlush(context.Context) error { return nil }

var (
	_ sdk.Sampler       = sampler{}
	_ sdk.SpanProcessor = processor{}
)

// Start begins a span below that of ctx. Where and kind are as in Span. With
// recording off, or below a span that is not recorded, it returns ctx and a
// span that does nothing.
func (t *Tracer) Start(ctx context.Context, name, where, kind string, links ...otel.Link) (context.Context, otel.Span) {
	if !t.On() {
		return ctx, otel.SpanFromContext(context.Background())
	}
	o := at(where, kind)
	if len(links) > 0 {
		o = append(o, otel.WithLinks(links...), otel.WithNewRoot())
	}
	return t.tracer.Start(ctx, name, o...)
}

// at returns the options of a span that somebody makes often.
func at(where, kind string) []otel.SpanStartOption {
	return []otel.SpanStartOption{otel.WithAttributes(attribute.String(keyWhere, where), attribute.String(keyKind, kind))}
}

// follows reports whether ctx is that of a request that is recorded.
func (t *Tracer) follows(ctx context.Context) bool {
	return t.On() && otel.SpanFromContext(ctx).IsRecording()
}

// child begins a span only below one that is recorded.
func (t *Tracer) child(ctx context.Context, name, where, kind string) (context.Context, otel.Span, bool) {
	if !t.follows(ctx) {
		return ctx, nil, false
	}
	ctx, span := t.Start(ctx, name, where, kind)
	return ctx, span, true
}

// Span runs f inside a span below that of ctx, and marks it failed by f's error.
func (t *Tracer) Span(ctx context.Context, name, where, kind string, f func(context.Context) error) error {
	ctx, span, ok := t.child(ctx, name, where, kind)
	if !ok {
		return f(ctx)
	}
	defer span.End()
	err := f(ctx)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}

// finish writes an answer into a span.
func finish(span otel.Span, res lab.Response) {
	span.SetAttributes(attribute.String(keyOutcome, res.Outcome.String()))
	if res.Reason != "" {
		span.SetAttributes(attribute.String(keyReason, string(res.Reason)))
	}
	if !res.Outcome.Good() {
		span.SetStatus(codes.Error, string(res.Reason))
	}
}

// Of returns the trace of ctx as text; empty: it is not followed.
func Of(ctx context.Context) string {
	c := otel.SpanContextFromContext(ctx)
	if !c.IsValid() {
		return ""
	}
	return c.TraceID().String()
}
