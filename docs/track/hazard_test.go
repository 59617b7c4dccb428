package track_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"workbench/docs/track"
	"workbench/lab/scenario"
	"workbench/lab/trial/list"
	"workbench/lab/virtual"
)

// What a hazard says helps does help: in virtual time the flags make better what
// the scenario is judged by, or win a claim that is lost without them.
func TestHazardsAreHelpedByTheirFlags(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays each hazard twice")
	}
	all, err := track.All()
	if err != nil {
		t.Fatal(err)
	}
	bare := map[string]scenario.Report{} // by scenario
	for _, tr := range all {
		for _, h := range tr.Hazards {
			t.Run(tr.Name+"/"+h.Title, func(t *testing.T) {
				spec, err := scenario.Find(h.Scenario)
				if err != nil {
					t.Fatal(err)
				}
				run := func(flags []string) scenario.Report {
					rep, err := virtual.RunFlags(t.Context(), spec, flags, virtual.Options{Seed: 1})
					if err != nil {
						t.Fatal(err)
					}
					return rep
				}
				if _, ok := bare[h.Scenario]; !ok {
					bare[h.Scenario] = run(spec.Ablation.Without)
				}
				without, with := bare[h.Scenario], run(h.Flags)
				better, said := betterBy(t, spec, without, with)
				if claim := claimWon(spec, without, with); !better && claim == "" {
					t.Errorf("%v: %s, and no claim is won by it", h.Flags, said)
				}
			})
		}
	}
}

// The trial of a hazard is there, and has a wrong way.
func TestHazardsNameTrialsThatAreThere(t *testing.T) {
	all, err := track.All()
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, tr := range all {
		for _, h := range tr.Hazards {
			if h.Trial == "" {
				continue
			}
			named++
			if one, ok := list.Find(h.Trial); !ok || one.Wrong == nil {
				t.Errorf("%s, %s: trial %q is there: %v, with a wrong way: %v; want both", tr.Name, h.Title, h.Trial, ok, one.Wrong != nil)
			}
		}
	}
	if named == 0 {
		t.Error("no hazard names a trial, want that of the key set to")
	}
}

// betterBy compares two runs by the figure that decides the scenario: a tenth of
// its range is better, less may be luck.
func betterBy(t *testing.T, spec scenario.Spec, without, with scenario.Report) (bool, string) {
	t.Helper()
	a := spec.Ablation
	measure := func(r scenario.Report) float64 {
		v, err := scenario.MeasureIn(scenario.Window{Last: a.Last, From: a.From, To: a.To}, a.Metric, spec, r)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	was, is := measure(without), measure(with)
	said := fmt.Sprintf("%s is %.4g without and %.4g with", a.Metric, was, is)
	if a.Min != nil {
		return is-was >= *a.Min/10, said
	}
	return is <= was*.9 && is < was, said
}

// claimWon returns a claim that holds with the flags and does not without.
func claimWon(spec scenario.Spec, without, with scenario.Report) string {
	held := scenario.Judge(spec, with)
	for _, c := range spec.Claims {
		i := slices.IndexFunc(held, func(v scenario.Verdict) bool { return strings.HasPrefix(v.Text, c.Text) })
		if i < 0 || !held[i].OK || held[i].NotJudged != "" {
			continue
		}
		v, err := scenario.MeasureIn(scenario.Window{Last: c.Last, From: c.From, To: c.To}, c.Metric, spec, without)
		if err == nil && (c.Min != nil && v < *c.Min || c.Max != nil && v > *c.Max) {
			return c.Text
		}
	}
	return ""
}

// The track's numbers fit one another: its provider can send what is asked for,
// at the peak too, and a campaign takes as long as the text says.
func TestNotificationsCanBeSent(t *testing.T) {
	all, err := track.All()
	if err != nil {
		t.Fatal(err)
	}
	tr := all[slices.IndexFunc(all, func(tr track.Track) bool { return tr.Name == "notify" })]
	number := func(what string) string {
		i := slices.IndexFunc(tr.Requirements, func(r track.Requirement) bool { return r.What == what })
		if i < 0 {
			t.Fatalf("there is no requirement %q", what)
		}
		return tr.Requirements[i].Number
	}
	var sends float64
	if _, err := fmt.Sscanf(strings.ReplaceAll(number("provider"), ",", ""), "%f a second", &sends); err != nil {
		t.Fatalf("the provider's number %q: %v", number("provider"), err)
	}
	need := tr.Estimate.Work()
	if need.Peak > sends {
		t.Errorf("the peak is %.0f a second, and the provider sends %.0f", need.Peak, sends)
	}
	want := fmt.Sprintf("%.0f minutes", 10e6/(sends-need.Mean)/60)
	if got := number("notifications"); !strings.Contains(got, want) || !strings.Contains(strings.ReplaceAll(got, ",", ""), fmt.Sprintf("%.0f a second", need.Mean)) {
		t.Errorf("notifications: %q, want it to say %.0f a second and %s", got, need.Mean, want)
	}
}
