package edge_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"workbench/lab"
	httpcache "workbench/lab/edge"
	"workbench/lab/knob"
	"workbench/lab/pattern/edge"
	"workbench/lab/pattern/patterntest"
)

func TestConformance(t *testing.T) { patterntest.Run(t, edge.Pattern()) }

func TestTwin(t *testing.T) {
	trace := patterntest.Poisson(4, 3000, 300, 30*time.Millisecond)
	for _, c := range []struct {
		name  string
		knobs map[string]any
	}{
		{"defaults", nil},
		{"short lives", map[string]any{"s_maxage": "1s", "stale_while_revalidate": "1s", "stale_if_error": "2s"}},
		{"no life", map[string]any{"s_maxage": "0s", "stale_while_revalidate": "0s"}},
		{"nobody waits", map[string]any{"s_maxage": "1s", "stale_while_revalidate": "0s", "stale_if_error": "0s", "collapse": false}},
		{"little room", map[string]any{"capacity": 5, "s_maxage": "1s"}},
	} {
		t.Run(c.name, func(t *testing.T) { patterntest.Twin(t, edge.Pattern(), c.knobs, trace) })
	}
}

// TestSameRules holds what virtual time does to what HTTP allows: for every age
// the copies offer what lab/edge decides about an answer with those directives.
func TestSameRules(t *testing.T) {
	for _, k := range []edge.Knobs{
		{Capacity: 1, Life: 10 * time.Second, While: 5 * time.Second, IfError: 20 * time.Second},
		{Capacity: 1, Life: 10 * time.Second}, {Capacity: 1, While: 5 * time.Second}, {Capacity: 1},
	} {
		terms := httpcache.Read(http.StatusOK, http.Header{"Cache-Control": {k.Control()}}, time.Unix(1e9, 0), httpcache.Policy{})
		copies := edge.New[struct{}](k)
		r := &lab.Request{Key: 1, Read: true}
		_, _, lease := copies.Look(0, r)
		copies.Keep(0, r, lease, lab.Response{})
		for age := time.Duration(0); age < 40*time.Second; age += 500 * time.Millisecond {
			_, offer, _ := copies.Look(age, r)
			want := map[httpcache.Use]edge.Offer{httpcache.UseNot: edge.Miss, httpcache.UseFresh: edge.Fresh, httpcache.UseWhile: edge.While}[terms.Decide(age, httpcache.Demand{})]
			if offer != want {
				t.Errorf("%s at age %v: offer %d, want %d", k.Control(), age, offer, want)
			}
			failed := lab.Refuse(lab.Failed, lab.ReasonFault, 0)
			_, stands := copies.OnError(age, r, &failed)
			if want := terms.OnError(age, httpcache.Demand{}, false, httpcache.Policy{}); stands != want && age >= k.Life {
				t.Errorf("%s at age %v: stands in for an error %v, want %v", k.Control(), age, stands, want)
			}
		}
	}
}

func TestWrites(t *testing.T) {
	copies := edge.New[struct{}](edge.Defaults())
	page, other := &lab.Request{Key: 1, Read: true}, &lab.Request{Key: 2, Read: true}
	for _, r := range []*lab.Request{page, other} {
		_, _, lease := copies.Look(0, r)
		copies.Keep(0, r, lease, lab.Response{})
	}
	_, _, before := copies.Look(0, page)
	failed := lab.Refuse(lab.Failed, lab.ReasonFault, 0)
	if n := copies.Wrote(page, 4, &failed); n != 0 {
		t.Errorf("a failed write dropped %d copies, want 0", n)
	}
	if n := copies.Wrote(page, 4, &lab.Response{}); n != 1 {
		t.Errorf("a write dropped %d copies, want 1", n)
	}
	if kept := copies.Keep(0, page, before, lab.Response{}); kept != edge.Refused {
		t.Errorf("an answer from before the write: kept %d, want refused", kept)
	}
	if _, offer, _ := copies.Look(0, other); offer != edge.Fresh {
		t.Error("a write dropped the copy of another item")
	}
}

func TestKnobs(t *testing.T) {
	_, err := edge.Pattern().Settings(map[string]any{"s_maxage": "1500ms"})
	if wrong := (*knob.Error)(nil); !errors.As(err, &wrong) || wrong.Knob != "s_maxage" {
		t.Errorf("half a second: %v, want an error that names s_maxage", err)
	}
	k := edge.Knobs{Life: 2 * time.Second, While: 3 * time.Second, IfError: time.Minute}
	if got, want := k.Control(), "public, max-age=2, stale-while-revalidate=3, stale-if-error=60"; got != want {
		t.Errorf("Control() = %q, want %q", got, want)
	}
}
