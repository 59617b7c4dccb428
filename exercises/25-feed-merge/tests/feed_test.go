//go:build exercise

package feedmerge_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	feedmerge "workbench/exercises/25-feed-merge/start"
)

// tell writes down what happened, for the verdict to list. There is no time in
// this exercise.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("@- %s", fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

type (
	post     = feedmerge.Post
	mark     = feedmerge.Mark
	timeline = feedmerge.Timeline
	page     = feedmerge.Page
)

// compare orders posts as the feed does.
func compare(a, b post) int {
	switch {
	case a.At != b.At && a.At > b.At, a.At == b.At && a.ID > b.ID:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// author is a timeline of these posts that counts how often it is read and how
// much it is asked for at once.
type author struct {
	posts []post
	reads atomic.Int64
	most  atomic.Int64
}

func by(posts ...post) *author { return &author{posts: posts} }

func (a *author) read(ctx context.Context, after mark, n int) ([]post, error) {
	a.reads.Add(1)
	for was := a.most.Load(); int64(n) > was && !a.most.CompareAndSwap(was, int64(n)); was = a.most.Load() {
	}
	if n < 0 {
		return nil, fmt.Errorf("asked for %d posts", n)
	}
	sorted := slices.Clone(a.posts)
	slices.SortFunc(sorted, compare)
	sorted = slices.DeleteFunc(sorted, func(p post) bool {
		return after != mark{} && compare(p, post{At: after.At, ID: after.ID, Text: p.Text}) <= 0
	})
	return sorted[:min(n, len(sorted))], ctx.Err()
}

func lines(authors ...*author) (out []timeline) {
	for _, a := range authors {
		out = append(out, a.read)
	}
	return out
}

// ask asks for a page and writes down what it was given.
func ask(t testing.TB, ctx context.Context, lines []timeline, cursor string, limit int) (page, error) {
	t.Helper()
	p, err := feedmerge.Merge(ctx, lines, cursor, limit)
	tell(t, "Merge(%d timelines, cursor %.16q, limit %d) = ids %v, next %.16q, %v", len(lines), cursor, limit, ids(p.Posts[:min(len(p.Posts), 20)]), p.Next, err)
	return p, err
}

// merge wants a page.
func merge(t testing.TB, lines []timeline, cursor string, limit int) page {
	t.Helper()
	p, err := ask(t, t.Context(), lines, cursor, limit)
	if err != nil {
		t.Fatalf("Merge(%d timelines, cursor %q, limit %d) = %v, want a page", len(lines), cursor, limit, err)
	}
	if len(p.Posts) > limit {
		t.Fatalf("Merge(limit %d) gave %d posts", limit, len(p.Posts))
	}
	return p
}

// ids lists the IDs of posts.
func ids(posts []post) (out []uint64) {
	for _, p := range posts {
		out = append(out, p.ID)
	}
	return out
}

// scroll reads all pages and returns the IDs in order.
func scroll(t testing.TB, lines []timeline, limit int) (out []uint64) {
	t.Helper()
	cursor := ""
	for range 1000 {
		p := merge(t, lines, cursor, limit)
		out = append(out, ids(p.Posts)...)
		if p.Next == "" {
			return out
		}
		cursor = p.Next
	}
	tell(t, "a thousand pages, and Next is still %.16q", cursor)
	t.Fatalf("a thousand pages of %d and no end", limit)
	return nil
}

func want(t testing.TB, what string, got, want []uint64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: the posts are %v, want %v", what, got, want)
	}
}

func TestNewestFirst(t *testing.T) {
	lines := lines(
		by(post{ID: 1, At: 100}, post{ID: 4, At: 400}),
		by(),
		by(post{ID: 2, At: 200}, post{ID: 3, At: 300}, post{ID: 5, At: 500}),
	)
	want(t, "one page of three timelines", ids(merge(t, lines, "", 10).Posts), []uint64{5, 4, 3, 2, 1})
	want(t, "the first two", ids(merge(t, lines, "", 2).Posts), []uint64{5, 4})
	want(t, "no timelines", ids(merge(t, nil, "", 2).Posts), nil)
}

func TestPages(t *testing.T) {
	lines := lines(
		by(post{ID: 1, At: 100}, post{ID: 4, At: 400}, post{ID: 7, At: 700}),
		by(post{ID: 2, At: 200}, post{ID: 3, At: 300}, post{ID: 5, At: 500}, post{ID: 6, At: 600}),
	)
	for limit := 1; limit <= 8; limit++ {
		want(t, fmt.Sprintf("all pages of %d", limit), scroll(t, lines, limit), []uint64{7, 6, 5, 4, 3, 2, 1})
	}
}

// What is posted while somebody reads must not move what he has still to read.
func TestNewPostsBetween(t *testing.T) {
	a, b := by(post{ID: 1, At: 100}, post{ID: 3, At: 300}), by(post{ID: 2, At: 200}, post{ID: 4, At: 400})
	first := merge(t, lines(a, b), "", 2)
	want(t, "the first page", ids(first.Posts), []uint64{4, 3})
	tell(t, "three new posts come: 10, 11 and 12")
	a.posts = append(a.posts, post{ID: 10, At: 1000}, post{ID: 11, At: 1100})
	b.posts = append(b.posts, post{ID: 12, At: 1200})
	want(t, "the second page, after three new posts", ids(merge(t, lines(a, b), first.Next, 2).Posts), []uint64{2, 1})
}

// The next cursor is empty exactly when nothing follows: a button that leads to
// an empty page is a lie.
func TestLastPage(t *testing.T) {
	lines := lines(by(post{ID: 1, At: 100}, post{ID: 2, At: 200}), by(post{ID: 3, At: 300}, post{ID: 4, At: 400}))
	first := merge(t, lines, "", 2)
	if first.Next == "" {
		t.Fatal("two of four posts: Next is empty, want a cursor")
	}
	last := merge(t, lines, first.Next, 2)
	want(t, "the last page", ids(last.Posts), []uint64{2, 1})
	if last.Next != "" {
		t.Errorf("nothing follows the fourth of four posts: Next = %q, want it empty", last.Next)
	}
}
