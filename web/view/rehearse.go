package view

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"workbench/exercises/interview"
	"workbench/exercises/interview/card"
	"workbench/exercises/progress"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

// Rehearse is the list of questions.
type Rehearse struct {
	Groups  []QuestionGroup
	Due     []DueCard // to be recalled by now
	Modes   []Option
	Answers string // how many there have been
	Unread  Unread
}

// DueCard is one thing to recall: a question to be answered again, or something
// to be said before one looks.
type DueCard struct{ ID, Prompt, Answer, Path, Lab string }

// QuestionGroup is a chapter's or a system's questions.
type QuestionGroup struct {
	ID, Title string
	Items     []QuestionLine
}

// QuestionLine is one question in the list.
type QuestionLine struct{ Text, Mode, Path, Best string }

// Question is the page on which one is answered.
type Question struct {
	ID, Text, Mode, Group string
	Seconds               string // that an answer has
	Budget                string // the same in words
	Phases                []QuestionPhase
	Change, ChangeAt      string // minute at which the task is altered
	Runs                  []QuestionRun
	Trials                []QuestionRun // results of trials
	Past                  []QuestionAnswer
	Links                 []Link
}

// QuestionPhase is a stretch of a long round.
type QuestionPhase struct{ Name, Minutes, Expect string }

// QuestionRun is one of the learner's runs that an answer can cite.
type QuestionRun struct{ ID, Text string }

// QuestionAnswer is an earlier answer.
type QuestionAnswer struct{ At, Total, Path string }

// AnswerPage is an answer with its score.
type AnswerPage struct {
	ID, Question, QuestionPath, Mode string
	Total, Automatic                 string
	Level                            string // ok, warn or bad
	Overruled                        bool
	Ceilings                         []string
	Parts                            []AnswerPart
	Sentences                        []AnswerSentence
	Faults                           []AnswerItem
	Claims                           []AnswerClaim
	Pace                             string
	Model                            []AnswerModel
	FollowUps                        []string
	Next                             string // when it is asked again
	Evidence                         []AnswerRun
	Links                            []Link
}

// AnswerPart is one dimension of a score.
type AnswerPart struct {
	Title, Points, Max string
	Items              []AnswerItem
}

// AnswerItem is one thing that gave points, cost some, or was missing.
type AnswerItem struct {
	Concept, Says, Points, Max string
	Heard                      string // how well, and where: "explained, sentence 2, 5"
	Missing                    bool
	Ruling                     string // the learner's own verdict and reason
	Can                        string // what a ruling could say: said, not-said or not-wrong; empty: nothing
}

// Refused reports whether the overruling of this item was refused.
func (i AnswerItem) Refused(ctx context.Context) bool {
	return i.Concept != "" && Typed(ctx, "concept", "") == i.Concept && Typed(ctx, "verdict", "") == i.Can
}

// AnswerSentence is one sentence as it was heard.
type AnswerSentence struct {
	N, Text string
	Earned  bool
	Wrong   bool
}

// AnswerClaim is a sentence with a figure in it.
type AnswerClaim struct{ Text, Backed, Scenario, Lab string }

// AnswerModel is a good answer at one length.
type AnswerModel struct{ Title, Text string }

// AnswerRun is a run that the answer cites, with its chart.
type AnswerRun struct {
	Title, Figures, Report string
	Line                   string // of an SVG path, 600 × 80
}

// modeTitle says how long a mode is.
func modeTitle(m interview.Mode) string {
	return map[interview.Mode]string{interview.Minute: "60 seconds", interview.Five: "5 minutes", interview.Round: "45 minutes"}[m]
}

// systemTitle names one of the four systems.
func systemTitle(name string) string {
	return cmp.Or(map[string]string{"login": "Login and tokens", "feed": "Feed", "orders": "Orders and trading", "notify": "Notifications"}[name], name)
}

func groupOf(q interview.Question) (id, title string) {
	if q.System != "" {
		return q.System, systemTitle(q.System)
	}
	return fmt.Sprintf("chapter-%d", q.Chapter), chapterTitle(q.Chapter)
}

// QuestionPath is where a question is answered.
func QuestionPath(id string) string { return "/rehearse/" + id }

// RehearseOf makes the list. due are the
// cards of today.
func RehearseOf(questions []interview.Question, bests map[string]progress.Best, due []card.Card, mode string) Rehearse {
	v := Rehearse{Modes: []Option{{Value: "", Text: "all", Chosen: mode == ""}}}
	for _, m := range interview.Modes() {
		v.Modes = append(v.Modes, Option{Value: string(m), Text: modeTitle(m), Chosen: mode == string(m)})
	}
	for _, c := range due {
		d := DueCard{ID: c.ID, Prompt: c.Prompt, Answer: c.Answer}
		if c.Kind == card.Question {
			d.Path = QuestionPath(c.Question)
		} else if c.Scenario != "" {
			d.Lab = "/lab?scenario=" + c.Scenario
		}
		v.Due = append(v.Due, d)
	}
	given := 0
	for _, q := range questions {
		b := bests[q.ID]
		given += b.Answers
		line := QuestionLine{Text: q.Text, Mode: modeTitle(q.Mode), Path: QuestionPath(q.ID)}
		if b.Answers > 0 {
			line.Best = fmt.Sprintf("best %d of 100", b.Total)
		}
		id, title := groupOf(q)
		if n := len(v.Groups); n == 0 || v.Groups[n-1].ID != id {
			v.Groups = append(v.Groups, QuestionGroup{ID: id, Title: title})
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Items = append(g.Items, line)
	}
	v.Answers = strconv.Itoa(given)
	return v
}

// QuestionOf makes the page of a question.
func QuestionOf(q interview.Question, past []progress.Answer, runs []live.RunSummary) Question {
	_, group := groupOf(q)
	v := Question{
		ID: q.ID, Text: q.Text, Mode: string(q.Mode), Group: group, Seconds: strconv.Itoa(int(q.Mode.Budget().Seconds())), Budget: modeTitle(q.Mode), Links: linksOf(q),
	}
	for _, p := range q.Phases {
		v.Phases = append(v.Phases, QuestionPhase{p.Name, strconv.Itoa(p.Minutes), p.Expect})
	}
	if q.Change.Text != "" {
		v.Change, v.ChangeAt = q.Change.Text, strconv.Itoa(q.Change.Minute)
	}
	for _, r := range runs {
		on := strings.Join(r.On, ", ")
		v.Runs = append(v.Runs, QuestionRun{strconv.FormatUint(r.ID, 10), fmt.Sprintf("#%d %s, %s: %s in time, p99 %s", r.ID, r.Title, cmp.Or(on, "nothing on"), Percent(r.GoodputShare), Millis(r.P99MS))})
	}
	for _, a := range past {
		v.Past = append(v.Past, QuestionAnswer{a.At.Format("2006-01-02 15:04"), strconv.Itoa(a.Total), answerPath(a.ID)})
	}
	return v
}

func answerPath(id uint64) string { return fmt.Sprintf("/rehearse/answers/%d", id) }

// scenarioTitle returns a scenario's title for its name.
func scenarioTitle(name string) string {
	if spec, err := scenario.Find(name); err == nil {
		return spec.Title
	}
	return name // a test holds the questions' links to what there is
}

// linksOf leads to what teaches and shows the answer.
func linksOf(q interview.Question) []Link {
	var out []Link
	if q.Links.Chapter != "" {
		out = append(out, Link{"the chapter", "/guide/" + q.Links.Chapter})
	}
	if q.Links.Scenario != "" {
		out = append(out, Link{"the scenario “" + scenarioTitle(q.Links.Scenario) + "”", "/lab?scenario=" + q.Links.Scenario})
	}
	if q.Links.Exercise != "" {
		out = append(out, Link{"the exercise " + strings.ReplaceAll(q.Links.Exercise, "-", " "), "/exercises/" + q.Links.Exercise})
	}
	return out
}

// AnswerOf makes the page of an answer. next is when the question is due again.
func AnswerOf(q interview.Question, a progress.Answer, r interview.Result, next time.Time) AnswerPage {
	v := AnswerPage{
		ID: strconv.FormatUint(a.ID, 10), Question: q.Text, QuestionPath: QuestionPath(q.ID), Mode: modeTitle(q.Mode),
		Total: strconv.Itoa(r.Total), Automatic: strconv.Itoa(r.Automatic), Overruled: r.Total != r.Automatic || len(r.Rulings) > 0,
		FollowUps: q.FollowUp, Links: linksOf(q), Level: level(r.Total),
		Pace:  fmt.Sprintf("%d words, %s of %s. %s", r.Pace.Words, Clock(r.Pace.Spoken), Clock(r.Pace.Budget), r.Pace.Comment),
		Model: []AnswerModel{{"In one sentence", q.Model.Sentence}, {"In a minute", q.Model.Minute}, {"In full", q.Model.Full}},
	}
	if !next.IsZero() {
		v.Next = next.Format("2 January 2006")
	}
	earned, wrong := map[int]bool{}, map[int]bool{}
	for _, c := range r.Ceilings {
		v.Ceilings = append(v.Ceilings, fmt.Sprintf("At most %d: %s", c.At, c.Reason))
	}
	for _, p := range r.Parts {
		part := AnswerPart{Title: p.Dimension.Title(), Points: points(p.Points), Max: points(p.Max)}
		for _, i := range p.Items {
			part.Items = append(part.Items, itemOf(i))
			for _, s := range i.Spans {
				earned[s.Sentence] = earned[s.Sentence] || i.Points > 0
			}
		}
		v.Parts = append(v.Parts, part)
	}
	for _, f := range r.Faults {
		item := AnswerItem{Concept: f.ID, Says: f.Says, Points: "−" + points(f.Cost), Heard: fmt.Sprintf("sentence %d", f.Span.Sentence+1), Ruling: rulingText(f.Ruling)}
		if f.Ruling == nil {
			item.Can = string(interview.NotWrong)
			wrong[f.Span.Sentence] = true
		}
		v.Faults = append(v.Faults, item)
	}
	for _, c := range r.Claims {
		claim := AnswerClaim{Text: sentence(r, c.Span.Sentence), Scenario: c.Scenario}
		if c.Backed != nil {
			claim.Backed = fmt.Sprintf("run #%d, %s", c.Backed.Run, measuredAs(*c.Backed))
			if c.Backed.Trial > 0 {
				claim.Backed = fmt.Sprintf("trial #%d, %s", c.Backed.Trial, c.Backed.Metric)
			}
		} else if c.Scenario != "" {
			claim.Lab, claim.Scenario = "/lab?scenario="+c.Scenario, scenarioTitle(c.Scenario)
		}
		v.Claims = append(v.Claims, claim)
	}
	for i, s := range r.Sentences {
		v.Sentences = append(v.Sentences, AnswerSentence{strconv.Itoa(i + 1), s, earned[i], wrong[i]})
	}
	return v
}

// measuredAs names the metric of a run that bears a claim out, with its value in
// the unit that people use for it.
func measuredAs(c interview.Citation) string {
	name, latency := strings.CutSuffix(c.Metric, "_ms")
	switch {
	case latency:
		return fmt.Sprintf("%s latency %.4g ms", name, c.Value)
	case strings.HasSuffix(c.Metric, "_share"):
		return fmt.Sprintf("%s %.3g %%", Words(c.Metric), 100*c.Value)
	case strings.HasSuffix(c.Metric, "_rate"):
		return fmt.Sprintf("%s %.4g a second", Words(c.Metric), c.Value)
	}
	return fmt.Sprintf("%s %.4g", Words(c.Metric), c.Value)
}

func sentence(r interview.Result, i int) string {
	if i < 0 || i >= len(r.Sentences) {
		return ""
	}
	return r.Sentences[i]
}

func level(total int) string {
	switch {
	case total >= 70:
		return "ok"
	case total >= 45:
		return "warn"
	}
	return "bad"
}

func points(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func itemOf(i interview.Item) AnswerItem {
	v := AnswerItem{
		Concept: i.Concept, Says: i.Says, Heard: string(i.Grade), Points: points(i.Points), Max: points(i.Max), Missing: i.Points == 0,
		Ruling: rulingText(i.Ruling),
	}
	var marks []string
	for _, s := range i.Spans {
		if m := strconv.Itoa(s.Sentence + 1); !slices.Contains(marks, m) {
			marks = append(marks, m)
		}
	}
	if len(marks) > 0 {
		v.Heard += ", sentence " + strings.Join(marks, ", ")
	}
	if i.Concept == "" || i.Ruling != nil {
		return v
	}
	v.Can = string(interview.NotSaid)
	if i.Points == 0 {
		v.Can = string(interview.Said)
	}
	return v
}

func rulingText(r *interview.Ruling) string {
	if r == nil {
		return ""
	}
	word := map[interview.Verdict]string{interview.Said: "you say you said it", interview.NotSaid: "you say you did not say it", interview.NotWrong: "you say it is right"}[r.Verdict]
	if r.Reason != "" {
		word += ": " + r.Reason
	}
	return word
}

// AnswerRunOf draws a run that an answer cites.
func AnswerRunOf(id uint64, r scenario.Report) AnswerRun {
	v := AnswerRun{
		Title: fmt.Sprintf("Run #%d, %s", id, r.Scenario), Report: fmt.Sprintf("/runs/%d/report", id),
		Figures: fmt.Sprintf("%s of %s users in time, p50 %s, p99 %s", Percent(r.GoodputShare), Rate(float64(r.Offered)), Millis(r.LatencyMS.P50), Millis(r.LatencyMS.P99)),
	}
	const width, height = 600.0, 80.0
	var b strings.Builder
	pen := "M"
	for i, p := range r.Series {
		if p.Offered <= 0 {
			pen = "M"
			continue
		}
		x := width * float64(i) / max(1, float64(len(r.Series)-1))
		fmt.Fprintf(&b, "%s%.1f %.1f", pen, x, height*(1-min(1, p.Good/p.Offered)))
		pen = "L"
	}
	v.Line = b.String()
	return v
}

// Crib is the page to print.
type Crib struct{ Items []CribItem }

// CribItem is one question with what to say, and what of it was measured.
type CribItem struct {
	Question, Sentence, Total string
	Said                      string // the learner's own best answer
	Runs                      []AnswerRun
}

// CribOf makes one item of the crib.
func CribOf(q interview.Question, a progress.Answer, runs []AnswerRun) CribItem {
	return CribItem{Question: q.Text, Sentence: q.Model.Sentence, Total: strconv.Itoa(a.Total), Said: a.Text, Runs: runs}
}
