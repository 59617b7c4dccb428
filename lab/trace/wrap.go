package trace

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otel "go.opentelemetry.io/otel/trace"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/sim/clock"
)

// noticeable is how long a pattern must hold a request for that to be something
// it did: below, it is the pattern's own work.
const noticeable = time.Millisecond

// Chain returns how a chain of the named instance is watched: see
// chain.Config.Around.
func (t *Tracer) Chain(instance string, c clock.Clock) func(pattern string, state lab.State, next lab.Handler, wrap func(lab.Handler) lab.Handler) lab.Handler {
	return func(pattern string, state lab.State, next lab.Handler, wrap func(lab.Handler) lab.Handler) lab.Handler {
		b := &below{t: t, clock: c, name: pattern, where: instance, next: next, tries: pattern == "retry" || pattern == "hedge"}
		return &above{t: t, clock: c, name: pattern, where: instance, state: state, below: b, inner: wrap(b), begin: at(instance, KindPattern)}
	}
}

// above stands in front of a pattern and sees what it answers.
type above struct {
	t           *Tracer
	clock       clock.Clock
	name, where string
	state       lab.State
	below       *below
	inner       lab.Handler
	begin       []otel.SpanStartOption
}

// visit is one request inside one pattern.
type visit struct {
	of    *below
	calls atomic.Int32
	first atomic.Int64 // when it was first passed on
}

type visitKey struct{}

// Serve implements lab.Handler.
func (a *above) Serve(ctx context.Context, r *lab.Request) lab.Response {
	if !a.t.follows(ctx) {
		return a.inner.Serve(ctx, r)
	}
	var span otel.Span
	outside := ctx
	if a.below.tries {
		ctx, span = a.t.tracer.Start(ctx, a.name, a.begin...)
		defer span.End()
	}
	v := &visit{of: a.below}
	began := a.clock.Now()
	res := a.inner.Serve(context.WithValue(ctx, visitKey{}, v), r)
	ended := a.clock.Now()
	held := ended - began
	if v.calls.Load() > 0 {
		held = time.Duration(v.first.Load()) - began
	}
	did := a.did(v, res, held)
	if did == "" && span == nil {
		return res
	}
	if span == nil {
		// The span is made afterwards, and only of what the pattern did itself: most
		// patterns let most requests pass, and spans cost more than they do.
		date := a.t.wall.Date(a.t.wall.Now() - (ended - began))
		_, span = a.t.tracer.Start(outside, a.name, append(a.begin[:1:1], otel.WithTimestamp(date))...)
		defer span.End(otel.WithTimestamp(date.Add(held)))
	}
	a.tell(span, v, res, did, held)
	return res
}

// did says in a few words what the pattern did; empty: it let the request pass.
func (a *above) did(v *visit, res lab.Response, held time.Duration) string {
	calls := v.calls.Load()
	switch {
	case calls == 0 && res.Accepted:
		return "accepted for later"
	case res.Outcome == lab.Stale && (calls == 0 || a.name == "stale"):
		return "answered with an old copy"
	case calls == 0 && res.Cached:
		return "hit"
	case calls == 0 && res.Outcome.Good():
		return "shared another request's answer"
	case calls == 0:
		return "refused"
	case calls > 1:
		return "tried again"
	case a.name == "cache":
		return "miss"
	case held >= noticeable:
		return "waited"
	}
	return ""
}

// tell writes down what the pattern did.
func (a *above) tell(span otel.Span, v *visit, res lab.Response, did string, held time.Duration) {
	calls := v.calls.Load()
	if did == "" {
		span.SetAttributes(attribute.Bool(keyQuiet, true)) // one try that went well
		return
	}
	span.SetAttributes(attribute.String(keyDid, did), attribute.Int64(keyCalls, int64(calls)), attribute.Int64(keyWaited, held.Microseconds()))
	if a.state == lab.Shadow {
		span.SetAttributes(attribute.String("state", "shadow"))
	}
	if calls == 0 && !res.Outcome.Good() {
		finish(span, res)
	}
}

// below stands behind a pattern and sees what it passes on.
type below struct {
	t           *Tracer
	clock       clock.Clock
	name, where string
	next        lab.Handler
	tries       bool // each call is a try of its own
}

// Serve implements lab.Handler.
func (b *below) Serve(ctx context.Context, r *lab.Request) lab.Response {
	if !b.t.On() {
		return b.next.Serve(ctx, r)
	}
	v, _ := ctx.Value(visitKey{}).(*visit)
	if v == nil || v.of != b {
		return b.later(ctx, r)
	}
	n := v.calls.Add(1)
	if n == 1 {
		v.first.Store(int64(b.clock.Now()))
	}
	if !b.tries && n == 1 {
		return b.next.Serve(ctx, r)
	}
	inside, span, ok := b.t.child(ctx, "try", b.where, KindPattern)
	if !ok {
		return b.next.Serve(ctx, r)
	}
	defer span.End()
	span.SetAttributes(attribute.Int64("try", int64(n)))
	res := b.next.Serve(inside, r)
	finish(span, res)
	return res
}

// later is work that a pattern does apart from the request that caused it, such
// as an accepted job: a trace of its own, linked to the request's.
func (b *below) later(ctx context.Context, r *lab.Request) lab.Response {
	if otel.SpanFromContext(ctx).IsRecording() || r.Origin == nil {
		return b.next.Serve(ctx, r)
	}
	inside, span := b.t.Start(ctx, b.name+", later", b.where, KindServer, link(r.Origin))
	defer span.End()
	res := b.next.Serve(inside, r)
	finish(span, res)
	return res
}

func link(o *lab.Origin) otel.Link { return otel.Link{SpanContext: contextOf(o)} }

func contextOf(o *lab.Origin) otel.SpanContext {
	var flags otel.TraceFlags
	return otel.NewSpanContext(otel.SpanContextConfig{TraceID: o.Trace, SpanID: o.Span, TraceFlags: flags.WithSampled(o.Sampled), Remote: true})
}

// Gate returns an observer for the gate with this name. real says what the real
// work behind it is, such as "SQLite".
func (t *Tracer) Gate(name, real string) gate.Observer {
	whole := at(name, KindServer)
	kit := &kit{real: real, wait: at(name, KindWait), work: at(name, KindStore), held: at(name, KindService)}
	return func(ctx context.Context) (context.Context, gate.Visit) {
		if !t.follows(ctx) {
			return ctx, nil
		}
		inside, span := t.tracer.Start(ctx, name, whole...)
		g := &guest{t: t, kit: kit, ctx: inside, span: span}
		g.step("wait for a slot", kit.wait)
		return inside, g
	}
}

// guest is one request at a gate: it waits, works, and is held for the time that
// the modelled dependency would have taken.
type guest struct {
	t          *Tracer
	kit        *kit
	ctx        context.Context
	span, part otel.Span
}

// kit is what the spans of one gate have in common.
type kit struct {
	real             string
	wait, work, held []otel.SpanStartOption
}

// step ends the present part and begins the next.
func (g *guest) step(name string, begin []otel.SpanStartOption) context.Context {
	if g.part != nil {
		g.part.End()
	}
	ctx, span := g.t.tracer.Start(g.ctx, name, begin...)
	g.part = span
	return ctx
}

// Started implements gate.Visit.
func (g *guest) Started(context.Context) context.Context { return g.step(g.kit.real, g.kit.work) }

// Worked implements gate.Visit.
func (g *guest) Worked(err error) {
	if err != nil {
		g.part.SetStatus(codes.Error, err.Error())
	}
	g.step("service and round trip", g.kit.held)
}

// Left implements gate.Visit.
func (g *guest) Left(err error) {
	g.part.End()
	if err != nil && !errors.Is(err, context.Canceled) {
		g.span.SetStatus(codes.Error, err.Error())
	}
	g.span.End()
}

var _ gate.Visit = (*guest)(nil)
