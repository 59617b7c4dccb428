package edge_test

import (
	"fmt"
	"slices"
	"testing"

	"workbench/lab/edge"
)

// TestConformance holds the cache to RFC 9111 and its companions, one row a rule.
func TestConformance(t *testing.T) {
	rows := slices.Concat(freshnessRows(), parsingRows(), ageRows(), directiveRows(), staleRows(), statusRows(), demandRows(), varyRows(),
		conditionRows(), fieldRows(), writeRows(), rangeRows(), targetedRows(), sharedRows())
	if len(rows) < 200 {
		t.Errorf("%d rows, want at least 200", len(rows))
	}
	seen := map[string]bool{}
	for _, row := range rows {
		name := row.group + "/" + row.name
		if seen[name] {
			t.Errorf("two rows are called %s", name)
		}
		seen[name] = true
		t.Run(name, func(t *testing.T) { row.play(t, edge.DefaultSettings()) })
	}
}

func freshnessRows() []conformance {
	return group("freshness",
		asked("nothing said", ""),
		reused("max-age", "Cache-Control: max-age=3600"),
		asked("max-age 0", "Cache-Control: max-age=0"),
		reused("max-age one below the greatest", "Cache-Control: max-age=2147483647"),
		reused("max-age the greatest", "Cache-Control: max-age=2147483648"),
		reused("max-age above the greatest", "Cache-Control: max-age=99999999999"),
		reused("max-age of thirty digits", "Cache-Control: max-age=999999999999999999999999999999"),
		asked("max-age run out", "Cache-Control: max-age=2"),
		asked("Age beyond max-age", "Cache-Control: max-age=3600 | Age: 7200"),
		asked("Date long past", "Cache-Control: max-age=3600 | Date: @-7200"),
		reused("max-age before a past Expires", "Cache-Control: max-age=3600 | Expires: @-7200"),
		reused("max-age before a broken Expires", "Cache-Control: max-age=3600 | Expires: 0"),
		asked("max-age 0 before a future Expires", "Cache-Control: max-age=0 | Expires: @3600"),
		asked("negative max-age", "Cache-Control: max-age=-3600"),
		reused("s-maxage", "Cache-Control: s-maxage=3600"),
		asked("short s-maxage before long max-age", "Cache-Control: max-age=3600, s-maxage=1"),
		asked("the same the other way round", "Cache-Control: s-maxage=1, max-age=3600"),
		asked("the same on two lines", "Cache-Control: max-age=3600 | Cache-Control: s-maxage=1"),
		reused("long s-maxage before short max-age", "Cache-Control: max-age=1, s-maxage=3600"),
		reused("s-maxage before max-age 0 and a past Expires", "Cache-Control: max-age=0, s-maxage=3600 | Expires: @-10"),
		reused("future Expires", "Expires: @3600"),
		asked("past Expires", "Expires: @-3600"),
		asked("Expires now", "Expires: @0"),
		asked("Expires before a fast Date", "Expires: @300 | Date: @400"),
		asked("Expires 0", "Expires: 0"),
		reused("Expires with a broken Date", "Expires: @10 | Date: foo"),
		asked("Age beyond Expires, slow Date", "Expires: @10 | Date: @-10 | Age: 25"),
		asked("Age beyond Expires, fast Date", "Expires: @20 | Date: @10 | Age: 15"),
		reused("Expires in the form of RFC 850", "Expires: Friday, 18-Aug-34 02:01:18 GMT"),
		reused("Expires in the form of asctime", "Expires: Thu Aug 18 02:01:18 2050"),
		reused("Expires with a lower-case zone", "Expires: Thu, 18 Aug 2050 02:01:18 gmt"),
		asked("Expires in another zone", "Expires: Thu, 18 Aug 2050 02:01:18 AEST"),
		reused("Expires in small letters", "Expires: thu, 18 aug 2050 02:01:18 gmt"),
		reused("Expires in the form of asctime, day of one digit", "Expires: Mon Aug  8 02:01:18 2050"),
		asked("Expires with doubled blanks", "Expires: Thu, 18  Aug  2050 02:01:18 GMT"),
		asked("Expires with an hour of one digit", "Expires: Thu, 18 Aug 2050 2:01:18 GMT"),
		asked("Expires with a fraction", "Expires: Thu, 18 Aug 2050 02:01:18.5 GMT"),
		asked("Expires in the form of RFC 850, another zone", "Expires: Friday, 18-Aug-34 02:01:18 CEST"),
		asked("Expires without its comma", "Expires: Thu 18 Aug 2050 02:01:18 GMT"),
		reused("estimated from Last-Modified", "Last-Modified: @-86400"),
		asked("estimate used up", "Last-Modified: @-20"),
		conformance{name: "estimate is at most a day", steps: []step{{give: "Last-Modified: @-99999999"}, {after: 86399, want: "hit"}, {after: 2, want: "date"}}},
		asked("estimate not with a cookie", "Last-Modified: @-86400 | Set-Cookie: a=b"),
		conformance{name: "Last-Modified in the future", steps: []step{{give: "Last-Modified: @86400"}, {after: 3, want: "date", give: "Last-Modified: @86397"}}},
	)
}

func parsingRows() []conformance {
	return group("parsing",
		reused("an unknown directive beside it", "Cache-Control: foobar, max-age=3600"),
		reused("mixed case", "Cache-Control: MaX-aGe=3600"),
		reused("quoted number", `Cache-Control: max-age="3600"`),
		asked("single quotes", "Cache-Control: max-age='3600'"),
		asked("inside another's quotes, before", `Cache-Control: extension="max-age=3600", max-age=1`),
		asked("inside another's quotes, after", `Cache-Control: max-age=1, extension="max-age=3600"`),
		asked("inside another's quotes, with a comma", `Cache-Control: extension="x, max-age=3600", max-age=1`),
		asked("inside another's quotes, with an escaped quote", `Cache-Control: extension="\", max-age=3600", max-age=1`),
		reused("leading zeros", "Cache-Control: max-age=003600"),
		asked("decimal", "Cache-Control: max-age=3600.5"),
		asked("letters after", "Cache-Control: max-age=3600a"),
		asked("letters before", "Cache-Control: max-age=a3600"),
		asked("blank before the sign", "Cache-Control: max-age =3600"),
		asked("blank after the sign", "Cache-Control: max-age= 3600"),
		asked("no number", "Cache-Control: max-age="),
		reused("twice, the first counts", "Cache-Control: max-age=1800, max-age=1"),
		asked("twice, the first has run out", "Cache-Control: max-age=1, max-age=1800"),
		asked("no-store in mixed case", "Cache-Control: max-age=3600, No-StOrE"),
		reused("empty members", "Cache-Control: , ,max-age=3600,,"),
		reused("a quote that never ends", `Cache-Control: max-age=3600, x="`),
	)
}

func ageRows() []conformance {
	with := func(age string) string { return "Cache-Control: max-age=3600 | " + age }
	return group("age",
		reused("not a number", with("Age: abc")),
		reused("negative", with("Age: -7200")),
		reused("decimal", with("Age: 7200.0")),
		asked("the greatest", with("Age: 2147483648")),
		asked("above the greatest", with("Age: 2147483649")),
		asked("list, the old one first", with("Age: 7200, 0")),
		reused("list, the old one last", with("Age: 0, 7200")),
		asked("lines, the old one first", with("Age: 7200 | Age: 0")),
		reused("lines, the old one last", with("Age: 0 | Age: 7200")),
		reused("list of the same", with("Age: 0, 0")),
		asked("with a parameter", with("Age: 7200;foo=bar")),
		conformance{name: "made where there was none", steps: []step{{give: "Cache-Control: max-age=3600", lacks: "Age"}, {after: 3, want: "hit", has: "Age: 3"}}},
		conformance{name: "added to", steps: []step{{give: "Cache-Control: max-age=600 | Age: 30", has: "Age: 30"}, {after: 3, want: "hit", has: "Age: 33"}}},
		conformance{name: "added to with Expires", steps: []step{{give: "Expires: @3600 | Age: 30"}, {after: 3, want: "hit", has: "Age: 33"}}},
		conformance{name: "of a 304 goes with the old answer", steps: []step{
			{give: `Cache-Control: max-age=60 | Age: 50 | ETag: "a"`}, {after: 20, want: "tag", give: `Cache-Control: max-age=60 | ETag: "a"`}, {after: 1, want: "hit", has: "Age: 1"}}},
		conformance{name: "leaves Date as it was", steps: []step{
			{give: "Cache-Control: max-age=60 | Date: Wed, 02 Jan 2030 03:04:01 GMT"}, {after: 9, want: "hit", has: "Date: Wed, 02 Jan 2030 03:04:01 GMT | Age: 13"}}},
	)
}

func directiveRows() []conformance {
	return group("directives",
		asked("no-store", "Cache-Control: no-store, max-age=3600"),
		asked("no-store with a validator", `Cache-Control: no-store | ETag: "a" | Expires: @3600`),
		asked("private", "Cache-Control: private, max-age=3600"),
		asked("no-cache", "Cache-Control: no-cache, max-age=3600"),
		conformance{name: "no-cache keeps and validates", steps: []step{{give: `Cache-Control: no-cache | ETag: "a"`}, {want: "tag", is: "answer 1", give: `Cache-Control: no-cache | ETag: "a"`}, {want: "tag", is: "answer 1", give: `Cache-Control: no-cache | ETag: "a"`}}},
		conformance{name: "no-cache with fields", steps: []step{{give: `Cache-Control: max-age=60, no-cache="a, b" | A: 1 | B: 2 | C: 3`, has: "A: 1 | B: 2"}, {want: "hit", has: "C: 3", lacks: "A | B"}}},
		conformance{name: "private with fields", steps: []step{{give: `Cache-Control: max-age=60, private="set-cookie" | Set-Cookie: a=b`, has: "Set-Cookie: a=b"}, {want: "hit", lacks: "Set-Cookie"}}},
		reused("must-revalidate while fresh", "Cache-Control: max-age=60, must-revalidate"),
		conformance{name: "must-revalidate once stale", steps: []step{{give: `Cache-Control: max-age=2, must-revalidate | ETag: "a"`}, {want: "hit"}, {after: 3, want: "tag", give: `ETag: "a"`}}},
		asked("must-understand an unknown status", "599 | Cache-Control: max-age=3600, no-store, must-understand").with(599, 0),
		reused("must-understand a known status", "Cache-Control: max-age=3600, no-store, must-understand"),
		conformance{name: "immutable is not reloaded", steps: []step{{give: `Cache-Control: max-age=60, immutable | ETag: "a"`}, {after: 3, ask: "Cache-Control: max-age=0", want: "hit"}}},
		conformance{name: "immutable is validated on no-cache", steps: []step{{give: `Cache-Control: max-age=60, immutable | ETag: "a"`}, {after: 3, ask: "Cache-Control: no-cache", want: "tag", give: `ETag: "a"`}}},
		conformance{name: "immutable is validated once stale", steps: []step{{give: `Cache-Control: max-age=2, immutable | ETag: "a"`}, {after: 3, want: "tag", give: `ETag: "a"`}}},
		reused("Pragma in an answer means nothing", "Cache-Control: max-age=60 | Pragma: no-cache"),
		conformance{name: "a newer no-store does not touch a fresh copy", steps: []step{{give: "Cache-Control: max-age=60"}, {after: 3, want: "hit", give: "Cache-Control: no-store"}}},
		conformance{name: "a no-store answer replaces a stale copy", steps: []step{{give: `Cache-Control: max-age=1 | ETag: "a"`}, {after: 3, want: "origin", give: "Cache-Control: no-store", is: "answer 2"}, {want: "origin", lacks: "If-None-Match"}}},
	)
}

// with sets the status of the rows's first and, if second is not 0, second answer.
func (c conformance) with(first, second int) conformance {
	c.steps[0].status = first
	if second != 0 {
		c.steps[1].status = second
	}
	return c
}

func staleRows() []conformance {
	down := func(name, give string, by string, status int) conformance {
		return conformance{name: name, steps: []step{{give: give}, {after: 3, give: "down", want: by, status: status}}}
	}
	failing := func(name, give string, code int, status int) conformance {
		return conformance{name: name, steps: []step{{give: give}, {after: 3, give: fmt.Sprint(code), want: "origin", status: status}}}
	}
	return group("stale",
		down("unreachable origin", "Cache-Control: max-age=2", "origin", 200),
		down("unreachable, must-revalidate", "Cache-Control: max-age=2, must-revalidate", "origin", 502),
		down("unreachable, proxy-revalidate", "Cache-Control: max-age=2, proxy-revalidate", "origin", 502),
		down("unreachable, no-cache", `Cache-Control: max-age=2, no-cache | ETag: "a"`, "tag", 502),
		down("unreachable, s-maxage", "Cache-Control: s-maxage=2, max-age=2", "origin", 502),
		down("unreachable, stale-if-error", "Cache-Control: max-age=2, stale-if-error=60", "origin", 200),
		down("unreachable, s-maxage with stale-if-error", "Cache-Control: s-maxage=2, stale-if-error=60", "origin", 200),
		down("unreachable, must-revalidate before stale-if-error", "Cache-Control: max-age=2, must-revalidate, stale-if-error=60", "origin", 502),
		conformance{name: "unreachable for too long", steps: []step{{give: "Cache-Control: max-age=2"}, {after: 700, give: "down", want: "origin", status: 502}}},
		conformance{name: "unreachable without a copy", steps: []step{{give: "down", want: "origin", status: 502, lacks: "Age"}}},
		failing("503 without a word", "Cache-Control: max-age=2", 503, 503),
		failing("500 within stale-if-error", "Cache-Control: max-age=2, stale-if-error=60", 500, 200),
		failing("502 within stale-if-error", "Cache-Control: max-age=2, stale-if-error=60", 502, 200),
		failing("503 within stale-if-error", "Cache-Control: max-age=2, stale-if-error=60", 503, 200),
		failing("504 within stale-if-error", "Cache-Control: max-age=2, stale-if-error=60", 504, 200),
		failing("404 is an answer", "Cache-Control: max-age=2, stale-if-error=60", 404, 404),
		failing("500 after stale-if-error", "Cache-Control: max-age=0, stale-if-error=1", 500, 500),
		conformance{name: "the client's own stale-if-error", steps: []step{{give: `Cache-Control: max-age=0 | ETag: "a"`}, {ask: "Cache-Control: stale-if-error=60", give: "500", want: "origin", status: 200}}},
		conformance{name: "the client's own has run out", steps: []step{{give: `Cache-Control: max-age=0 | ETag: "a"`}, {after: 3, ask: "Cache-Control: stale-if-error=1", give: "500", want: "origin", status: 500}}},
		conformance{name: "stale-while-revalidate answers and fetches", steps: []step{
			{give: `Cache-Control: max-age=1, stale-while-revalidate=3600`, is: "answer 1"}, {after: 3, give: "Cache-Control: max-age=3600", is: "answer 1", want: "origin"}, {after: 1, want: "hit", is: "answer 2"}}},
		conformance{name: "after stale-while-revalidate", steps: []step{{give: "Cache-Control: max-age=1, stale-while-revalidate=4"}, {after: 9, want: "origin", is: "answer 2"}}},
		conformance{name: "stale-while-revalidate not over must-revalidate", steps: []step{{give: "Cache-Control: max-age=1, must-revalidate, stale-while-revalidate=60"}, {after: 3, want: "origin", is: "answer 2"}}},
		conformance{name: "stale-while-revalidate not for a client that wants it young", steps: []step{{give: "Cache-Control: max-age=1, stale-while-revalidate=60"}, {after: 3, ask: "Cache-Control: max-age=2", want: "origin", is: "answer 2"}}},
	)
}

func statusRows() []conformance {
	var rows []conformance
	for _, code := range []int{200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 418, 451, 499, 500, 501, 502, 503, 504, 599} {
		give := fmt.Sprint(code)
		rows = append(rows,
			conformance{name: give + " with a lifetime", steps: []step{{give: give + " | Cache-Control: max-age=60", status: code}, {after: 3, want: "hit", status: code}}},
			conformance{name: give + " stale", steps: []step{{give: give + " | Expires: @-5000", status: code}, {after: 3, want: "origin"}}},
		)
	}
	for _, code := range []int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501} {
		give := fmt.Sprint(code)
		rows = append(rows, conformance{name: give + " by estimate", steps: []step{{give: give + " | Last-Modified: @-86400", status: code}, {after: 3, want: "hit", status: code}}})
	}
	for _, code := range []int{201, 202, 302, 307, 403, 500, 502, 503, 504, 599} {
		give := fmt.Sprint(code)
		rows = append(rows, conformance{name: give + " not by estimate", steps: []step{{give: give + " | Last-Modified: @-86400", status: code}, {after: 3, want: "origin"}}})
	}
	rows = append(rows, conformance{name: "599 by estimate if public", steps: []step{{give: "599 | Last-Modified: @-86400 | Cache-Control: public", status: 599}, {after: 3, want: "hit", status: 599}}})
	return group("status", rows...)
}
