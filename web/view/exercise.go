package view

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"workbench/exercises/attempt"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/web/prose"
)

// Exercises is the list of all exercises.
type Exercises struct {
	Chapters []ExerciseGroup
	Passed   string // "3 of 26"
	Sandbox  string // what confines answers here, in a sentence
	Why      string // why answers cannot be run from this page; empty: they can
}

// ExerciseGroup is one chapter's exercises.
type ExerciseGroup struct {
	Title string
	Items []ExerciseCard
}

// ExerciseCard is one exercise in the list.
type ExerciseCard struct {
	Slug, Title, Minutes, Difficulty, Pattern string
	Tracks                                    []string
	State                                     string // new, begun, tried or passed
	Attempts                                  string // "3 attempts"; empty: none
}

// Exercise is the page on which one is solved.
type Exercise struct {
	Slug, Title, Minutes, Difficulty string
	Brief                            string // HTML, made from our own text
	Pattern                          string // of the lab; empty: none
	Tasks                            []ExerciseTask
	Files                            []ExerciseFile
	Tests                            []ExerciseFile // to read
	Levels                           []Option
	Draft                            string // version of the text shown
	Start                            string // the command for one's own editor
	Check                            string
	Sandbox, Why                     string
	Passed                           bool
	Data                             string // what the page's script needs, as JSON
	Attempts                         []ExerciseAttempt
	Open                             bool  // the worked answers may be read
	Read                             bool  // somebody chose to, before an own answer was accepted
	Plug                             *Plug // nil: an answer has no place in the lab
}

// ExerciseFile is one file of an answer or of its tests.
type ExerciseFile struct{ Name, Text string }

// ExerciseTask is one thing that is graded.
type ExerciseTask struct {
	ID, Title, Kind, Points string
	Tests                   []string
	Taken                   []string // hints that were taken, in order
	Rungs                   string   // how many there are
	More                    bool     // whether there is a further one
}

// ExerciseAttempt is one line of the history.
type ExerciseAttempt struct{ At, State, Score, Href string }

// chapterTitle names a chapter of the guide.
func chapterTitle(n int) string {
	titles := []string{
		"Mental model", "Async and non-blocking I/O", "Backpressure and rate limiting", "Caching", "Database scaling",
		"Queues and async processing", "Resilience", "Observability", "The complete example",
	}
	if n < 1 || n > len(titles) {
		return "Others"
	}
	return fmt.Sprintf("%d · %s", n, titles[n-1])
}

// difficulty writes how hard an exercise is.
func difficulty(n int) string {
	return []string{"easy", "easy", "medium", "medium", "hard", "hard"}[max(0, min(n, 5))]
}

// stateOf says how far the learner is.
func stateOf(s progress.Standing) string {
	switch {
	case s.Passed:
		return "passed"
	case s.Attempts > 0:
		return "tried"
	case s.Drafted:
		return "begun"
	}
	return "new"
}

// ExercisesOf makes the list, by chapter.
func ExercisesOf(all []shelf.Exercise, standings map[string]progress.Standing) Exercises {
	groups := map[int]*ExerciseGroup{}
	passed := 0
	for _, e := range all {
		g := groups[e.Chapter]
		if g == nil {
			g = &ExerciseGroup{Title: chapterTitle(e.Chapter)}
			groups[e.Chapter] = g
		}
		st := standings[e.Slug]
		if st.Passed {
			passed++
		}
		g.Items = append(g.Items, ExerciseCard{
			Slug: e.Slug, Title: e.Title, Minutes: fmt.Sprintf("%d min", e.Minutes), Difficulty: difficulty(e.Difficulty),
			Pattern: e.Pattern, Tracks: e.Tracks, State: stateOf(st),
		})
	}
	v := Exercises{Passed: fmt.Sprintf("%d of %d", passed, len(all))}
	for _, n := range slices.Sorted(maps.Keys(groups)) {
		v.Chapters = append(v.Chapters, *groups[n])
	}
	return v
}

// levels returns the beginnings that an exercise offers, by name, with their
// files; the blank file is the one that every exercise has.
func levels(e shelf.Exercise) ([]Option, map[string]map[string]string, error) {
	options := []Option{{Value: "start", Text: "the blank file"}}
	texts := map[string]map[string]string{}
	for _, l := range []Option{{Value: "blanks", Text: "two blanks to fill"}, {Value: "bug", Text: "a bug to find"}} {
		if e.Has(l.Value) {
			options = append(options, l)
		}
	}
	for _, o := range options {
		files, err := e.Files(o.Value)
		if err != nil {
			return nil, nil, err
		}
		texts[o.Value] = files
	}
	return options, texts, nil
}

// ExerciseOf makes the page of one exercise: with the learner's draft, or the
// blank file where there is none.
func ExerciseOf(e shelf.Exercise, draft map[string]string, version int64, hints map[string]int, past []attempt.Attempt) (Exercise, error) {
	v := Exercise{
		Slug: e.Slug, Title: e.Title, Minutes: fmt.Sprintf("%d min", e.Minutes), Difficulty: difficulty(e.Difficulty), Pattern: e.Pattern,
		Draft: strconv.FormatInt(version, 10), Start: "bin/workbench start " + e.Slug, Check: "bin/workbench check " + e.Slug + " --watch",
	}
	brief, err := e.Text("README.md")
	if err != nil {
		return v, err
	}
	if v.Brief, err = prose.HTML(brief); err != nil {
		return v, err
	}
	v.Brief = reachable(v.Brief, new(int))
	options, texts, err := levels(e)
	if err != nil {
		return v, err
	}
	v.Levels = options
	if draft == nil {
		draft = texts["start"]
	}
	for _, name := range e.Names {
		v.Files = append(v.Files, ExerciseFile{name, draft[name]})
	}
	tests, err := e.Files("tests")
	if err != nil {
		return v, err
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		v.Tests = append(v.Tests, ExerciseFile{name, tests[name]})
	}
	for _, t := range e.Tasks {
		n := min(hints[t.ID], len(t.Hints))
		v.Tasks = append(v.Tasks, ExerciseTask{
			ID: t.ID, Title: t.Title, Kind: string(t.Kind), Points: strconv.Itoa(t.Points), Tests: t.Tests, Taken: t.Hints[:n],
			Rungs: strconv.Itoa(len(t.Hints)), More: n < len(t.Hints),
		})
	}
	for _, a := range past {
		v.Passed = v.Passed || a.Passed
		v.Attempts = append(v.Attempts, attemptOf(a))
	}
	data, err := json.Marshal(map[string]any{"levels": texts})
	v.Data = string(data)
	return v, err
}

// attemptOf makes one line of the history.
func attemptOf(a attempt.Attempt) ExerciseAttempt {
	var verdict struct {
		State string `json:"state"`
		Score int    `json:"score"`
	}
	out := ExerciseAttempt{At: a.At.Format("2006-01-02 15:04"), State: string(a.State)}
	if a.State != attempt.Done || json.Unmarshal(a.Verdict, &verdict) != nil {
		return out
	}
	out.State, out.Score = cmp.Or(verdict.State, "not accepted"), strconv.Itoa(verdict.Score)
	if a.Passed {
		out.State = "accepted"
	}
	return out
}
