package web_test

import (
	"testing"

	"workbench/lab/journal"
	"workbench/lab/trace"
	"workbench/web/webtest"
)

// An order's number finds its traces and its lines, and nothing else; where there
// are no orders nobody is asked for one.
func TestAnOrderIsFoundByItsNumber(t *testing.T) {
	s, o := seen(t)
	html := map[string]string{"Accept": "text/html"}
	for _, path := range []string{"/traces", "/logs"} {
		webtest.Case{Path: path, Status: 200, Not: []string{`name="order"`}, Header: html}.Run(t, s)
	}
	before := id(o)
	ctx, span := o.Tracer.Start(t.Context(), "publish to outbox", "outbox", trace.KindMessage)
	trace.Say(ctx, trace.KeyOrder, "4711")
	span.End()
	of := trace.Of(ctx)
	o.Lines.Consume(journal.Delivery{From: "sqlite", ID: "x-4711", Correlation: of, Attempt: 1})(nil, journal.Attr{Key: trace.KeyOrder, Value: "4711"})
	for _, c := range []webtest.Case{
		{Path: "/traces", Status: 200, Want: []string{of, before, `name="order"`}},
		{Path: "/traces?order=4711", Status: 200, Want: []string{of, `value="4711"`, "order 4711", "show=slowest"}, Not: []string{before}},
		{Path: "/traces?order=5", Status: 200, Want: []string{"No trace about order 5 is held", `value="5"`}, Not: []string{of, "None yet"}},
		{Path: "/traces/" + of, Status: 200, Want: []string{"order 4711", "order=4711"}},
		{Path: "/logs?order=4711", Status: 200, Want: []string{"delivery", "/traces/" + of, "order=4711", `value="4711"`}, Not: []string{"queue_full"}},
		{Path: "/logs?order=5", Status: 200, Not: []string{"delivery"}},
	} {
		t.Run(c.Path, func(t *testing.T) {
			c.Header = html
			c.Run(t, s)
		})
	}
	webtest.Case{Path: "/api/traces?order=4711", Status: 200, Want: []string{of}, Not: []string{before}}.Run(t, s)
	webtest.Case{Path: "/api/logs?order=4711", Status: 200, Want: []string{`"text":"delivery"`}, Not: []string{"queue_full"}}.Run(t, s)
}
