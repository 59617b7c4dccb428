package interview

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"gopkg.in/yaml.v3"

	"workbench/exercises/interview/claim"
	"workbench/exercises/interview/phrase"
)

//go:embed lexicon.yaml concepts/*.yaml questions/*.yaml turns/*.yaml claims/*.txt
var files embed.FS

// shelf is one file of questions.
type shelf struct {
	Chapter   int        `yaml:"chapter"`
	System    string     `yaml:"system"`
	Slug      string     `yaml:"slug"` // of the chapter in the guide
	Questions []Question `yaml:"questions"`
}

// words is lexicon.yaml.
type lexicon struct {
	Classes    map[string][]string `yaml:"classes"`
	Denials    []string            `yaml:"denials"`
	Lacks      []string            `yaml:"lacks"`
	Conditions []string            `yaml:"conditions"`
	Edges      []string            `yaml:"edges"`
	Joins      []string            `yaml:"joins"`
	Dismiss    []string            `yaml:"dismiss"`
	Overclaim  []string            `yaml:"overclaim"`
	Absolute   []string            `yaml:"absolute"`
	Assured    []string            `yaml:"assured"`
	Distance   []string            `yaml:"distance"`
	Quote      []string            `yaml:"quote"`
	Opposites  [][2]string         `yaml:"opposites"`
	Because    []string            `yaml:"because"`
	Contrast   []string            `yaml:"contrast"`
	Condition  []string            `yaml:"condition"`
	Assume     []string            `yaml:"assume"`
	Function   []string            `yaml:"function"`
	Verbs      []string            `yaml:"verbs"`
	Signposts  []string            `yaml:"signposts"`
}

// Load reads and checks the program's questions.
func Load() (*Catalog, error) {
	var l lexicon
	if err := decode("lexicon.yaml", &l); err != nil {
		return nil, err
	}
	concepts, err := loadConcepts()
	if err != nil {
		return nil, err
	}
	questions, err := loadQuestions()
	if err != nil {
		return nil, err
	}
	turns := Turns{Opposites: map[string]string{}}
	for _, pair := range l.Opposites {
		turns.Opposites[pair[0]], turns.Opposites[pair[1]] = pair[1], pair[0]
	}
	if turns.List, err = loadTurns(); err != nil {
		return nil, err
	}
	claims, err := loadClaims()
	if err != nil {
		return nil, err
	}
	return New(l.general(concepts, questions), l.cues(), concepts, questions, turns, claims)
}

func loadClaims() (claim.Bank, error) {
	entries, err := files.ReadDir("claims")
	if err != nil {
		return nil, fmt.Errorf("list the claims: %w", err)
	}
	out := claim.Bank{}
	for _, e := range entries {
		src, err := files.ReadFile(path.Join("claims", e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the claims: %w", err)
		}
		part, err := claim.Parse(e.Name(), bytes.NewReader(src))
		if err != nil {
			return nil, fmt.Errorf("read the claims: %w", err)
		}
		out.Add(part)
	}
	return out, nil
}

func loadTurns() ([]Turn, error) {
	entries, err := files.ReadDir("turns")
	if err != nil {
		return nil, fmt.Errorf("list the turns: %w", err)
	}
	var out []Turn
	for _, e := range entries {
		var list []Turn
		if err := decode(path.Join("turns", e.Name()), &list); err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

func decode(name string, into any) error {
	src, err := files.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read the interview's %s: %w", name, err)
	}
	d := yaml.NewDecoder(bytes.NewReader(src))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the interview's %s: %w", name, err)
	}
	return nil
}

func loadConcepts() ([]Concept, error) {
	entries, err := files.ReadDir("concepts")
	if err != nil {
		return nil, fmt.Errorf("list the concepts: %w", err)
	}
	var out []Concept
	for _, e := range entries {
		var list []Concept
		if err := decode(path.Join("concepts", e.Name()), &list); err != nil {
			return nil, err
		}
		_, topic, _ := strings.Cut(strings.TrimSuffix(e.Name(), ".yaml"), "-")
		for i := range list {
			list[i].Topic = topic
		}
		out = append(out, list...)
	}
	return out, nil
}

func loadQuestions() ([]Question, error) {
	entries, err := files.ReadDir("questions")
	if err != nil {
		return nil, fmt.Errorf("list the questions: %w", err)
	}
	var out []Question
	for _, e := range entries {
		var s shelf
		if err := decode(path.Join("questions", e.Name()), &s); err != nil {
			return nil, err
		}
		for _, q := range s.Questions {
			q.System = s.System
			if q.Chapter == 0 {
				q.Chapter = s.Chapter
			}
			if q.Links.Chapter == "" {
				q.Links.Chapter = s.Slug
			}
			out = append(out, q)
		}
	}
	return out, nil
}

// general returns what patterns rest on. The words of all texts count as spelt
// rightly.
func (l lexicon) general(concepts []Concept, questions []Question) phrase.Lexicon {
	known := append(append([]string{}, l.Function...), l.Verbs...)
	for _, c := range concepts {
		known = append(known, c.Says)
	}
	for _, q := range questions {
		known = append(known, q.Text, q.Model.Sentence, q.Model.Minute, q.Model.Full)
	}
	return phrase.Lexicon{
		Classes: l.Classes, Denials: l.Denials, Lacks: l.Lacks, Conditions: l.Conditions, Edges: l.Edges, Joins: l.Joins, Known: known,
	}
}

// cues returns the lists of words that say how something is said.
func (l lexicon) cues() Cues {
	return Cues{
		dismissal: l.Dismiss, overclaim: l.Overclaim, absolute: l.Absolute, assured: l.Assured, distance: l.Distance, quote: l.Quote, because: l.Because, contrast: l.Contrast,
		condition: l.Condition, assumption: l.Assume, signpost: l.Signposts, function: l.Function,
	}
}
