package desk_test

import (
	"context"
	"sync"
	"testing"

	"workbench/lab"
	"workbench/lab/broker"
	"workbench/lab/journal"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/desk"
	"workbench/lab/trace"
	"workbench/sim/clock"
)

// observed returns a tracer and a journal that keep everything.
func observed(t testing.TB) (*trace.Tracer, *journal.Journal) {
	t.Helper()
	tracer, err := trace.New(trace.Config{Settings: trace.Settings{On: true, Share: 1}})
	if err != nil {
		t.Fatal(err)
	}
	lines, err := journal.New(clock.NewWall(), 100, journal.Settings{Mode: journal.All})
	if err != nil {
		t.Fatal(err)
	}
	return tracer, lines
}

// An order's settlement is linked to its submission, and the worker's line has
// its trace's id, with the outbox and without, over every broker that is here.
func TestAnOrderIsFollowedToItsSettlement(t *testing.T) {
	for _, name := range []string{"memory", "sqlite", "kafka"} {
		for how, from := range map[string]string{"outbox": "outbox", "dual write": name} {
			t.Run(name+", "+how, func(t *testing.T) {
				tracer, lines := observed(t)
				r := with(t, t.TempDir(), func(d *desk.Deps) { d.Broker, d.Tracer, d.Journal = durable(name), tracer, lines })
				req := submit("k", buy)
				req.Choices = all(durable(name))
				if how == "dual write" {
					req.Choices[orders.PlaceOutbox] = nil
				}
				ctx, done := tracer.Serve(t.Context(), nil, "a", "submit-order", req)
				res := r.Serve(ctx, req)
				done(res)
				if res.Status != 202 {
					t.Fatalf("submit = %+v %s", res, res.Body)
				}
				cause := trace.ID(req.Origin.Trace)
				r.until(t, "the delivery has its trace and its line", func() bool {
					return len(tracer.Store().Linked(cause)) == 1 && len(lines.List(journal.Query{Trace: cause.String()})) == 1
				})
				sent, _ := tracer.Store().Get(cause)
				settled, _ := tracer.Store().Get(tracer.Store().Linked(cause)[0])
				if !says(sent, "publish to "+from, trace.KeyOrder, "7") {
					t.Errorf("the submission's trace is %+v, want a span that publishes order 7 to %s", sent.Spans, from)
				}
				if !says(settled, "deliver from "+name, trace.KeyOrder, "7") || !says(settled, "deliver from "+name, "correlation", cause.String()) {
					t.Errorf("the delivery's trace is %+v, want order 7 with correlation id %v", settled.Spans, cause)
				}
				l := lines.List(journal.Query{Order: "7"})
				if len(l) != 1 || l[0].Trace != cause.String() || l[0].Outcome != "ok" || l[0].Instance != "workers" || l[0].Took <= 0 {
					t.Errorf("the lines about order 7 are %+v, want the worker's with the trace %v", l, cause)
				}
				if got := tracer.Store().List(trace.Query{About: "7"}); len(got) != 2 {
					t.Errorf("%d traces are about order 7, want the submission's and the delivery's", len(got))
				}
				if got := tracer.Store().List(trace.Query{About: "8"}); len(got) != 0 {
					t.Errorf("%d traces are about order 8, want none", len(got))
				}
			})
		}
	}
}

func says(t trace.Trace, name, key, value string) bool {
	for _, s := range t.Spans {
		if s.Name == name && s.Attr(key) == value {
			return true
		}
	}
	return false
}

// A delivery that fails, or comes again, is told as what it is.
func TestDeliveriesThatFailAreTold(t *testing.T) {
	tracer, lines := observed(t)
	r := with(t, t.TempDir(), func(d *desk.Deps) { d.Tracer, d.Journal = tracer, lines })
	r.Crash(1)
	r.do(t, submit("k", buy))
	r.until(t, "it came twice", func() bool { return len(lines.List(journal.Query{Order: "7"})) == 2 })
	again, first := lines.List(journal.Query{Order: "7"})[0], lines.List(journal.Query{Order: "7"})[1]
	if first.Outcome != "failed" || !attr(first, "error", broker.ErrCrash.Error()) || !attr(first, "attempt", "1") || again.Outcome != "ok" || !attr(again, "attempt", "2") {
		t.Errorf("the lines are %+v and %+v, want a crash and then a second attempt", first, again)
	}
	if err := r.Poison(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.until(t, "the poison has a line", func() bool { return len(lines.List(journal.Query{Outcome: "failed"})) == 2 })
}

func attr(l journal.Line, key, value string) bool {
	for _, a := range l.Attrs {
		if a.Key == key && a.Value == value {
			return true
		}
	}
	return false
}

// With neither on, an event carries nothing and nothing is kept.
func TestNobodyFollowsWhatIsNotToBeFollowed(t *testing.T) {
	tracer, lines := observed(t)
	if err := tracer.Set(trace.Settings{}); err != nil {
		t.Fatal(err)
	}
	if err := lines.Set(journal.Settings{Mode: journal.Off}); err != nil {
		t.Fatal(err)
	}
	spy := &spy{}
	r := with(t, t.TempDir(), func(d *desk.Deps) {
		d.Tracer, d.Journal = tracer, lines
		d.Broker = durable("memory")
		open := d.Open
		d.Open = func(ctx context.Context, name, queue string) (b broker.Broker, err error) {
			spy.Broker, err = open(ctx, name, queue)
			return spy, err
		}
	})
	req := submit("k", buy)
	req.Choices = all(durable("memory"))
	if res := r.do(t, req); res.Status != 202 {
		t.Fatalf("submit = %+v %s", res, res.Body)
	}
	r.until(t, "settled", func() bool { return r.counts.Applied.Load() == 1 })
	r.end(t)
	headers := spy.headers
	if len(headers) != 1 || len(headers[0]) != 0 || tracer.Store().Counts().Ended != 0 || lines.Counts().Written != 0 || lines.Counts().Skipped != 0 {
		t.Errorf("headers %v, traces %+v, lines %+v; want none", headers, tracer.Store().Counts(), lines.Counts())
	}
}

// The names of headers are the same in all rooms.
func TestHeadersAreNamedAlike(t *testing.T) {
	if trace.CorrelationHeader != broker.HeaderCorrelation || broker.HeaderTrace != "traceparent" {
		t.Errorf("headers are %q and %q, want the names of lab/broker: %q and %q", trace.CorrelationHeader, "traceparent", broker.HeaderCorrelation, broker.HeaderTrace)
	}
}

// The line of a delivery is drawn with its request's: all lines or none.
func TestLinesOfOneRequestAreDrawnTogether(t *testing.T) {
	_, lines := observed(t)
	if err := lines.Set(journal.Settings{Mode: journal.Sampled, Share: .5}); err != nil {
		t.Fatal(err)
	}
	for id := range uint64(200) {
		before := lines.Counts().Written
		r := &lab.Request{ID: id}
		lines.Wrap("a", []string{"submit-order"}, lab.HandlerFunc(nothing)).Serve(t.Context(), r)
		drawn := lines.Counts().Written - before
		h := lines.Produce(r, nil)
		lines.Consume(journal.Delivery{From: "memory", ID: "m", Request: h[journal.RequestHeader], Attempt: 1})(nil)
		if got := lines.Counts().Written - before; got != 2*drawn {
			t.Fatalf("request %d has %d lines, and %d with its delivery's: want both or none", id, drawn, got)
		}
	}
	if c := lines.Counts(); c.Written < 120 || c.Written > 280 {
		t.Errorf("%d lines of 400 at a share of a half", c.Written)
	}
}

func nothing(context.Context, *lab.Request) lab.Response { return lab.Response{} }

// spy is a broker that keeps the headers of what is published.
type spy struct {
	broker.Broker
	mu      sync.Mutex
	headers []map[string]string
}

func (s *spy) Publish(ctx context.Context, m broker.Message) error {
	s.mu.Lock()
	s.headers = append(s.headers, m.Headers)
	s.mu.Unlock()
	return s.Broker.Publish(ctx, m)
}
