//go:build exercise

package notificationlanes_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	notificationlanes "workbench/exercises/27-notification-lanes/start"
)

type note = notificationlanes.Message

func queue() *notificationlanes.Queue {
	return notificationlanes.New(notificationlanes.Config{Aging: time.Minute, Window: 10 * time.Minute, Cap: 10_000})
}

// TestNoStarvation sends an urgent message for each one that can be sent, for ten minutes.
func TestNoStarvation(t *testing.T) {
	q := queue()
	for now := time.Duration(0); now < time.Second; now += 100 * time.Millisecond {
		if err := q.Push(now, note{Lane: notificationlanes.Urgent}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Push(time.Second, note{Lane: notificationlanes.Bulk, Body: "newsletter"}); err != nil {
		t.Fatal(err)
	}
	for now := time.Second; now < 10*time.Minute; now += 100 * time.Millisecond {
		if err := q.Push(now, note{Lane: notificationlanes.Urgent}); err != nil {
			t.Fatal(err)
		}
		if m, _ := q.Pop(now); m.Body == "newsletter" {
			if now > 2*time.Minute+3*time.Second {
				t.Errorf("the newsletter went at %v, want soon after 2m1s", now)
			}
			return
		}
	}
	t.Error("the newsletter has waited ten minutes behind urgent messages: it starves")
}

// TestBlast has two thousand newsletters in front of one code to log in with.
func TestBlast(t *testing.T) {
	q := queue()
	for i := range 2_000 {
		if err := q.Push(time.Duration(i)*time.Millisecond, note{Lane: notificationlanes.Bulk}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Push(20*time.Second, note{Lane: notificationlanes.Urgent, Body: "code"}); err != nil {
		t.Fatal(err)
	}
	if m, _ := q.Pop(21 * time.Second); m.Body != "code" {
		t.Error("a code waits behind the newsletter")
	}
}

// TestModel compares random days with a sort by (due, lane, arrival).
func TestModel(t *testing.T) {
	type waiting struct {
		due  time.Duration
		lane notificationlanes.Lane
		n    int
	}
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 27))
		q := queue()
		var model []waiting
		now := time.Duration(0)
		for n := range 400 {
			now += time.Duration(rnd.IntN(30)) * time.Second
			if rnd.IntN(5) < 3 {
				lane := notificationlanes.Lane(rnd.IntN(3))
				if err := q.Push(now, note{Lane: lane, Body: fmt.Sprint(n)}); err != nil {
					t.Fatal(err)
				}
				model = append(model, waiting{now + time.Duration(lane)*time.Minute, lane, n})
				continue
			}
			slices.SortFunc(model, func(a, b waiting) int {
				return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.lane, b.lane), cmp.Compare(a.n, b.n))
			})
			m, ok := q.Pop(now)
			if ok != (len(model) > 0) || ok && m.Body != fmt.Sprint(model[0].n) {
				t.Fatalf("seed %d step %d: Pop = %+v, %v; want the first of %v", seed, n, m, ok, model[:min(3, len(model))])
			}
			if ok {
				model = model[1:]
			}
			if q.Len() != len(model) {
				t.Fatalf("seed %d step %d: Len = %d, want %d", seed, n, q.Len(), len(model))
			}
		}
	}
}

func TestWindowEdges(t *testing.T) {
	q := queue()
	m := note{Key: "k"}
	must := func(now time.Duration, want error) {
		t.Helper()
		if err := q.Push(now, m); !errors.Is(err, want) {
			t.Errorf("Push at %v = %v, want %v", now, err, want)
		}
	}
	must(time.Minute, nil)
	q.Pop(time.Minute)
	must(11*time.Minute-1, notificationlanes.ErrDuplicate)
	must(11*time.Minute, nil) // counted from the one that was accepted, not from the refused
	q.Pop(11 * time.Minute)
	must(20*time.Minute, notificationlanes.ErrDuplicate)
	must(21*time.Minute, nil)
	must(3*time.Hour, notificationlanes.ErrDuplicate) // it still waits
	q.Pop(3 * time.Hour)
	must(3*time.Hour, nil)
}

func TestFullIsNotRemembered(t *testing.T) {
	q := notificationlanes.New(notificationlanes.Config{Window: time.Hour, Cap: 1})
	if err := q.Push(0, note{Key: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := q.Push(0, note{Key: "b"}); !errors.Is(err, notificationlanes.ErrFull) {
		t.Fatalf("Push into a full lane = %v, want ErrFull", err)
	}
	q.Pop(time.Second)
	if err := q.Push(time.Second, note{Key: "b"}); err != nil {
		t.Errorf("the retry of what was refused as full = %v, want nil: it was never accepted", err)
	}
	if err := q.Push(time.Second, note{Key: "a"}); !errors.Is(err, notificationlanes.ErrDuplicate) {
		t.Errorf("a duplicate for a full lane = %v, want ErrDuplicate: a retry would never help", err)
	}
}

func TestOddInput(t *testing.T) {
	q := notificationlanes.New(notificationlanes.Config{Aging: -time.Hour, Window: -time.Hour, Cap: -3})
	for _, lane := range []notificationlanes.Lane{-1, 3, 1 << 40} {
		if err := q.Push(0, note{Lane: lane}); !errors.Is(err, notificationlanes.ErrLane) || q.Len() != 0 {
			t.Errorf("Push into lane %d = %v with Len %d, want ErrLane", lane, err, q.Len())
		}
	}
	if err := q.Push(0, note{Lane: notificationlanes.Bulk, Key: "k", Body: "first"}); err != nil {
		t.Errorf("Push with odd settings = %v, want nil: Cap counts as 1", err)
	}
	if err := q.Push(1, note{Lane: notificationlanes.Urgent, Body: "second"}); err != nil {
		t.Error(err)
	}
	if m, _ := q.Pop(2); m.Body != "first" {
		t.Errorf("Pop = %q, want first: an Aging below 0 counts as 0, so it is due before", m.Body)
	}
	if err := q.Push(2, note{Lane: notificationlanes.Bulk, Key: "k"}); err != nil {
		t.Errorf("Push of a key that was sent, without a window = %v, want nil", err)
	}
	open := queue()
	for range 3 {
		if err := open.Push(0, note{Body: "no key"}); err != nil {
			t.Errorf("Push without a key = %v, want nil: without a key all are different", err)
		}
	}
}

func TestClockBack(t *testing.T) {
	q := queue()
	if err := q.Push(time.Hour, note{Key: "k", Body: "first"}); err != nil {
		t.Fatal(err)
	}
	if err := q.Push(time.Minute, note{Body: "second"}); err != nil { // counts as one hour
		t.Fatal(err)
	}
	if m, _ := q.Pop(0); m.Body != "first" {
		t.Errorf("Pop = %q, want first: a clock that goes back counts as the latest time seen", m.Body)
	}
	if err := q.Push(time.Minute, note{Key: "k"}); !errors.Is(err, notificationlanes.ErrDuplicate) {
		t.Errorf("Push of a recent key with a clock that went back = %v, want ErrDuplicate", err)
	}
}

// TestOneOfMany pushes the same keys from many goroutines: one of each is accepted.
func TestOneOfMany(t *testing.T) {
	for range 20 {
		q := queue()
		var accepted atomic.Int64
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for k := range 30 {
					if err := q.Push(0, note{Key: fmt.Sprint("k", k), Lane: notificationlanes.Lane(k % 3)}); err == nil {
						accepted.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if n := accepted.Load(); n != 30 || q.Len() != 30 {
			t.Fatalf("16 goroutines pushed the same 30 keys: %d accepted, %d wait; want 30", n, q.Len())
		}
	}
}

func TestConcurrent(t *testing.T) {
	q := queue()
	const pushers, each = 4, 400
	var mu sync.Mutex
	out := map[string]int{}
	take := func(now time.Duration) bool {
		m, ok := q.Pop(now)
		if ok {
			mu.Lock()
			out[m.Body]++
			mu.Unlock()
		}
		return ok
	}
	var wg sync.WaitGroup
	for p := range pushers {
		wg.Go(func() {
			for i := range each {
				body := fmt.Sprint(p, " ", i)
				if err := q.Push(time.Duration(i)*time.Second, note{Key: body, Lane: notificationlanes.Lane(i % 3), Body: body}); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for i := range each {
				take(time.Duration(i) * time.Second)
			}
		})
	}
	for name, count := range map[string]func() int{"Len": q.Len, "Keys": q.Keys} {
		wg.Go(func() { // one that only counts: nothing but the queue's own lock orders it
			for range 100 {
				if n := count(); n < 0 {
					t.Errorf("%s = %d", name, n)
				}
			}
		})
	}
	wg.Wait()
	for take(time.Hour) {
	}
	if len(out) != pushers*each {
		t.Errorf("%d different messages came out, want %d", len(out), pushers*each)
	}
	for body, n := range out {
		if n != 1 {
			t.Fatalf("message %q came out %d times", body, n)
		}
	}
}

func TestForgets(t *testing.T) {
	q := queue()
	for i := range 1500 {
		if err := q.Push(time.Duration(i)*time.Millisecond, note{Key: fmt.Sprint("k", i)}); err != nil {
			t.Fatal(err)
		}
		if i > 0 { // one stays and waits
			q.Pop(time.Duration(i) * time.Millisecond)
		}
	}
	if n := q.Keys(); n != 1500 {
		t.Fatalf("Keys = %d within the window, want 1500", n)
	}
	if err := q.Push(time.Hour, note{Key: "late"}); err != nil {
		t.Fatal(err)
	}
	if n := q.Keys(); n > 3 {
		t.Errorf("Keys = %d an hour later, want the one that waits and the new one: a memory that never forgets grows for ever", n)
	}
}
