//go:build exercise

package openloop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	openloop "workbench/exercises/23-open-loop/start"
)

// telling knows which tests are over: who is still under way then has nobody to tell.
var telling = struct {
	sync.Mutex
	over map[testing.TB]bool
}{over: map[testing.TB]bool{}}

// tell writes down what happened, for the verdict to list, with the instant in
// a bubble, which begins with the year 2000. Outside of one there is none to tell.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	telling.Lock()
	defer telling.Unlock()
	over, known := telling.over[t]
	if over {
		return
	}
	if !known {
		telling.over[t] = false
		t.Cleanup(func() {
			telling.Lock()
			defer telling.Unlock()
			telling.over[t] = true
		})
	}
	at := "-"
	if d := time.Since(time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)); d < 10_000*time.Hour {
		at = d.String()
	}
	t.Logf("@%s %s", at, fmt.Sprintf(format, args...))
}

type (
	plan   = openloop.Plan
	report = openloop.Report
)

// slack is for the rounding of instants to nanoseconds.
const slack = time.Microsecond

var errDown = errors.New("the service is down")

// load makes a run and writes down its report.
func load(t testing.TB, ctx context.Context, p plan, call func(context.Context, int) error) (report, error) {
	t.Helper()
	tell(t, "Run at %v a second for %v, at most %d at once", p.Rate, p.For, p.Most)
	r, err := openloop.Run(ctx, p, call)
	worst := time.Duration(0)
	if len(r.Latencies) > 0 {
		worst = r.Latencies[len(r.Latencies)-1]
	}
	tell(t, "Run = due %d, sent %d, failed %d, lag %v, %d latencies, the longest %v; %v", r.Due, r.Sent, r.Failed, r.Lag, len(r.Latencies), worst, err)
	return r, err
}

// told is a call whose first requests are written down.
func told(t testing.TB, call func(context.Context, int) error) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		if n >= 18 {
			return call(ctx, n)
		}
		tell(t, "request %d is sent", n)
		err := call(ctx, n)
		if n < 3 || err != nil || n == 10 {
			tell(t, "request %d = %v", n, err)
		}
		return err
	}
}

// run wants a report.
func run(t testing.TB, p plan, call func(context.Context, int) error) report {
	t.Helper()
	r, err := load(t, t.Context(), p, call)
	if err != nil {
		t.Fatalf("Run(%+v) = %v, want a report", p, err)
	}
	return r
}

// counts wants these sums in a report, and a latency for each good answer.
func counts(t testing.TB, r report, due, sent, failed int) {
	t.Helper()
	if r.Due != due || r.Sent != sent || r.Failed != failed || len(r.Latencies) != sent-failed {
		t.Errorf("the report says due %d, sent %d, failed %d, with %d latencies; want %d, %d, %d, with %d",
			r.Due, r.Sent, r.Failed, len(r.Latencies), due, sent, failed, sent-failed)
	}
	if !slices.IsSorted(r.Latencies) {
		t.Errorf("the latencies are %v, want the shortest first", r.Latencies)
	}
}

// near says whether two durations are the same but for rounding.
func near(a, b time.Duration) bool { return (a - b).Abs() <= slack }

// felt is what the users of a server with one desk feel: request n arrives when
// it is due, waits until the desk is free, and is served for as long as it
// takes. It returns the latencies, sorted, and the longest wait.
func felt(p plan, n int, service func(n int) time.Duration) (latencies []time.Duration, lag time.Duration) {
	free := time.Duration(0)
	for i := range n {
		due := time.Duration(float64(i) / p.Rate * 1e9)
		begin := max(due, free)
		free = begin + service(i)
		latencies = append(latencies, free-due)
		lag = max(lag, begin-due)
	}
	slices.Sort(latencies)
	return latencies, lag
}

// same wants the report of a run to be what was felt.
func same(t testing.TB, p plan, r report, latencies []time.Duration, lag time.Duration) {
	t.Helper()
	if !slices.EqualFunc(r.Latencies, latencies, near) {
		t.Errorf("%+v: the latencies are\n%v, want\n%v", p, r.Latencies, latencies)
	}
	if !near(r.Lag, lag) {
		t.Errorf("%+v: the lag is %v, want %v", p, r.Lag, lag)
	}
}

// pass lets virtual time go by, in a bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var sent []time.Duration
		r := run(t, plan{Rate: 4, For: 2 * time.Second, Most: 1}, told(t, func(_ context.Context, n int) error {
			if n != len(sent) {
				t.Errorf("call number %d was given n = %d", len(sent), n)
			}
			sent = append(sent, time.Since(began))
			return nil
		}))
		counts(t, r, 8, 8, 0)
		for n, at := range sent {
			if due := time.Duration(n) * 250 * time.Millisecond; !near(at, due) {
				t.Errorf("request %d was sent at %v, want it at %v", n, at, due)
			}
		}
	})
}

// The service freezes for half a second. A hundred users a second go on
// arriving, and each of them waits for the rest of it.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plan{Rate: 100, For: 2 * time.Second, Most: 1}
		service := func(n int) time.Duration {
			if n == 10 {
				return 500 * time.Millisecond
			}
			return time.Millisecond
		}
		r := run(t, p, told(t, func(_ context.Context, n int) error {
			pass(service(n))
			return nil
		}))
		counts(t, r, 200, 200, 0)
		latencies, lag := felt(p, 200, service)
		same(t, p, r, latencies, lag)
	})
}

// Errors come fast. Among the latencies they would make a broken service look
// quick.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, plan{Rate: 10, For: time.Second, Most: 1}, told(t, func(_ context.Context, n int) error {
			if n%2 == 1 {
				return errDown
			}
			pass(20 * time.Millisecond)
			return nil
		}))
		counts(t, r, 10, 10, 5)
		for _, d := range r.Latencies {
			if !near(d, 20*time.Millisecond) {
				t.Errorf("the latencies are %v, want 20ms for each that was answered", r.Latencies)
				break
			}
		}
	})
}
