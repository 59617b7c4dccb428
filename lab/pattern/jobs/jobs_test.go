package jobs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/jobs"
	"workbench/lab/pattern/patterntest"
)

const ms = time.Millisecond

// whole fills in what a test does not care about.
func whole(k jobs.Knobs) jobs.Knobs {
	d := jobs.Defaults()
	if k.Attempts == 0 {
		k.Attempts = d.Attempts
	}
	if k.Pause == 0 {
		k.Pause = d.Pause
	}
	if k.Dead == 0 {
		k.Dead = d.Dead
	}
	return k
}

func build(t testing.TB, k jobs.Knobs) *jobs.Queue[string] {
	t.Helper()
	q, err := jobs.New[string](whole(k), 10*ms)
	if err != nil {
		t.Fatalf("New(%+v): %v", k, err)
	}
	return q
}

func take(t *testing.T, q *jobs.Queue[string], now time.Duration, id uint64) *jobs.Job[string] {
	t.Helper()
	j, ok := q.Take(now)
	if !ok || j.ID != id {
		t.Fatalf("Take(%v) = %+v, %v, want job %d", now, j, ok, id)
	}
	return j
}

func TestLifeOfAJob(t *testing.T) {
	q := build(t, jobs.Knobs{Length: 2, Workers: 1, Keep: 2})
	expect := func(id uint64, want jobs.Status) {
		t.Helper()
		if got, ok := q.Status(id); !ok || got != want {
			t.Errorf("Status(%d) = %+v, %v, want %+v", id, got, ok, want)
		}
	}
	q.Add(0, 7, "seven")
	expect(7, jobs.Status{State: jobs.Queued})
	q.Add(1*ms, 8, "eight")
	if got := q.Age(5 * ms); got != 5*ms {
		t.Errorf("Age(5ms) = %v, want 5ms", got)
	}
	seven := take(t, q, 5*ms, 7)
	if seven.Work != "seven" {
		t.Errorf("Work = %q, want seven", seven.Work)
	}
	expect(7, jobs.Status{State: jobs.Running, Waited: 5 * ms, Tries: 1})
	if _, ok := q.Take(6 * ms); ok {
		t.Error("Take with the one worker busy = true, want false")
	}
	q.Finish(15*ms, seven, lab.Response{Outcome: lab.Stale})
	expect(7, jobs.Status{State: jobs.Done, Outcome: lab.Stale, Waited: 5 * ms, Worked: 10 * ms, Tries: 1})
	q.Finish(17*ms, take(t, q, 15*ms, 8), lab.Refuse(lab.Failed, lab.ReasonDown, 0))
	expect(8, jobs.Status{State: jobs.Failed, Outcome: lab.Failed, Reason: lab.ReasonDown, Waited: 14 * ms, Worked: 2 * ms, Tries: 1})
	if _, ok := q.Status(9); ok {
		t.Error("Status of an unknown job = true, want false")
	}
	if q.Depth() != 0 || q.Running() != 0 || q.Age(time.Second) != 0 {
		t.Errorf("depth %d, running %d, age %v, want none", q.Depth(), q.Running(), q.Age(time.Second))
	}
}

func TestFull(t *testing.T) {
	q := build(t, jobs.Knobs{Length: 8, Workers: 2, Keep: 1})
	for i := range uint64(8) {
		if _, full := q.Full(); full {
			t.Fatalf("Full with %d of 8 = true, want false", i)
		}
		q.Add(0, i, "")
	}
	if d, full := q.Full(); !full || d != 20*ms { // 8 jobs of 10 ms, half of them, two workers
		t.Errorf("Full = %v, %v, want 20ms, true", d, full)
	}
	// The guess of 10 ms moves an eighth of the way to what was measured, 90 ms.
	j, _ := q.Take(0)
	q.Finish(90*ms, j, lab.Response{})
	q.Add(90*ms, 9, "")
	if d, _ := q.Full(); d != 40*ms {
		t.Errorf("Full after a job of 90ms = %v, want 40ms", d)
	}
}

func TestOldResultsAreForgotten(t *testing.T) {
	q := build(t, jobs.Knobs{Length: 1, Workers: 1, Keep: 2})
	run := func(id uint64) {
		q.Add(0, id, "")
		q.Finish(0, take(t, q, 0, id), lab.Response{})
	}
	for _, id := range []uint64{1, 2, 3} {
		run(id)
	}
	for id, want := range map[uint64]bool{1: false, 2: true, 3: true} {
		if _, ok := q.Status(id); ok != want {
			t.Errorf("Status(%d) known = %v, want %v", id, ok, want)
		}
	}
	run(3) // the same ID again: forgetting the older job must not forget this one
	run(4)
	if s, ok := q.Status(3); !ok || s.State != jobs.Done {
		t.Errorf("Status(3) = %+v, %v, want done", s, ok)
	}
}

func TestAbandon(t *testing.T) {
	q := build(t, jobs.Knobs{Length: 5, Workers: 1, Keep: 5})
	for i := range uint64(4) {
		q.Add(0, i, "")
	}
	take(t, q, 0, 0)
	if got := q.Abandon(); got != 3 || q.Depth() != 0 || q.Running() != 1 {
		t.Errorf("Abandon = %d, depth %d, running %d, want 3, 0, 1", got, q.Depth(), q.Running())
	}
	want := jobs.Status{State: jobs.Lost, Outcome: lab.Shed, Reason: lab.ReasonShutdown}
	if got, _ := q.Status(2); got != want {
		t.Errorf("Status(2) = %+v, want %+v", got, want)
	}
}

func TestKnobsAreChecked(t *testing.T) {
	for name, spoil := range map[string]func(*jobs.Knobs){
		"length": func(k *jobs.Knobs) { k.Length = 0 }, "workers": func(k *jobs.Knobs) { k.Workers = 0 }, "keep": func(k *jobs.Knobs) { k.Keep = 0 },
		"attempts": func(k *jobs.Knobs) { k.Attempts = 0 }, "pause": func(k *jobs.Knobs) { k.Pause = 0 }, "dead": func(k *jobs.Knobs) { k.Dead = 0 },
	} {
		k := jobs.Defaults()
		spoil(&k)
		if _, err := jobs.New[int](k, 0); err == nil || !strings.Contains(err.Error(), "knob "+name) {
			t.Errorf("New(%+v) = %v, want an error that names knob %s", k, err, name)
		}
	}
}

// FuzzInvariants: whatever the order of events, each accepted job is in exactly
// one state, they leave in order, and no bound is passed.
func FuzzInvariants(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 2, 0, 0, 1, 1, 2, 2, 3})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 2, 1})
	f.Fuzz(func(t *testing.T, script []byte) {
		k := jobs.Knobs{Length: 4, Workers: 2, Keep: 1000}
		q := build(t, k)
		var now time.Duration
		var running []*jobs.Job[string]
		accepted, taken, finished, lost := uint64(0), uint64(0), 0, 0
		for _, op := range script {
			now += time.Duration(op) * time.Microsecond
			switch op % 4 {
			case 0:
				if d, full := q.Full(); !full {
					q.Add(now, accepted, fmt.Sprint(accepted))
					accepted++
				} else if d <= 0 || d > time.Minute || q.Depth() != k.Length {
					t.Fatalf("Full = %v with depth %d", d, q.Depth())
				}
			case 1:
				if j, ok := q.Take(now); ok {
					if j.ID != taken || j.Work != fmt.Sprint(taken) {
						t.Fatalf("Take = job %d with %q, want job %d", j.ID, j.Work, taken)
					}
					taken++
					running = append(running, j)
				}
			case 2:
				if len(running) > 0 {
					i := int(op/4) % len(running)
					q.Finish(now, running[i], lab.Response{Outcome: lab.Outcome(op/4) % 7})
					running = append(running[:i], running[i+1:]...)
					finished++
				}
			case 3:
				if op > 250 {
					lost += q.Abandon()
					taken = accepted
				}
			}
			if q.Depth() > k.Length || q.Running() != len(running) || q.Running() > k.Workers || q.Age(now) < 0 {
				t.Fatalf("depth %d, running %d of %d, age %v", q.Depth(), q.Running(), len(running), q.Age(now))
			}
			if int(accepted) != q.Depth()+q.Running()+finished+lost {
				t.Fatalf("accepted %d, but %d waiting, %d running, %d finished, %d lost", accepted, q.Depth(), q.Running(), finished, lost)
			}
		}
		for id := range accepted {
			if _, ok := q.Status(id); !ok {
				t.Fatalf("job %d was accepted and is unknown", id)
			}
		}
	})
}

// orders is a trace of which two thirds may be worked on later. Its last request
// is a read that outlasts all jobs, so that both engines are compared when the
// queue is empty.
func orders(seed uint64) []patterntest.Arrival {
	trace := patterntest.Poisson(seed, 600, 800, 20*ms)
	for i := range trace {
		trace[i].Request.Async = i%3 > 0
		if trace[i].Request.Async { // both end with the 202
			trace[i].Request.Patience = trace[i].At + 5*ms
			trace[i].Request.Deadline = trace[i].At + 5*ms
		}
	}
	trace[len(trace)-1].Request = lab.Request{Read: true}
	trace[len(trace)-1].Service = time.Minute
	return trace
}

func TestConformance(t *testing.T) { patterntest.Run(t, jobs.Pattern(), orders(3)) }

func TestTwin(t *testing.T) {
	trace := orders(5)
	accepted, refused := 0, 0
	for i, r := range patterntest.Twin(t, jobs.Pattern(), map[string]any{"length": 20, "workers": 6}, trace) {
		if r.Response.Accepted {
			accepted++
			if r.At != trace[i].At || r.Calls != 1 || r.Response.Location != fmt.Sprintf("/jobs/%d", i+1) {
				t.Errorf("request %d: %v, want a 202 at once and its work done once", i+1, r)
			}
		}
		if r.Response.Reason == jobs.ReasonFull {
			refused++
			if r.Response.Outcome != lab.Shed || r.Response.RetryAfter <= 0 || r.Calls != 0 {
				t.Errorf("request %d: %v, want shed with RetryAfter and no work", i+1, r)
			}
		}
	}
	if accepted < 100 || refused < 50 {
		t.Errorf("%d accepted and %d refused of 400, want at least 100 and 50", accepted, refused)
	}
}
