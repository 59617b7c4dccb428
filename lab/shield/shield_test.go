package shield_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/shield"
)

func TestCall(t *testing.T) {
	for _, c := range []struct {
		name   string
		next   lab.HandlerFunc
		reason lab.Reason
		ok     bool
		logged []string
	}{
		{"an answer", func(context.Context, *lab.Request) lab.Response { return lab.Response{} }, "", true, nil},
		{"a failure is an answer", func(context.Context, *lab.Request) lab.Response { return lab.Refuse(lab.Failed, lab.ReasonDown, 0) }, lab.ReasonDown, true, nil},
		{"a panic", func(context.Context, *lab.Request) lab.Response { panic("boom") }, lab.ReasonFault, false, []string{"hedge: panic below", "request=7", "panic=boom", "shield_test.go"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log strings.Builder
			res, ok := shield.Call(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), "hedge", &lab.Request{ID: 7}, c.next)
			if ok != c.ok || res.Reason != c.reason || res.Outcome.Good() != (c.reason == "") {
				t.Errorf("Call = %+v, %t, want reason %q and %t", res, ok, c.reason, c.ok)
			}
			for _, want := range c.logged {
				if !strings.Contains(log.String(), want) {
					t.Errorf("the log %q lacks %q", log.String(), want)
				}
			}
			if len(c.logged) == 0 && log.Len() > 0 {
				t.Errorf("the log says %q, want nothing", log.String())
			}
		})
	}
}
