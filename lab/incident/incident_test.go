package incident_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab/incident"
)

func begin(t *testing.T, seed uint64) *incident.Session {
	t.Helper()
	s, err := incident.New(seed, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEachCauseHasItsFix(t *testing.T) {
	var used []string
	for _, c := range incident.Causes() {
		if !slices.ContainsFunc(incident.Fixes(), func(f incident.Fix) bool { return f.Name == c.Fix }) {
			t.Errorf("cause %s is mended by %q, which is not in the list", c.Name, c.Fix)
		}
		if c.Title == "" || c.Clue == "" || slices.Contains(used, c.Fix) {
			t.Errorf("cause %+v needs a title, a clue, and a fix of its own", c)
		}
		used = append(used, c.Fix)
	}
	if len(used) != len(incident.Fixes()) {
		t.Errorf("%d fixes for %d causes, want one each", len(incident.Fixes()), len(used))
	}
}

func TestTheSeedDrawsCauseAndMoment(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(200) {
		s, again := begin(t, seed), begin(t, seed)
		if s.Cause() != again.Cause() || s.Strike() != again.Strike() {
			t.Fatalf("seed %d draws two different rehearsals", seed)
		}
		if at := s.Strike() - time.Minute; at < 20*time.Second || at > time.Minute {
			t.Errorf("seed %d strikes after %v, want 20s to 1m", seed, at)
		}
		seen[s.Cause().Name]++
	}
	for _, c := range incident.Causes() {
		if seen[c.Name] < 8 {
			t.Errorf("cause %s came %d times in 200, want about %d", c.Name, seen[c.Name], 200/len(incident.Causes()))
		}
	}
}

func TestOnlyWhatIsPossible(t *testing.T) {
	for seed := range uint64(20) {
		s, err := incident.New(seed, 0, []string{"crowd", "cache-gone"})
		if err != nil || s.Cause().Name != "crowd" && s.Cause().Name != "cache-gone" {
			t.Errorf("New(%d) = %v, %v; want one of the two", seed, s.Cause().Name, err)
		}
	}
	if _, err := incident.New(1, 0, []string{"nothing"}); err == nil {
		t.Error("New without a possible cause = nil error, want one")
	}
}

func TestAGoodRehearsal(t *testing.T) {
	s := begin(t, 1)
	at := s.Strike()
	if ok, err := s.See(at - 1); ok || err != nil {
		t.Errorf("See before the strike = %v, %v; want a false alarm", ok, err)
	}
	if ok, err := s.See(at + 10*time.Second); !ok || err != nil {
		t.Errorf("See after the strike = %v, %v; want true", ok, err)
	}
	other := "crowd"
	if s.Cause().Name == other {
		other = "cache-gone"
	}
	if right, mended, err := s.Answer(at+20*time.Second, other, s.Cause().Fix); right || !mended || err != nil {
		t.Errorf("the right fix for the wrong cause = %v, %v, %v; want false, true, nil", right, mended, err)
	}
	if right, mended, err := s.Answer(at+40*time.Second, s.Cause().Name, s.Cause().Fix); !right || !mended || err != nil {
		t.Errorf("the right answer = %v, %v, %v; want true, true, nil", right, mended, err)
	}
	v := s.Show(at + time.Minute)
	want := incident.Result{Seed: 1, Cause: s.Cause(), Strike: at - time.Minute, Detect: 10 * time.Second, Diagnose: 40 * time.Second, Mitigate: 20 * time.Second, False: 1, Wrong: 1, Solved: true, Ended: at - time.Minute + 40*time.Second}
	if v.Running || v.Result == nil || *v.Result != want {
		t.Errorf("the result is %+v, want %+v", v.Result, want)
	}
	if _, err := s.See(at + time.Minute); !errors.Is(err, incident.ErrOver) {
		t.Errorf("See after the end = %v, want ErrOver", err)
	}
}

func TestNothingIsNamedBeforeTheEnd(t *testing.T) {
	for seed := range uint64(20) {
		s := begin(t, seed)
		for _, at := range []time.Duration{time.Minute, s.Strike(), s.Strike() + time.Minute, s.End() - 1} {
			data, err := json.Marshal(s.Show(at))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(data), s.Cause().Name) || strings.Contains(string(data), "strike") || strings.Contains(string(data), "seed") {
				t.Errorf("at %v the view is %s: it says what it must hide", at, data)
			}
		}
		if v := s.Show(s.End()); v.Running || v.Result == nil || v.Result.Cause != s.Cause() || v.Result.Solved {
			t.Errorf("at the end the view is %+v, want the cause and no solution", v)
		}
	}
}

func TestGuessingEnds(t *testing.T) {
	s := begin(t, 3)
	i := slices.IndexFunc(incident.Causes(), func(c incident.Cause) bool { return c.Name != s.Cause().Name })
	wrong := incident.Causes()[i]
	for n := range incident.MaxTries {
		if _, _, err := s.Answer(s.Strike()+time.Duration(n), wrong.Name, wrong.Fix); err != nil {
			t.Fatalf("answer %d: %v", n, err)
		}
	}
	if v := s.Show(s.Strike() + time.Second); v.Running || v.Result.Wrong != incident.MaxTries || v.Result.Solved {
		t.Errorf("after %d wrong answers: %+v, want it over", incident.MaxTries, v)
	}
	for _, a := range [][2]string{{"x", "shed"}, {"crowd", "x"}} {
		if _, _, err := begin(t, 1).Answer(2*time.Minute, a[0], a[1]); !errors.Is(err, incident.ErrUnknown) {
			t.Errorf("Answer(%q, %q) = %v, want ErrUnknown", a[0], a[1], err)
		}
	}
	g := begin(t, 4)
	g.GiveUp(2 * time.Minute)
	if v := g.Show(3 * time.Minute); v.Running || !v.Result.Abandoned || v.Elapsed != time.Minute {
		t.Errorf("given up: %+v, want it over after a minute", v)
	}
}

// What ends before the fault began is told apart: nothing has gone wrong in it.
func TestEndedBeforeItBegan(t *testing.T) {
	early, late := begin(t, 4), begin(t, 4)
	early.GiveUp(early.Strike() - time.Second)
	late.GiveUp(late.Strike())
	if r := early.Show(2 * time.Minute).Result; r == nil || !r.Early || !r.Abandoned || r.Ended != early.Strike()-time.Second-time.Minute {
		t.Errorf("given up a second before it began: %+v, want it early", r)
	}
	if r := late.Show(3 * time.Minute).Result; r == nil || r.Early {
		t.Errorf("given up as it began: %+v, want it not early", r)
	}
}
