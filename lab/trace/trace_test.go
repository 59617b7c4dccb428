package trace_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	otel "go.opentelemetry.io/otel/trace"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/trace"
	"workbench/sim/clock"
	"workbench/sim/dist"
	"workbench/sim/load"
	"workbench/sim/outcome"
)

func open(t *testing.T, c trace.Config) *trace.Tracer {
	t.Helper()
	tr, err := trace.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tr.Close(context.Background()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return tr
}

func ok(context.Context, *lab.Request) lab.Response { return lab.Response{} }

// serve sends one request through an instance of one operation.
func serve(tr *trace.Tracer, h http.Header, next lab.Handler) lab.Response {
	r := &lab.Request{ID: 7, User: 3}
	ctx, done := tr.Serve(context.Background(), h, "a", "read", r)
	res := next.Serve(ctx, r)
	if done != nil {
		done(res)
	}
	return res
}

func names(t trace.Trace) string {
	var out []string
	for _, r := range t.Rows() {
		out = append(out, strings.Repeat(">", r.Depth)+r.Name)
	}
	return strings.Join(out, " ")
}

func TestWhatIsKept(t *testing.T) {
	all := trace.Settings{On: true, Share: 1}
	tail := trace.Settings{On: true, Tail: true, Slow: time.Second}
	fail := lab.Refuse(lab.Failed, lab.ReasonFault, 0)
	for _, c := range []struct {
		name     string
		settings trace.Settings
		takes    time.Duration
		answer   lab.Response
		want     trace.Why
	}{
		{"off", trace.Settings{Share: 1, Tail: true}, 0, fail, ""},
		{"the head draws all", all, 0, lab.Response{}, trace.Sampled},
		{"the head draws none", trace.Settings{On: true}, 2 * time.Second, fail, ""},
		{"the tail drops what is well", tail, time.Second - 1, lab.Response{}, ""},
		{"the tail keeps what is slow", tail, time.Second, lab.Response{}, trace.Slow},
		{"the tail keeps what failed", tail, 0, fail, trace.Failed},
		{"failed says more than slow", tail, 2 * time.Second, fail, trace.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := open(t, trace.Config{Settings: c.settings})
				serve(tr, http.Header{}, lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
					<-time.NewTimer(c.takes).C
					return c.answer
				}))
				list := tr.Store().List(trace.Query{})
				if c.want == "" {
					if len(list) != 0 {
						t.Fatalf("kept %+v, want nothing", list)
					}
					return
				}
				if len(list) != 1 || list[0].Why != c.want || list[0].Took != c.takes || list[0].Name != "read" || list[0].Outcome != c.answer.Outcome.String() {
					t.Fatalf("kept %+v, want one read that is %s after %v and %v", list, c.want, c.takes, c.answer.Outcome)
				}
			})
		})
	}
}

func TestOneTraceFromUserToStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := open(t, trace.Config{Settings: trace.Settings{On: true, Share: 1}})
		wall := clock.NewWall()
		g, err := gate.New(gate.Spec{Slots: 1, Service: 5 * time.Millisecond, Law: "constant"}, wall, dist.New(1, "gate"))
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		g.Observe(tr.Gate("database", "SQLite"))
		system := lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
			body, err := g.Do(ctx, r, func(ctx context.Context) ([]byte, error) { return []byte(trace.Of(ctx)), nil })
			return lab.Answer(body, err)
		})
		around := tr.Chain("a", wall)
		slow := around("queue", lab.On, system, func(next lab.Handler) lab.Handler {
			return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
				<-time.NewTimer(20 * time.Millisecond).C
				return next.Serve(ctx, r)
			})
		})
		idle := around("breaker", lab.On, slow, func(next lab.Handler) lab.Handler { return next })
		const salt, seq = 9, 4
		id := otel.TraceID(load.TraceID(salt, seq))
		h := http.Header{"Traceparent": {"00-" + id.String() + "-" + otel.SpanID(load.SpanID(salt, seq, 0)).String() + "-01"}}
		in := (&http.Request{Method: "GET", URL: &url.URL{Path: "/x"}, Header: h}).WithContext(t.Context())
		p := tr.Pass(in)
		p.Picked("a", in.Header)
		if got := string(serve(tr, in.Header, idle).Body); got != id.String() {
			t.Errorf("the store's work runs in trace %q, want %v", got, id)
		}
		p.Done("")
		now := time.Now()
		tr.Client(salt, []string{"read"}, []load.TrySpan{{Seq: seq, Start: now.Add(-30 * time.Millisecond).UnixNano(), End: now.UnixNano(), Outcome: outcome.OK}})
		got, found := tr.Store().Get(id)
		if !found {
			t.Fatalf("no trace %v; counts %+v", id, tr.Store().Counts())
		}
		const want = "user's try >balancer >>read >>>queue >>>database >>>>wait for a slot >>>>SQLite >>>>service and round trip"
		if names(got) != want {
			t.Errorf("rows are %q, want %q", names(got), want)
		}
		for _, s := range got.Spans {
			switch s.Name {
			case "queue":
				if s.Attr("did") != "waited" || s.Attr("waited_us") != "20000" {
					t.Errorf("the queue says %+v, want that it waited 20000 µs", s.Attrs)
				}
			case "service and round trip":
				if s.Took() != 5*time.Millisecond {
					t.Errorf("service took %v, want 5ms", s.Took())
				}
			case "breaker":
				t.Error("a pattern that did nothing has a span")
			}
		}
	})
}

func TestWhatAPatternDid(t *testing.T) {
	fail := lab.Refuse(lab.Failed, lab.ReasonFault, 0)
	for _, c := range []struct {
		name, pattern string
		serve         func(next lab.Handler) lab.HandlerFunc
		want, rows    string
	}{
		{"a hit", "cache", func(lab.Handler) lab.HandlerFunc {
			return func(context.Context, *lab.Request) lab.Response { return lab.Response{Cached: true} }
		}, "hit", "read >cache"},
		{"a miss", "cache", func(next lab.Handler) lab.HandlerFunc { return next.Serve }, "miss", "read >cache"},
		{"an open breaker", "breaker", func(lab.Handler) lab.HandlerFunc {
			return func(context.Context, *lab.Request) lab.Response { return lab.Refuse(lab.Open, "open", 0) }
		}, "refused", "read >breaker"},
		{"two tries", "retry", func(next lab.Handler) lab.HandlerFunc {
			return func(ctx context.Context, r *lab.Request) lab.Response { next.Serve(ctx, r); return next.Serve(ctx, r) }
		}, "tried again", "read >retry >>try >>try"},
		{"an old copy", "stale", func(next lab.Handler) lab.HandlerFunc {
			return func(ctx context.Context, r *lab.Request) lab.Response {
				next.Serve(ctx, r)
				return lab.Response{Outcome: lab.Stale}
			}
		}, "answered with an old copy", "read >stale"},
		{"accepted", "jobs", func(lab.Handler) lab.HandlerFunc {
			return func(context.Context, *lab.Request) lab.Response { return lab.Response{Accepted: true} }
		}, "accepted for later", "read >jobs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := open(t, trace.Config{Settings: trace.Settings{On: true, Share: 1}})
			h := tr.Chain("a", clock.NewWall())(c.pattern, lab.On, lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return fail }), func(next lab.Handler) lab.Handler { return c.serve(next) })
			serve(tr, http.Header{}, h)
			list := tr.Store().List(trace.Query{})
			if len(list) != 1 || names(list[0]) != c.rows {
				t.Fatalf("traces are %+v, want one with rows %q", list, c.rows)
			}
			if got := list[0].Rows()[1].Attr("did"); got != c.want {
				t.Errorf("%s did %q, want %q", c.pattern, got, c.want)
			}
		})
	}
}

func TestLaterWorkIsLinked(t *testing.T) {
	tr := open(t, trace.Config{Settings: trace.Settings{On: true, Share: 1}})
	var kept *lab.Request
	var later lab.Handler
	h := tr.Chain("a", clock.NewWall())("jobs", lab.On, lab.HandlerFunc(ok), func(next lab.Handler) lab.Handler {
		later = next
		return lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response {
			q := *r
			kept = &q
			return lab.Response{Accepted: true}
		})
	})
	serve(tr, http.Header{}, h)
	later.Serve(context.Background(), kept)
	list := tr.Store().List(trace.Query{})
	if len(list) != 2 {
		t.Fatalf("%d traces, want the request's and the job's", len(list))
	}
	cause := otel.TraceID(kept.Origin.Trace)
	linked := tr.Store().Linked(cause)
	if len(linked) != 1 || linked[0] == cause {
		t.Errorf("Linked(%v) = %v, want the job's trace", cause, linked)
	}
}

func TestMessagesCarryTheTrace(t *testing.T) {
	tr := open(t, trace.Config{Settings: trace.Settings{On: true, Share: 1}})
	ctx, span := tr.Start(context.Background(), "order", "a", trace.KindServer)
	_, headers, sent := tr.Produce(ctx, "orders", map[string]string{"x": "y"})
	sent(nil)
	span.End()
	id := trace.Of(ctx)
	if headers["x"] != "y" || headers[trace.CorrelationHeader] != id || !strings.Contains(headers["traceparent"], id) {
		t.Fatalf("headers are %v, want x, the correlation id and the traceparent of %s", headers, id)
	}
	_, done := tr.Consume(context.Background(), "orders", headers)
	done(errors.New("poison"))
	linked := tr.Store().Linked(span.SpanContext().TraceID())
	if len(linked) != 1 {
		t.Fatalf("linked %v, want the delivery", linked)
	}
	got, _ := tr.Store().Get(linked[0])
	if s := got.Spans[0]; s.Attr("correlation") != id || !s.Failed || s.Name != "deliver from orders" {
		t.Errorf("the delivery is %+v, want it failed with correlation id %s", s, id)
	}
}

// A message of a request that nobody records has no span, and its correlation id
// all the same: lines may have it. With tracing off it has nothing.
func TestMessagesOfWhatIsNotRecorded(t *testing.T) {
	tr := open(t, trace.Config{Settings: trace.Settings{On: true, Share: 1e-18}})
	ctx, span := tr.Start(context.Background(), "order", "a", trace.KindServer)
	defer span.End()
	_, headers, sent := tr.Produce(ctx, "orders", nil)
	sent(nil)
	if id := trace.Of(ctx); span.IsRecording() || id == "" || headers[trace.CorrelationHeader] != id || !strings.HasSuffix(headers["traceparent"], "-00") {
		t.Errorf("headers are %v, want the id %s, not sampled", headers, id)
	}
	if err := tr.Set(trace.Settings{}); err != nil {
		t.Fatal(err)
	}
	same, headers, sent := tr.Produce(ctx, "orders", nil)
	sent(nil)
	if headers != nil || same != ctx {
		t.Errorf("with tracing off the headers are %v, want none", headers)
	}
	if n := testing.AllocsPerRun(100, func() {
		_, _, sent := tr.Produce(ctx, "orders", nil)
		_, done := tr.Consume(ctx, "orders", nil)
		sent(nil)
		done(nil)
	}); n != 0 {
		t.Errorf("with tracing off a message costs %v allocations, want none", n)
	}
}

func TestAUserWhoLeft(t *testing.T) {
	tr := open(t, trace.Config{Settings: trace.Settings{On: true, Tail: true}})
	ctx, leave := context.WithCancel(t.Context())
	p := tr.Pass((&http.Request{Method: "GET", URL: &url.URL{Path: "/profiles/7"}, Header: http.Header{}}).WithContext(ctx))
	leave()
	p.Done("")
	list := tr.Store().List(trace.Query{})
	if len(list) != 1 || list[0].Why != trace.Failed || list[0].Name != "GET /profiles/7" || list[0].Spans[0].Attr("did") != "the user left before the answer" {
		t.Errorf("traces are %+v, want one that failed because its user left", list)
	}
}

func TestBounds(t *testing.T) {
	tr := open(t, trace.Config{Settings: trace.Settings{On: true, Share: 1}, Keep: 2})
	for range 5 {
		serve(tr, http.Header{}, lab.HandlerFunc(ok))
	}
	if c := tr.Store().Counts(); c.Ended != 5 || c.Kept != 5 || c.Pushed != 3 || c.Held != 2 || c.Open != 0 {
		t.Errorf("counts are %+v, want 5 ended and kept, 3 pushed out, 2 held, none open", c)
	}
	serve(tr, http.Header{}, lab.HandlerFunc(func(ctx context.Context, _ *lab.Request) lab.Response {
		for range 200 {
			_, s := tr.Start(ctx, "x", "a", trace.KindStore)
			s.End()
		}
		return lab.Response{}
	}))
	if got := tr.Store().List(trace.Query{Limit: 1})[0]; len(got.Spans) != trace.MaxSpans || got.Cut != 201-trace.MaxSpans {
		t.Errorf("kept %d spans and cut %d, want %d and %d", len(got.Spans), got.Cut, trace.MaxSpans, 201-trace.MaxSpans)
	}
	tr.Store().Clear()
	if c := tr.Store().Counts(); c.Held != 0 {
		t.Errorf("%d held after Clear, want 0", c.Held)
	}
}

func TestManyAtOnceDoNotGrowTheStore(t *testing.T) {
	tr := open(t, trace.Config{Settings: trace.Settings{On: true, Share: 1}})
	var spans []otel.Span
	for range trace.MaxOpen + 10 {
		_, s := tr.Start(context.Background(), "x", "a", trace.KindServer)
		spans = append(spans, s)
	}
	for _, s := range spans {
		s.End()
	}
	if c := tr.Store().Counts(); c.Overflow != 10 || c.Open != 0 || c.Ended != trace.MaxOpen {
		t.Errorf("counts are %+v, want 10 overflowed, none open, %d ended", c, trace.MaxOpen)
	}
}

func TestSettingsNameWhatIsWrong(t *testing.T) {
	_, err := trace.New(trace.Config{Settings: trace.Settings{Share: 2, Slow: -1}, Keep: -1})
	for _, want := range []string{"share is 2", "slow is -1ns", "Keep is -1"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New() = %v, want an error with %q", err, want)
		}
	}
	tr := open(t, trace.Config{Settings: trace.Defaults()})
	if err := tr.Set(trace.Settings{Share: -1}); err == nil || tr.Settings() != trace.Defaults() {
		t.Errorf("Set(share -1) = %v with settings %+v, want an error and no change", err, tr.Settings())
	}
}

// A request that is not followed pays a load at each place, and no memory.
func TestOffCostsNoMemory(t *testing.T) {
	tr := open(t, trace.Config{})
	h := chainOf(tr, 9)
	r := &lab.Request{}
	if n := testing.AllocsPerRun(100, func() { h.Serve(context.Background(), r) }); n != 0 {
		t.Errorf("%v allocations for a request that is not followed, want 0", n)
	}
}

func chainOf(tr *trace.Tracer, patterns int) lab.Handler {
	around := tr.Chain("a", clock.NewWall())
	h := lab.Handler(lab.HandlerFunc(ok))
	for range patterns {
		h = around("queue", lab.On, h, func(next lab.Handler) lab.Handler { return next })
	}
	return h
}

func BenchmarkChain(b *testing.B) {
	for _, c := range []struct {
		name string
		set  trace.Settings
	}{{"off", trace.Settings{}}, {"head 1%", trace.Settings{On: true, Share: .01}}, {"tail", trace.Settings{On: true, Share: .01, Tail: true, Slow: time.Second}}, {"all kept", trace.Settings{On: true, Share: 1}}} {
		b.Run(c.name, func(b *testing.B) {
			tr, err := trace.New(trace.Config{Settings: c.set})
			if err != nil {
				b.Fatal(err)
			}
			h := chainOf(tr, 9)
			b.ReportAllocs()
			for b.Loop() {
				serve(tr, nil, h)
			}
		})
	}
	b.Run("without observers", func(b *testing.B) {
		h := lab.Handler(lab.HandlerFunc(ok))
		b.ReportAllocs()
		for b.Loop() {
			h.Serve(context.Background(), &lab.Request{})
		}
	})
}

// What the service said and what the user got are two things: an answer may be
// right, and come when nobody waits any more.
func TestWhatTheUserGot(t *testing.T) {
	tr := open(t, trace.Config{Settings: trace.Settings{On: true, Tail: true}})
	ctx, leave := context.WithCancel(t.Context())
	p := tr.Pass((&http.Request{Method: "GET", URL: &url.URL{Path: "/profiles/7"}, Header: http.Header{}}).WithContext(ctx))
	h := http.Header{}
	p.Picked("a", h)
	served, done := tr.Serve(context.Background(), h, "a", "read-profile", &lab.Request{ID: 1})
	leave()
	p.Done("")
	if done == nil || served == nil {
		t.Fatal("the request is not followed")
	}
	done(lab.Response{})
	got := tr.Store().List(trace.Query{})
	if len(got) != 1 || got[0].Outcome != "ok" || got[0].User != trace.GaveUp {
		t.Fatalf("traces are %+v, want one that the service calls ok and whose user gave up", got)
	}
	word := func(outcome string) string {
		tr.Store().Client(trace.Span{Trace: got[0].ID, Where: "users", Start: got[0].Start, End: got[0].Start.Add(1), Attrs: []trace.Attr{{Key: "outcome_for_user", Value: outcome}}})
		one, _ := tr.Store().Get(got[0].ID)
		return one.User
	}
	if got := word("late"); got != trace.GaveUp {
		t.Errorf("a user who left and counts as late got %q, want %q", got, trace.GaveUp)
	}
	if got := word("ok"); got != "ok" {
		t.Errorf("a user who tried again and was served got %q, want ok", got)
	}
}
