package alert_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"workbench/lab/alert"
)

// play feeds 100 requests a second, of which bad(t) per cent fail.
func play(t *testing.T, c alert.Config, seconds int, bad func(second int) uint64) *alert.Alerts {
	t.Helper()
	a, err := alert.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for s := 1; s <= seconds; s++ {
		n := bad(s)
		a.Add(time.Duration(s)*time.Second, 100-n, n)
	}
	return a
}

func between(from, to int, share uint64) func(int) uint64 {
	return func(s int) uint64 {
		if s > from && s <= to {
			return share
		}
		return 0
	}
}

func TestWhoRingsWhen(t *testing.T) {
	for _, c := range []struct {
		name            string
		bad             func(int) uint64
		wrong           []alert.Span
		threshold, burn alert.Score
	}{
		{"all is well", between(0, 0, 0), nil, alert.Score{}, alert.Score{}},
		{"a blip of two seconds", between(300, 302, 50), nil, alert.Score{False: 1}, alert.Score{}},
		{"half of all fail for two minutes", between(300, 420, 50), []alert.Span{{300 * time.Second, 420 * time.Second}},
			alert.Score{Found: 1, Detect: time.Second}, alert.Score{Found: 1, Detect: 18 * time.Second}},
		{"a leak of one in fourteen for ten minutes", between(300, 900, 7), []alert.Span{{300 * time.Second, 900 * time.Second}},
			alert.Score{Found: 1, Detect: 8 * time.Second}, alert.Score{Found: 1, Detect: 309 * time.Second}},
		{"under the threshold, and yet the budget goes", between(0, 1000, 4), []alert.Span{{0, 1000 * time.Second}},
			alert.Score{Missed: 1}, alert.Score{Missed: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := play(t, alert.Defaults(), 1000, c.bad)
			for kind, want := range map[alert.Kind]alert.Score{alert.Threshold: c.threshold, alert.BurnRate: c.burn} {
				if got := alert.Judge(a.Pages(), kind, c.wrong, 10*time.Second); got != want {
					t.Errorf("%s = %+v, want %+v; pages %+v", kind, got, want, a.Pages())
				}
			}
		})
	}
}

func TestTheLampShowsWhatKeepsItDark(t *testing.T) {
	a := play(t, alert.Defaults(), 100, between(90, 100, 50))
	s := a.State()
	// 5 % of the last hundred seconds failed, the most that the slow rule's long
	// window can see: a burn rate of 5, nearer to 6 than 8.3 is to 14.4.
	if s.Burn.On || s.Burn.Rule != "slow" || math.Abs(s.Burn.Value-5) > 1e-9 || s.Burn.Bound != 6 {
		t.Errorf("the burn lamp is %+v, want dark at 5 of 6", s.Burn)
	}
	if !s.Threshold.On || s.Threshold.Value != .5 {
		t.Errorf("the threshold lamp is %+v, want lit at 0.5", s.Threshold)
	}
	if math.Abs(s.Spent-5) > 1e-9 {
		t.Errorf("spent %v of the budget, want 5 times: 500 of 10,000 requests failed and 100 may", s.Spent)
	}
}

func TestFewRequestsSayNothing(t *testing.T) {
	a, err := alert.New(alert.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	if s := a.Add(time.Second, 0, 19); s.Threshold.On || s.Burn.On {
		t.Errorf("19 failed requests light %+v, want nothing: 20 are the least", s)
	}
	if s := a.Add(2*time.Second, 0, 1); !s.Threshold.On || !s.Burn.On {
		t.Errorf("20 failed requests light %+v, want both", s)
	}
}

func TestEveryFaultOfAConfigIsNamed(t *testing.T) {
	_, err := alert.New(alert.Config{Objective: 1, Share: 0, Over: time.Millisecond, Rules: []alert.Rule{{"x", time.Second, time.Minute, 0}}})
	for _, want := range []string{"objective is 1", "share is 0", "over is 1ms", `rule "x"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New() = %v, want an error with %q", err, want)
		}
	}
}

func TestJudgeCountsARingingPage(t *testing.T) {
	pages := []alert.Page{{Kind: alert.BurnRate, From: 5 * time.Second}} // still rings
	if got := alert.Judge(pages, alert.BurnRate, []alert.Span{{10 * time.Second, 20 * time.Second}}, 0); got != (alert.Score{Found: 1}) {
		t.Errorf("Judge = %+v, want it found at once: it was ringing already", got)
	}
}
