package view

import (
	"fmt"
	"slices"
	"strconv"

	"workbench/docs/track"
	"workbench/exercises/shelf"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

// Tracks is the list of the four tracks.
type Tracks struct{ Items []TrackLine }

// TrackLine is one track in the list.
type TrackLine struct{ Title, Story, Path, Done string }

// Track is the way through one system.
type Track struct {
	Title, Story, Done string
	Requirements       []track.Requirement
	Fields             []TrackField
	Fault              string // what is wrong with the estimate; empty: nothing
	Need               []TrackFigure
	Diagram            []track.Box
	Hazards            []TrackHazard
	Exercises          []TrackStep
	Questions          []TrackStep
	MustSay            []string
}

// TrackField is one number of the calculator.
type TrackField struct{ Name, Label, Value string }

// TrackFigure is one result of the calculator, with how it is made.
type TrackFigure struct{ What, Value, How string }

// TrackHazard is something that goes wrong, with the runs that show it.
type TrackHazard struct {
	Title, Text, Scenario, Bare, Saved, Flags string
	Trial                                     string // the path of the trial that shows it too; empty: none does
	Done                                      bool
}

// TrackStep is an exercise or a question of the track.
type TrackStep struct {
	Title, Path, Note string
	Done              bool
}

// TracksOf makes the list.
func TracksOf(all []track.Track, r Record) (Tracks, error) {
	var v Tracks
	for _, t := range all {
		one, err := TrackOf(t, t.Estimate, r)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, TrackLine{t.Title, t.Story, track.Path + t.Name, one.Done})
	}
	return v, nil
}

// TrackOf makes a track's page with an estimate, the track's own or the
// learner's.
func TrackOf(t track.Track, e track.Estimate, r Record) (Track, error) {
	v := Track{Title: t.Title, Story: t.Story, Requirements: t.Requirements, Diagram: t.Diagram, MustSay: t.MustSay}
	v.Fields = []TrackField{
		{"users", "users a day", number(e.Users)}, {"per_user", "requests of one a day", number(e.PerUser)}, {"peak", "peak, times the mean", number(e.Peak)},
		{"ms", "time in service, ms", number(e.Millis)}, {"per_box", "at once in one instance", number(e.PerBox)}, {"busy_share", "how busy at the peak, share", number(e.Headroom)},
	}
	if err := e.Check(); err != nil {
		v.Fault = err.Error()
	} else {
		n := e.Work()
		v.Need = []TrackFigure{
			{"mean", rounded(n.Mean) + " requests/s", "users × requests ÷ 86,400 s"},
			{"peak", rounded(n.Peak) + " requests/s", "mean × peak factor"},
			{"inside at once, at the peak", rounded(n.Inside), "Little’s law: rate × time in service"},
			{"one instance can do", rounded(n.PerBox) + " requests/s", "at once ÷ time in service"},
			{"instances", rounded(n.Instances), "peak ÷ (what one can do × how busy), rounded up, and one that may fail"},
		}
	}
	done, all := 0, 0
	tick := func(ok bool) bool {
		all++
		if ok {
			done++
		}
		return ok
	}
	for _, h := range t.Hazards {
		spec, err := scenario.Find(h.Scenario)
		if err != nil {
			return v, fmt.Errorf("track %s: %w", t.Name, err)
		}
		saved, err := labLink(spec, h.Flags, r.Patterns)
		if err != nil {
			return v, fmt.Errorf("track %s, %s: %w", t.Name, h.Title, err)
		}
		played := slices.ContainsFunc(r.Runs, func(run live.RunSummary) bool { return run.Scenario == h.Scenario })
		one := TrackHazard{Title: h.Title, Text: h.Text, Scenario: spec.Title, Bare: "/lab?scenario=" + h.Scenario, Saved: saved, Flags: fmt.Sprint(h.Flags), Done: tick(played)}
		if h.Trial != "" {
			one.Trial = "/trials/" + h.Trial
		}
		v.Hazards = append(v.Hazards, one)
	}
	for _, slug := range t.Exercises {
		i := slices.IndexFunc(r.Exercises, func(e shelf.Exercise) bool { return e.Slug == slug })
		if i < 0 {
			continue
		}
		x := r.Exercises[i]
		v.Exercises = append(v.Exercises, TrackStep{x.Title, "/exercises/" + slug, fmt.Sprintf("%d min", x.Minutes), tick(r.Standings[slug].Passed)})
	}
	for _, q := range r.Questions {
		if q.System == t.Name {
			v.Questions = append(v.Questions, TrackStep{q.Text, QuestionPath(q.ID), modeTitle(q.Mode), tick(r.Bests[q.ID].Total >= explained)})
		}
	}
	v.Done = fmt.Sprintf("%d of %d", done, all)
	return v, nil
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// rounded writes a number to three figures, with thousands set apart.
func rounded(v float64) string {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return "–"
	}
	text := strconv.FormatFloat(r, 'f', -1, 64)
	if r < 1000 {
		return text
	}
	out := ""
	for i, c := range text {
		if i > 0 && (len(text)-i)%3 == 0 {
			out += ","
		}
		out += string(c)
	}
	return out
}
