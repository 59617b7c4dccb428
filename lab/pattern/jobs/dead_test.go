package jobs_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/jobs"
	"workbench/lab/pattern/patterntest"
)

var down = lab.Refuse(lab.Failed, lab.ReasonDown, 0)

// A job that fails rests, goes before those that wait when it has, and is a dead
// letter after its last try; one that is wrong in itself is one at once.
func TestDeadLetters(t *testing.T) {
	q := build(t, jobs.Knobs{Length: 3, Workers: 1, Keep: 10, Attempts: 2, Pause: 10 * ms, Dead: 2})
	finish := func(now time.Duration, j *jobs.Job[string], res lab.Response, want jobs.Fate) {
		t.Helper()
		if _, fate := q.Finish(now, j, res); fate != want {
			t.Errorf("job %d ends with fate %d, want %d", j.ID, fate, want)
		}
	}
	for id := range uint64(3) {
		q.Add(0, id, "")
	}
	finish(1*ms, take(t, q, 0, 0), down, jobs.Again)
	if s, _ := q.Status(0); s.State != jobs.Queued || s.Tries != 1 || q.Depth() != 3 {
		t.Errorf("a job that rests: %+v with depth %d, want queued, one try, and its place kept", s, q.Depth())
	}
	if _, full := q.Full(); !full {
		t.Error("a queue of 3 with one that rests and two that wait is not full")
	}
	finish(11*ms, take(t, q, 2*ms, 1), lab.Response{}, jobs.Settled)
	finish(12*ms, take(t, q, 11*ms, 0), down, jobs.Buried)
	finish(13*ms, take(t, q, 12*ms, 2), lab.Refuse(lab.Failed, lab.ReasonBad, 0), jobs.Buried)
	want := []jobs.Letter{
		{ID: 2, Outcome: lab.Failed, Reason: lab.ReasonBad, Tries: 1, At: 13 * ms},
		{ID: 0, Outcome: lab.Failed, Reason: lab.ReasonDown, Tries: 2, At: 12 * ms},
	}
	if got := q.Letters(9); !slices.Equal(got, want) {
		t.Errorf("Letters(9) = %+v, want %+v", got, want)
	}
	q.Add(20*ms, 7, "")
	finish(21*ms, take(t, q, 20*ms, 7), down, jobs.Again)
	q.Hurry()
	finish(23*ms, take(t, q, 22*ms, 7), down, jobs.Buried)
	if got := q.Letters(1); len(got) != 1 || got[0].ID != 7 || len(q.Letters(9)) != 2 {
		t.Errorf("Letters(1) = %+v of %d kept, want job 7 of 2", got, len(q.Letters(9)))
	}
}

func TestAbandonEndsWhatRests(t *testing.T) {
	q := build(t, jobs.Knobs{Length: 3, Workers: 1, Keep: 10, Attempts: 5})
	q.Add(0, 0, "")
	q.Finish(0, take(t, q, 0, 0), down)
	q.Add(0, 1, "")
	if got := q.Abandon(); got != 2 || q.Depth() != 0 {
		t.Errorf("Abandon() = %d with depth %d, want 2 and 0", got, q.Depth())
	}
}

// A dependency that is out for a while costs no job when the tries outlast it.
func TestTriesOutlastAnOutage(t *testing.T) {
	for _, c := range []struct {
		attempts int
		counted  map[string]uint64
		letters  int
	}{
		{1, map[string]uint64{"accepted": 3, "failed": 2, "dead_lettered": 2, "done": 1}, 2},
		{2, map[string]uint64{"accepted": 3, "failed": 4, "retried": 2, "dead_lettered": 2, "done": 1}, 2},
		{4, map[string]uint64{"accepted": 3, "failed": 6, "retried": 6, "done": 3}, 0},
	} {
		t.Run(fmt.Sprint(c.attempts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, jobs.Knobs{Length: 9, Workers: 2, Keep: 9, Attempts: c.attempts, Pause: 100 * ms})
				h := s.Wrap(lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response {
					if s.clock.Now() < 250*ms && r.ID < 3 {
						return down
					}
					return lab.Response{}
				}), lab.On)
				send(h, 3)
				if err := s.clock.Wait(t.Context(), time.Second); err != nil {
					t.Fatal(err)
				}
				s.counted(t, c.counted)
				if got := s.Letters(9); len(got) != c.letters {
					t.Errorf("Letters(9) = %+v, want %d", got, c.letters)
				}
				for _, g := range s.Gauges(s.clock.Now()) {
					if g.Name == "dead_letters" && (g.Value != float64(c.letters) || (g.Text == "") != (c.letters == 0)) {
						t.Errorf("gauge %+v, want %d and words", g, c.letters)
					}
				}
				s.stop(t)
			})
		})
	}
}

// Closing does not wait for rests: what is left of the tries is made at once.
func TestCloseHurries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 9, Workers: 1, Keep: 9, Attempts: 3, Pause: time.Hour})
		var tries atomic.Int64
		send(s.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { tries.Add(1); return down }), lab.On), 2)
		s.stop(t)
		if tries.Load() != 6 || s.clock.Now() > time.Second {
			t.Errorf("%d tries by %v, want 6 at once", tries.Load(), s.clock.Now())
		}
		s.counted(t, map[string]uint64{"accepted": 2, "failed": 6, "retried": 4, "dead_lettered": 2})
	})
}

// Both engines try the same jobs again at the same instants.
func TestTwinThatTriesAgain(t *testing.T) {
	trace := orders(7)
	for i := range trace[:len(trace)-1] {
		trace[i].Service, trace[i].Again = trace[i].Service/4, trace[i].Service/5
		switch i % 5 {
		case 1:
			trace[i].Answers = []lab.Response{down, {}}
		case 2:
			trace[i].Answers = []lab.Response{down}
		}
	}
	again := 0
	for i, r := range patterntest.Twin(t, jobs.Pattern(), map[string]any{"length": 100, "workers": 6, "attempts": 3, "pause": "40ms"}, trace) {
		if !r.Response.Accepted {
			continue
		}
		if want := map[int]int{1: 2, 2: 3}[i%5]; want > 0 {
			again++
			if r.Calls != want {
				t.Errorf("request %d was tried %d times, want %d", i+1, r.Calls, want)
			}
		}
	}
	if again < 50 {
		t.Errorf("%d jobs were tried again, want enough to compare", again)
	}
}
