package retry_test

import (
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/retry"
)

const ms = time.Millisecond

func plain() retry.Knobs {
	return retry.Knobs{Tries: 3, Base: 10 * ms, Cap: 15 * ms}
}

func build(t testing.TB, k retry.Knobs) *retry.Retry {
	t.Helper()
	return patterntest.Core(t, retry.New, k)
}

func TestRetryable(t *testing.T) {
	tests := []struct {
		name string
		read bool
		res  lab.Response
		want bool
	}{
		{"fault of a read", true, lab.Refuse(lab.Failed, lab.ReasonFault, 0), true},
		{"unreachable", true, lab.Refuse(lab.Failed, lab.ReasonDown, 0), true},
		{"fault of a write", false, lab.Refuse(lab.Failed, lab.ReasonFault, 0), false},
		{"wrong request", true, lab.Refuse(lab.Failed, lab.ReasonBad, 0), false},
		{"ok", true, lab.Response{}, false},
		{"stale", true, lab.Response{Outcome: lab.Stale}, false},
		{"late", true, lab.Refuse(lab.Late, lab.ReasonDeadline, 0), false},
		{"limited", true, lab.Refuse(lab.Limited, "rate", time.Second), false},
		{"shed", true, lab.Refuse(lab.Shed, lab.ReasonBacklog, time.Second), false},
		{"open", true, lab.Refuse(lab.Open, "breaker_open", time.Second), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := retry.Retryable(&lab.Request{Read: tt.read}, tt.res); got != tt.want {
				t.Errorf("Retryable(%+v) = %v, want %v", tt.res, got, tt.want)
			}
		})
	}
}

func TestNext(t *testing.T) {
	fault := lab.Refuse(lab.Failed, lab.ReasonFault, 0)
	asks := lab.Refuse(lab.Failed, lab.ReasonDown, 40*ms)
	tests := []struct {
		name    string
		r       lab.Request
		calls   int
		res     lab.Response
		verdict retry.Verdict
		pause   time.Duration
	}{
		{"first pause", lab.Request{}, 1, fault, retry.Again, 10 * ms},
		{"second pause is capped", lab.Request{}, 2, fault, retry.Again, 15 * ms},
		{"tries used up", lab.Request{}, 3, fault, retry.GiveUp, 0},
		{"the answer asks for longer", lab.Request{}, 1, asks, retry.Again, 40 * ms},
		{"time enough", lab.Request{Deadline: 111 * ms}, 1, fault, retry.Again, 10 * ms},
		{"past the deadline", lab.Request{Deadline: 110 * ms}, 1, fault, retry.GiveUp, 0},
		{"past the caller's patience", lab.Request{Patience: 110 * ms}, 1, fault, retry.GiveUp, 0},
		{"asked to come after the deadline", lab.Request{Deadline: 130 * ms}, 1, asks, retry.GiveUp, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			verdict, pause := build(t, plain()).Next(100*ms, &tt.r, tt.calls, tt.res, 0.5)
			if verdict != tt.verdict || pause != tt.pause {
				t.Errorf("Next = %v, %v, want %v, %v", verdict, pause, tt.verdict, tt.pause)
			}
		})
	}
}

func TestJitter(t *testing.T) {
	k := plain()
	k.Jitter = true
	for u, want := range map[float64]time.Duration{0: 0, 0.25: 2500 * time.Microsecond, 0.5: 5 * ms} {
		if _, got := build(t, k).Next(0, &lab.Request{}, 1, lab.Response{}, u); got != want {
			t.Errorf("the pause for a draw of %v = %v, want %v", u, got, want)
		}
	}
}

// TestBudget fails everything: of 1000 requests, the reserve of 10 and one in
// ten are repeated, and clients' own retries earn nothing.
func TestBudget(t *testing.T) {
	for name, tt := range map[string]struct {
		share    float64
		try      uint8
		low, top int
	}{
		"a tenth":          {0.1, 0, 100, 110},
		"of client tries":  {0.1, 1, 10, 10},
		"no budget at all": {0, 0, 2000, 2000},
	} {
		t.Run(name, func(t *testing.T) {
			k := plain()
			k.Budget = tt.share
			core := build(t, k)
			retries := 0
			for range 1000 {
				r := lab.Request{Try: tt.try}
				core.First(&r)
				for calls := 1; ; calls++ {
					if v, _ := core.Next(0, &r, calls, lab.Response{}, 0); v != retry.Again {
						break
					}
					retries++
				}
			}
			if retries < tt.low || retries > tt.top {
				t.Errorf("%d retries of 1000 failures, want %d to %d", retries, tt.low, tt.top)
			}
		})
	}
}

func TestKnobsAreChecked(t *testing.T) {
	patterntest.Spoil(t, retry.New, plain(), map[string]func(*retry.Knobs){
		"tries":  func(k *retry.Knobs) { k.Tries = 0 },
		"base":   func(k *retry.Knobs) { k.Base = time.Hour },
		"budget": func(k *retry.Knobs) { k.Budget = -1 },
	})
}

// FuzzInvariants holds any sequence of failures to the bounds: at most tries
// calls, at most share·first + reserve retries, no pause past the deadline.
func FuzzInvariants(f *testing.F) {
	f.Add([]byte{1, 2, 3, 250, 0, 0, 0, 0, 0}, 0.1, uint8(3))
	f.Add([]byte{255, 255, 255, 128, 7}, 2.0, uint8(10))
	f.Fuzz(func(t *testing.T, script []byte, share float64, tries uint8) {
		k := retry.Knobs{Tries: int(tries), Base: 5 * ms, Cap: 50 * ms, Jitter: true, Budget: share}
		core, err := retry.New(k)
		if err != nil {
			return
		}
		now := time.Nanosecond // a deadline of 0 would mean none
		retries, first := 0, 0
		for i, b := range script {
			now += time.Duration(b) * ms
			r := lab.Request{Deadline: now + time.Duration(b%64)*ms}
			core.First(&r)
			first++
			at := now
			for calls := 1; ; calls++ {
				if calls > k.Tries {
					t.Fatalf("request %d: call %d of %d", i, calls, k.Tries)
				}
				v, pause := core.Next(at, &r, calls, lab.Response{RetryAfter: time.Duration(b%3) * ms}, float64(b)/256)
				if v != retry.Again {
					break
				}
				retries++
				if at += pause; at >= r.Deadline || pause < time.Duration(b%3)*ms || pause > k.Cap {
					t.Fatalf("request %d: a pause of %v until %v with deadline %v", i, pause, at, r.Deadline)
				}
			}
		}
		if limit := share*float64(first) + 10 + 1e-6*float64(first); share > 0 && float64(retries) > limit {
			t.Fatalf("%d retries of %d requests, want at most %v", retries, first, limit)
		}
	})
}

func TestConformance(t *testing.T) { patterntest.Run(t, retry.Pattern()) }

func TestTwin(t *testing.T) {
	trace := patterntest.Poisson(5, 800, 1000, 20*ms)
	for i := range trace {
		fault := lab.Refuse(lab.Failed, lab.ReasonFault, 0)
		switch i % 5 {
		case 0:
			trace[i].Answers = []lab.Response{fault, fault, {}}
		case 1:
			trace[i].Answers = []lab.Response{lab.Refuse(lab.Failed, lab.ReasonDown, 9*ms), {}}
		case 2:
			trace[i].Answers = []lab.Response{fault}
			trace[i].Request.Deadline = trace[i].At + 50*ms
		}
	}
	for name, knobs := range map[string]map[string]any{"budget": {}, "no budget": {"budget": 0}} {
		t.Run(name, func(t *testing.T) {
			calls := map[int]int{}
			for _, r := range patterntest.Twin(t, retry.Pattern(), knobs, trace) {
				calls[r.Calls]++
			}
			if calls[1] < 200 || calls[2] < 20 || calls[3] < 2 || len(calls) != 3 {
				t.Errorf("requests by number of calls: %v, want some of 1, 2 and 3 and no others", calls)
			}
		})
	}
}
