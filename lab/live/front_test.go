package live_test

import (
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/live"
)

// TestEdge switches the edge cache on, into shadow and off under traffic that
// wants one page, and reads what it counted back.
func TestEdge(t *testing.T) {
	r := open(t)
	if _, err := r.Load(t.Context(), live.ScenarioChange{YAML: strings.Replace(calm, "keys: 100}", "keys: 100, hot: {share: 0.99, key: 7}}", 1)}); err != nil {
		t.Fatal(err)
	}
	set := func(state lab.State, knobs map[string]any) {
		t.Helper()
		s, err := r.SetPattern(t.Context(), "edge", live.PatternChange{State: &state, Knobs: knobs})
		if err != nil {
			t.Fatal(err)
		}
		if p, note := pattern(s, "edge"), node(s, "edge").Note; p.State != state || !p.Front || (note == state.String()) == (state == lab.On) {
			t.Errorf("edge is %v, and its node says %q; want %v", p.State, note, state)
		}
	}
	counted := func(name string, least uint64) {
		t.Helper()
		deadline := time.After(30 * time.Second)
		for pattern(r.State(), "edge").Counters[name] < least {
			select {
			case <-deadline:
				t.Fatalf("counter %s is %d after 30 s, want at least %d", name, pattern(r.State(), "edge").Counters[name], least)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	set(lab.On, map[string]any{"s_maxage": "1s", "stale_while_revalidate": "0s"})
	for _, name := range []string{"hit", "miss", "store", "revalidated", "bytes_saved"} {
		counted(name, 1)
	}
	set(lab.Shadow, nil)
	counted("shadow_hit", 1)
	hits := pattern(r.State(), "edge").Counters["hit"]
	counted("shadow_hit", 20)
	if now := pattern(r.State(), "edge").Counters["hit"]; now != hits {
		t.Errorf("in shadow it answered %d requests, want none", now-hits)
	}
	set(lab.Off, nil)
	if _, err := r.SetPattern(t.Context(), "edge", live.PatternChange{Knobs: map[string]any{"s_maxage": "1500ms"}}); err == nil {
		t.Error("half a second of s-maxage was accepted")
	}
}
