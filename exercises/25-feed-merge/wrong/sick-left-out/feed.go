// kills: TestFailedTimeline — a page that leaves a failed timeline out moves the cursor past posts that nobody will ever see

// Package feedmerge makes one feed out of many timelines, page by page.
package feedmerge

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// These are the faults of a caller.
var (
	ErrCursor = errors.New("not a cursor that came from here")
	ErrLimit  = errors.New("a page has from 1 to MaxLimit posts")
)

// MaxLimit is the most posts of one page; MaxReads is the most timelines that
// are read at the same time.
const (
	MaxLimit = 100
	MaxReads = 8
)

// Post is one entry of a timeline. The feed's order is the newest first; of
// equally new posts the one with the larger ID.
type Post struct {
	ID   uint64 // no other post has it
	At   int64  // milliseconds, more than 0
	Text string
}

// Mark is a place in the feed's order: that of the post with this instant and
// this ID. The zero Mark is the top, before every post.
type Mark struct {
	At int64
	ID uint64
}

// Timeline reads what one author wrote: of the posts that come after the mark
// in the feed's order the first n, in that order, or all if there are fewer.
type Timeline func(ctx context.Context, after Mark, n int) ([]Post, error)

// Page is a piece of the feed, and the cursor of the next one: empty when
// nothing follows.
type Page struct {
	Posts []Post
	Next  string
}

// before says whether a comes before b in the feed.
func before(a, b Post) bool {
	if a.At != b.At {
		return a.At > b.At
	}
	return a.ID > b.ID
}

// Merge reads the page that begins at the cursor; an empty cursor is the top.
func Merge(ctx context.Context, timelines []Timeline, cursor string, limit int) (Page, error) {
	if limit < 1 || limit > MaxLimit {
		return Page{}, fmt.Errorf("limit %d: %w", limit, ErrLimit)
	}
	after, err := decode(cursor)
	if err != nil {
		return Page{}, err
	}
	// One more than wanted tells whether anything follows.
	lists, err := readAll(ctx, timelines, after, limit+1)
	if err != nil {
		return Page{}, err
	}
	page := Page{Posts: merge(lists, limit+1)}
	if len(page.Posts) > limit {
		page.Posts = page.Posts[:limit]
		page.Next = encode(page.Posts[limit-1])
	}
	return page, nil
}

// encode makes the cursor of what follows a post.
func encode(p Post) string {
	return strconv.FormatInt(p.At, 36) + "-" + strconv.FormatUint(p.ID, 36)
}

// decode reads a cursor. It wants back exactly what encode writes.
func decode(cursor string) (Mark, error) {
	if cursor == "" {
		return Mark{}, nil
	}
	left, right, _ := strings.Cut(cursor, "-")
	at, err := strconv.ParseInt(left, 36, 64)
	id, err2 := strconv.ParseUint(right, 36, 64)
	if err != nil || err2 != nil || encode(Post{At: at, ID: id}) != cursor {
		return Mark{}, ErrCursor
	}
	return Mark{At: at, ID: id}, nil
}

// readAll reads every timeline, MaxReads at a time, and returns when all reads
// that were begun are over. The first failure ends the others.
func readAll(ctx context.Context, timelines []Timeline, after Mark, n int) ([][]Post, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	lists := make([][]Post, len(timelines))
	slots := make(chan struct{}, MaxReads)
	var all sync.WaitGroup
	for i, read := range timelines {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			list, err := safely(ctx, read, after, n)
			if err != nil {
				return
			}
			lists[i] = list
		})
	}
	all.Wait()
	return lists, context.Cause(ctx)
}

// safely turns a panic into an error: it would end the whole program, because
// nobody else stands above it on this goroutine.
func safely(ctx context.Context, read Timeline, after Mark, n int) (list []Post, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return read(ctx, after, n)
}

// heads is a heap of lists by their first posts.
type heads [][]Post

func (h heads) Len() int           { return len(h) }
func (h heads) Less(i, j int) bool { return before(h[i][0], h[j][0]) }
func (h heads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(x any)        { *h = append(*h, x.([]Post)) }
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// merge returns the first n different posts of the lists.
func merge(lists [][]Post, n int) []Post {
	h := &heads{}
	for _, list := range lists {
		if len(list) > 0 {
			*h = append(*h, list)
		}
	}
	heap.Init(h)
	var out []Post
	for len(*h) > 0 && len(out) < n {
		p := (*h)[0][0]
		// The same post in several timelines comes up several times in a row.
		if len(out) == 0 || out[len(out)-1].ID != p.ID {
			out = append(out, p)
		}
		if (*h)[0] = (*h)[0][1:]; len((*h)[0]) == 0 {
			heap.Pop(h)
		} else {
			heap.Fix(h, 0)
		}
	}
	return out
}
