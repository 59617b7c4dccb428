//go:build exercise

package feedmerge_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	feedmerge "workbench/exercises/25-feed-merge/start"
)

// patience is how long a test waits for what should come at once.
const patience = 3 * time.Second

// At one instant many post; the edge of a page falls between them.
func TestTies(t *testing.T) {
	var a, b author
	var all []uint64
	for id := uint64(20); id > 0; id-- {
		p := post{ID: id, At: 5000}
		if id%3 == 0 {
			a.posts = append(a.posts, p)
		} else {
			b.posts = append(b.posts, p)
		}
		all = append(all, id)
	}
	for _, limit := range []int{1, 3, 7, 20} {
		want(t, fmt.Sprintf("20 posts of one instant, %d a page", limit), scroll(t, lines(&a, &b), limit), all)
	}
}

// Two people I follow shared the same post.
func TestSamePostOnce(t *testing.T) {
	shared, other := post{ID: 5, At: 500}, post{ID: 3, At: 300}
	lines := lines(
		by(shared, other, post{ID: 1, At: 100}),
		by(shared, post{ID: 4, At: 400}, other),
		by(shared, other),
	)
	for limit := 1; limit <= 6; limit++ {
		want(t, fmt.Sprintf("shared posts, %d a page", limit), scroll(t, lines, limit), []uint64{5, 4, 3, 1})
	}
	if p := merge(t, lines, "", 4); p.Next != "" {
		t.Errorf("four different posts on a page of 4: Next = %q, want it empty", p.Next)
	}
}

// However the posts are spread and however they are paged, each comes once.
func TestAnyFeed(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(25, seed))
		authors := make([]*author, 1+rng.IntN(20))
		for i := range authors {
			authors[i] = by()
		}
		var posts []post
		for id := range uint64(rng.IntN(120)) {
			p := post{ID: id * 7919 % 1009, At: 1 + rng.Int64N(40)}
			posts = append(posts, p)
			for _, i := range rng.Perm(len(authors))[:min(len(authors), 1+rng.IntN(2))] {
				authors[i].posts = append(authors[i].posts, p)
			}
		}
		slices.SortFunc(posts, compare)
		limit := 1 + rng.IntN(30)
		got := scroll(quiet{t}, lines(authors...), limit)
		if !slices.Equal(got, ids(posts)) {
			tell(t, "all pages of %d from %d timelines: %d posts, of %d", limit, len(authors), len(got), len(posts))
			t.Fatalf("seed %d, %d timelines, %d a page: the posts are\n%v, want\n%v", seed, len(authors), limit, got, ids(posts))
		}
	}
	edge := []post{{ID: math.MaxUint64, At: math.MaxInt64}, {ID: 0, At: math.MaxInt64}, {ID: math.MaxUint64, At: 1}, {ID: 3, At: 1}}
	want(t, "the largest numbers", scroll(t, lines(by(edge...)), 1), ids(edge))
}

// gauge counts how many reads run at once.
type gauge struct{ now, most, begun atomic.Int64 }

func (g *gauge) enter() int64 {
	g.begun.Add(1)
	n := g.now.Add(1)
	for was := g.most.Load(); n > was && !g.most.CompareAndSwap(was, n); was = g.most.Load() {
	}
	return n
}

func (g *gauge) leave() { g.now.Add(-1) }

// Each read waits until MaxReads of them run: a page that reads one after the
// other never gets that far.
func TestAtOnce(t *testing.T) {
	var g gauge
	full := make(chan struct{})
	var once sync.Once
	giveUp := time.AfterFunc(patience, func() { once.Do(func() { close(full) }) })
	defer giveUp.Stop()
	var all []timeline
	for range feedmerge.MaxReads {
		all = append(all, func(context.Context, mark, int) ([]post, error) {
			defer g.leave()
			if g.enter() == feedmerge.MaxReads {
				once.Do(func() { close(full) })
			}
			<-full
			return nil, nil
		})
	}
	merge(t, all, "", 10)
	tell(t, "%d timelines were read at the same time", g.most.Load())
	if got := g.most.Load(); got != feedmerge.MaxReads {
		t.Errorf("of %d timelines at most %d were read at the same time, want all of them", feedmerge.MaxReads, got)
	}
}

// rest waits until every other goroutine waits for something: a channel, a
// lock, a timer. Whoever was on the way has arrived then. Unlike synctest.Wait
// it also knows those who wait for a lock that somebody holds while he waits.
func rest(t testing.TB) {
	t.Helper()
	stacks := make([]byte, 1<<20)
	quiet := 0 // looks in a row at which nobody ran but this goroutine
	for end := time.Now().Add(5 * time.Second); quiet < 3; runtime.Gosched() {
		all, busy := stacks[:runtime.Stack(stacks, true)], 0
		for _, state := range []string{" [running", " [runnable", " [preempted", " [GC assist"} {
			busy += bytes.Count(all, []byte(state))
		}
		if quiet++; busy > 1 {
			quiet = 0
		}
		if time.Now().After(end) {
			t.Error("after 5 s somebody still runs: who waits should sleep until woken, and not look again and again")
			return
		}
	}
}

// A user who follows a thousand must not open a thousand reads.
func TestAtMost(t *testing.T) {
	var g gauge
	over := make(chan struct{})
	var once sync.Once
	open := func() { once.Do(func() { close(over) }) }
	// Reads wait until one too many runs, or until nothing more happens.
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() {
		rest(t)
		open()
	})
	var all []timeline
	for i := range 50 {
		all = append(all, func(context.Context, mark, int) ([]post, error) {
			defer g.leave()
			if g.enter() > feedmerge.MaxReads {
				open()
			}
			<-over
			return []post{{ID: uint64(i), At: 1}}, nil
		})
	}
	p := merge(t, all, "", 50)
	tell(t, "%d timelines were read at the same time", g.most.Load())
	if got := g.most.Load(); got > feedmerge.MaxReads {
		t.Errorf("%d timelines were read at the same time, want at most %d", got, feedmerge.MaxReads)
	}
	if len(p.Posts) != 50 {
		t.Errorf("50 timelines with one post each gave %d posts", len(p.Posts))
	}
}

var errDown = errors.New("the shard is down")

// alarm is closed when a test has waited long enough for what should come at
// once; the test ends it.
func alarm(t *testing.T) <-chan struct{} {
	rings := make(chan struct{})
	timer := time.AfterFunc(patience, func() { close(rings) })
	t.Cleanup(func() { timer.Stop() })
	return rings
}

// untilEnded waits for the end of its context, or for the alarm.
func untilEnded(ctx context.Context, alarm <-chan struct{}, late *atomic.Bool) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-alarm:
		late.Store(true)
		return nil
	}
}

// When one read fails the page is lost: the others are told to stop, none is
// begun any more, and Merge returns when the last has ended, with the error
// that came first.
func TestFailureStops(t *testing.T) {
	var begun atomic.Int64
	var late atomic.Bool
	alarm, waiting, returned := alarm(t), make(chan struct{}, 100), make(chan struct{})
	failed, stopped := make(chan struct{}), make(chan struct{})
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() {
		defer close(stopped)
		select {
		case <-failed:
			rest(t) // whoever does not wait for the reads has returned
		case <-returned:
		}
	})
	var running atomic.Int64
	var all []timeline
	for i := range 40 {
		all = append(all, func(ctx context.Context, _ mark, _ int) ([]post, error) {
			begun.Add(1)
			running.Add(1)
			defer running.Add(-1)
			if i != 5 {
				waiting <- struct{}{}
				err := untilEnded(ctx, alarm, &late)
				// To stop takes a while; meanwhile Merge has to stay.
				select {
				case <-returned:
				case <-stopped:
				case <-alarm:
				}
				return nil, err
			}
			for range 4 { // let others begin, so that there is something to stop
				select {
				case <-waiting:
				case <-alarm:
				}
			}
			close(failed)
			return nil, errDown
		})
	}
	_, err := ask(t, t.Context(), all, "", 10)
	tell(t, "one read has failed, %d were begun, %d are still running", begun.Load(), running.Load())
	left := running.Load()
	close(returned)
	if left > 0 {
		t.Errorf("Merge returned while %d reads were still running, want none left", left)
	}
	if !errors.Is(err, errDown) {
		t.Errorf("Merge = %v, want the error of the read that failed first: %v", err, errDown)
	}
	if late.Load() {
		t.Errorf("a read was still waiting %v after another had failed, want its context ended", patience)
	}
	if n := begun.Load(); n > feedmerge.MaxReads {
		t.Errorf("%d of 40 reads were begun, though one of the first %d failed; want none after that", n, feedmerge.MaxReads)
	}
}

// A page without the posts of a sick shard would lose them for good: the cursor
// moves past them.
func TestFailedTimeline(t *testing.T) {
	good := by(post{ID: 1, At: 100}, post{ID: 2, At: 200})
	sick := func(context.Context, mark, int) ([]post, error) { return nil, errDown }
	for i := range 3 {
		all := slices.Insert(lines(good, good), i, sick)
		if p, err := ask(t, t.Context(), all, "", 10); !errors.Is(err, errDown) || len(p.Posts) > 0 || p.Next != "" {
			t.Errorf("timeline %d fails: Merge = %+v, %v; want no page and that error", i, p, err)
		}
	}
	// Posts beside an error are not to be trusted either.
	half := func(context.Context, mark, int) ([]post, error) { return []post{{ID: 9, At: 900}}, errDown }
	if p, err := ask(t, t.Context(), []timeline{half}, "", 10); !errors.Is(err, errDown) || len(p.Posts) > 0 {
		t.Errorf("posts with an error: Merge = %+v, %v; want no page and that error", p, err)
	}
}

// On a goroutine of its own a panic ends the whole service.
func TestPanic(t *testing.T) {
	wild := func(context.Context, mark, int) ([]post, error) { panic("nil map") }
	for _, all := range [][]timeline{{wild}, {by().read, wild, by().read}, {nil}} {
		tell(t, "Merge of %d timelines, one of which panics, is asked", len(all))
		if p, err := ask(t, t.Context(), all, "", 10); err == nil || len(p.Posts) > 0 {
			t.Errorf("a timeline panics: Merge = %+v, %v; want no page and an error", p, err)
		}
	}
}

func TestCallerLeaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var late atomic.Bool
	alarm := alarm(t)
	var all []timeline
	for i := range 20 {
		all = append(all, func(ctx context.Context, _ mark, _ int) ([]post, error) {
			if i == 3 {
				cancel()
			}
			return nil, untilEnded(ctx, alarm, &late)
		})
	}
	if p, err := ask(t, ctx, all, "", 10); !errors.Is(err, context.Canceled) || len(p.Posts) > 0 {
		t.Errorf("the caller has left: Merge = %+v, %v; want no page and context.Canceled", p, err)
	}
	if late.Load() {
		t.Errorf("a read was still waiting %v after the caller had left, want its context ended", patience)
	}
}

func TestCursor(t *testing.T) {
	a := by(post{ID: math.MaxUint64, At: math.MaxInt64}, post{ID: 2, At: 200}, post{ID: 1, At: 100})
	next := merge(t, lines(a), "", 1).Next
	if next == "" || url.QueryEscape(next) != next || len(next) > 128 {
		t.Errorf("the cursor is %q, want at most 128 characters that stand in a URL as they are", next)
	}
	reads := a.reads.Load()
	for _, bad := range []string{"x", "!", " ", "\x00", "-", "--", "null", "1e9", next + "!", next + " ", "%" + next, next[:len(next)/2] + "é", strings.Repeat("9", 100_000)} {
		if p, err := ask(t, t.Context(), lines(a), bad, 1); !errors.Is(err, feedmerge.ErrCursor) || len(p.Posts) > 0 {
			t.Errorf("Merge(cursor %.40q) = %+v, %v; want no page and ErrCursor", bad, p, err)
		}
	}
	tell(t, "bad cursors cost %d reads", a.reads.Load()-reads)
	if n := a.reads.Load() - reads; n > 0 {
		t.Errorf("bad cursors cost %d reads, want none", n)
	}
}

func TestLimit(t *testing.T) {
	a := by(post{ID: 1, At: 100})
	for _, limit := range []int{0, -1, math.MinInt, feedmerge.MaxLimit + 1, math.MaxInt} {
		if p, err := ask(t, t.Context(), lines(a), "", limit); !errors.Is(err, feedmerge.ErrLimit) || len(p.Posts) > 0 {
			t.Errorf("Merge(limit %d) = %+v, %v; want no page and ErrLimit", limit, p, err)
		}
	}
	tell(t, "bad limits cost %d reads", a.reads.Load())
	if n := a.reads.Load(); n > 0 {
		t.Errorf("bad limits cost %d reads, want none", n)
	}
	merge(t, lines(a), "", feedmerge.MaxLimit)
}

// A page costs one read of each timeline, of no more than it can use.
func TestReads(t *testing.T) {
	const authors, limit = 30, 10
	var all []*author
	for i := range authors {
		a := by()
		for n := range 200 {
			a.posts = append(a.posts, post{ID: uint64(i*1000 + n), At: int64(1 + n)})
		}
		all = append(all, a)
	}
	merge(t, lines(all...), merge(t, lines(all...), "", limit).Next, limit)
	for i, a := range all {
		if i == 0 {
			tell(t, "two pages read the first timeline %d times, for at most %d posts", a.reads.Load(), a.most.Load())
		}
		if n := a.reads.Load(); n != 2 {
			t.Errorf("two pages read timeline %d %d times, want twice", i, n)
		}
		if n := a.most.Load(); n > limit+1 {
			t.Errorf("for a page of %d timeline %d was asked for %d posts, want at most one more than the page", limit, i, n)
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	var all []timeline
	for i := range 100 {
		posts := make([]post, 60)
		for n := range posts {
			posts[n] = post{ID: uint64(i*1000 + n), At: int64(10_000 - n*100 - i)}
		}
		all = append(all, func(_ context.Context, _ mark, n int) ([]post, error) { return posts[:min(n, len(posts))], nil })
	}
	for b.Loop() {
		if _, err := feedmerge.Merge(b.Context(), all, "", 50); err != nil {
			b.Fatal(err)
		}
	}
}
