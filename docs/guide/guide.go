// Package guide is the guide: nine chapters on services under heavy traffic, a
// glossary, a map from symptoms to patterns, and a page to print.
//
// The chapters are Markdown that reads well without this program. What makes
// them more is marked so that a code host does not show it:
//
//   - A number that was measured is followed by <!--n:ID-->. The kept value is in
//     numbers.json, and a test fails when the text prints another one.
//   - Code is preceded by <!--code:FILE#NAME-->. It is what stands between
//     "// guide:begin NAME" and "// guide:end" in that file, which is compiled
//     and tested.
//   - A fenced block "experiment" describes a run that a page can offer, and
//     "challenge" the task that a chapter begins with. Both are YAML.
//
// Chapters parses all of it. Nothing here measures: docs/guide/measure does.
package guide

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"workbench/lab/scenario"
)

//go:embed *.md numbers.json
var files embed.FS

// Files returns the guide's texts and the kept numbers as they are on disk.
func Files() fs.FS { return files }

// Chapter is one of the nine chapters.
type Chapter struct {
	Number    int    // from 1
	File      string // such as "07-resilience.md"
	Slug      string
	Title     string
	Summary   string // one or two sentences
	Minutes   int    // to read it, without the experiments
	Challenge Challenge
	Sections  []Section
	Exercises []Exercise
	Questions []Question
}

// Exercise is a graded problem that a chapter sends its reader to.
type Exercise struct {
	Slug string // such as "07-retry-budget"
	Why  string // what it has to do with the chapter
}

// Question is one that an interviewer may ask after the chapter.
type Question struct {
	Number int // from 1
	Text   string
}

// Section is a part of a page below a heading of the second level. The first
// one may have no title: what stands before any heading.
type Section struct {
	ID    string // unique within its page, for links
	Title string
	Parts []Part
	Text  string // the words without markup, for searching
}

// Part is a stretch of a section: either HTML or an experiment.
type Part struct {
	HTML       string      // safe to print: only what the renderer makes
	Experiment *Experiment // nil for HTML
}

// Challenge is the task that a chapter begins with, before anything is
// explained: keep a service alive.
type Challenge struct {
	Scenario string   // an embedded scenario
	Seconds  int      // how long the learner has
	Goal     string   // what counts as alive
	Try      []string // flags of the lab's switches that are worth a try, some of them in vain
	Trap     string   // what most people try first, and why it does not help
}

// Experiment is a run that a reader can repeat, with a question to answer
// before it.
type Experiment struct {
	ID       string // unique within the chapter
	Title    string
	Question string // to be answered before the run
	Scenario string // an embedded scenario; empty for a program
	Program  string // the figures of a small program, by the beginning of their ids; empty for a scenario
	Runs     []Run  // settings to compare; the first two are A and B
	Reads    []Reading
	See      string // what to look at, and where
}

// Run is one setting of a scenario.
type Run struct {
	Name  string // a, b, c, …
	Flags []string
}

// Reading is what is read from a run: a metric of the scenario language in a
// window. The first reading of an experiment is its headline.
type Reading struct {
	Name   string // part of the figures' ids; empty for the headline
	Metric string
	Window scenario.Window
	Unit   string // as printed: "%", "ms", "s", "/s" or "" for a plain number
	Factor float64
	Digits int // after the decimal point
}

// Figure returns the id of the kept figure of a run and a reading.
func (e Experiment) Figure(chapter string, run Run, r Reading) string {
	parts := []string{chapter, e.ID, run.Name}
	if r.Name != "" {
		parts = append(parts, r.Name)
	}
	return strings.Join(parts, ".")
}

// Command returns what to type to repeat the experiment on the command line.
func (e Experiment) Command() string {
	if e.Scenario == "" {
		return "go run ./docs/guide/numbers " + e.Program
	}
	if len(e.Runs) == 1 {
		return strings.TrimSpace("bin/workbench run " + e.Scenario + " --engine virtual " + strings.Join(e.Runs[0].Flags, " "))
	}
	return fmt.Sprintf("bin/workbench compare %s --engine virtual --a %q --b %q", e.Scenario, strings.Join(e.Runs[0].Flags, " "), strings.Join(e.Runs[1].Flags, " "))
}

// Experiments returns the experiments of the chapter in their order.
func (c Chapter) Experiments() []Experiment {
	var out []Experiment
	for _, s := range c.Sections {
		for _, p := range s.Parts {
			if p.Experiment != nil {
				out = append(out, *p.Experiment)
			}
		}
	}
	return out
}

// Section returns the section with this id.
func (c Chapter) Section(id string) (Section, bool) {
	for _, s := range c.Sections {
		if s.ID == id {
			return s, true
		}
	}
	return Section{}, false
}

// Answers returns the kept figures of an experiment: for a scenario run by run,
// each with its readings in order; for a program by id. A page shows them once
// the reader has answered.
func (b Book) Answers(chapter string, e Experiment) []Figure {
	var out []Figure
	for _, run := range e.Runs {
		for _, r := range e.Reads {
			if f, ok := b.Figures[e.Figure(chapter, run, r)]; ok {
				out = append(out, f)
			}
		}
	}
	if e.Program == "" {
		return out
	}
	for _, id := range slices.Sorted(maps.Keys(b.Figures)) {
		if strings.HasPrefix(id, e.Program+".") {
			out = append(out, b.Figures[id])
		}
	}
	return out
}

// Page is a page beside the chapters: the glossary, the map, the crib sheet.
type Page struct {
	File, Slug, Title, Summary string
	Sections                   []Section
}

// Book is the whole guide.
type Book struct {
	Chapters []Chapter
	Pages    []Page
	Figures  Figures
}

// Chapters returns the chapters of the guide in their order.
func Chapters() ([]Chapter, error) {
	b, err := Open()
	return b.Chapters, err
}

// Open reads the guide that this program was built with.
func Open() (Book, error) { return Read(files) }

// Read reads a guide from a folder. Its error joins everything that is wrong
// with any page of it.
func Read(folder fs.FS) (Book, error) {
	figures, err := readFigures(folder)
	if err != nil {
		return Book{}, err
	}
	names, err := fs.Glob(folder, "*.md") // sorted
	if err != nil {
		return Book{}, fmt.Errorf("list the guide: %w", err)
	}
	b := Book{Figures: figures}
	var faults []error
	for _, name := range names {
		src, err := fs.ReadFile(folder, name)
		if err != nil {
			return Book{}, fmt.Errorf("read the guide: %w", err)
		}
		d, err := parse(name, src, figures)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
			continue
		}
		if d.number == 0 {
			b.Pages = append(b.Pages, Page{File: name, Slug: d.head.Slug, Title: d.head.Title, Summary: d.head.Summary, Sections: d.sections})
			continue
		}
		if want := len(b.Chapters) + 1; d.number != want {
			faults = append(faults, fmt.Errorf("%s: got chapter %d, want %d: chapters are numbered without gaps", name, d.number, want))
		}
		b.Chapters = append(b.Chapters, Chapter{
			Number: d.number, File: name, Slug: d.head.Slug, Title: d.head.Title, Summary: d.head.Summary,
			Minutes: d.head.Minutes, Challenge: d.challenge, Sections: d.sections, Exercises: d.exercises, Questions: d.questions,
		})
	}
	return b, errors.Join(faults...)
}
