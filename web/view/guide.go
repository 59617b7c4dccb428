package view

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"workbench/docs/guide"
	program "workbench/docs/guide/measure"
	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/scenario"
)

// GuideList is the contents of the guide.
type GuideList struct {
	Chapters []GuideLine
	Pages    []GuideLine
	Query    string
	Hits     []GuideHit
}

// GuideLine is one chapter or page in the contents.
type GuideLine struct{ Number, Title, Summary, Minutes, Path string }

// GuideHit is one thing that a search has found.
type GuideHit struct{ Title, Excerpt, Path string }

// GuidePage is a chapter, or a page beside them.
type GuidePage struct {
	Number, Title, Summary, Minutes string
	Worker, Version                 string
	Challenge                       *GuideChallenge
	Sections                        []GuideSection
	Exercises                       []GuideLine
	Before, After                   *GuideLine
	Questions                       string      // where to answer them; empty: nowhere
	Trials                          []GuideLine // of the chapter's subject, on real components
}

// GuideChallenge is what a chapter begins with.
type GuideChallenge struct {
	Goal, Trap, Scenario, Seconds, Lab string
	Try                                []string
}

// GuideSection is a part of a page.
type GuideSection struct {
	ID, Title string
	Parts     []GuidePart
}

// GuidePart is either HTML or an experiment.
type GuidePart struct {
	HTML       string
	Experiment *GuideExperiment
}

// GuideExperiment is a run that a reader may repeat in place.
type GuideExperiment struct {
	ID, Title, Question, See, Command string
	Runs                              []GuideRun
	Reads                             []string // what is read from each, with its unit
	Data                              string   // for the page's script, as JSON; empty: it is a program
	Program                           string   // the address that runs it on the server; empty: it is none, or there is no runner
	Formula                           string   // from which all its figures are worked out; empty: they are measured
}

// GuideRun is one setting of an experiment.
type GuideRun struct {
	Name, Flags, Lab string
	Kept             []string // the kept figures, in the order of Reads
}

// GuideListOf makes the contents.
func GuideListOf(b guide.Book) GuideList {
	var v GuideList
	for _, c := range b.Chapters {
		v.Chapters = append(v.Chapters, chapterLine(c))
	}
	for _, p := range b.Pages {
		v.Pages = append(v.Pages, GuideLine{Title: p.Title, Summary: p.Summary, Path: guide.Path + p.Slug})
	}
	return v
}

func chapterLine(c guide.Chapter) GuideLine {
	return GuideLine{Number: strconv.Itoa(c.Number), Title: c.Title, Summary: c.Summary, Minutes: fmt.Sprintf("%d min", c.Minutes), Path: guide.Path + c.Slug}
}

// tryText says in words what flags of the lab's switches do: "bounded queue, with
// length 1000".
func tryText(flags string, patterns []lab.Pattern) string {
	title := func(name string) string {
		if i := slices.IndexFunc(patterns, func(p lab.Pattern) bool { return p.Name == name }); i >= 0 {
			first, n := utf8.DecodeRuneInString(patterns[i].Title)
			return string(unicode.ToLower(first)) + patterns[i].Title[n:]
		}
		return name
	}
	out, last := "", ""
	for _, flag := range strings.Fields(flags) {
		if name, ok := strings.CutPrefix(flag, "--on="); ok {
			out, last = out+title(name), name
			continue
		}
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--set="), "=")
		pattern, knob, _ := strings.Cut(name, ".")
		if pattern != last {
			out += title(pattern)
		}
		out += ", with " + strings.ReplaceAll(knob, "_", " ") + " " + value
		last = pattern
	}
	return out
}

// ChapterOf makes a chapter's page. titles names exercises by their folder's
// name.
func ChapterOf(b guide.Book, c guide.Chapter, patterns []lab.Pattern, titles map[string]string) (GuidePage, error) {
	v := GuidePage{Number: strconv.Itoa(c.Number), Title: c.Title, Summary: c.Summary, Minutes: fmt.Sprintf("%d min", c.Minutes)}
	ch := c.Challenge
	v.Challenge = &GuideChallenge{Goal: ch.Goal, Trap: ch.Trap, Scenario: ch.Scenario, Seconds: strconv.Itoa(ch.Seconds), Lab: "/lab?scenario=" + url.QueryEscape(ch.Scenario)}
	for _, t := range ch.Try {
		v.Challenge.Try = append(v.Challenge.Try, tryText(t, patterns))
	}
	var err error
	if v.Sections, err = sectionsOf(b, c.Slug, c.Sections, patterns); err != nil {
		return v, fmt.Errorf("chapter %s: %w", c.Slug, err)
	}
	for _, e := range c.Exercises {
		if title, ok := titles[e.Slug]; ok {
			v.Exercises = append(v.Exercises, GuideLine{Title: title, Summary: e.Why, Path: guide.ExercisePath + e.Slug})
		}
	}
	i := slices.IndexFunc(b.Chapters, func(o guide.Chapter) bool { return o.Slug == c.Slug })
	if i > 0 {
		line := chapterLine(b.Chapters[i-1])
		v.Before = &line
	}
	if i+1 < len(b.Chapters) {
		line := chapterLine(b.Chapters[i+1])
		v.After = &line
	}
	return v, nil
}

// Runnable gives each experiment that is a program the address that runs it.
func (v GuidePage) Runnable(slug string) GuidePage {
	for _, s := range v.Sections {
		for _, p := range s.Parts {
			if e := p.Experiment; e != nil && e.Data == "" {
				e.Program = guide.Path + slug + "/" + strings.TrimPrefix(e.ID, slug+".")
			}
		}
	}
	return v
}

// GuidePageOf makes a page beside the chapters.
func GuidePageOf(b guide.Book, p guide.Page) (GuidePage, error) {
	v := GuidePage{Title: p.Title, Summary: p.Summary}
	var err error
	v.Sections, err = sectionsOf(b, p.Slug, p.Sections, nil)
	return v, err
}

func sectionsOf(b guide.Book, slug string, sections []guide.Section, patterns []lab.Pattern) ([]GuideSection, error) {
	var out []GuideSection
	tables := 0
	for _, s := range sections {
		v := GuideSection{ID: s.ID, Title: s.Title}
		for _, p := range s.Parts {
			part := GuidePart{HTML: reachable(p.HTML, &tables)}
			if p.Experiment != nil {
				e, err := experimentOf(b, slug, *p.Experiment, patterns)
				if err != nil {
					return nil, err
				}
				part.Experiment = &e
			}
			v.Parts = append(v.Parts, part)
		}
		if len(v.Parts) > 0 { // the challenge stands at the top of the page
			out = append(out, v)
		}
	}
	return out, nil
}

// reachable lets the keyboard scroll what may be wider than the page. tables
// counts the page's tables, for each is a region with a name of its own.
func reachable(html string, tables *int) string {
	html = strings.ReplaceAll(html, "<pre>", `<pre tabindex="0">`)
	var b strings.Builder
	for {
		before, after, found := strings.Cut(html, "<table>")
		b.WriteString(before)
		if !found {
			break
		}
		*tables++
		fmt.Fprintf(&b, `<div class="scroll" tabindex="0" role="region" aria-label="Table %d"><table>`, *tables)
		html = after
	}
	return strings.ReplaceAll(b.String(), "</table>", "</table></div>")
}

// reading is one metric for the page's script.
type reading struct {
	Name   string  `json:"name"`
	Last   float64 `json:"last,omitempty"`
	From   float64 `json:"from,omitempty"`
	To     float64 `json:"to,omitempty"`
	Unit   string  `json:"unit"`
	Factor float64 `json:"factor"`
	Digits int     `json:"digits"`
}

func experimentOf(b guide.Book, slug string, e guide.Experiment, patterns []lab.Pattern) (GuideExperiment, error) {
	v := GuideExperiment{ID: slug + "." + e.ID, Title: e.Title, Question: e.Question, See: e.See, Command: e.Command()}
	if e.Scenario == "" {
		v.Reads = []string{"measured"}
		p, _ := program.FindProgram(e.Program)
		if v.Formula = strings.Join(p.Formulas(), " and "); v.Formula != "" {
			v.Reads = []string{"worked out"}
		}
		for _, f := range p.Order(b.Answers(slug, e)) {
			v.Runs = append(v.Runs, GuideRun{Name: strings.TrimPrefix(f.ID, e.Program+"."), Flags: f.How, Kept: []string{f.Text()}})
		}
		return v, nil
	}
	spec, err := scenario.Find(e.Scenario)
	if err != nil {
		return v, err
	}
	var reads []reading
	for _, r := range e.Reads {
		reads = append(reads, reading{r.Metric, r.Window.Last.Seconds(), r.Window.From.Seconds(), r.Window.To.Seconds(), r.Unit, r.Factor, r.Digits})
		v.Reads = append(v.Reads, readingName(r))
	}
	runs := [][]string{}
	for _, run := range e.Runs {
		link, err := labLink(spec, run.Flags, patterns)
		if err != nil {
			return v, fmt.Errorf("experiment %s, run %s: %w", e.ID, run.Name, err)
		}
		line := GuideRun{Name: strings.ToUpper(run.Name), Flags: strings.Join(run.Flags, " "), Lab: link}
		for _, r := range e.Reads {
			line.Kept = append(line.Kept, b.Figures[e.Figure(slug, run, r)].Text())
		}
		v.Runs = append(v.Runs, line)
		runs = append(runs, append([]string{}, run.Flags...))
	}
	data, err := json.Marshal(map[string]any{"scenario": e.Scenario, "runs": runs, "reads": reads})
	v.Data = string(data)
	return v, err
}

// readingName says in words what is read.
func readingName(r guide.Reading) string {
	name, op, _ := strings.Cut(r.Metric, ":")
	name = Words(strings.TrimSuffix(strings.TrimSuffix(name, "_ms"), "_s"))
	if op != "" {
		name += " of " + op
	}
	switch w := r.Window; {
	case w.Last > 0:
		name += ", last " + w.Last.String()
	case w.To > 0:
		name += fmt.Sprintf(", %v to %v", w.From, w.To)
	case w.From > 0:
		name += fmt.Sprintf(", from %v on", w.From)
	}
	return name
}

// labLink returns the address that sets the lab as flags do. Knobs that grow
// with the scale are as large as the live lab's.
func labLink(spec scenario.Spec, flags []string, patterns []lab.Pattern) (string, error) {
	set, err := scenario.ParseFlags(flags)
	if err != nil {
		return "", err
	}
	q := url.Values{"scenario": {spec.Name}}
	for _, p := range patterns {
		t, ok := set.Patterns[p.Name]
		if !ok {
			continue
		}
		state := spec.Patterns[p.Name].State
		if t.State != nil {
			state = *t.State
		}
		q.Set(state.String(), strings.Trim(q.Get(state.String())+","+p.Name, ","))
		if len(t.Knobs) == 0 {
			continue
		}
		knobs := p.Knobs()
		if err := knob.Apply(knobs, t.Knobs); err != nil {
			return "", fmt.Errorf("pattern %s: %w", p.Name, err)
		}
		knob.Scale(knobs, spec.LiveScale)
		values := knob.Values(knobs)
		for name := range t.Knobs {
			q.Add("set", fmt.Sprintf("%s.%s=%s", p.Name, name, values[name]))
		}
	}
	for _, part := range []string{"autoscaler", "balancer"} {
		t := set.Patterns[part]
		for name, value := range t.Knobs {
			q.Add("set", fmt.Sprintf("%s.%s=%v", part, name, value))
		}
		if t.State != nil {
			q.Add("set", fmt.Sprintf("%s.on=%t", part, *t.State == lab.On))
		}
	}
	if set.Instances != 0 {
		q.Set("instances", strconv.Itoa(set.Instances))
	}
	if set.Traffic != nil {
		q.Set("traffic", strconv.FormatFloat(*set.Traffic, 'g', -1, 64))
	}
	for _, f := range set.Faults {
		q.Add("fault", f.String())
	}
	slices.Sort(q["set"])
	return "/lab?" + q.Encode(), nil
}
