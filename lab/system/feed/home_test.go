package feed_test

import (
	"encoding/json"
	"slices"
	"testing"

	"workbench/lab"
	"workbench/lab/pattern/brownout"
	"workbench/lab/system/feed"
)

// A home page makes the feed's calls and, unless it is reduced, those for its
// suggestions, and says which it is.
func TestHome(t *testing.T) {
	r := open(t)
	const reader = 100
	for _, author := range []uint64{feed.Followed(reader)[5], feed.Strangers(reader)[0], feed.Strangers(reader)[19]} {
		if res := r.Serve(t.Context(), &lab.Request{Op: feed.Post, Key: author, Body: []byte(`{"text":"hello"}`)}); !res.Outcome.Good() {
			t.Fatalf("post by %d: %+v", author, res)
		}
	}
	for _, c := range []struct {
		name      string
		plain     bool
		suggested int
		calls     uint64
	}{
		{"whole", false, 2, 8},
		{"reduced", true, 0, 4},
	} {
		before := r.gate.Stats().Entered
		req := lab.Request{Op: feed.Home, Key: reader, Read: true}
		if c.plain {
			req.Choices[2] = &lab.Choice{Knobs: &brownout.Plain{}}
		}
		res := r.Serve(t.Context(), &req)
		var out struct {
			Posts, Suggested []feed.Item
			Reduced          bool
		}
		if err := json.Unmarshal(res.Body, &out); err != nil {
			t.Fatalf("%s: %s: %v", c.name, res.Body, err)
		}
		if calls := r.gate.Stats().Entered - before; len(out.Posts) != 1 || len(out.Suggested) != c.suggested || out.Reduced != c.plain || calls != c.calls {
			t.Errorf("%s: %d calls, %s; want %d calls, 1 post and %d suggested", c.name, calls, res.Body, c.calls, c.suggested)
		}
	}
}

// Nobody is suggested whom the reader follows, or twice, or who does not exist.
func TestStrangers(t *testing.T) {
	for person := uint64(1); person <= feed.People; person++ {
		followed, all := feed.Followed(person), feed.Strangers(person)
		if len(all) != feed.Suggested {
			t.Fatalf("Strangers(%d) has %d people, want %d", person, len(all), feed.Suggested)
		}
		for i, s := range all {
			if s == person || s < 1 || s > feed.People || slices.Contains(followed, s) || slices.Index(all, s) != i {
				t.Errorf("Strangers(%d) has %d: followed %v, all %v", person, s, followed, all)
			}
		}
	}
}
