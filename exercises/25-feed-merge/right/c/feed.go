// Package feedmerge makes one feed out of many timelines, page by page.
package feedmerge

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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

// answer is what came of one read.
type answer struct {
	posts []Post
	err   error
}

// Merge reads the page that begins at the cursor; an empty cursor is the top.
// It starts reads and collects answers in one loop, and keeps no more than the
// page and the post that follows it.
func Merge(ctx context.Context, timelines []Timeline, cursor string, limit int) (Page, error) {
	if limit < 1 || MaxLimit < limit {
		return Page{}, ErrLimit
	}
	after, ok := parse(cursor)
	if !ok {
		return Page{}, ErrCursor
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer)
	var best []Post
	var fault error
	running := 0
	for running > 0 || len(timelines) > 0 && fault == nil {
		if fault == nil && inner.Err() != nil {
			fault = inner.Err()
			continue
		}
		if running < MaxReads && len(timelines) > 0 && fault == nil {
			read := timelines[0]
			timelines = timelines[1:]
			running++
			go func() {
				var a answer
				defer func() {
					if p := recover(); p != nil {
						a.err = fmt.Errorf("reading a timeline panicked: %v", p)
					}
					answers <- a
				}()
				a.posts, a.err = read(inner, after, limit+1)
			}()
			continue
		}
		a := <-answers
		running--
		if a.err != nil && fault == nil {
			fault = a.err
			cancel()
		}
		best = join(best, a.posts, limit+1)
	}
	if fault != nil {
		return Page{}, fault
	}
	if len(best) <= limit {
		return Page{Posts: best}, nil
	}
	text, err := json.Marshal(Mark{best[limit-1].At, best[limit-1].ID})
	return Page{Posts: best[:limit], Next: hex.EncodeToString(text)}, err
}

// parse reads a cursor: a mark as JSON in hexadecimal.
func parse(cursor string) (m Mark, ok bool) {
	if cursor == "" {
		return m, true
	}
	text, err := hex.DecodeString(cursor)
	return m, err == nil && json.Unmarshal(text, &m) == nil
}

// join merges two sorted lists into the first n different posts.
func join(a, b []Post, n int) []Post {
	out := make([]Post, 0, min(n, len(a)+len(b)))
	for len(out) < n && len(a)+len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && (a[0].At > b[0].At || a[0].At == b[0].At && a[0].ID > b[0].ID):
			out, a = append(out, a[0]), a[1:]
		case len(a) > 0 && a[0].ID == b[0].ID:
			a = a[1:]
		default:
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}
