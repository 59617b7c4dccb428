package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/jobs"
	"workbench/sim/clock"
)

// service is a job queue at work in a test.
type service struct {
	*jobs.Live
	clock    *clock.Wall
	counters *lab.Counters
	end      context.CancelFunc // ends the service's context
	owned    sync.WaitGroup
}

func start(t *testing.T, k jobs.Knobs) *service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &service{clock: clock.NewWall(), counters: lab.NewCounters(), end: cancel}
	k = whole(k)
	l, err := jobs.Pattern().New(lab.Env{
		Clock: s.clock, Counters: s.counters, Log: slog.New(slog.DiscardHandler), Service: 10 * ms,
		Go: func(f func(context.Context)) { s.owned.Go(func() { f(ctx) }) },
	}, &k)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	s.Live = l.(*jobs.Live)
	t.Cleanup(cancel)
	return s
}

// stop closes the queue in good order.
func (s *service) stop(t *testing.T) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := s.Drain(context.Background()); err != nil {
		t.Errorf("Drain = %v", err)
	}
	s.owned.Wait()
}

func (s *service) counted(t *testing.T, want map[string]uint64) {
	t.Helper()
	for name, got := range s.counters.All() {
		if got != want[name] {
			t.Errorf("counter %s = %d, want %d", name, got, want[name])
		}
	}
}

// takes works for d on each request.
func (s *service) takes(d time.Duration) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, _ *lab.Request) lab.Response {
		return lab.Answer(nil, s.clock.Wait(ctx, s.clock.Now()+d))
	})
}

func send(h lab.Handler, n int) (all []lab.Response) {
	for i := range n {
		all = append(all, h.Serve(context.Background(), &lab.Request{ID: uint64(i + 1), Async: true}))
		synctest.Wait() // a free worker takes the job
	}
	return all
}

func TestAcceptWorkAndTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 3, Workers: 2, Keep: 10})
		all := send(s.Wrap(s.takes(50*ms), lab.On), 6)
		for i, res := range all[:5] {
			if !res.Accepted || res.Outcome != lab.OK || res.Location == "" {
				t.Errorf("request %d = %+v, want a 202", i+1, res)
			}
		}
		if res := all[5]; res.Outcome != lab.Shed || res.Reason != jobs.ReasonFull || res.RetryAfter != 7500*time.Microsecond {
			t.Errorf("request 6 = %+v, want shed, jobs_full, 7.5ms", res)
		}
		if err := s.clock.Wait(t.Context(), 20*ms); err != nil {
			t.Fatal(err)
		}
		for i, want := range []lab.Gauge{{Name: "depth", Value: 3}, {Name: "running", Value: 2}, {Name: "age_seconds", Value: 0.02}} {
			if got := s.Gauges(s.clock.Now())[i]; got != want {
				t.Errorf("gauge %d = %+v, want %+v", i, got, want)
			}
		}
		if st, ok := s.Status(2); !ok || st.State != jobs.Running {
			t.Errorf("Status(2) = %+v, %v, want running", st, ok)
		}
		s.stop(t)
		if s.clock.Now() != 150*ms {
			t.Errorf("the queue was empty at %v, want 150ms: three rounds of two workers", s.clock.Now())
		}
		want := jobs.Status{State: jobs.Done, Waited: 100 * ms, Worked: 50 * ms, Tries: 1}
		if st, ok := s.Status(5); !ok || st != want {
			t.Errorf("Status(5) = %+v, %v, want %+v", st, ok, want)
		}
		s.counted(t, map[string]uint64{"accepted": 5, "refused": 1, "done": 5})
	})
}

func TestDrainEmptiesALongQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 100, Workers: 3, Keep: 100})
		send(s.Wrap(s.takes(50*ms), lab.On), 100)
		s.stop(t)
		s.counted(t, map[string]uint64{"accepted": 100, "done": 100})
	})
}

// The job must not see the caller's buffer, deadline or patience.
func TestJobIsDetached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 1, Workers: 1, Keep: 1})
		var got lab.Request
		h := s.Wrap(lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response {
			got = *r
			return lab.Response{}
		}), lab.On)
		body := []byte("order 1")
		r := &lab.Request{ID: 9, User: 4, Async: true, Body: body, Patience: 5 * ms, Deadline: 5 * ms}
		h.Serve(t.Context(), r)
		copy(body, "XXXXXXX")
		s.stop(t)
		if string(got.Body) != "order 1" || got.Patience != 0 || got.Deadline != 0 || got.ID != 9 || got.User != 4 {
			t.Errorf("the job saw %+v with body %q, want the request as it was, without deadline and patience", got, got.Body)
		}
	})
}

func TestOthersPassThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 1, Workers: 1, Keep: 1})
		if res := s.Wrap(s.takes(50*ms), lab.On).Serve(t.Context(), &lab.Request{}); res.Accepted || s.clock.Now() != 50*ms {
			t.Errorf("a request that cannot wait = %+v at %v, want an answer at 50ms", res, s.clock.Now())
		}
		s.stop(t)
		if res := s.Wrap(s.takes(50*ms), lab.On).Serve(t.Context(), &lab.Request{Async: true}); res.Accepted || s.clock.Now() != 100*ms {
			t.Errorf("a request after Close = %+v at %v, want an answer at 100ms", res, s.clock.Now())
		}
		s.counted(t, nil)
	})
}

func TestShadowCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 2, Workers: 1, Keep: 1})
		h := s.Wrap(s.takes(50*ms), lab.Shadow)
		var users sync.WaitGroup
		for range 5 {
			users.Go(func() {
				if res := h.Serve(context.Background(), &lab.Request{Async: true}); res.Accepted || res.Outcome != lab.OK {
					t.Errorf("in shadow = %+v, want the answer from below", res)
				}
			})
		}
		users.Wait()
		s.counted(t, map[string]uint64{"accepted": 3, "refused": 2})
		s.stop(t)
	})
}

// Nothing that was acknowledged goes unreported when the service's context ends
// before the queue is empty.
func TestShutdownCountsTheLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 10, Workers: 2, Keep: 10})
		send(s.Wrap(s.takes(time.Second), lab.On), 7)
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*ms)
		defer cancel()
		if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3 jobs waiting and 2 running") {
			t.Errorf("Drain = %v, want the deadline, 3 jobs waiting and 2 running", err)
		}
		s.end()
		s.owned.Wait()
		s.counted(t, map[string]uint64{"accepted": 7, "done": 2, "failed": 2, "dead_lettered": 2, "lost": 5})
		for id, want := range map[uint64]jobs.State{1: jobs.Done, 3: jobs.Failed, 7: jobs.Lost} {
			if st, ok := s.Status(id); !ok || st.State != want {
				t.Errorf("Status(%d) = %+v, %v, want %s", id, st, ok, want)
			}
		}
		if res := s.Wrap(s.takes(0), lab.On).Serve(t.Context(), &lab.Request{Async: true}); res.Accepted {
			t.Error("a job was accepted after the workers had ended")
		}
	})
}

// A job's panic must not end the process, nor the worker.
func TestPanicFailsTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 3, Workers: 1, Keep: 3})
		var calls atomic.Int64
		send(s.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			if calls.Add(1) == 1 {
				panic("broken handler")
			}
			return lab.Response{}
		}), lab.On), 2)
		s.stop(t)
		s.counted(t, map[string]uint64{"accepted": 2, "failed": 1, "dead_lettered": 1, "done": 1})
		if st, _ := s.Status(1); st.State != jobs.Failed || st.Reason != lab.ReasonFault {
			t.Errorf("Status(1) = %+v, want failed, fault", st)
		}
	})
}

// A job is worked on by the chain that stands when its turn comes.
func TestJobsFollowTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, jobs.Knobs{Length: 3, Workers: 1, Keep: 3})
		send(s.Wrap(s.takes(10*ms), lab.On), 2)
		var later atomic.Int64
		s.Wrap(lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response {
			later.Add(1)
			return lab.Response{}
		}), lab.On)
		s.stop(t)
		if later.Load() != 1 {
			t.Errorf("the new chain worked on %d jobs, want the 1 that waited", later.Load())
		}
	})
}
