package guide

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"workbench/lab/scenario"
)

// The languages of fenced blocks that are not code.
const (
	experimentBlock = "experiment"
	challengeBlock  = "challenge"
)

// head is what stands before a page's text.
type head struct {
	Title   string `yaml:"title"`
	Slug    string `yaml:"slug"`
	Summary string `yaml:"summary"`
	Minutes int    `yaml:"minutes"`
}

// document is one parsed page.
type document struct {
	number    int // of the chapter; 0: another page
	head      head
	challenge Challenge
	sections  []Section
	exercises []Exercise
	questions []Question
}

var chapterFile = regexp.MustCompile(`^([0-9]{2})-([a-z-]+)\.md$`)

// parse reads a page. Its error joins everything that is wrong with it.
func parse(name string, src []byte, figures Figures) (document, error) {
	d := document{}
	body, err := d.readHead(name, src)
	if err != nil {
		return document{}, err
	}
	r := newReader(&d, figures)
	r.read(body)
	if d.number > 0 && d.challenge.Scenario == "" {
		r.fault("got no block %q, want one: each chapter begins with a service to keep alive", challengeBlock)
	}
	return d, errors.Join(r.faults...)
}

// readHead takes the front matter off and holds it to the file's name.
func (d *document) readHead(name string, src []byte) ([]byte, error) {
	rest, found := bytes.CutPrefix(src, []byte("---\n"))
	front, body, closed := bytes.Cut(rest, []byte("\n---\n"))
	if !found || !closed {
		return nil, errors.New(`got no front matter, want title, slug and summary between two lines "---"`)
	}
	if err := strict(front, &d.head); err != nil {
		return nil, fmt.Errorf("front matter: %w", err)
	}
	slug := strings.TrimSuffix(name, ".md")
	if hit := chapterFile.FindStringSubmatch(name); hit != nil {
		d.number, _ = strconv.Atoi(hit[1]) // two digits
		slug = hit[2]
		if d.head.Minutes < 1 {
			return nil, fmt.Errorf("minutes: got %d, want at least 1", d.head.Minutes)
		}
	}
	if d.head.Slug != slug {
		return nil, fmt.Errorf("slug: got %q, want %q, as the file is called", d.head.Slug, slug)
	}
	if d.head.Title == "" || d.head.Summary == "" {
		return nil, errors.New("got no title or no summary, want both")
	}
	return body, nil
}

// strict reads one YAML document without unknown fields.
func strict(src []byte, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("read YAML: %w", err)
	}
	return nil
}

// experimentYAML is the block as it is written.
type experimentYAML struct {
	ID       string              `yaml:"id"`
	Title    string              `yaml:"title"`
	Question string              `yaml:"question"`
	Scenario string              `yaml:"scenario"`
	Program  string              `yaml:"program"`
	Runs     map[string][]string `yaml:"runs"`
	Reads    []readingYAML       `yaml:"reads"`
	See      string              `yaml:"see"`
}

type readingYAML struct {
	Name   string        `yaml:"name"`
	Metric string        `yaml:"metric"`
	From   time.Duration `yaml:"from"`
	To     time.Duration `yaml:"to"`
	Last   time.Duration `yaml:"last"`
	Digits *int          `yaml:"digits"`
}

// parseExperiment reads a block. Whether its flags fit the scenario is for an
// engine to say; here they must read as flags.
func parseExperiment(src []byte) (*Experiment, error) {
	var y experimentYAML
	if err := strict(src, &y); err != nil {
		return nil, err
	}
	e := &Experiment{ID: y.ID, Title: y.Title, Question: y.Question, Scenario: y.Scenario, Program: y.Program, See: y.See}
	for field, text := range map[string]string{"id": y.ID, "title": y.Title, "question": y.Question, "see": y.See} {
		if text == "" {
			return nil, fmt.Errorf("experiment %s: %s: got nothing, want some words", y.ID, field)
		}
	}
	if (y.Scenario == "") == (y.Program == "") {
		return nil, fmt.Errorf("experiment %s: got scenario %q and program %q, want one of them", y.ID, y.Scenario, y.Program)
	}
	if y.Program != "" {
		return e, nil
	}
	if len(y.Runs) == 0 || len(y.Reads) == 0 {
		return nil, fmt.Errorf("experiment %s: got %d runs and %d reads, want at least one of each", y.ID, len(y.Runs), len(y.Reads))
	}
	for name, flags := range y.Runs {
		for _, flag := range flags {
			if !strings.Contains(flag, "=") {
				return nil, fmt.Errorf("experiment %s: run %s: flag %s: want it as one word, such as --on=queue", y.ID, name, flag)
			}
		}
		if _, err := scenario.ParseFlags(flags); err != nil {
			return nil, fmt.Errorf("experiment %s: run %s: %w", y.ID, name, err)
		}
		e.Runs = append(e.Runs, Run{Name: name, Flags: flags})
	}
	slices.SortFunc(e.Runs, func(a, b Run) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range y.Reads {
		reading, err := r.resolve()
		if err != nil {
			return nil, fmt.Errorf("experiment %s: %w", y.ID, err)
		}
		e.Reads = append(e.Reads, reading)
	}
	return e, nil
}

// resolve gives a reading the unit of its metric.
func (y readingYAML) resolve() (Reading, error) {
	name, _, _ := strings.Cut(y.Metric, ":")
	i := slices.IndexFunc(scenario.Metrics(), func(m scenario.Metric) bool { return m.Name == name })
	if i < 0 {
		return Reading{}, fmt.Errorf("metric %q: unknown, want one of the scenario files' metrics", y.Metric)
	}
	r := Reading{Name: y.Name, Metric: y.Metric, Window: scenario.Window{Last: y.Last, From: y.From, To: y.To}, Factor: 1}
	switch unit := scenario.Metrics()[i].Unit; unit {
	case "share":
		r.Unit, r.Factor = "%", 100
	case "req/s":
		r.Unit = "/s"
	case "calls/user":
		r.Digits = 2
	case "s", "ms":
		r.Unit = unit
	}
	if y.Digits != nil {
		r.Digits = *y.Digits
	}
	return r, nil
}

// parseChallenge reads a chapter's first task.
func parseChallenge(src []byte) (Challenge, error) {
	var y struct {
		Scenario string   `yaml:"scenario"`
		Seconds  int      `yaml:"seconds"`
		Goal     string   `yaml:"goal"`
		Try      []string `yaml:"try"`
		Trap     string   `yaml:"trap"`
	}
	if err := strict(src, &y); err != nil {
		return Challenge{}, err
	}
	if y.Scenario == "" || y.Seconds < 1 || y.Goal == "" || len(y.Try) == 0 || y.Trap == "" {
		return Challenge{}, errors.New("challenge: got a part of it, want scenario, seconds, goal, try and trap")
	}
	for _, flag := range y.Try {
		if _, err := scenario.ParseFlags(strings.Fields(flag)); err != nil {
			return Challenge{}, fmt.Errorf("challenge: try: %w", err)
		}
	}
	return Challenge(y), nil
}
