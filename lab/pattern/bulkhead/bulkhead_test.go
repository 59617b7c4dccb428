package bulkhead_test

import (
	"strings"
	"testing"
	"time"

	failsafe "github.com/failsafe-go/failsafe-go/bulkhead"

	"workbench/lab"
	"workbench/lab/pattern/bulkhead"
	"workbench/lab/pattern/patterntest"
	"workbench/sim/dist"
)

const ms = time.Millisecond

func build(t testing.TB, k bulkhead.Knobs) *bulkhead.Bulkhead {
	t.Helper()
	return patterntest.Core(t, bulkhead.New, k)
}

func TestCompartmentsAreApart(t *testing.T) {
	b := build(t, bulkhead.Knobs{Limit: 2})
	for i := range 3 {
		if got, want := b.Enter(0, 0, 0).OK, i < 2; got != want {
			t.Errorf("Enter %d of compartment 0 = %v, want %v", i+1, got, want)
		}
	}
	if !b.Enter(0, 1, 0).OK {
		t.Error("Enter of compartment 1 = false while 0 is full, want true")
	}
	b.Leave(0)
	if !b.Enter(0, 0, 0).OK || b.Inside(0) != 2 || b.Inside(1) != 1 {
		t.Errorf("inside after a change of guests: %d and %d, want 2 and 1", b.Inside(0), b.Inside(1))
	}
}

func TestCompartment(t *testing.T) {
	for op, want := range map[uint8]int{0: 0, 6: 6, 7: 7, 8: 7, 255: 7} {
		if got := bulkhead.Compartment(op); got != want {
			t.Errorf("Compartment(%d) = %d, want %d", op, got, want)
		}
	}
}

func TestWaiting(t *testing.T) {
	b := build(t, bulkhead.Knobs{Limit: 2, Wait: 10 * ms})
	b.Enter(0, 3, 0)
	b.Enter(0, 3, 0)
	first, second := b.Enter(0, 3, 0), b.Enter(1*ms, 3, 5*ms)
	if !first.Wait || first.Until != 10*ms || !second.Wait || second.Until != 5*ms {
		t.Fatalf("Enter = %+v, %+v, want waits until 10ms and, by its deadline, 5ms", first, second)
	}
	if e := b.Enter(2*ms, 3, 0); e.OK || e.Wait {
		t.Errorf("Enter with limit requests waiting = %+v, want a refusal", e)
	}
	if !b.GiveUp(3, second.Ticket) || b.GiveUp(3, second.Ticket) {
		t.Error("GiveUp twice: want true, then false")
	}
	third := b.Enter(6*ms, 3, 0)
	for _, want := range []bulkhead.Ticket{first.Ticket, third.Ticket} {
		if got, ok := b.Leave(3); !ok || got != want {
			t.Errorf("Leave = %v, %v, want ticket %v: first come, first served", got, ok, want)
		}
	}
	if b.GiveUp(3, third.Ticket) {
		t.Error("GiveUp of a request with a place = true, want false")
	}
	if b.Inside(3) != 2 || b.Waiting() != 0 {
		t.Errorf("inside %d, waiting %d, want 2 and 0", b.Inside(3), b.Waiting())
	}
	if e := b.Enter(9*ms, 3, 9*ms); e.OK || e.Wait {
		t.Errorf("Enter at the deadline = %+v, want a refusal", e)
	}
}

func TestKnobsAreChecked(t *testing.T) {
	for name, k := range map[string]bulkhead.Knobs{"limit": {}, "wait": {Limit: 1, Wait: -1}} {
		if _, err := bulkhead.New(k); err == nil || !strings.Contains(err.Error(), "knob "+name) {
			t.Errorf("New(%+v) = %v, want an error that names knob %s", k, err, name)
		}
	}
}

// FuzzInvariants drives the bulkhead in any order and keeps a plain model.
func FuzzInvariants(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 64, 64, 128, 0})
	f.Add([]byte{1, 65, 1, 1, 1, 193, 129, 65, 65, 65})
	f.Fuzz(func(t *testing.T, script []byte) {
		k := bulkhead.Knobs{Limit: 3, Wait: 20 * ms}
		b := build(t, k)
		var now time.Duration
		var inside [bulkhead.Compartments]int
		var waiting [bulkhead.Compartments][]bulkhead.Ticket
		for _, op := range script {
			where := int(op % bulkhead.Compartments)
			switch op >> 6 {
			case 0:
				e := b.Enter(now, where, 0)
				wantOK := inside[where] < k.Limit
				wantWait := !wantOK && len(waiting[where]) < k.Limit
				if e.OK != wantOK || e.Wait != wantWait {
					t.Fatalf("Enter = %+v with %d inside and %d waiting", e, inside[where], len(waiting[where]))
				}
				if e.OK {
					inside[where]++
				} else if e.Wait {
					waiting[where] = append(waiting[where], e.Ticket)
				}
			case 1:
				if inside[where] == 0 {
					continue
				}
				next, ok := b.Leave(where)
				if ok != (len(waiting[where]) > 0) || ok && next != waiting[where][0] {
					t.Fatalf("Leave = %v, %v with %v waiting", next, ok, waiting[where])
				}
				if ok {
					waiting[where] = waiting[where][1:]
				} else {
					inside[where]--
				}
			case 2:
				if n := len(waiting[where]); n > 0 {
					if !b.GiveUp(where, waiting[where][n-1]) {
						t.Fatalf("GiveUp(%v) = false while it waits", waiting[where][n-1])
					}
					waiting[where] = waiting[where][:n-1]
				}
			case 3:
				now += time.Duration(op) * ms
			}
			if b.Inside(where) != inside[where] || inside[where] > k.Limit {
				t.Fatalf("Inside(%d) = %d, want %d", where, b.Inside(where), inside[where])
			}
		}
	})
}

// TestLikeFailsafe compares admissions with failsafe-go's, which has one
// compartment for each policy and no order among those who wait.
func TestLikeFailsafe(t *testing.T) {
	const limit = 5
	b := build(t, bulkhead.Knobs{Limit: limit})
	theirs := failsafe.New[any](limit)
	draws := dist.New(1, "failsafe")
	inside, refused := 0, 0
	for step := range 10_000 {
		if inside > 0 && draws.Float64() < 0.45 {
			b.Leave(2)
			theirs.ReleasePermit()
			inside--
			continue
		}
		got, want := b.Enter(0, 2, 0).OK, theirs.TryAcquirePermit()
		if got != want {
			t.Fatalf("step %d: Enter = %v, failsafe %v", step, got, want)
		}
		if got {
			inside++
		} else {
			refused++
		}
	}
	if refused < 1000 {
		t.Errorf("%d refusals in 10000 steps, want at least 1000", refused)
	}
}

func TestConformance(t *testing.T) { patterntest.Run(t, bulkhead.Pattern()) }

func TestTwin(t *testing.T) {
	trace := patterntest.Poisson(5, 800, 1000, 20*ms)
	for i := range trace {
		trace[i].Request.Op %= 3
		if i%6 == 0 {
			trace[i].Request.Deadline = trace[i].At + 7*ms
		}
	}
	for name, wait := range map[string]string{"no wait": "0s", "wait": "15ms"} {
		t.Run(name, func(t *testing.T) {
			reasons := map[lab.Reason]int{}
			for _, r := range patterntest.Twin(t, bulkhead.Pattern(), map[string]any{"limit": 5, "wait": wait}, trace) {
				reasons[r.Response.Reason]++
			}
			if reasons[bulkhead.ReasonFull] < 50 || reasons[""] < 300 {
				t.Errorf("reasons %v, want 50 bulkhead_full and 300 served", reasons)
			}
		})
	}
}
