package fleet_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"workbench/lab/fleet"
	"workbench/sim/dist"
)

const second = time.Second

// crowd is a fleet of n warm instances a, b, …
func crowd(t testing.TB, n int, change ...func(*fleet.Settings)) (*fleet.Fleet, []*fleet.Member) {
	t.Helper()
	s := fleet.Defaults()
	for _, f := range change {
		f(&s)
	}
	f, err := fleet.New(s, dist.New(1, "balancer"))
	if err != nil {
		t.Fatal(err)
	}
	var all []*fleet.Member
	for i := range n {
		all = append(all, f.Join(0, string(rune('a'+i)), true))
	}
	return f, all
}

// picks sends n requests at now, each of which leaves at once, and returns who
// got them.
func picks(f *fleet.Fleet, now time.Duration, n int) string {
	var out strings.Builder
	for range n {
		m, _ := f.Pick(now, fleet.Ask{})
		if m == nil {
			out.WriteByte('-')
			continue
		}
		f.Connected(now, m)
		f.Done(now, m, fleet.Result{})
		out.WriteString(m.Name())
	}
	return out.String()
}

func state(f *fleet.Fleet, now time.Duration, i int) string { return f.Stats(now)[i].State }

func TestRefusedIsLeftAloneAndProbed(t *testing.T) {
	f, all := crowd(t, 3)
	m, _ := f.Pick(0, fleet.Ask{})
	f.Refused(0, m)
	if got := picks(f, 0, 4); got != "bcbc" {
		t.Errorf("picked %s after a refused, want bcbc", got)
	}
	if got := state(f, 0, 0); got != "refused" {
		t.Errorf("a is %s, want refused", got)
	}
	m, _ = f.Pick(second, fleet.Ask{Tried: all[1:]})
	if m != all[0] {
		t.Fatalf("nobody probes a after a second")
	}
	if got := picks(f, second, 4); strings.Contains(got, "a") {
		t.Errorf("picked %s while a is probed, want it left alone", got)
	}
	f.Connected(second, m)
	f.Done(second, m, fleet.Result{})
	if got := picks(f, second, 6); strings.Count(got, "a") != 2 {
		t.Errorf("picked %s with a back, want it a third of the time", got)
	}
}

func TestHealthChecksRiseAndFall(t *testing.T) {
	f, all := crowd(t, 2, func(s *fleet.Settings) { s.Health.On, s.Health.Fall, s.Health.Rise = true, 2, 3 })
	now := time.Duration(0)
	check := func(ok bool) {
		for _, m := range f.Due(now) {
			f.Checked(now, m, m != all[0] || ok)
		}
		now += second
	}
	for i, step := range []struct {
		ready bool
		want  string
	}{{false, "up"}, {true, "up"}, {false, "up"}, {false, "unhealthy"}, {true, "unhealthy"}, {true, "unhealthy"}, {false, "unhealthy"}, {true, "unhealthy"}, {true, "unhealthy"}, {true, "up"}} {
		if check(step.ready); state(f, now, 0) != step.want {
			t.Fatalf("after check %d a is %s, want %s", i, state(f, now, 0), step.want)
		}
	}
	if got := len(f.Due(now - second/2)); got != 0 {
		t.Errorf("%d are asked before the interval is over", got)
	}
	check(false)
	check(false)
	if got := picks(f, now, 4); got != "bbbb" {
		t.Errorf("picked %s with a unhealthy", got)
	}
	for range 2 {
		for _, m := range f.Due(now) {
			f.Checked(now, m, false)
		}
		now += second
	}
	if got := picks(f, now, 4); strings.Contains(got, "-") || f.Counts().Panics != 4 {
		t.Errorf("with nobody well picked %s and counted %d panics, want requests to go to all that accept connections", got, f.Counts().Panics)
	}
}

// answers reports n answers of an instance.
func answers(f *fleet.Fleet, now time.Duration, m *fleet.Member, n int, r fleet.Result) {
	for range n {
		for {
			got, _ := f.Pick(now, fleet.Ask{})
			if got == m {
				break
			}
			f.Abandoned(got)
		}
		f.Done(now, m, r)
	}
}

func TestEjection(t *testing.T) {
	good, bad := fleet.Result{Took: 10 * time.Millisecond}, fleet.Result{Failed: true, Took: time.Millisecond}
	for _, tt := range []struct {
		name string
		n    int
		set  func(*fleet.Ejection)
		do   func(f *fleet.Fleet, all []*fleet.Member)
		want string // why a is out; empty: it is not
	}{
		{"failures in a row", 3, nil, func(f *fleet.Fleet, all []*fleet.Member) { answers(f, 0, all[0], 5, bad) }, "failures in a row"},
		{"not quite", 3, nil, func(f *fleet.Fleet, all []*fleet.Member) {
			answers(f, 0, all[0], 4, bad)
			answers(f, 0, all[0], 1, good)
			answers(f, 0, all[0], 4, bad)
		}, ""},
		{"share of failures", 3, func(e *fleet.Ejection) { e.Failures = 0 }, func(f *fleet.Fleet, all []*fleet.Member) {
			answers(f, 0, all[0], 6, bad)
			answers(f, 0, all[0], 6, good)
			f.Tick(second)
		}, "share of failures"},
		{"too few answers", 3, func(e *fleet.Ejection) { e.Failures = 0 }, func(f *fleet.Fleet, all []*fleet.Member) {
			answers(f, 0, all[0], 9, bad)
			f.Tick(second)
		}, ""},
		{"slower than its peers", 3, nil, func(f *fleet.Fleet, all []*fleet.Member) {
			answers(f, 0, all[0], 10, fleet.Result{Took: 31 * time.Millisecond})
			answers(f, 0, all[1], 10, good)
			answers(f, 0, all[2], 10, good)
			f.Tick(second)
		}, "slower than its peers"},
		{"all slow", 3, nil, func(f *fleet.Fleet, all []*fleet.Member) {
			for _, m := range all {
				answers(f, 0, m, 10, fleet.Result{Took: second})
			}
			f.Tick(second)
		}, ""},
		{"users who left say nothing of errors", 3, nil, func(f *fleet.Fleet, all []*fleet.Member) {
			answers(f, 0, all[0], 20, fleet.Result{Left: true, Took: 10 * time.Millisecond})
		}, ""},
		{"never the last", 1, func(e *fleet.Ejection) { e.Most = 1 }, func(f *fleet.Fleet, all []*fleet.Member) { answers(f, 0, all[0], 9, bad) }, ""},
		{"no more than the share", 3, func(e *fleet.Ejection) { e.Most = .3 }, func(f *fleet.Fleet, all []*fleet.Member) { answers(f, 0, all[0], 9, bad) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, all := crowd(t, tt.n, func(s *fleet.Settings) {
				s.Ejection.On = true
				if tt.set != nil {
					tt.set(&s.Ejection)
				}
			})
			f.Tick(0)
			tt.do(f, all)
			if got := f.Stats(second)[0]; got.Why != tt.want {
				t.Errorf("a is %s for %q, want %q", got.State, got.Why, tt.want)
			}
		})
	}
}

func TestEjectionBacksOffAndForgives(t *testing.T) {
	f, all := crowd(t, 3, func(s *fleet.Settings) { s.Ejection.On, s.Ejection.Cap = true, 12*second })
	now := time.Duration(0)
	for _, want := range []time.Duration{5 * second, 10 * second, 12 * second} {
		f.Tick(now)
		answers(f, now, all[0], 5, fleet.Result{Failed: true})
		got := f.Stats(now)[0]
		if got.State != "ejected" || got.Until-now != want {
			t.Fatalf("a is %s for %v, want ejected for %v", got.State, got.Until-now, want)
		}
		now = got.Until
		f.Tick(now)
		if got := state(f, now, 0); got != "up" {
			t.Fatalf("a is %s when its time is up", got)
		}
	}
	for range 3 { // three good intervals take three ejections back
		now += second
		answers(f, now, all[0], 1, fleet.Result{})
		f.Tick(now)
	}
	answers(f, now, all[0], 5, fleet.Result{Failed: true})
	if got := f.Stats(now)[0]; got.Until-now != 5*second {
		t.Errorf("after good times it is ejected for %v, want 5s", got.Until-now)
	}
}

func TestSlowStart(t *testing.T) {
	for _, picker := range []string{fleet.RoundRobin, fleet.LeastConnections, fleet.TwoChoices, fleet.ConsistentHash} {
		t.Run(picker, func(t *testing.T) {
			f, _ := crowd(t, 3, func(s *fleet.Settings) { s.Picker, s.SlowStart.On, s.HashBy = picker, true, "user" })
			f.Join(100*second, "d", false)
			share := func(now time.Duration) float64 { // of 4000 requests, 40 of which are inside at any time
				var inside []*fleet.Member
				n := 0
				for i := range uint64(4000) {
					m, _ := f.Pick(now, fleet.Ask{User: i})
					f.Connected(now, m)
					if m.Name() == "d" {
						n++
					}
					if inside = append(inside, m); len(inside) > 40 {
						f.Done(now, inside[0], fleet.Result{})
						inside = inside[1:]
					}
				}
				for _, m := range inside {
					f.Done(now, m, fleet.Result{})
				}
				return float64(n) / 4000
			}
			if got := share(100 * second); got > .1 {
				t.Errorf("at first d gets %.3f of the requests, want little", got)
			}
			if got := share(110 * second); math.Abs(got-.25) > .05 {
				t.Errorf("when it is warm d gets %.3f, want a quarter", got)
			}
		})
	}
}

func TestConsistentHashMovesOnlyWhatItMust(t *testing.T) {
	f, all := crowd(t, 4, func(s *fleet.Settings) { s.Picker = fleet.ConsistentHash })
	place := func() map[uint64]string {
		out := map[uint64]string{}
		for k := range uint64(10_000) {
			m, _ := f.Pick(0, fleet.Ask{Key: k})
			out[k] = m.Name()
			f.Done(0, m, fleet.Result{})
		}
		return out
	}
	before := place()
	f.Leave(all[1])
	moved, lost := 0, 0
	for k, name := range place() {
		switch {
		case before[k] == "b":
			lost++
		case before[k] != name:
			moved++
		}
	}
	if moved != 0 || lost < 1500 || lost > 3500 {
		t.Errorf("%d keys of others moved and %d had been b's, want 0 and about 2500", moved, lost)
	}
}

// TestBoundedLoad is the promise of the paper: nobody holds more than the bound
// times the mean, rounded up, even when all ask for one key.
func TestBoundedLoad(t *testing.T) {
	f, all := crowd(t, 5, func(s *fleet.Settings) { s.Picker = fleet.ConsistentHash })
	for n := 1; n <= 500; n++ {
		if m, _ := f.Pick(0, fleet.Ask{Key: 7}); m == nil {
			t.Fatal("nobody has room")
		}
		most := int(math.Ceil(1.25 * float64(n) / 5))
		for _, m := range all {
			if m.Inflight() > most {
				t.Fatalf("with %d inside %s holds %d, want at most %d", n, m.Name(), m.Inflight(), most)
			}
		}
	}
}

func TestStickySessions(t *testing.T) {
	f, all := crowd(t, 3, func(s *fleet.Settings) { s.Sticky.On = true })
	ask := func(user uint64) string {
		m, how := f.Pick(0, fleet.Ask{User: user})
		f.Connected(0, m)
		f.Done(0, m, fleet.Result{})
		return fmt.Sprint(m.Name(), " ", how)
	}
	for _, want := range []string{"a new", "a kept", "a kept"} {
		if got := ask(1); got != want {
			t.Errorf("user 1: %s, want %s", got, want)
		}
	}
	ask(2)
	f.Drain(all[0], true)
	if got := ask(1); got != "c moved" {
		t.Errorf("with a gone user 1: %s, want c moved", got)
	}
	f.Drain(all[0], false)
	if got := ask(1); got != "c kept" {
		t.Errorf("with a back user 1: %s, want c kept", got)
	}
	if got := f.Counts().Moved; got != 1 {
		t.Errorf("%d sessions lost, want 1", got)
	}
	if s := f.Stats(0); s[0].Users != 0 || s[1].Users != 1 || s[2].Users != 1 {
		t.Errorf("users are %d, %d, %d, want 0, 1, 1", s[0].Users, s[1].Users, s[2].Users)
	}
	s := f.Settings()
	s.Sticky.On = false
	if err := f.Set(0, s); err != nil || f.Stats(0)[1].Users != 0 {
		t.Errorf("switched off, b still has %d users, %v", f.Stats(0)[1].Users, err)
	}
}

func TestSessionsOfAnInstance(t *testing.T) {
	var s fleet.Sessions
	for _, step := range []struct {
		user uint64
		how  string
		lost bool
	}{{1, "", false}, {1, "new", false}, {1, "kept", false}, {2, "moved", true}, {2, "kept", false}, {3, "kept", true}, {3, "nonsense", false}} {
		if got := s.Meet(step.user, fleet.ParseSession(step.how)); got != step.lost {
			t.Errorf("Meet(%d, %s) = %v, want %v", step.user, step.how, got, step.lost)
		}
	}
	if s.Len() != 3 {
		t.Errorf("it holds %d sessions, want 3", s.Len())
	}
}
