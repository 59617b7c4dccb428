package view

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"workbench/exercises/interview"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

// Progress is how far the learner is.
type Progress struct {
	Rows        []ProgressRow
	Next        []ProgressStep
	Calibration []ProgressWeek
	Predictions string // "7 of 10 right"
	Done        string // cells that are filled, of all
	Unread      Unread
}

// ProgressRow is one pattern; each cell says what was done, or is empty.
type ProgressRow struct {
	Pattern, Title, Path                  string
	Predicted, Operated, Built, Explained string
}

// ProgressStep is something to do next, and why.
type ProgressStep struct{ Title, Why, Path string }

// ProgressWeek is how good the predictions of one week were.
type ProgressWeek struct{ Week, Right, Share string }

// Record is what a learner has done in all rooms: what the progress page and the
// tracks are made from.
type Record struct {
	Patterns  []lab.Pattern
	Specs     []scenario.Spec
	Exercises []shelf.Exercise
	Questions []interview.Question
	Runs      []live.RunSummary // the latest first
	Standings map[string]progress.Standing
	Bests     map[string]progress.Best
	Due       int // cards that are due
}

// explained is how many points say that a question was explained.
const explained = 60

// ProgressOf makes the page.
func ProgressOf(r Record) Progress {
	var v Progress
	filled := 0
	for _, p := range r.Patterns {
		row := ProgressRow{Pattern: p.Name, Title: p.Title, Path: "/patterns/" + p.Name}
		taught := r.teaching(p.Name)
		row.Predicted = r.predicted(taught)
		row.Operated = r.operated(p.Name)
		row.Built = r.built(p.Name)
		row.Explained = r.explained(p.Name, taught)
		for _, cell := range []string{row.Predicted, row.Operated, row.Built, row.Explained} {
			if cell != "" {
				filled++
			}
		}
		v.Rows = append(v.Rows, row)
	}
	v.Done = fmt.Sprintf("%d of %d", filled, 4*len(r.Patterns))
	v.Calibration, v.Predictions = calibration(r.Runs)
	v.Next = r.next(v.Rows)
	return v
}

// teaching returns the names of the scenarios that teach a pattern.
func (r Record) teaching(pattern string) []string {
	var out []string
	for _, s := range r.Specs {
		if s.Teaches == pattern {
			out = append(out, s.Name)
		}
	}
	return out
}

func (r Record) predicted(taught []string) string {
	all, right := 0, 0
	for _, run := range r.Runs {
		if run.Prediction != "" && slices.Contains(taught, run.Scenario) {
			all++
			if run.Prediction == "right" {
				right++
			}
		}
	}
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d right", right, all)
}

func (r Record) operated(pattern string) string {
	n := 0
	for _, run := range r.Runs {
		if slices.Contains(run.On, pattern) {
			n++
		}
	}
	return times(n, "run")
}

func (r Record) built(pattern string) string {
	n := 0
	for _, e := range r.Exercises {
		if e.Pattern == pattern && r.Standings[e.Slug].Passed {
			n++
		}
	}
	return times(n, "exercise")
}

// explained counts questions about a pattern that were answered well: those
// that name it, or that a scenario or an exercise of it gives evidence for.
func (r Record) explained(pattern string, taught []string) string {
	n := 0
	for _, q := range r.Questions {
		if r.about(q, pattern, taught) && r.Bests[q.ID].Total >= explained {
			n++
		}
	}
	return times(n, "question")
}

func (r Record) about(q interview.Question, pattern string, taught []string) bool {
	return slices.Contains(taught, q.Links.Scenario) || slices.Contains(q.Links.Patterns, pattern) || slices.ContainsFunc(r.Exercises, func(e shelf.Exercise) bool {
		return e.Pattern == pattern && e.Slug == q.Links.Exercise
	})
}

func times(n int, what string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// calibration sums predictions up by week, the earliest first.
func calibration(runs []live.RunSummary) ([]ProgressWeek, string) {
	type week struct {
		begins     time.Time
		all, right int
	}
	var weeks []week
	all, right := 0, 0
	for _, run := range slices.Backward(runs) {
		if run.Prediction == "" {
			continue
		}
		day := run.At.UTC().Truncate(24 * time.Hour)
		begins := day.AddDate(0, 0, -(int(day.Weekday())+6)%7) // its Monday
		if n := len(weeks); n == 0 || !weeks[n-1].begins.Equal(begins) {
			weeks = append(weeks, week{begins: begins})
		}
		w := &weeks[len(weeks)-1]
		w.all++
		all++
		if run.Prediction == "right" {
			w.right++
			right++
		}
	}
	var out []ProgressWeek
	for _, w := range weeks {
		out = append(out, ProgressWeek{w.begins.Format("2 Jan 2006"), fmt.Sprintf("%d of %d", w.right, w.all), Percent(float64(w.right) / float64(w.all))})
	}
	if all == 0 {
		return nil, ""
	}
	return out, fmt.Sprintf("%d of %d right", right, all)
}

// steps is how many things to do next are shown.
const steps = 3

// next says what to do, in the order in which things are learnt: predict and
// operate, build, explain; what is due for repetition comes first.
func (r Record) next(rows []ProgressRow) []ProgressStep {
	var out []ProgressStep
	if r.Due > 0 {
		out = append(out, ProgressStep{times(r.Due, "card") + " to recall", "Repeating just before one forgets keeps it longest.", "/rehearse"})
	}
	for _, row := range rows {
		if len(out) >= steps {
			break
		}
		if step, ok := r.step(row); ok {
			out = append(out, step)
		}
	}
	return out
}

func (r Record) step(row ProgressRow) (ProgressStep, bool) {
	taught := r.teaching(row.Pattern)
	if row.Predicted == "" && len(taught) > 0 {
		return ProgressStep{"Predict: " + scenarioTitle(taught[0]), row.Title + ": say what will happen before it does; those who predict remember what they saw.", "/lab?scenario=" + taught[0]}, true
	}
	if row.Operated == "" && len(taught) > 0 {
		return ProgressStep{"Operate " + row.Title, "You predicted it and have not switched it on in a run that ended.", "/lab?scenario=" + taught[0]}, true
	}
	if row.Built == "" {
		for _, e := range r.Exercises {
			if e.Pattern == row.Pattern && !r.Standings[e.Slug].Passed {
				return ProgressStep{"Build it: " + e.Title, "You have operated " + row.Title + "; writing it shows what you took for granted. " + strconv.Itoa(e.Minutes) + " min.", "/exercises/" + e.Slug}, true
			}
		}
	}
	if row.Explained == "" {
		for _, q := range r.Questions {
			if r.about(q, row.Pattern, taught) && r.Bests[q.ID].Total < explained {
				return ProgressStep{"Explain it: " + q.Text, "You have done " + row.Title + "; can you say it in the time of an interview?", QuestionPath(q.ID)}, true
			}
		}
	}
	return ProgressStep{}, false
}
