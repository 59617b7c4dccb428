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
		q.Take()
		q.Append(q.Now()+1000, 1, e.Arg, 0)
	}); n != 0 {
		t.Errorf("one event costs %v allocations, want 0", n)
	}
}

// FuzzOrder holds the queue to a list that is searched from end to end. Of each
// byte the remainder by 4 says what is done, and the rest when.
func FuzzOrder(f *testing.F) {
	f.Add([]byte{5, 3, 0, 3, 255, 0, 0, 9})
	f.Add([]byte{2, 6, 10, 10, 6, 1, 0, 0, 2, 0, 0, 0, 0})
	f.Add([]byte{2, 2, 2, 0, 0, 0, 0, 1, 1, 0, 3, 0})
	rising := make([]byte, 0, 400)
	for i := range 200 {
		rising = append(rising, byte(i)&^3|2, byte(i%7))
	}
	f.Add(rising)
	f.Fuzz(func(t *testing.T, script []byte) {
		var q engine.Queue
		var waiting []engine.Event // in the order of scheduling
		now, seq := time.Duration(0), uint64(0)
		for _, b := range script {
			if b%4 == 0 {
				e, ok := q.Take()
				if ok != (len(waiting) > 0) {
					t.Fatalf("Take() = %v with %d waiting", ok, len(waiting))
				}
				if !ok {
					continue
				}
				first := 0
				for i, x := range waiting {
					if x.At < waiting[first].At {
						first = i
					}
				}
				if e != waiting[first] {
					t.Fatalf("Take() = %+v, want %+v", e, waiting[first])
				}
				now = e.At
				waiting = slices.Delete(waiting, first, first+1)
				continue
			}
			seq++
			e := engine.Event{At: max(now, time.Duration(b/4)), Seq: seq, Token: seq * 3, Arg: int32(b), Kind: b % 4}
			waiting = append(waiting, e)
			if b%4 == 2 {
				q.Append(time.Duration(b/4), e.Kind, e.Arg, e.Token)
			} else {
				q.Schedule(time.Duration(b/4), e.Kind, e.Arg, e.Token)
			}
			if b%8 == 1 { // a look must change nothing
				if at, ok := q.Peek(); !ok || at < now {
					t.Fatalf("Peek() = %v, %v at %v", at, ok, now)
				}
			}
			if q.Len() != len(waiting) {
				t.Fatalf("Len() = %d, want %d", q.Len(), len(waiting))
			}
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
