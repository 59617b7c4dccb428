//go:build exercise

package nplusone_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	nplusone "workbench/exercises/14-n-plus-one/start"
)

// tell writes down what happened, for the verdict to list. There is no time in
// this exercise.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("@- %s", fmt.Sprintf(format, args...))
}

// table is a database in memory that counts round trips.
type table struct {
	posts   []nplusone.Post
	authors map[int64]string
	likes   map[int64]int

	mu    sync.Mutex
	calls map[string]int
	trips []string // the first of them in words
	all   int
}

func (d *table) count(kind string, ids []int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls == nil {
		d.calls = map[string]int{}
	}
	d.calls[kind]++
	if d.all++; d.all <= maxTrips {
		d.trips = append(d.trips, fmt.Sprintf("%s of %d ids", kind, len(ids)))
	}
}

func (d *table) Feed(_ context.Context, _ int64, limit int) ([]nplusone.Post, error) {
	d.count("feed", nil)
	return slices.Clone(d.posts[:min(limit, len(d.posts))]), nil
}

func (d *table) Authors(_ context.Context, ids []int64) ([]nplusone.Author, error) {
	d.count("authors", ids)
	if len(ids) == 0 || len(ids) > nplusone.MaxIDs {
		return nil, fmt.Errorf("authors: IN takes 1 to %d ids, not %d", nplusone.MaxIDs, len(ids))
	}
	var rows []nplusone.Author
	for id, name := range d.authors { // the order of a map, as a database owes you none
		if slices.Contains(ids, id) {
			rows = append(rows, nplusone.Author{ID: id, Name: name})
		}
	}
	return rows, nil
}

func (d *table) Likes(_ context.Context, ids []int64) (map[int64]int, error) {
	d.count("likes", ids)
	if len(ids) == 0 || len(ids) > nplusone.MaxIDs {
		return nil, fmt.Errorf("likes: IN takes 1 to %d ids, not %d", nplusone.MaxIDs, len(ids))
	}
	rows := map[int64]int{}
	for _, id := range ids {
		if n := d.likes[id]; n > 0 {
			rows[id] = n
		}
	}
	return rows, nil
}

// sample has n posts by a authors, in no order of id; post i*7+1 has i likes.
func sample(n, a int) *table {
	d := &table{authors: map[int64]string{}, likes: map[int64]int{}}
	for i := range n {
		author := int64(1000 - i%a)
		d.posts = append(d.posts, nplusone.Post{ID: int64((i*7919)%10007 + 1), Author: author, Text: fmt.Sprint("text ", i)})
		d.authors[author] = fmt.Sprint("name ", author)
		d.likes[d.posts[i].ID] = i % 5
	}
	return d
}

func (d *table) check(t *testing.T, got []nplusone.Entry, n int) {
	t.Helper()
	if len(got) != n {
		t.Fatalf("Load returned %d entries, want %d", len(got), n)
	}
	for i, p := range d.posts[:n] {
		name, ok := d.authors[p.Author]
		if !ok {
			name = "[deleted]"
		}
		want := nplusone.Entry{Post: p, Author: nplusone.Author{ID: p.Author, Name: name}, Likes: d.likes[p.ID]}
		if got[i] != want {
			t.Fatalf("entry %d = %+v, want %+v", i, got[i], want)
		}
	}
}

// load loads a feed from a table and writes down the round trips.
func load(t *testing.T, d *table, limit int) ([]nplusone.Entry, error) {
	t.Helper()
	got, err := nplusone.Load(t.Context(), d, 1, limit)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, text := range d.trips {
		tell(t, "%s", text)
	}
	tell(t, "Load, limit %d, of %d posts = %d entries, %v, after %d round trips", limit, len(d.posts), len(got), err, d.all)
	return got, err
}

// maxTrips is how many round trips are written down one by one.
const maxTrips = 25

func TestEntries(t *testing.T) {
	for _, c := range []struct{ posts, authors, limit, want int }{{1, 1, 20, 1}, {20, 6, 20, 20}, {50, 50, 20, 20}, {90, 3, 90, 90}} {
		t.Run(fmt.Sprintf("%d posts by %d", c.posts, c.authors), func(t *testing.T) {
			d := sample(c.posts, c.authors)
			got, err := load(t, d, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			d.check(t, got, c.want)
		})
	}
}

func TestRoundTrips(t *testing.T) {
	for _, n := range []int{1, 2, 20, 100} {
		d := sample(n, n)
		if _, err := load(t, d, n); err != nil {
			t.Fatal(err)
		}
		if d.calls["feed"] != 1 || d.calls["authors"] != 1 || d.calls["likes"] != 1 {
			t.Errorf("%d posts took the round trips %v, want one of each kind", n, d.calls)
		}
	}
}

func TestEmptyFeed(t *testing.T) {
	d := sample(0, 1)
	got, err := load(t, d, 20)
	if err != nil || len(got) != 0 {
		t.Errorf("Load of an empty feed = %v, %v; want no entries and no error", got, err)
	}
	if d.calls["authors"]+d.calls["likes"] > 0 {
		t.Errorf("an empty feed took the round trips %v: there is nobody to ask for", d.calls)
	}
}

func TestDeletedAuthor(t *testing.T) {
	d := sample(12, 4)
	delete(d.authors, d.posts[1].Author)
	got, err := load(t, d, 12)
	if err != nil {
		t.Fatal(err)
	}
	d.check(t, got, 12)
}
