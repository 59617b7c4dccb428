package webtest_test

import (
	"slices"
	"testing"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/system/kind"
	"workbench/sim/load"
	"workbench/web/webtest"
)

// absent are patterns that the stand-in does without, and why.
func absent() map[string]string {
	own := "a choice of one service, and the stand-in plays another"
	out := map[string]string{"edge": "it stands before the balancer, where the stand-in has nothing"}
	for _, k := range kind.All() {
		for _, p := range k.Choices {
			if p.Name != "brownout" {
				out[p.Name] = own
			}
		}
	}
	return out
}

// The stand-in has the lab's patterns, in its order and words, so that a page that
// holds them holds the real ones. Where it has the real knobs they are the same.
func TestPatternsAreTheLabs(t *testing.T) {
	got := webtest.New().State().Patterns
	var want []string
	for _, p := range kind.AllPatterns() {
		if why := absent()[p.Name]; why != "" {
			if slices.ContainsFunc(got, func(s live.PatternState) bool { return s.Name == p.Name }) {
				t.Errorf("%s is there, and is said to be absent: %s", p.Name, why)
			}
			continue
		}
		want = append(want, p.Name)
		i := slices.IndexFunc(got, func(s live.PatternState) bool { return s.Name == p.Name })
		if i < 0 {
			t.Errorf("%s is a pattern of the lab and not of the stand-in: add it to slots, or say why it is absent", p.Name)
			continue
		}
		s := got[i]
		if s.Title != p.Title || s.Side != p.Side || s.State != lab.Off {
			t.Errorf("%s is %q (%v, %v), want %q (%v, off)", p.Name, s.Title, s.Side, s.State, p.Title, p.Side)
		}
		if slices.Contains([]string{"hedge", "throttle", "fallback", "brownout"}, p.Name) {
			k, err := p.Settings(nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.Line != p.Line || !slices.Equal(s.Reasons, p.Reasons) || !equal(s.Knobs, knob.Describe(k)) {
				t.Errorf("%s: line %q, reasons %v, knobs %+v; want the real ones: %q, %v, %+v", p.Name, s.Line, s.Reasons, s.Knobs, p.Line, p.Reasons, knob.Describe(k))
			}
		}
	}
	var names []string
	for _, s := range got {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, want) {
		t.Errorf("patterns in the order %v, want that of the chain: %v", names, want)
	}
}

func equal(a, b []knob.Info) bool {
	return slices.EqualFunc(a, b, func(x, y knob.Info) bool {
		return x.Name == y.Name && x.Kind == y.Kind && x.Value == y.Value && x.Unit == y.Unit && x.Min == y.Min && x.Max == y.Max && x.Help == y.Help && slices.Equal(x.Options, y.Options)
	})
}

// after plays some seconds with patterns on and returns the last frame.
func after(t *testing.T, seconds int, fault string, factor float64, on map[string]map[string]any) (live.Frame, *webtest.Lab) {
	t.Helper()
	l := webtest.New()
	for name, knobs := range on {
		if _, err := l.SetPattern(t.Context(), name, live.PatternChange{State: new(lab.On), Knobs: knobs}); err != nil {
			t.Fatal(err)
		}
	}
	if fault != "" {
		if _, err := l.SetFault(t.Context(), fault, live.FaultChange{On: true}); err != nil {
			t.Fatal(err)
		}
	}
	if factor != 1 {
		if _, err := l.SetTraffic(t.Context(), live.TrafficChange{Factor: &factor}); err != nil {
			t.Fatal(err)
		}
	}
	for range seconds * 10 {
		l.Step()
	}
	frames := l.History()
	return frames[len(frames)-1], l
}

// A switch that does nothing is not shown anywhere, in the stand-in neither.
func TestReliefDoesSomething(t *testing.T) {
	of := func(name string, knobs map[string]any) map[string]map[string]any {
		return map[string]map[string]any{name: knobs}
	}
	bare, _ := after(t, 20, "", 1, nil)
	hedged, l := after(t, 20, "", 1, of("hedge", map[string]any{"quantile": 0.0, "after": "20ms", "budget": .05}))
	if hedged.P99 > bare.P99-5 || l.Pattern("hedge").Counters["hedged"] == 0 {
		t.Errorf("p99 %.0f ms with a second call, %.0f without, counters %v; want it lower", hedged.P99, bare.P99, l.Pattern("hedge").Counters)
	}
	if doubled, _ := after(t, 20, "", 1.2, of("hedge", map[string]any{"quantile": 0.0, "after": "20ms", "budget": 1.0})); doubled.Good > .1*doubled.Offered {
		t.Errorf("second calls for all, at nine tenths of the capacity, leave %.0f of %.0f served; want hardly any", doubled.Good, doubled.Offered)
	}
	failing, _ := after(t, 20, "gate-error", 1, nil)
	fallen, l := after(t, 20, "gate-error", 1, of("fallback", nil))
	if fallen.Good < .99*fallen.Offered || fallen.Outcomes[1] == 0 || failing.Good > .6*failing.Offered || l.Pattern("fallback").Counters["default"] == 0 {
		t.Errorf("with fallbacks %.0f of %.0f, %.0f of them stale, without %.0f; want all, half of them stale, and half", fallen.Good, fallen.Offered, fallen.Outcomes[1], failing.Good)
	}
	if none, _ := after(t, 20, "gate-error", 1, of("fallback", map[string]any{"default": false})); none.Outcomes[1] != 0 {
		t.Errorf("%.0f stale answers with neither a simpler answer nor copies, want none", none.Outcomes[1])
	}
	few := map[string]any{"share": .1} // retries: no brownout ends a storm of them
	crowd, _ := after(t, 20, "", 1.6, of("client-budget", few))
	dim, l := after(t, 20, "", 1.6, map[string]map[string]any{"client-budget": few, "brownout": {"target": "200ms"}})
	if crowd.Good > .2*crowd.Offered || dim.Good < .9*dim.Offered || l.Pattern("brownout").Counters["reduced"] == 0 {
		t.Errorf("in the crowd %.0f of %.0f are served, with a brownout %.0f; want hardly any and nearly all", crowd.Good, crowd.Offered, dim.Good)
	}
	held, l := after(t, 20, "", 4, of("throttle", nil))
	if held.Reasons["throttled"] == 0 || l.Pattern("throttle").Counters["refused"] == 0 || l.Pattern("throttle").Gauges[0].Value == 0 {
		t.Errorf("the throttle refuses %.0f/s of four times the traffic, counters %v, gauges %v; want some", held.Reasons["throttled"], l.Pattern("throttle").Counters, l.Pattern("throttle").Gauges)
	}
	if calm, l := after(t, 20, "", 1, of("throttle", nil)); calm.Reasons["throttled"] != 0 || l.Pattern("throttle").Counters["refused"] != 0 {
		t.Errorf("the throttle refuses %.0f/s in calm, want none", calm.Reasons["throttled"])
	}
}

// The storm is as it was: the spike kills for good, and a queue heals.
func TestSpikeStillKills(t *testing.T) {
	for name, on := range map[string]bool{"bare": false, "queue": true} {
		l := webtest.New()
		if on {
			if _, err := l.SetPattern(t.Context(), "queue", live.PatternChange{State: new(lab.On)}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Spike(t.Context(), load.Spike{}); err != nil {
			t.Fatal(err)
		}
		for range 500 {
			l.Step()
		}
		frames := l.History()
		f := frames[len(frames)-1]
		if well := f.Good > .9*f.Offered; well != on {
			t.Errorf("%s: %.0f of %.0f are served at the end", name, f.Good, f.Offered)
		}
	}
}
