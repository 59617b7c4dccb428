package track_test

import (
	"math"
	"slices"
	"testing"

	"workbench/docs/track"
	"workbench/lab/system/kind"
)

func TestTracksAreWhole(t *testing.T) {
	all, err := track.All()
	if err != nil || len(all) != 4 {
		t.Fatalf("%d tracks, %v, want 4", len(all), err)
	}
	for _, tr := range all {
		if len(tr.Requirements) < 5 || len(tr.Hazards) < 3 || len(tr.Exercises) < 4 || len(tr.MustSay) < 5 || len(tr.Diagram) < 5 {
			t.Errorf("%s: %d requirements, %d hazards, %d exercises, %d things to say, %d boxes", tr.Name, len(tr.Requirements), len(tr.Hazards), len(tr.Exercises), len(tr.MustSay), len(tr.Diagram))
		}
	}
}

// What only one service can do is in its track, as the cure of a hazard.
func TestEachChoiceIsInItsTrack(t *testing.T) {
	without := map[string]string{ // the reason why a choice is the cure of no hazard
		"broker": "where the queue is kept decides what a crash takes: a trial shows it, and no scenario",
	}
	all, err := track.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range all {
		k, ok := kind.Find(tr.Name)
		if !ok {
			t.Fatalf("the track %s is of no service", tr.Name)
		}
		for _, p := range k.Choices {
			there := slices.ContainsFunc(tr.Hazards, func(h track.Hazard) bool { return slices.Contains(h.Flags, "--on="+p.Name) })
			if why := without[p.Name]; there == (why != "") {
				t.Errorf("%s: %s is the cure of a hazard: %v; and the reason why of none: %q", tr.Name, p.Name, there, why)
			}
		}
	}
}

func TestEstimate(t *testing.T) {
	e := track.Estimate{Users: 10e6, PerUser: 20, Peak: 3, Millis: 50, PerBox: 20, Headroom: .6}
	n := e.Work()
	for name, c := range map[string][2]float64{
		"mean":      {n.Mean, 10e6 * 20 / 86400.},
		"peak":      {n.Peak, 3 * 10e6 * 20 / 86400.},
		"inside":    {n.Inside, 3 * 10e6 * 20 / 86400. * .05}, // Little's law
		"per box":   {n.PerBox, 400},
		"instances": {n.Instances, 30}, // 6944 / 240 is 28.9: 29, and one to fail
	} {
		if math.Abs(c[0]-c[1]) > 1e-6*c[1] {
			t.Errorf("%s = %v, want %v", name, c[0], c[1])
		}
	}
}

func TestEstimateNamesWhatCannotBe(t *testing.T) {
	good := track.Estimate{Users: 1, PerUser: 1, Peak: 1, Millis: 1, PerBox: 1, Headroom: .5}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]func(*track.Estimate){
		"users": func(e *track.Estimate) { e.Users = 0 }, "per_user": func(e *track.Estimate) { e.PerUser = -1 }, "peak": func(e *track.Estimate) { e.Peak = .5 },
		"ms": func(e *track.Estimate) { e.Millis = math.NaN() }, "per_box": func(e *track.Estimate) { e.PerBox = math.Inf(1) }, "busy_share": func(e *track.Estimate) { e.Headroom = 1 },
	} {
		e := good
		bad(&e)
		if err := e.Check(); err == nil {
			t.Errorf("a wrong %s is accepted", name)
		}
	}
}
