//go:build exercise

package lifocodel_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	lifocodel "workbench/exercises/17-lifo-codel/start"
)

const milli = time.Millisecond

// told is a queue that writes down what it is asked and answers.
type told struct {
	*lifocodel.Queue[time.Duration]
	t testing.TB
}

func (q told) Push(now, v time.Duration) {
	q.t.Helper()
	q.Queue.Push(now, v)
	tell(q.t, now, "Push(%v), left %d", v, q.Len())
}

func (q told) Pop(now time.Duration) (time.Duration, bool) {
	q.t.Helper()
	v, ok := q.Queue.Pop(now)
	tell(q.t, now, "Pop = %v, %v, left %d", v, ok, q.Len())
	return v, ok
}

func calm(t testing.TB, room int) told {
	return told{numbers(room), t}
}

func numbers(room int) *lifocodel.Queue[time.Duration] {
	return lifocodel.New(lifocodel.Config[time.Duration]{Cap: room, Target: 5 * milli, Interval: 100 * milli})
}

// TestOverload sends two requests for each one that can be served, for two seconds.
func TestOverload(t *testing.T) {
	q := told{numbers(400), quiet{t}}
	for now := time.Duration(0); now < 2*time.Second; now += milli {
		q.Push(now, now)
		q.Push(now, now)
		at, ok := q.Pop(now)
		if !ok {
			tell(t, now, "Push, twice; Pop = nothing, left %d", q.Len())
			t.Fatalf("at %v nothing is served though two requests just came", now)
		}
		if age := now - at; now >= 100*milli && age > 5*milli {
			tell(t, now, "Push, twice; Pop = what came at %v, left %d", at, q.Len())
			t.Fatalf("at %v a request of age %v is served: its client has waited too long, fresh ones wait behind", now, age)
		}
	}
	if n := q.Len(); n > 13 {
		tell(t, 2*time.Second, "Push, twice, and Pop each millisecond since 0s: left %d", n)
		t.Errorf("%d requests are left, want only those of the last target", n)
	}
}

// TestRecovers lets the queue run empty after a standing time: it must be calm again.
func TestRecovers(t *testing.T) {
	q := calm(t, 100)
	for now := milli; now < 300*milli; now += milli {
		q.Queue.Push(now, now)
	}
	for {
		if _, ok := q.Queue.Pop(300 * milli); !ok {
			break
		}
	}
	tell(t, 300*milli, "Push each millisecond since 1ms; Pop until the queue is empty")
	for i := range time.Duration(3) {
		q.Push(400*milli+i*milli, i)
	}
	for i := range time.Duration(3) {
		if got, ok := q.Pop(450 * milli); !ok || got != i {
			t.Fatalf("after the queue ran empty, Pop %d = %d, %v; want the order of arrival again, with nothing dropped", i, got, ok)
		}
	}
}

func TestEdges(t *testing.T) {
	for _, c := range []struct {
		name         string
		first, last  time.Duration // two pushes
		pop          time.Duration
		want         time.Duration
		dropped, len int
	}{
		{"just calm", 0, 50, 99, 0, 0, 1},
		{"just standing", 0, 99, 100, 99, 1, 0},
		{"as old as the target", 0, 95, 100, 95, 1, 0},
		{"older than the target", 0, 94, 100, -1, 2, 0},
		{"measured from the first push", 1000, 1050, 1099, 1000, 0, 1},
		{"and standing from there", 1000, 1098, 1100, 1098, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dropped := 0
			q := lifocodel.New(lifocodel.Config[time.Duration]{Cap: 9, Target: 5 * milli, Interval: 100 * milli, OnDrop: func(time.Duration, time.Duration) { dropped++ }})
			q.Push(c.first*milli, c.first)
			q.Push(c.last*milli, c.last)
			got, ok := q.Pop(c.pop * milli)
			tell(t, c.first*milli, "Push(%d)", c.first)
			tell(t, c.last*milli, "Push(%d)", c.last)
			tell(t, c.pop*milli, "Pop = %d, %v, dropped %d, left %d", got, ok, dropped, q.Len())
			if !ok {
				got = -1
			}
			if got != c.want || dropped != c.dropped || q.Len() != c.len {
				t.Errorf("Pop(%d ms) = %d, dropped %d, left %d; want %d, %d, %d", c.pop, got, dropped, q.Len(), c.want, c.dropped, c.len)
			}
		})
	}
}

// TestShortOverload keeps few values for long: standing is a matter of time, not of length.
func TestShortOverload(t *testing.T) {
	q := calm(t, 1000)
	q.Push(0, 0)
	for now := milli; now <= 100*milli; now += milli {
		q.Push(now, now)
		if now < 100*milli {
			q.Pop(now) // the queue never holds more than two, but is never empty
		}
	}
	if got, ok := q.Pop(100 * milli); !ok || got != 100*milli {
		t.Errorf("Pop = %v, %v; want the newest: the queue has not been empty for 100 ms", got, ok)
	}
	p := calm(t, 1000)
	for i := range time.Duration(900) {
		p.Queue.Push(i*time.Microsecond, i)
	}
	tell(t, 899*time.Microsecond, "Push each microsecond since 0s into another queue, left %d", p.Len())
	if got, _ := p.Pop(milli); got != 0 {
		t.Errorf("Pop = %v after a burst of 900 in one millisecond; want the oldest: a burst is no standing queue", got)
	}
}

// TestConcurrent counts every value out exactly once.
func TestConcurrent(t *testing.T) {
	const pushers, each = 4, 500
	var mu sync.Mutex
	out := make(map[int]int)
	note := func(v int) {
		mu.Lock()
		out[v]++
		mu.Unlock()
	}
	q := lifocodel.New(lifocodel.Config[int]{Cap: 64, Target: 5 * milli, Interval: 20 * milli, OnDrop: func(v int, _ time.Duration) { note(v) }})
	tell(t, 0, "%d goroutines begin to Push and as many to Pop, %d times each", pushers, each)
	var ended atomic.Bool
	var counter, wg sync.WaitGroup
	counter.Go(func() { // one that only counts, all the while: nothing but the queue's own lock orders it
		for !ended.Load() {
			if n := q.Len(); n < 0 || n > 64 {
				t.Errorf("Len = %d in a queue of 64", n)
			}
			runtime.Gosched()
		}
	})
	for p := range pushers {
		wg.Go(func() {
			for i := range each {
				q.Push(time.Duration(i)*milli/4, p*each+i)
			}
		})
		wg.Go(func() {
			for i := range each {
				if v, ok := q.Pop(time.Duration(i) * milli / 4); ok {
					note(v)
				}
			}
		})
	}
	wg.Wait()
	ended.Store(true)
	counter.Wait()
	for q.Len() > 0 {
		if v, ok := q.Pop(time.Second); ok {
			note(v)
		}
	}
	tell(t, time.Second, "Push and Pop by %d goroutines each, %d times; then Pop until the queue is empty: %d values came out", pushers, each, len(out))
	for v := range pushers * each {
		if out[v] != 1 {
			t.Fatalf("value %d came out %d times, served or dropped; want once", v, out[v])
		}
	}
}

func TestCallbackMayCall(t *testing.T) {
	done := make(chan bool)
	go func() {
		defer close(done)
		var q *lifocodel.Queue[int]
		q = lifocodel.New(lifocodel.Config[int]{Cap: 1, OnDrop: func(v int, _ time.Duration) {
			if q.Len() > 1 {
				t.Error("the queue holds more than its one place")
			}
			if v < 3 {
				q.Push(0, v+10)
			}
		}})
		q.Push(0, 1)
		q.Push(0, 2)
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		tell(t, 0, "Push(1), Push(2) into one place; OnDrop calls Len, and neither comes back")
		t.Error("OnDrop called Len and never came back: call it after the lock is released")
	}
}

func TestClockBack(t *testing.T) {
	q := calm(t, 10)
	q.Push(0, 0)
	q.Push(196*milli, 196)
	q.Push(198*milli, 198)
	q.Push(200*milli, 200)
	q.Pop(200 * milli)
	if got, _ := q.Pop(50 * milli); got != 198 {
		t.Errorf("Pop at 50 ms after one at 200 ms = %d; want 198: a clock that goes back counts as the latest time seen", got)
	}
	q.Push(10*milli, 10) // counts as 200 ms
	if got, ok := q.Pop(204 * milli); !ok || got != 10 {
		t.Errorf("Pop = %d, %v; want the value pushed with a clock that went back, at age 4 ms", got, ok)
	}
}

func TestOddConfig(t *testing.T) {
	for _, room := range []int{0, -7} {
		q := lifocodel.New(lifocodel.Config[int]{Cap: room, Target: -milli, Interval: -milli})
		if _, ok := q.Pop(0); ok {
			t.Fatal("Pop of an empty queue = true")
		}
		q.Push(0, 1)
		q.Push(0, 2)
		v, ok := q.Pop(0)
		tell(t, 0, "Cap %d: Push(1), Push(2); Pop = %d, %v, left %d", room, v, ok, q.Len())
		if !ok || v != 2 || q.Len() != 0 {
			t.Errorf("Cap %d: Pop = %d, %v with %d left; want 2, as with one place and a target of 0", room, v, ok, q.Len())
		}
	}
}

// TestForgets looks whether values that left can be collected.
func TestForgets(t *testing.T) {
	q := lifocodel.New(lifocodel.Config[*[1 << 16]byte]{Cap: 4, Target: 5 * milli, Interval: 100 * milli})
	var all []weak.Pointer[[1 << 16]byte]
	push := func(at time.Duration) {
		v := new([1 << 16]byte)
		all = append(all, weak.Make(v))
		q.Push(at, v)
	}
	for i := range time.Duration(4) { // the oldest leaves calmly
		push(i * milli)
	}
	q.Pop(5 * milli)
	push(100 * milli)
	q.Pop(100 * milli) // three are dropped, the newest is served
	push(101 * milli)  // one stays, so that the queue is alive
	runtime.GC()
	runtime.GC()
	tell(t, 101*milli, "Push at 0s, 1ms, 2ms and 3ms, Pop at 5ms, Push and Pop at 100ms, Push at 101ms: left %d", q.Len())
	for i, p := range all[:len(all)-1] {
		if p.Value() != nil {
			t.Errorf("value %d has left the queue and is still held in memory", i)
		}
	}
	if q.Len() != 1 {
		t.Errorf("Len = %d, want 1", q.Len())
	}
	runtime.KeepAlive(q)
}
