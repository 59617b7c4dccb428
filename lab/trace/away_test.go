package trace_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	otel "go.opentelemetry.io/otel/trace"

	"workbench/lab"
	"workbench/lab/trace"
	"workbench/sim/clock"
)

// pair is a lab's tracer and that of a process that has joined it as p1.
type pair struct {
	t         *testing.T
	lab, away *trace.Tracer
	box       *trace.Outbox
}

func openPair(t *testing.T, s trace.Settings) *pair {
	box := &trace.Outbox{}
	p := &pair{t, open(t, trace.Config{Settings: s}), open(t, trace.Config{Settings: s, Outbox: box}), box}
	p.report() // it has reported before: it is known
	return p
}

// report sends what the process has measured.
func (p *pair) report() []trace.Finished {
	p.t.Helper()
	spans, lost := p.box.Take()
	text, err := json.Marshal(spans)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(text) > trace.MaxSentBytes+len(spans)+2 {
		p.t.Errorf("%d spans are %d bytes of JSON, want at most %d", len(spans), len(text), trace.MaxSentBytes)
	}
	var came []trace.Finished
	if err := json.Unmarshal(text, &came); err != nil {
		p.t.Fatal(err)
	}
	p.lab.Store().Report("p1", came, lost)
	return came
}

// request sends one through the balancer to the process, where a pattern stands
// before the call to the lab. work is what the service answers.
func (p *pair) request(ctx context.Context, pattern func(next lab.Handler) lab.HandlerFunc, work lab.Response) {
	in := (&http.Request{Method: "GET", URL: &url.URL{Path: "/x"}, Header: http.Header{}}).WithContext(ctx)
	pass := p.lab.Pass(in)
	pass.Picked("p1", in.Header)
	pass.Away("p1")
	call := lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		return p.away.Call(ctx, "call to the lab", "p1", func(ctx context.Context) lab.Response {
			q := &lab.Request{}
			_, done := p.lab.Called(context.Background(), p.away.Parent(ctx), "p1", "read", q)
			if done != nil {
				done(work)
			}
			return work
		})
	})
	chain := p.away.Chain("p1", clock.NewWall())("cache", lab.On, call, func(next lab.Handler) lab.Handler { return pattern(next) })
	serveAt(p.away, in.Header, "p1", chain)
	pass.Done("")
}

func serveAt(tr *trace.Tracer, h http.Header, instance string, next lab.Handler) {
	r := &lab.Request{ID: 7, User: 3}
	ctx, done := tr.Serve(context.Background(), h, instance, "read", r)
	res := next.Serve(ctx, r)
	if done != nil {
		done(res)
	}
}

func passOn(next lab.Handler) lab.HandlerFunc { return next.Serve }

func refuse(lab.Handler) lab.HandlerFunc {
	return func(context.Context, *lab.Request) lab.Response { return lab.Refuse(lab.Shed, "queue_full", 0) }
}

// TestATraceOverTwoProcesses waits for the other process's part, and shows it
// below the balancer's span with the name of who measured it.
func TestATraceOverTwoProcesses(t *testing.T) {
	p := openPair(t, trace.Settings{On: true, Share: 1})
	p.request(t.Context(), passOn, lab.Response{})
	if got := p.lab.Store().Counts(); got.Ended != 0 || got.Open != 1 {
		t.Fatalf("before the report: %+v, want the trace to be open", got)
	}
	p.report()
	list := p.lab.Store().List(trace.Query{})
	if len(list) != 1 {
		t.Fatalf("%d traces, want 1; counts %+v", len(list), p.lab.Store().Counts())
	}
	if got, want := names(list[0]), "balancer >read >>cache >>call to the lab >>>work for p1"; got != want {
		t.Errorf("rows are %q, want %q", got, want)
	}
	if list[0].Name != "read" || list[0].Outcome != "ok" || list[0].Missing != 0 {
		t.Errorf("trace %+v, want a read that is whole", list[0])
	}
	for _, s := range list[0].Spans {
		if here := s.Name == "balancer" || s.Name == "work for p1"; here == (s.Attr("process") == "p1") {
			t.Errorf("span %s says %q of who measured it", s.Name, s.Attr("process"))
		}
	}
	if c := p.lab.Store().Counts(); c.Away != 3 || c.Missing != 0 || c.Stray != 0 || c.Lost != 0 || c.Open != 0 {
		t.Errorf("counts %+v, want 3 spans of another process and nothing lost", c)
	}
}

// TestTheTailJudgesBothParts keeps what failed in the other process alone.
func TestTheTailJudgesBothParts(t *testing.T) {
	p := openPair(t, trace.Settings{On: true, Tail: true})
	p.request(t.Context(), refuse, lab.Response{})
	p.request(t.Context(), passOn, lab.Response{})
	p.report()
	list := p.lab.Store().List(trace.Query{})
	if len(list) != 1 || list[0].Why != trace.Failed || list[0].Reason != "queue_full" {
		t.Fatalf("kept %+v, want the one that was refused", list)
	}
	if c := p.lab.Store().Counts(); c.Ended != 2 || c.Dropped != 1 || c.Open != 0 {
		t.Errorf("counts %+v, want 2 ended and 1 dropped", c)
	}
}

// TestAPartThatDoesNotCome is given up with the second report after the answer,
// or when the process is gone, and counted.
func TestAPartThatDoesNotCome(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(p *pair)
	}{
		{"two reports without it", func(p *pair) {
			p.report()
			if got := p.lab.Store().Counts(); got.Open != 1 || got.Missing != 0 {
				p.t.Errorf("after one report: %+v, want it to be waited for", got)
			}
			p.report()
		}},
		{"the process is gone", func(p *pair) { p.lab.Store().Gone("p1") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := openPair(t, trace.Settings{On: true, Share: 1})
			p.request(t.Context(), passOn, lab.Response{})
			late, _ := p.box.Take()
			c.end(p)
			got := p.lab.Store().Counts()
			list := p.lab.Store().List(trace.Query{})
			if got.Missing != 1 || got.Open != 0 || len(list) != 1 || list[0].Missing != 1 || names(list[0]) != "balancer work for p1" {
				t.Errorf("counts %+v, traces %+v; want one trace with one part missing", got, list)
			}
			p.lab.Store().Report("p1", late, 0) // it comes after all
			if list := p.lab.Store().List(trace.Query{}); names(list[0]) != "balancer >read >>cache >>call to the lab >>>work for p1" || list[0].Missing != 0 {
				t.Errorf("after it came: %q, %d missing; want it whole", names(list[0]), list[0].Missing)
			}
		})
	}
}

func TestNobodyWaitsForAStrangersPart(t *testing.T) {
	p := openPair(t, trace.Settings{On: true, Share: 1})
	p.lab.Store().Gone("p1")
	p.request(t.Context(), passOn, lab.Response{})
	if c := p.lab.Store().Counts(); c.Open != 0 || c.Missing != 0 || c.Kept != 1 {
		t.Errorf("counts %+v, want the trace to have ended at once", c)
	}
	// A user who left is not waited for either: the work there may go on for long.
	p.report()
	ctx, leave := context.WithCancel(t.Context())
	leave()
	p.request(ctx, passOn, lab.Response{})
	if c := p.lab.Store().Counts(); c.Open != 0 || c.Missing != 0 {
		t.Errorf("counts %+v, want a trace whose user left to have ended", c)
	}
	p.report()
	for _, got := range p.lab.Store().List(trace.Query{Failed: true}) {
		if got.Why == trace.Failed && !strings.Contains(names(got), "read") {
			t.Errorf("rows %q, want the part that came later", names(got))
		}
	}
}

// TestLaterWorkOfAnotherProcess has a trace of its own that begins there.
func TestLaterWorkOfAnotherProcess(t *testing.T) {
	p := openPair(t, trace.Settings{On: true, Share: 1})
	ctx, span := p.away.Start(context.Background(), "jobs, later", "p1", trace.KindServer)
	p.away.Call(ctx, "call to the lab", "p1", func(ctx context.Context) lab.Response {
		_, done := p.lab.Called(context.Background(), p.away.Parent(ctx), "p1", "write", &lab.Request{})
		done(lab.Response{})
		return lab.Response{}
	})
	span.End()
	_, span = p.away.Start(context.Background(), "jobs, never called", "p1", trace.KindServer)
	span.End()
	p.report()
	var got []string
	for _, tr := range p.lab.Store().List(trace.Query{}) {
		got = append(got, names(tr))
	}
	if text := strings.Join(got, "; "); len(got) != 2 || !strings.Contains(text, "jobs, later >call to the lab >>work for p1") || !strings.Contains(text, "jobs, never called") {
		t.Errorf("traces %q, want both jobs", text)
	}
}

// TestOutboxIsBounded counts each span that it has no room for, by number and by
// size.
func TestOutboxIsBounded(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"by number", "x", trace.MaxSent},
		{"by size", strings.Repeat("<\x01", 128), trace.MaxSentBytes / (320 + 6*256 + 2*24 + 45)}, // name, where, kind and keys are the rest
	} {
		t.Run(c.name, func(t *testing.T) {
			p := openPair(t, trace.Settings{On: true, Share: 1})
			const all = trace.MaxSent + 100
			for range all {
				_, s := p.away.Start(context.Background(), c.text, "p1", trace.KindServer)
				s.End()
			}
			sent := p.report()
			got := p.lab.Store().Counts()
			if len(sent) == 0 || len(sent) > trace.MaxSent || got.Away != uint64(len(sent)) || got.Lost != uint64(all-len(sent)) {
				t.Errorf("%d sent; counts %+v; want %d together", len(sent), got, all)
			}
			if diff := len(sent) - c.want; diff < -60 || diff > 60 {
				t.Errorf("%d spans had room, want about %d", len(sent), c.want)
			}
			if again, lost := p.box.Take(); len(again) != 0 || lost != 0 {
				t.Errorf("%d spans and %d lost were told twice", len(again), lost)
			}
		})
	}
}

// TestNonsenseOfAnotherProcess is kept within bounds, and breaks nothing.
func TestNonsenseOfAnotherProcess(t *testing.T) {
	p := openPair(t, trace.Settings{On: true, Share: 1})
	long := strings.Repeat("ü", 500)
	at := time.Unix(1000, 0)
	s := trace.Span{Trace: otel.TraceID{1}, ID: otel.SpanID{1}, Name: long, Where: long, Start: at, End: at.Add(-time.Hour), Links: make([]trace.Link, 50)}
	for range 100 {
		s.Attrs = append(s.Attrs, trace.Attr{Key: "process", Value: "a"}, trace.Attr{Key: long, Value: long})
	}
	many := make([]trace.Finished, trace.MaxSent+5)
	many[0] = trace.Finished{Span: s, Sampled: true}
	p.lab.Store().Report("p1", many, 2)
	c := p.lab.Store().Counts()
	if c.Away != trace.MaxSent || c.Lost != 7 || c.Stray != trace.MaxSent-1 {
		t.Errorf("counts %+v, want %d taken, 7 lost, all but one astray", c, trace.MaxSent)
	}
	got, found := p.lab.Store().Get(otel.TraceID{1})
	if !found || len(got.Spans) != 1 {
		t.Fatalf("trace %+v, %v", got, found)
	}
	one := got.Spans[0]
	if len(one.Name) > 256 || len(one.Where) > 256 || len(one.Attrs) > 33 || len(one.Links) > 8 || one.Took() != 0 || one.Attr("process") != "p1" {
		t.Errorf("the span has %d, %d, %d, %d, %v, process %q; want it cut", len(one.Name), len(one.Where), len(one.Attrs), len(one.Links), one.Took(), one.Attr("process"))
	}
}

// TestAnotherMachinesClock puts what a process measured by a clock three minutes
// ahead where it was, and says so.
func TestAnotherMachinesClock(t *testing.T) {
	p := openPair(t, trace.Settings{On: true, Share: 1})
	p.request(t.Context(), passOn, lab.Response{})
	spans, _ := p.box.Take()
	for i := range spans {
		spans[i].Start, spans[i].End = spans[i].Start.Add(3*time.Minute), spans[i].End.Add(3*time.Minute)
	}
	p.lab.Store().Report("p1", spans, 0)
	got := p.lab.Store().List(trace.Query{})[0]
	if got.Took > time.Minute {
		t.Errorf("the trace took %v, want what the balancer measured", got.Took)
	}
	for _, s := range got.Spans {
		if moved := s.Attr("clock"); (moved != "") != (s.Attr("process") == "p1") {
			t.Errorf("span %s of %q says of its clock: %q", s.Name, s.Attr("process"), moved)
		}
	}
}
