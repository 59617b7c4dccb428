//go:build exercise

package lifocodel_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	lifocodel "workbench/exercises/17-lifo-codel/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

const ms = time.Millisecond

// tray is a queue with the numbers that it dropped.
type tray struct {
	*lifocodel.Queue[int]
	t       testing.TB
	dropped []int
}

// Push pushes and writes it down, with what was dropped.
func (q *tray) Push(now time.Duration, v int) {
	q.t.Helper()
	before := len(q.dropped)
	q.Queue.Push(now, v)
	tell(q.t, now, "Push(%d), dropped %v, left %d", v, q.dropped[before:], q.Len())
}

// set returns a queue with a target of 5 ms and an interval of 100 ms.
func set(t testing.TB, room int) *tray {
	q := &tray{t: t}
	q.Queue = lifocodel.New(lifocodel.Config[int]{Cap: room, Target: 5 * ms, Interval: 100 * ms, OnDrop: func(v int, _ time.Duration) {
		q.dropped = append(q.dropped, v)
	}})
	return q
}

// pops takes n values at now; -1 stands for none.
func (q *tray) pops(now time.Duration, n int) []int {
	q.t.Helper()
	var got []int
	for range n {
		before := len(q.dropped)
		v, ok := q.Pop(now)
		tell(q.t, now, "Pop = %d, %v, dropped %v, left %d", v, ok, q.dropped[before:], q.Len())
		if !ok {
			v = -1
		}
		got = append(got, v)
	}
	return got
}

func TestCalmIsFIFO(t *testing.T) {
	q := set(t, 10)
	for i := range 4 {
		q.Push(time.Duration(i)*ms, i)
	}
	if n := q.Len(); n != 4 {
		t.Errorf("Len after four pushes = %d", n)
	}
	if got := q.pops(99*ms, 5); !slices.Equal(got, []int{0, 1, 2, 3, -1}) {
		t.Errorf("99 ms after the first push Pop gives %v, want the order of arrival and then nothing", got)
	}
	if len(q.dropped) > 0 {
		t.Errorf("a calm queue dropped %v", q.dropped)
	}
}

func TestStandingIsLIFO(t *testing.T) {
	q := set(t, 10)
	for i := range 4 {
		q.Push(time.Duration(i)*ms, i)
	}
	q.Push(97*ms, 97)
	q.Push(98*ms, 98)
	q.Push(100*ms, 100)
	if got := q.pops(100*ms, 4); !slices.Equal(got, []int{100, 98, 97, -1}) {
		t.Errorf("100 ms without an empty moment: Pop gives %v, want the newest first and nothing older than the target", got)
	}
	if !slices.Equal(q.dropped, []int{0, 1, 2, 3}) {
		t.Errorf("dropped %v, want 0 to 3, the oldest first", q.dropped)
	}
}

func TestDropAge(t *testing.T) {
	ages := map[int]time.Duration{}
	q := lifocodel.New(lifocodel.Config[int]{Cap: 2, Target: 5 * ms, Interval: 100 * ms, OnDrop: func(v int, age time.Duration) { ages[v] = age }})
	q.Push(0, 1)
	q.Push(10*ms, 2)
	q.Push(30*ms, 3) // drops 1
	tell(t, 30*ms, "Push at 0s, 10ms and 30ms into two places: ages at the drop %v", ages)
	v, ok := q.Pop(120 * ms) // drops 2 and 3
	tell(t, 120*ms, "Pop = %d, %v: ages at the drop %v", v, ok, ages)
	if ages[1] != 30*ms || ages[2] != 110*ms || ages[3] != 90*ms || len(ages) != 3 {
		t.Errorf("ages at the drop = %v, want 1: 30ms, 2: 110ms, 3: 90ms", ages)
	}
}

func TestFull(t *testing.T) {
	q := set(t, 3)
	for i := range 5 {
		q.Push(time.Duration(i)*ms, i)
	}
	if !slices.Equal(q.dropped, []int{0, 1}) || q.Len() != 3 {
		t.Errorf("five pushes into three places dropped %v and left %d, want [0 1] dropped: the oldest have waited longest and are nearest to giving up", q.dropped, q.Len())
	}
	if got := q.pops(6*ms, 3); !slices.Equal(got, []int{2, 3, 4}) {
		t.Errorf("the queue holds %v, want [2 3 4]", got)
	}
}
