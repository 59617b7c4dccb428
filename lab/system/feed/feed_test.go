package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/store/sqlite"
	"workbench/lab/system"
	"workbench/lab/system/feed"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

type rig struct {
	*feed.Feed
	gate   *gate.Gate
	counts map[string]*lab.Counters
	tables *sqlite.Tables
}

func open(t *testing.T) *rig {
	t.Helper()
	r := &rig{counts: map[string]*lab.Counters{"fanout": lab.NewCounters(), "paging": lab.NewCounters()}}
	var err error
	if r.tables, err = sqlite.OpenTables(t.Context(), filepath.Join(t.TempDir(), "feed.db"), feed.Schema, false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.tables.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	if r.gate, err = gate.New(gate.Spec{Slots: 8}, clock.NewWall(), dist.New(1, "gate")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.gate.Close)
	r.Feed, err = feed.New(t.Context(), feed.Deps{
		Write: r.tables.Write, Read: r.tables.Read, Explain: sqlite.Explain, Gates: system.Gates{Gate: r.gate},
		Counters: func(name string) *lab.Counters { return r.counts[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// choose sets choices on a request as the chain does.
func choose(t *testing.T, req *lab.Request, on map[string]map[string]any) *lab.Request {
	t.Helper()
	for _, p := range feed.Kind().Choices {
		knobs, ok := on[p.Name]
		if !ok {
			continue
		}
		k, err := p.Settings(knobs)
		if err != nil {
			t.Fatal(err)
		}
		live, err := p.New(lab.Env{Counters: lab.NewCounters()}, k)
		if err != nil {
			t.Fatal(err)
		}
		live.Wrap(lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response { *req = *r; return lab.Response{} }), lab.On).Serve(t.Context(), req)
	}
	return req
}

type pageBody struct {
	Reader uint64
	Posts  []feed.Item
	Next   int64
}

func (r *rig) page(t *testing.T, req *lab.Request) pageBody {
	t.Helper()
	res := r.Serve(t.Context(), req)
	var out pageBody
	if err := json.Unmarshal(res.Body, &out); err != nil || !res.Outcome.Good() {
		t.Fatalf("Serve(%+v) = %v %s: %v", req, res.Outcome, res.Body, err)
	}
	return out
}

func TestTheGraphHasTheDegreesItSays(t *testing.T) {
	count := map[uint64]int{}
	for p := uint64(1); p <= feed.People; p++ {
		seen := map[uint64]bool{}
		for _, a := range feed.Followed(p) {
			if seen[a] || a == p && p > feed.Celebrities || a < 1 || a > feed.People {
				t.Fatalf("person %d follows %d: twice, or itself, or nobody", p, a)
			}
			seen[a] = true
			count[a]++
		}
	}
	for a := uint64(1); a <= feed.People; a++ {
		if count[a] != feed.Followers(a) {
			t.Fatalf("author %d has %d followers, Followers says %d", a, count[a], feed.Followers(a))
		}
	}
}

var modes = []map[string]map[string]any{nil, {"fanout": {"mode": "write"}}, {"fanout": {"mode": "hybrid"}}, {"fanout": {"mode": "read"}}}

// Whatever mode a post was written in, and whatever mode a feed is read in, a
// reader sees the newest posts of those followed, newest first and once each.
func TestASwitchLosesNothing(t *testing.T) {
	r := open(t)
	draws := dist.New(3, "posts")
	type post struct {
		id     int64
		author uint64
	}
	var all []post
	for n := range 120 {
		author := 1 + draws.IntN(60)
		res := r.Serve(t.Context(), choose(t, &lab.Request{Op: feed.Post, Key: author, Body: fmt.Appendf(nil, `{"text":"post %d"}`, n)}, modes[draws.IntN(4)]))
		var body struct{ ID int64 }
		if err := json.Unmarshal(res.Body, &body); err != nil || !res.Outcome.Good() {
			t.Fatalf("post %d: %v %s", n, res.Outcome, res.Body)
		}
		all = append(all, post{body.ID, author})
		reader := 1 + draws.IntN(80)
		var want []int64
		for _, p := range slices.Backward(all) {
			if slices.Contains(feed.Followed(reader), p.author) && len(want) < feed.Page {
				want = append(want, p.id)
			}
		}
		var got []int64
		for _, i := range r.page(t, choose(t, &lab.Request{Op: feed.Read, Key: reader}, modes[draws.IntN(4)])).Posts {
			got = append(got, i.ID)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("after %d posts reader %d sees %v, want %v", n+1, reader, got, want)
		}
	}
}

// The service makes exactly the calls that virtual time reckons with.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name string
		req  lab.Request
		on   map[string]map[string]any
		want uint64
	}{
		{"reading asks everybody", lab.Request{Key: 9}, nil, 4},
		{"a celebrity follows few", lab.Request{Key: 1}, nil, 1},
		{"reading the inbox", lab.Request{Key: 9}, modes[1], 1},
		{"reading the inbox and two celebrities", lab.Request{Key: 9}, modes[2], 2},
		{"writing once", lab.Request{Op: feed.Post, Key: 1}, nil, 1},
		{"writing to a thousand inboxes", lab.Request{Op: feed.Post, Key: 1}, modes[1], 101},
		{"writing to eighteen inboxes", lab.Request{Op: feed.Post, Key: 50}, modes[2], 3},
		{"a celebrity is not copied", lab.Request{Op: feed.Post, Key: 1}, modes[2], 1},
		{"leafing by an offset", lab.Request{Op: feed.Older, Key: 9, User: 39}, nil, 4 + 4},
		{"leafing by the last post", lab.Request{Op: feed.Older, Key: 9, User: 39}, map[string]map[string]any{"paging": nil}, 4},
		{"a threshold that copies all", lab.Request{Op: feed.Post, Key: 1}, map[string]map[string]any{"fanout": {"threshold": 1000}}, 101},
		{"nobody", lab.Request{Key: feed.People + 1}, modes[1], 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t)
			c.req.Body = []byte(`{"text":"x"}`)
			req := choose(t, &c.req, c.on)
			res := r.Serve(t.Context(), req)
			if got := r.gate.Stats().Served; !res.Outcome.Good() || got != c.want || feed.Kind().Calls(req) != int(c.want) {
				t.Errorf("%v after %d calls, the kind says %d, want ok after %d", res.Outcome, got, feed.Kind().Calls(req), c.want)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	r := open(t)
	for _, req := range []*lab.Request{
		choose(t, &lab.Request{Op: feed.Post, Key: 50, Body: []byte(`{"text":"x"}`)}, modes[1]),
		{Op: feed.Read, Key: 9},
		{Op: feed.Older, Key: 9, User: 4},
	} {
		if res := r.Serve(t.Context(), req); !res.Outcome.Good() {
			t.Fatalf("%+v: %v", req, res)
		}
	}
	model := map[string]*lab.Counters{"fanout": lab.NewCounters(), "paging": lab.NewCounters()}
	m := feed.Kind().Model(func(name string) *lab.Counters { return model[name] })
	m.Served(0, choose(t, &lab.Request{Op: feed.Post, Key: 50}, modes[1]))
	m.Served(time.Second, &lab.Request{Op: feed.Read, Key: 9})
	m.Served(time.Second, &lab.Request{Op: feed.Older, Key: 9, User: 4})
	for who, counts := range map[string]map[string]*lab.Counters{"live": r.counts, "virtual": model} {
		if w, a, rows := counts["fanout"].Get("inbox_writes").Load(), counts["fanout"].Get("author_reads").Load(), counts["paging"].Get("rows_walked").Load(); w != 18 || a != 40 || rows != 100 {
			t.Errorf("%s: %d inbox writes, %d authors asked, %d rows walked; want 18, 40 and 100", who, w, a, rows)
		}
	}
	if res := m.Served(0, &lab.Request{Key: feed.People + 1}); !res.Missing {
		t.Errorf("nobody's feed in virtual time = %+v, want missing", res)
	}
}

func TestLeafingGoesOnWhereItEnded(t *testing.T) {
	r := open(t)
	for n := range 90 {
		r.Serve(t.Context(), &lab.Request{Op: feed.Post, Key: 1 + uint64(n%4), Body: fmt.Appendf(nil, `{"text":"%d"}`, n)})
	}
	first := r.page(t, &lab.Request{Key: 9})
	r.Serve(t.Context(), &lab.Request{Op: feed.Post, Key: 2, Body: []byte(`{"text":"meanwhile"}`)}) // moves every offset by one
	next := r.page(t, choose(t, &lab.Request{Op: feed.Older, Key: 9, Query: fmt.Sprintf("before=%d", first.Next)}, map[string]map[string]any{"paging": nil}))
	if len(first.Posts) != feed.Page || len(next.Posts) != feed.Page || next.Posts[0].ID >= first.Posts[feed.Page-1].ID {
		t.Errorf("first page ends with %d, the next begins with %d; want the one after", first.Posts[len(first.Posts)-1].ID, next.Posts[0].ID)
	}
}

func TestOneKeyWritesOnePost(t *testing.T) {
	r := open(t)
	var bodies []string
	for range 3 {
		bodies = append(bodies, string(r.Serve(t.Context(), &lab.Request{Op: feed.Post, Key: 7, Once: "k", Body: []byte(`{"text":"x"}`)}).Body))
	}
	if bodies[0] != bodies[1] || bodies[1] != bodies[2] {
		t.Errorf("three tries with one key answered %q, want the same post", bodies)
	}
}

func TestBadRequests(t *testing.T) {
	r := open(t)
	for _, c := range []struct {
		name string
		req  lab.Request
		want string
	}{
		{"no JSON", lab.Request{Op: feed.Post, Key: 1, Body: []byte("text=x")}, `{"text":"…"}`},
		{"no text", lab.Request{Op: feed.Post, Key: 1, Body: []byte(`{}`)}, "text is missing"},
		{"too long", lab.Request{Op: feed.Post, Key: 1, Body: []byte(`{"text":"` + strings.Repeat("é", 501) + `"}`)}, "501 characters"},
		{"no number", lab.Request{Op: feed.Older, Key: 1, Query: "before=x"}, "before is"},
		{"no query", lab.Request{Op: feed.Older, Key: 1, Query: "%zz"}, "before=ID"},
		{"no operation", lab.Request{Op: 9}, "operation 9"},
	} {
		if res := r.Serve(t.Context(), &c.req); res.Outcome != lab.Failed || res.Reason != lab.ReasonBad || !strings.Contains(string(res.Body), c.want) {
			t.Errorf("%s: %v (%s) %s, want failed (bad) and %q", c.name, res.Outcome, res.Reason, res.Body, c.want)
		}
	}
	if got := r.gate.Stats().Served; got != 0 {
		t.Errorf("bad requests made %d calls, want none", got)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := feed.New(t.Context(), feed.Deps{})
	for _, want := range []string{"Write", "Read", "Explain", "Gates.Gate", "Counters"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(Deps{}) = %v, want an error that names %s", err, want)
		}
	}
}

func FuzzServe(f *testing.F) {
	f.Add([]byte(`{"text":"x"}`), "before=3", uint64(3))
	f.Add([]byte(`{"text":null}`), "before=-1", uint64(0))
	f.Fuzz(func(t *testing.T, body []byte, query string, key uint64) {
		r := open(t)
		for op := range uint8(3) {
			if res := r.Serve(t.Context(), &lab.Request{Op: op, Key: key, Body: body, Query: query}); !res.Outcome.Good() && res.Reason != lab.ReasonBad {
				t.Errorf("operation %d on %d with %q, %q = %v (%s), want ok or failed (bad)", op, key, body, query, res.Outcome, res.Reason)
			}
		}
	})
}
