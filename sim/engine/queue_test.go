package engine_test

import (
	"slices"
	"testing"
	"time"

	"workbench/sim/dist"
	"workbench/sim/engine"
)

func TestOrderIsByInstantThenByScheduling(t *testing.T) {
	var q engine.Queue
	r := dist.New(1, "test")
	type want struct {
		at  time.Duration
		arg int32
	}
	var all []want
	for i := range int32(5000) {
		at := time.Duration(r.IntN(300)) // many ties
		q.Schedule(at, 1, i, 0)
		all = append(all, want{at, i})
	}
	slices.SortStableFunc(all, func(a, b want) int { return int(a.at - b.at) })
	for i, w := range all {
		e, ok := q.Take()
		if !ok || e.At != w.at || e.Arg != w.arg {
			t.Fatalf("event %d is %v at %v (%v), want %v at %v", i, e.Arg, e.At, ok, w.arg, w.at)
		}
		if q.Now() != e.At {
			t.Fatalf("Now() = %v after an event at %v", q.Now(), e.At)
		}
	}
	if _, ok := q.Take(); ok || q.Count() != 5000 {
		t.Errorf("after the last event Take gives another or Count() = %d, want 5000", q.Count())
	}
}

func TestThePastIsNow(t *testing.T) {
	var q engine.Queue
	q.Schedule(10, 1, 1, 0)
	q.Take()
	q.Schedule(3, 1, 2, 0)
	if e, _ := q.Take(); e.At != 10 {
		t.Errorf("an event scheduled for 3 at 10 happens at %v, want 10", e.At)
	}
}

func TestHashSeesEveryDifference(t *testing.T) {
	run := func(change func(i int, e *engine.Event)) uint64 {
		var q engine.Queue
		for i := range 100 {
			e := engine.Event{At: time.Duration(i * 7), Kind: uint8(i % 3), Arg: int32(i)}
			change(i, &e)
			q.Schedule(e.At, e.Kind, e.Arg, e.Token)
		}
		for q.Len() > 0 {
			q.Take()
		}
		return q.Hash()
	}
	base := run(func(int, *engine.Event) {})
	if again := run(func(int, *engine.Event) {}); again != base {
		t.Errorf("the same events hash to %x and %x", base, again)
	}
	for name, change := range map[string]func(int, *engine.Event){
		"instant": func(i int, e *engine.Event) { e.At += time.Duration(i / 99) },
		"kind":    func(i int, e *engine.Event) { e.Kind ^= uint8(i / 99) },
		"arg":     func(i int, e *engine.Event) { e.Arg ^= int32(i / 99) },
	} {
		if run(change) == base {
			t.Errorf("another %s in one event of 100 leaves the hash as it was", name)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	var q engine.Queue
	r := dist.New(1, "hold")
	for i := range int32(1000) {
		q.Schedule(time.Duration(r.IntN(1000)), 1, i, 0)
	}
	if n := testing.AllocsPerRun(1000, func() {
		e, _ := q.Take()
		q.Schedule(e.At+time.Duration(r.IntN(1000)), 1, e.Arg, 0)
	}); n != 0 {
		t.Errorf("one event costs %v allocations, want 0", n)
	}
}

func FuzzOrder(f *testing.F) {
	f.Add([]byte{5, 3, 0, 3, 255, 0, 0, 9})
	f.Fuzz(func(t *testing.T, script []byte) {
		var q engine.Queue
		scheduled, taken := 0, 0
		var last engine.Event
		for _, b := range script {
			if b%3 == 0 {
				e, ok := q.Take()
				if ok != (scheduled > taken) {
					t.Fatalf("Take() = %v with %d of %d taken", ok, taken, scheduled)
				}
				if ok {
					taken++
					if e.At < last.At {
						t.Fatalf("an event at %v follows one at %v", e.At, last.At)
					}
					last = e
				}
				continue
			}
			q.Schedule(time.Duration(b), 1, 0, 0)
			scheduled++
		}
	})
}

func BenchmarkHold1000(b *testing.B) {
	var q engine.Queue
	r := dist.New(1, "hold")
	for i := range int32(1000) {
		q.Schedule(time.Duration(r.Exp()*1e9), 1, i, 0)
	}
	b.ReportAllocs()
	for b.Loop() {
		e, _ := q.Take()
		q.Schedule(e.At+time.Duration(r.Exp()*1e9), 1, e.Arg, 0)
	}
}
