// kills: TestCancel — A goroutine nobody waits for goes on using the database after the answer is out.

package nplusone

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// MaxIDs is how many ids one call to the store may name.
const MaxIDs = 100

// MaxInFlight is how many calls one Load may have open at once.
const MaxInFlight = 4

// Post is one row of a feed.
type Post struct {
	ID     int64
	Author int64
	Text   string
}

// Author is who wrote a post.
type Author struct {
	ID   int64
	Name string
}

// Entry is a post with all that the page shows of it.
type Entry struct {
	Post   Post
	Author Author
	Likes  int
}

// Store is the database. Each call is one round trip, and may be made from many goroutines.
type Store interface {
	// Feed returns up to limit posts for user, best first.
	Feed(ctx context.Context, user int64, limit int) ([]Post, error)
	// Authors runs SELECT … WHERE id IN (ids): one row per author that exists, in any order.
	// It refuses an empty list and one of more than MaxIDs.
	Authors(ctx context.Context, ids []int64) ([]Author, error)
	// Likes runs SELECT post, count(*) … WHERE post IN (ids) GROUP BY post: a post without likes has no key.
	// It refuses an empty list and one of more than MaxIDs.
	Likes(ctx context.Context, ids []int64) (map[int64]int, error)
}

// load collects what the workers bring.
type load struct {
	mu    sync.Mutex
	names map[int64]string // guarded by mu
	likes map[int64]int    // guarded by mu
	err   error            // guarded by mu; the first one
}

// Load returns the timeline of user in the order of the feed.
func Load(ctx context.Context, s Store, user int64, limit int) ([]Entry, error) {
	posts, err := s.Feed(ctx, user, limit)
	if err != nil {
		return nil, fmt.Errorf("load the feed of %d: %w", user, err)
	}
	l := &load{names: map[int64]string{}, likes: map[int64]int{}}
	if err := l.run(ctx, l.jobs(s, posts)); err != nil {
		return nil, fmt.Errorf("load the timeline of %d: %w", user, err)
	}
	var entries []Entry
	for _, p := range posts {
		a := Author{ID: p.Author, Name: "[deleted]"}
		if name, ok := l.names[p.Author]; ok {
			a.Name = name
		}
		entries = append(entries, Entry{p, a, l.likes[p.ID]})
	}
	return entries, nil
}

func (l *load) jobs(s Store, posts []Post) []func(context.Context) error {
	var authors, ids []int64
	for _, p := range posts {
		authors = append(authors, p.Author)
		ids = append(ids, p.ID)
	}
	slices.Sort(authors)
	var jobs []func(context.Context) error
	for some := range slices.Chunk(slices.Compact(authors), MaxIDs) {
		jobs = append(jobs, func(ctx context.Context) error {
			found, err := s.Authors(context.WithoutCancel(ctx), some)
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, a := range found {
				l.names[a.ID] = a.Name
			}
			return err
		})
	}
	for some := range slices.Chunk(ids, MaxIDs) {
		jobs = append(jobs, func(ctx context.Context) error {
			counts, err := s.Likes(ctx, some)
			l.mu.Lock()
			defer l.mu.Unlock()
			for id, n := range counts {
				l.likes[id] = n
			}
			return err
		})
	}
	return jobs
}

// run ends after every worker has: no call outlives Load.
func (l *load) run(ctx context.Context, jobs []func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan func(context.Context) error, len(jobs))
	for _, job := range jobs {
		queue <- job
	}
	close(queue)
	var wg sync.WaitGroup
	for range MaxInFlight {
		wg.Go(func() {
			for job := range queue {
				if err := job(ctx); err != nil {
					l.fail(err)
					cancel() // the first error calls the others back
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-done:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}
