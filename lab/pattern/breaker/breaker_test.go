package breaker_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/breaker"
	"workbench/lab/pattern/patterntest"
)

const ms = time.Millisecond

// small are knobs whose every limit is reached within a few steps.
func small() breaker.Knobs {
	return breaker.Knobs{FailureShare: 0.5, MinCalls: 4, Window: time.Second, Slow: 100 * ms, OpenFor: 500 * ms, Probes: 2}
}

func build(t testing.TB, k breaker.Knobs) *breaker.Breaker {
	t.Helper()
	return patterntest.Core(t, breaker.New, k)
}

// call admits a call at a time and ends it after took.
func call(t testing.TB, b *breaker.Breaker, at, took time.Duration, v breaker.Verdict) breaker.Verdict {
	t.Helper()
	d := b.Allow(at)
	if d.Reason != "" {
		t.Fatalf("Allow(%v) = %v, want an admission", at, d.Reason)
	}
	return b.Done(at+took, d.Pass, v)
}

// trip opens a breaker with small knobs at the given instant.
func trip(t testing.TB, b *breaker.Breaker, at time.Duration) {
	t.Helper()
	for range 4 {
		call(t, b, at, 0, breaker.Failure)
	}
	if got := b.State(at); got != breaker.Open {
		t.Fatalf("State(%v) after 4 failures = %v, want open", at, got)
	}
}

func TestOpening(t *testing.T) {
	type step struct {
		at, took time.Duration
		verdict  breaker.Verdict
	}
	s, f, i := breaker.Success, breaker.Failure, breaker.Ignored
	tests := []struct {
		name  string
		steps []step
		want  breaker.State
	}{
		{"nothing happened", nil, breaker.Closed},
		{"too few calls", []step{{0, 0, f}, {0, 0, f}, {0, 0, f}}, breaker.Closed},
		{"share reached", []step{{0, 0, s}, {0, 0, s}, {0, 0, f}, {0, 0, f}}, breaker.Open},
		{"share below", []step{{0, 0, s}, {0, 0, s}, {0, 0, s}, {0, 0, f}}, breaker.Closed},
		{"a success never opens", []step{{0, 0, f}, {0, 0, f}, {0, 0, f}, {0, 0, s}}, breaker.Closed},
		{"ignored calls do not count", []step{{0, 0, f}, {0, 0, i}, {0, 0, i}, {0, 0, f}, {0, 0, f}}, breaker.Closed},
		{"old failures are forgotten", []step{{0, 0, f}, {0, 0, f}, {0, 0, f}, {time.Second, 0, f}}, breaker.Closed},
		{"young failures are not", []step{{0, 0, f}, {0, 0, f}, {0, 0, f}, {999 * ms, 0, f}}, breaker.Open},
		{"slow successes are failures", []step{{0, 101 * ms, s}, {200 * ms, 101 * ms, s}, {400 * ms, 101 * ms, s}, {600 * ms, 101 * ms, s}}, breaker.Open},
		{"at the limit is not slow", []step{{0, 100 * ms, s}, {200 * ms, 100 * ms, s}, {400 * ms, 100 * ms, s}, {600 * ms, 100 * ms, s}}, breaker.Closed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := build(t, small())
			var last time.Duration
			for _, c := range tt.steps {
				call(t, b, c.at, c.took, c.verdict)
				last = c.at + c.took
			}
			if got := b.State(last); got != tt.want {
				t.Errorf("State(%v) = %v, want %v", last, got, tt.want)
			}
		})
	}
}

func TestOpenRefusesAndProbes(t *testing.T) {
	b := build(t, small())
	trip(t, b, 0)
	if d := b.Allow(200 * ms); d.Reason != breaker.ReasonOpen || d.RetryAfter != 300*ms {
		t.Errorf("Allow(200ms) = %+v, want breaker_open for 300ms", d)
	}
	if got := b.Remaining(499 * ms); got != ms {
		t.Errorf("Remaining(499ms) = %v, want 1ms", got)
	}
	first, second := b.Allow(500*ms), b.Allow(501*ms)
	if first.Reason != "" || second.Reason != "" {
		t.Fatalf("Allow(500ms), Allow(501ms) = %q, %q, want two probes", first.Reason, second.Reason)
	}
	if d := b.Allow(510 * ms); d.Reason != breaker.ReasonProbing || d.RetryAfter != 91*ms {
		t.Errorf("Allow(510ms) = %+v, want breaker_probing for 91ms", d)
	}
	b.Done(520*ms, first.Pass, breaker.Ignored)
	third := b.Allow(520 * ms)
	if third.Reason != "" {
		t.Fatalf("Allow(520ms) after an ignored probe = %q, want its place", third.Reason)
	}
	b.Done(530*ms, second.Pass, breaker.Success)
	if got := b.State(530 * ms); got != breaker.HalfOpen {
		t.Errorf("State after 1 of 2 probes = %v, want half-open", got)
	}
	b.Done(540*ms, third.Pass, breaker.Success)
	if got := b.State(540 * ms); got != breaker.Closed {
		t.Errorf("State after 2 of 2 probes = %v, want closed", got)
	}
	if got := b.Share(540 * ms); got != 0 {
		t.Errorf("Share after closing = %v, want 0: the window starts empty", got)
	}
}

func TestFailedProbeReopens(t *testing.T) {
	for name, took := range map[string]time.Duration{"failed": 0, "slow": 101 * ms} {
		t.Run(name, func(t *testing.T) {
			b := build(t, small())
			trip(t, b, 0)
			v := breaker.Success
			if took == 0 {
				v = breaker.Failure
			}
			call(t, b, 600*ms, took, v)
			if got, want := b.Remaining(600*ms+took), 500*ms; got != want {
				t.Errorf("Remaining = %v, want %v", got, want)
			}
		})
	}
}

func TestLostProbesReopen(t *testing.T) {
	b := build(t, small())
	trip(t, b, 0)
	b.Allow(500 * ms)
	lost := b.Allow(500 * ms)
	if got := b.State(600 * ms); got != breaker.HalfOpen {
		t.Errorf("State(600ms) = %v, want half-open until the probes are slow", got)
	}
	if got := b.Remaining(601 * ms); got != 499*ms {
		t.Errorf("Remaining(601ms) = %v, want 499ms: open since 600ms", got)
	}
	if got := b.Done(602*ms, lost.Pass, breaker.Success); got != breaker.Ignored {
		t.Errorf("Done of a lost probe = %v, want ignored", got)
	}
	if d := b.Allow(1100 * ms); d.Reason != "" {
		t.Errorf("Allow(1.1s) = %q, want a new probe", d.Reason)
	}
}

func TestOlderGenerationIsIgnored(t *testing.T) {
	b := build(t, small())
	old := b.Allow(0)
	trip(t, b, 0)
	probe := b.Allow(500 * ms)
	if got := b.Done(510*ms, old.Pass, breaker.Failure); got != breaker.Ignored || b.State(510*ms) != breaker.HalfOpen {
		t.Errorf("Done(old failure) = %v in state %v, want ignored in half-open", got, b.State(510*ms))
	}
	b.Done(520*ms, old.Pass, breaker.Success)
	b.Done(520*ms, probe.Pass, breaker.Success)
	if got := b.State(520 * ms); got != breaker.HalfOpen {
		t.Errorf("State = %v, want half-open: an old success is no probe", got)
	}
}

func TestJudge(t *testing.T) {
	in := func(d time.Duration) *lab.Request { return &lab.Request{Deadline: d} }
	tests := []struct {
		name string
		r    *lab.Request
		res  lab.Response
		want breaker.Verdict
	}{
		{"ok", in(0), lab.Response{}, breaker.Success},
		{"stale", in(0), lab.Response{Outcome: lab.Stale}, breaker.Success},
		{"missing item", in(0), lab.Response{Missing: true}, breaker.Success},
		{"late", in(2), lab.Refuse(lab.Late, lab.ReasonDeadline, 0), breaker.Failure},
		{"late before the call", in(1), lab.Refuse(lab.Late, lab.ReasonDeadline, 0), breaker.Ignored},
		{"fault", in(0), lab.Refuse(lab.Failed, lab.ReasonFault, 0), breaker.Failure},
		{"down", in(0), lab.Refuse(lab.Failed, lab.ReasonDown, 0), breaker.Failure},
		{"wrong request", in(0), lab.Refuse(lab.Failed, lab.ReasonBad, 0), breaker.Ignored},
		{"full backlog", in(0), lab.Refuse(lab.Shed, lab.ReasonBacklog, 0), breaker.Failure},
		{"shutdown", in(0), lab.Refuse(lab.Shed, lab.ReasonShutdown, 0), breaker.Ignored},
		{"another pattern", in(0), lab.Refuse(lab.Shed, "bulkhead_full", 0), breaker.Ignored},
		{"quota", in(0), lab.Refuse(lab.Limited, "rate", 0), breaker.Ignored},
		{"breaker below", in(0), lab.Refuse(lab.Open, breaker.ReasonOpen, 0), breaker.Ignored},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := breaker.Judge(tt.r, 1, tt.res); got != tt.want {
				t.Errorf("Judge(%+v) = %v, want %v", tt.res, got, tt.want)
			}
		})
	}
}

func TestKnobsAreChecked(t *testing.T) {
	tests := map[string]func(*breaker.Knobs){
		"failure_share": func(k *breaker.Knobs) { k.FailureShare = 1.5 },
		"min_calls":     func(k *breaker.Knobs) { k.MinCalls = 0 },
		"window":        func(k *breaker.Knobs) { k.Window = 0 },
		"slow":          func(k *breaker.Knobs) { k.Slow = -1 },
		"open_for":      func(k *breaker.Knobs) { k.OpenFor = 0 },
		"probes":        func(k *breaker.Knobs) { k.Probes = 0 },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			k := small()
			spoil(&k)
			if _, err := breaker.New(k); err == nil || !strings.Contains(err.Error(), "knob "+name) {
				t.Errorf("New = %v, want an error that names knob %s", err, name)
			}
		})
	}
}

// journal drives a breaker and knows what must hold.
type journal struct {
	t        *testing.T
	b        *breaker.Breaker
	k        breaker.Knobs
	now      time.Duration
	openedAt time.Duration
	changes  int
	probes   int // of this half-open state, less those ignored
	open     []admission
}

type admission struct {
	pass  breaker.Pass
	birth int // number of changes when it was given
}

func (j *journal) call() {
	before := j.b.State(j.now)
	d := j.b.Allow(j.now)
	switch {
	case d.Reason != "" && d.RetryAfter <= 0:
		j.t.Fatalf("Allow(%v) = %+v, want a RetryAfter", j.now, d)
	case before == breaker.Closed && d.Reason != "":
		j.t.Fatalf("Allow(%v) refused while closed: %v", j.now, d.Reason)
	case before == breaker.Open && (d.Reason != breaker.ReasonOpen || j.now-j.openedAt >= j.k.OpenFor):
		j.t.Fatalf("Allow(%v) = %q, open since %v for %v", j.now, d.Reason, j.openedAt, j.k.OpenFor)
	case before == breaker.HalfOpen && (d.Reason == "") != (j.probes < j.k.Probes):
		j.t.Fatalf("Allow(%v) = %q after %d of %d probes", j.now, d.Reason, j.probes, j.k.Probes)
	}
	if d.Reason == "" {
		j.open = append(j.open, admission{d.Pass, j.changes})
		if before == breaker.HalfOpen {
			j.probes++
		}
	}
}

func (j *journal) answer(i int, v breaker.Verdict) {
	a := j.open[i]
	j.open = slices.Delete(j.open, i, i+1)
	before, share := j.b.State(j.now), j.b.Share(j.now)
	stale, changes := a.birth != j.changes, j.changes
	got := j.b.Done(j.now, a.pass, v)
	if stale && (got != breaker.Ignored || j.b.Share(j.now) != share || changes != j.changes) {
		j.t.Fatalf("Done(%v) of an older generation changed the breaker", j.now)
	}
	if !stale && before == breaker.HalfOpen && v == breaker.Ignored {
		j.probes--
	}
}

// FuzzInvariants drives a breaker with any order of calls, answers and pauses.
func FuzzInvariants(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 8, 8, 8, 8, 250, 250, 0, 0, 0, 12, 12})
	f.Add([]byte{0, 1, 9, 0, 1, 9, 200, 200, 200, 0, 0, 5, 130, 5, 0, 13, 13})
	f.Add([]byte{3, 8, 3, 8, 3, 8, 3, 8, 255, 255, 0, 4, 0, 4, 0, 4})
	f.Fuzz(func(t *testing.T, script []byte) {
		j := &journal{t: t, b: build(t, small()), k: small()}
		j.b.OnChange = func(s breaker.State) {
			j.changes++
			j.probes, j.openedAt = 0, j.now
		}
		for _, op := range script {
			switch i := int(op % 4); {
			case op < 4:
				j.call()
			case op < 16 && i < len(j.open):
				j.answer(i, []breaker.Verdict{breaker.Ignored, breaker.Failure, breaker.Success}[op/4-1])
			case op >= 16:
				j.now += time.Duration(op) * ms
			}
			if s := j.b.Share(j.now); s < 0 || s > 1 {
				t.Fatalf("Share(%v) = %v, want 0 to 1", j.now, s)
			}
		}
	})
}

// user is one arrival in the metastable model.
type user struct {
	tries int
	good  bool
}

// event is a try that begins or, with a pass, its answer.
type event struct {
	at, begun time.Duration
	user      *user
	pass      breaker.Pass
}

// metastable is the reference cell as one server of 1 ms a request: 800 users a
// second, 1500 between 5 s and 15 s, each waiting 500 ms and then trying again,
// three times, without a pause. What is given up keeps its place in the queue.
// It returns the share of users of the last 5 of 40 seconds that were served.
func metastable(t *testing.T, k breaker.Knobs) float64 {
	t.Helper()
	const patience, end = 500 * ms, 40 * time.Second
	b := build(t, k)
	var retries, answers []event // each in order of time, since all wait alike
	var free time.Duration       // when the server has worked off its queue
	var late []*user
	try := func(now time.Duration, u *user) {
		for ; u.tries < 4; u.tries++ {
			d := b.Allow(now)
			if d.Reason != "" {
				continue // refused: again, at once
			}
			u.tries++
			free = max(free, now) + ms
			answers = append(answers, event{at: free, begun: now, user: u, pass: d.Pass})
			if free-now > patience {
				retries = append(retries, event{at: now + patience, user: u})
			}
			return
		}
	}
	for arrival := time.Duration(0); arrival < end; {
		switch {
		case len(answers) > 0 && answers[0].at <= arrival && (len(retries) == 0 || answers[0].at <= retries[0].at):
			e := answers[0]
			answers = answers[1:]
			b.Done(e.at, e.pass, breaker.Success) // correct, however late
			e.user.good = e.user.good || e.at-e.begun <= patience
		case len(retries) > 0 && retries[0].at <= arrival:
			e := retries[0]
			retries = retries[1:]
			try(e.at, e.user)
		default:
			u := &user{}
			if arrival >= end-5*time.Second && arrival < end-patience {
				late = append(late, u)
			}
			try(arrival, u)
			gap := time.Second / 800
			if arrival >= 5*time.Second && arrival < 15*time.Second {
				gap = time.Second / 1500
			}
			arrival += gap
		}
	}
	served := 0
	for _, u := range late {
		if u.good {
			served++
		}
	}
	return float64(served) / float64(len(late))
}

// TestMetastable: after the spike is over, the service is kept down by its
// users' retries. A breaker that counts errors sees none; one that counts slow
// answers pauses the calls, and the queue drains.
func TestMetastable(t *testing.T) {
	for name, tt := range map[string]struct {
		slow     time.Duration
		low, top float64
	}{
		"slow calls count": {400 * ms, 0.999, 1},
		"only errors do":   {0, 0, 0.001},
	} {
		t.Run(name, func(t *testing.T) {
			k := breaker.Defaults()
			k.Slow = tt.slow
			if got := metastable(t, k); got < tt.low || got > tt.top {
				t.Errorf("share served in the last 5 s = %v, want %v to %v", got, tt.low, tt.top)
			}
		})
	}
}
