// Package feedmerge makes one feed out of many timelines, page by page.
package feedmerge

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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

// Merge reads the page that begins at the cursor; an empty cursor is the top.
// A few workers take one timeline after the other; then all is sorted at once.
func Merge(ctx context.Context, timelines []Timeline, cursor string, limit int) (Page, error) {
	var after Mark
	if limit <= 0 || limit > MaxLimit {
		return Page{}, ErrLimit
	}
	if cursor != "" {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
		if err != nil || len(raw) != 16 {
			return Page{}, ErrCursor
		}
		after.At = int64(binary.BigEndian.Uint64(raw))
		after.ID = binary.BigEndian.Uint64(raw[8:])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		next  atomic.Int64
		first sync.Once
		fault error
		all   sync.WaitGroup
		found = make([][]Post, min(MaxReads, len(timelines)))
	)
	for w := range found {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(timelines) || ctx.Err() != nil {
					return
				}
				posts, err := one(ctx, timelines[i], after, limit+1)
				if err != nil {
					first.Do(func() { fault = fmt.Errorf("read timeline %d of %d: %w", i+1, len(timelines), err) })
					cancel()
					return
				}
				found[w] = append(found[w], posts...)
			}
		}()
	}
	all.Wait()
	if fault != nil {
		return Page{}, fault
	}
	if err := ctx.Err(); err != nil {
		return Page{}, err
	}
	posts := slices.Concat(found...)
	slices.SortFunc(posts, func(a, b Post) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.ID, a.ID))
	})
	posts = slices.CompactFunc(posts, func(a, b Post) bool { return a.ID == b.ID })
	if len(posts) <= limit {
		return Page{Posts: posts}, nil
	}
	last := posts[limit-1]
	raw := binary.BigEndian.AppendUint64(nil, uint64(last.At))
	raw = binary.BigEndian.AppendUint64(raw, last.ID)
	return Page{Posts: posts[:limit:limit], Next: base64.RawURLEncoding.EncodeToString(raw)}, nil
}

// one reads a timeline; a panic in it is an error like any other.
func one(ctx context.Context, read Timeline, after Mark, n int) (posts []Post, err error) {
	failed := true
	defer func() {
		if failed {
			posts, err = nil, fmt.Errorf("the timeline panicked: %v", recover())
		}
	}()
	posts, err = read(ctx, after, n)
	failed = false
	return posts, err
}
