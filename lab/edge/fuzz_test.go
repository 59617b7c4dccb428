package edge_test

import (
	"net/http"
	"testing"
	"time"

	"workbench/lab/edge"
)

// FuzzRead gives the parsers what an origin, or somebody who plays one, may send.
// Whatever it is, nothing panics, and no lifetime is negative or endless.
func FuzzRead(f *testing.F) {
	f.Add(`max-age=60, no-cache="a, b"`, `max-age=1;x="y", foo`, "Thu, 18 Aug 2050 02:01:18 GMT", "7200, 0")
	f.Add(`x="\`, `a="`, "0", "-1")
	f.Add(`"`, `a=?1,b=*c;d`, "", "99999999999999999999")
	f.Fuzz(func(t *testing.T, control, targeted, expires, age string) {
		h := http.Header{"Cache-Control": {control}, "Cdn-Cache-Control": {targeted}, "Expires": {expires}, "Age": {age}, "Date": {expires}, "Vary": {control}}
		now := time.Unix(1e9, 0)
		terms := edge.Read(200, h, now, edge.DefaultPolicy())
		initial := edge.InitialAge(h, now, now)
		if terms.Life < 0 || initial < 0 {
			t.Errorf("a lifetime of %v and an age of %v", terms.Life, initial)
		}
		want := edge.ReadDemand(h)
		if use := terms.Decide(terms.Life+time.Hour, want); use == edge.UseFresh {
			t.Error("a copy past its lifetime is fresh")
		}
		edge.Storable(h, 200, h, terms, edge.DefaultPolicy())
		edge.Unmodified(http.Header{"If-None-Match": {control}}, http.Header{"Etag": {targeted}}, now)
	})
}
