package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"workbench/lab/knob"
	"workbench/lab/trial"
	"workbench/lab/trial/runner"
)

// Trials is the list of trials, chapter by chapter.
type Trials struct {
	Chapters []TrialChapter
	Count    string
	Busy     *TrialRun // what is running; nil: nothing
}

// TrialChapter is the trials of one chapter.
type TrialChapter struct {
	Title, Path string // an empty path leads nowhere
	Items       []TrialCard
}

// TrialCard is one trial in the list.
type TrialCard struct {
	Name, Title, Question string
	Needs                 string // what is not here; empty: it can run
	Last                  string // how its last run came out; empty: none
	Won                   bool
}

// Trial is the page of one trial.
type Trial struct {
	Name, Title, Question, Lesson, Long, Command string
	Needs                                        string // what is not here; empty: it can run
	Chapter                                      GuideLine
	Knobs                                        []Knob
	Sides                                        bool   // there is a wrong way and a right one
	Wrong, Right                                 string // what makes them so
	Seed                                         string
	Run                                          *TrialRun // the last one; nil: none
}

// TrialRun is one run of a trial, or of a program of the guide.
type TrialRun struct {
	ID, Title, State, Guess, Seed string
	Path                          string // of the page that shows it
	Back, BackTitle               string // of the page that it belongs to
	Running                       bool
	Doing                         string // what it is at
	Done, Total                   string // how far; an empty Total: not known
	Sides                         []TrialSide
	Said                          string // the verdict in one sentence; empty while it runs
	OK                            bool   // as it should be
	Program                       bool   // of the guide
}

// TrialSide is what one part measured.
type TrialSide struct {
	Part, Heading, Settings, Component, Took string
	Won                                      bool
	Verdict                                  string
	Columns                                  []TrialColumn
	Rows                                     [][]string
	Claims                                   []TrialClaim
	Notes                                    []trial.Note
	Error                                    string
}

// TrialColumn heads one column.
type TrialColumn struct {
	Title string
	Num   bool // figures, to be set flush right
}

// TrialClaim is one claim with what was measured.
type TrialClaim struct {
	Text, Got string
	OK, Timed bool
}

// Ran says on a card how the last run came out.
func (c TrialCard) Ran(run runner.Run) TrialCard {
	r := TrialRunOf(run)
	c.Last, c.Won = r.Said, r.OK
	if r.Running {
		c.Last = "running"
	}
	return c
}

// AnswerTrialOf shows a result of a trial that an answer cites.
func AnswerTrialOf(run runner.Run) AnswerRun {
	v := AnswerRun{Title: fmt.Sprintf("Trial #%d, %s", run.ID, run.Title), Report: fmt.Sprintf("/trials/kept/%d", run.ID)}
	var figures []string
	for _, o := range run.Outcomes {
		if o.Result == nil {
			continue
		}
		for _, c := range o.Result.Claims {
			what, _, _ := strings.Cut(c.Text, ":")
			figures = append(figures, fmt.Sprintf("%s (%s): %s", what, o.Part, c.Got))
		}
	}
	v.Figures = strings.Join(figures, "; ")
	return v
}

// CitedTrials lists results of trials for an answer to cite.
func CitedTrials(all []runner.Run) []QuestionRun {
	var out []QuestionRun
	for _, run := range all {
		r := TrialRunOf(run)
		out = append(out, QuestionRun{r.ID, fmt.Sprintf("trial #%d %s: %s", run.ID, run.Title, r.Said)})
	}
	return out
}

// TrialsOf makes the list. titles are the guide's chapters by number.
func TrialsOf(all []trial.Trial, env trial.Env, titles map[int]GuideLine) Trials {
	v := Trials{Count: strconv.Itoa(len(all))}
	for _, t := range all {
		title := titles[t.Chapter].Title
		if title == "" {
			title = fmt.Sprintf("Chapter %d", t.Chapter)
		}
		if n := len(v.Chapters); n == 0 || v.Chapters[n-1].Title != title {
			v.Chapters = append(v.Chapters, TrialChapter{Title: title, Path: titles[t.Chapter].Path})
		}
		card := TrialCard{Name: t.Name, Title: t.Title, Question: t.Question, Needs: lacks(t, env)}
		at := &v.Chapters[len(v.Chapters)-1]
		at.Items = append(at.Items, card)
	}
	return v
}

// TrialLines lists the trials of a chapter.
func TrialLines(all []trial.Trial, chapter int) []GuideLine {
	var out []GuideLine
	for _, t := range all {
		if t.Chapter == chapter {
			out = append(out, GuideLine{Title: t.Title, Summary: t.Question, Path: "/trials/" + t.Name})
		}
	}
	return out
}

// lacks says what a trial needs and is not here; empty: nothing.
func lacks(t trial.Trial, env trial.Env) string {
	given := map[string]string{"--redis": env.Redis, "--rabbitmq": env.RabbitMQ, "--kafka": env.Kafka, "--postgres": env.Postgres}
	if address, known := given[t.Needs]; t.Needs == "" || known && address != "" {
		return ""
	}
	return t.Needs
}

// TrialOf makes the page of a trial.
func TrialOf(t trial.Trial, env trial.Env) Trial {
	v := Trial{
		Name: t.Name, Title: t.Title, Question: t.Question, Lesson: t.Lesson, Long: t.Long, Needs: lacks(t, env), Seed: "1",
		Chapter: GuideLine{Title: fmt.Sprintf("Chapter %d", t.Chapter)}, Sides: t.Wrong != nil, Wrong: sideWords(t.Wrong), Right: sideWords(t.Right),
		Command: "bin/workbench trial " + t.Name,
	}
	if v.Sides {
		v.Command += " --both"
	}
	if t.Needs != "" {
		v.Command += " " + t.Needs + " URL"
	}
	if t.Knobs != nil {
		for _, k := range knob.Describe(t.Knobs()) {
			one := KnobOf("trial", k)
			one.Name, one.Beside = knobPrefix+k.Name, "guess"
			v.Knobs = append(v.Knobs, one)
		}
	}
	return v
}

// sideWords says in words what makes a side, in the order of the names.
func sideWords(changes map[string]any) string {
	var out []string
	for name, value := range changes {
		out = append(out, fmt.Sprintf("%s %v", strings.ReplaceAll(name, "_", " "), value))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// With shows a run on the page. The form keeps what the learner had set.
func (v Trial) With(r runner.Run) Trial {
	v.Run = TrialRunOf(r)
	v.Seed = v.Run.Seed
	o, ok := r.Outcome(runner.Yours)
	if !ok {
		o, ok = r.Outcome(runner.Right)
	}
	if !ok {
		return v
	}
	for i, k := range v.Knobs {
		value := o.Settings[strings.TrimPrefix(k.Name, knobPrefix)]
		v.Knobs[i].Value, v.Knobs[i].On = value, value == "true"
		for j, option := range k.Options {
			v.Knobs[i].Options[j].Chosen = option.Value == value
		}
	}
	return v
}

// TrialRunOf makes what a page shows of a run.
func TrialRunOf(r runner.Run) *TrialRun {
	v := &TrialRun{
		ID: strconv.FormatUint(r.ID, 10), Title: r.Title, State: string(r.State), Guess: r.Guess, Seed: strconv.FormatUint(r.Seed, 10), Running: !r.Finished(),
		Path: fmt.Sprintf("/trials/runs/%d", r.ID),
	}
	if name, ok := strings.CutPrefix(r.Subject, "trial/"); ok {
		v.Path = "/trials/" + name
		v.Back, v.BackTitle = v.Path, "the trial"
	} else if place, ok := strings.CutPrefix(r.Subject, "guide/"); ok {
		slug, id, _ := strings.Cut(place, "/")
		v.Program, v.Back, v.BackTitle = true, "/guide/"+slug+"#x-"+slug+"."+id, "the chapter"
	}
	if v.Running {
		v.Doing = capital(strings.TrimSpace(partWords(r.Part) + " " + r.Step.Text))
		if r.Step.Total > 0 {
			v.Done, v.Total = strconv.Itoa(r.Step.Done), strconv.Itoa(r.Step.Total)
			v.Doing += fmt.Sprintf(", %s of %s", trial.Count(r.Step.Done), trial.Count(r.Step.Total))
		}
	}
	for _, o := range r.Outcomes {
		v.Sides = append(v.Sides, sideOf(o))
	}
	v.Said, v.OK = trialVerdict(r)
	return v
}

func partWords(part string) string {
	switch part {
	case runner.Wrong, runner.Right:
		return "the " + part + " settings:"
	case runner.Yours:
		return "your settings:"
	}
	return ""
}

// capital begins a text with a capital letter.
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// trialVerdict says in one sentence how a run came out, and whether that is as
// it should be.
func trialVerdict(r runner.Run) (string, bool) {
	switch r.State {
	case runner.Running:
		return "", false
	case runner.Stopped:
		return "Stopped.", false
	case runner.Failed:
		return "Not everything could be measured.", false
	}
	wrong, hasWrong := r.Outcome(runner.Wrong)
	right, hasRight := r.Outcome(runner.Right)
	yours, hasYours := r.Outcome(runner.Yours)
	switch {
	case hasYours && yours.Won:
		return "Every claim holds with your settings.", true
	case hasYours:
		return "Not every claim holds with your settings.", false
	case hasWrong && hasRight && !wrong.Won && right.Won:
		return "Lost with the wrong settings, won with the right ones.", true
	case hasWrong && hasRight && wrong.Won:
		return "Won with the wrong settings too: this machine, or these settings, do not show the difference.", false
	case hasRight:
		return "A claim fails with the right settings too: this machine may be busy, or the settings too small.", false
	}
	if o := r.Outcomes[0]; o.Won {
		return "Every figure is as it was kept.", true
	}
	return "Not every figure is as it was kept: this machine differs, or was busy.", false
}

// WorkedOut names the part of a run that computes figures and measures none.
const WorkedOut = "worked out"

func sideOf(o runner.Outcome) TrialSide {
	v := TrialSide{Part: o.Part, Won: o.Won, Took: trial.Number(o.TookS, "s"), Error: o.Error}
	switch o.Part {
	case runner.Wrong, runner.Right:
		v.Heading = "With the " + o.Part + " settings"
	case runner.Yours:
		v.Heading = "With your settings"
	case WorkedOut:
		v.Heading = "Worked out just now"
	default:
		v.Heading = "Measured just now"
	}
	var set []string
	for name, value := range o.Settings {
		set = append(set, name+" "+value)
	}
	slices.Sort(set)
	v.Settings = strings.Join(set, ", ")
	switch {
	case o.Error != "":
		v.Verdict = "not measured"
	case o.Won:
		v.Verdict = "✓ won"
	default:
		v.Verdict = "✗ lost"
	}
	if o.Result == nil {
		return v
	}
	v.Component, v.Rows, v.Notes = o.Result.Component, o.Result.Rows, o.Result.Notes
	for i, c := range o.Result.Columns {
		title := c.Title
		if c.Unit != "" {
			title += ", " + c.Unit
		}
		v.Columns = append(v.Columns, TrialColumn{Title: title, Num: numbers(o.Result.Rows, i)})
	}
	for _, c := range o.Result.Claims {
		v.Claims = append(v.Claims, TrialClaim{Text: c.Text, Got: c.Got, OK: c.OK, Timed: c.Timed})
	}
	return v
}

// numbers reports whether a column holds figures: its cells begin with a digit.
func numbers(rows [][]string, i int) bool {
	for _, row := range rows {
		if i >= len(row) || row[i] == "" || !strings.ContainsRune("0123456789-+", rune(row[i][0])) {
			return false
		}
	}
	return true
}
