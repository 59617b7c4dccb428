package view

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"workbench/exercises/classroom"
	"workbench/exercises/shelf"
)

// Class is a class as its teacher sees it, or a learner.
type Class struct {
	Name      string // of the learner whose page it is; empty: the teacher's
	Link      string // by which learners join
	Shut      bool
	Count     string // "12 in the class, 9 of them here"
	Members   []ClassMember
	Round     *ClassRound // nil: none was begun
	Scenarios []Option
	Rows      []ClassRow
}

// ClassMember is one learner in the teacher's list.
type ClassMember struct {
	ID, Name  string
	Here      bool
	Committed bool // in the step that is open
	Released  bool
}

// ClassRound is one round.
type ClassRound struct {
	ID, Title, Scenario, State string
	Say                        string // what goes on, in a sentence
	Replay                     string // path of the same scenario in one's own page
	Question                   string
	Half                       string        // of the answers that are taken; empty: none are
	Options                    []ClassOption // of the open question
	Committed                  string        // "3 of 5 have committed"
	Charts                     []ClassChart
	Answer                     string // what was measured
	Mine                       []string
	Elsewhere                  bool // the lab shows another scenario
	Running                    bool // a round that is not over
}

// ClassOption is one answer that can be given.
type ClassOption struct {
	Value, Text string
	Chosen      bool // committed by the learner whose page it is
}

// ClassChart is how a class answered one question: once before, once after, or
// both.
type ClassChart struct {
	Question      string
	Before, After bool
	Bars          []ClassBar
}

// ClassBar is one answer of a chart. Widths are in hundredths of the longest.
type ClassBar struct {
	Text                    string
	Right                   bool
	Before, After           string
	BeforeWidth, AfterWidth string
}

// ClassRow is how the class fares with one exercise.
type ClassRow struct {
	Title, Path                string
	Learners, Passed, Attempts string
	Stuck                      []ClassStuck
}

// ClassStuck is a test that stops learners.
type ClassStuck struct{ Case, Learners, Message string }

// ClassState is what a class's page is made from.
type ClassState struct {
	Base      string
	Door      classroom.Door
	Learners  []classroom.Learner
	Here      map[uint64]bool
	Learner   *classroom.Learner // nil: the teacher asks
	Begun     bool
	Round     classroom.Round
	Tally     classroom.Tally
	Table     []classroom.Row
	Scenarios []Option
	Exercises []shelf.Exercise
	Playing   string // the scenario that the lab shows
}

// stuckShown is how many of an exercise's tests the teacher's table names.
const stuckShown = 3

// ClassOf makes a class's page.
func ClassOf(in ClassState) Class {
	here := 0
	for _, l := range in.Learners {
		if in.Here[l.ID] {
			here++
		}
	}
	v := Class{Count: fmt.Sprintf("%d in the class, %d of them here", len(in.Learners), here)}
	if in.Begun {
		v.Round = roundOf(in)
	}
	if in.Learner != nil {
		v.Name = in.Learner.Name
		return v
	}
	v.Link, v.Shut, v.Scenarios = in.Base+"/join/"+in.Door.Code, in.Door.Shut, Pick(in.Scenarios, in.Playing)
	for _, l := range in.Learners {
		m := ClassMember{ID: strconv.FormatUint(l.ID, 10), Name: l.Name, Here: in.Here[l.ID], Released: l.Released}
		if b, ok := in.Tally.Ballots[l.ID]; ok {
			m.Committed = in.Round.State == classroom.Before && b.Before >= 0 || in.Round.State == classroom.After && b.After >= 0
		}
		v.Members = append(v.Members, m)
	}
	titles := map[string]string{}
	for _, e := range in.Exercises {
		titles[e.Slug] = e.Title
	}
	for _, r := range in.Table {
		v.Rows = append(v.Rows, classRow(r, titles))
	}
	return v
}

func classRow(r classroom.Row, titles map[string]string) ClassRow {
	row := ClassRow{
		Title: r.Slug, Path: "/exercises/" + r.Slug,
		Learners: strconv.Itoa(r.Learners), Passed: strconv.Itoa(r.Passed), Attempts: strconv.Itoa(r.Attempts),
	}
	if t, ok := titles[r.Slug]; ok {
		row.Title = t
	}
	for _, s := range r.Stuck[:min(len(r.Stuck), stuckShown)] {
		row.Stuck = append(row.Stuck, ClassStuck{s.Case, plural(s.Learners, "learner"), s.Message})
	}
	return row
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func roundOf(in ClassState) *ClassRound {
	r := in.Round
	v := &ClassRound{
		ID: strconv.FormatUint(r.ID, 10), Title: r.Title, Scenario: r.Scenario, State: string(r.State), Say: stepText(r, in.Learner != nil),
		Replay: "/replay?scenario=" + r.Scenario, Elsewhere: in.Playing != r.Scenario, Running: r.State != classroom.Shown,
	}
	said, mine := 0, -1
	for id, b := range in.Tally.Ballots {
		choice := b.Before
		if r.State == classroom.After {
			choice = b.After
		}
		if choice >= 0 {
			said++
		}
		if in.Learner != nil && in.Learner.ID == id {
			mine = choice
			v.Mine = ballotText(r, b)
		}
	}
	if q, open := r.Open(); open {
		v.Question, v.Half = q.Text, string(r.State)
		v.Committed = fmt.Sprintf("%d of %d have committed an answer", said, max(said, len(in.Learners)))
		for i, o := range q.Options {
			v.Options = append(v.Options, ClassOption{strconv.Itoa(i), o, i == mine})
		}
	}
	if in.Learner == nil || r.State == classroom.Shown {
		v.Charts, v.Answer = chartsOf(r, in.Tally), r.Answer
	}
	return v
}

func stepText(r classroom.Round, learner bool) string {
	switch r.State {
	case classroom.Before:
		if r.Interrupted {
			return "The scenario was broken off while it was played. Answers that were given stay; it will be played again from its beginning."
		}
		return "Say what will happen before it does."
	case classroom.Playing:
		return "The scenario is being played: watch it in the lab. No more answers are taken until it is over."
	case classroom.Played:
		if learner {
			return "It was played and measured. The teacher asks again, or shows what the class has said."
		}
		return "It was played and measured. Ask again before you show what came out, or show it now."
	case classroom.After:
		return "You have seen it. Answer again."
	}
	return "The round is over."
}

// ballotText says what a learner has answered, and once the round is over, how
// right that was.
func ballotText(r classroom.Round, b classroom.Ballot) []string {
	line := func(when string, q classroom.Question, choice int) string {
		text := fmt.Sprintf("%s you said “%s”", when, q.Options[choice])
		if r.State != classroom.Shown || q.Right < 0 {
			return text + "."
		}
		if choice == q.Right {
			return text + ": right."
		}
		return text + ": not so."
	}
	var out []string
	if b.Before >= 0 && b.Before < len(r.First.Options) {
		out = append(out, line("Before,", r.First, b.Before))
	}
	if last := r.Last(); b.After >= 0 && b.After < len(last.Options) {
		out = append(out, line("Afterwards", last, b.After))
	}
	return out
}

// chartsOf draws the answers: beside each other where the question was the same.
func chartsOf(r classroom.Round, t classroom.Tally) []ClassChart {
	after := r.State == classroom.After || r.State == classroom.Shown && sum(t.After) > 0
	if r.Second == nil {
		return []ClassChart{chartOf(r.First, t.Before, t.After, true, after)}
	}
	out := []ClassChart{chartOf(r.First, t.Before, nil, true, false)}
	if after {
		out = append(out, chartOf(*r.Second, nil, t.After, false, true))
	}
	return out
}

func chartOf(q classroom.Question, before, after []int, showBefore, showAfter bool) ClassChart {
	c := ClassChart{Question: q.Text, Before: showBefore, After: showAfter}
	most := 1
	for _, n := range append(append([]int{}, before...), after...) {
		most = max(most, n)
	}
	at := func(counts []int, i int) (string, string) {
		if i >= len(counts) {
			return "", "0"
		}
		return strconv.Itoa(counts[i]), strconv.Itoa(100 * counts[i] / most)
	}
	for i, o := range q.Options {
		b := ClassBar{Text: o, Right: i == q.Right}
		b.Before, b.BeforeWidth = at(before, i)
		b.After, b.AfterWidth = at(after, i)
		c.Bars = append(c.Bars, b)
	}
	return c
}

func sum(counts []int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

// Sentence writes an error as a sentence: with a capital and a full stop.
func Sentence(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	text = string(unicode.ToUpper(r)) + text[n:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
