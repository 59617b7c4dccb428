package interview

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"workbench/exercises/interview/phrase"
)

// Mode is how long an answer may take.
type Mode string

// The three modes.
const (
	Minute Mode = "60s"
	Five   Mode = "5m"
	Round  Mode = "45m"
)

// Modes returns the modes from the shortest to the longest.
func Modes() []Mode { return []Mode{Minute, Five, Round} }

// Budget returns the time that an answer has, or 0 for an unknown mode.
func (m Mode) Budget() time.Duration {
	switch m {
	case Minute:
		return time.Minute
	case Five:
		return 5 * time.Minute
	case Round:
		return 45 * time.Minute
	}
	return 0
}

// Dimension is a part of the score.
type Dimension string

// The five parts of a score.
const (
	Scope    Dimension = "scope"
	Design   Dimension = "design"
	Depth    Dimension = "depth"
	Tradeoff Dimension = "tradeoff"
	Delivery Dimension = "delivery"
)

// Dimensions returns the parts of a score in the order in which they are shown.
func Dimensions() []Dimension { return []Dimension{Scope, Design, Depth, Tradeoff, Delivery} }

// Max returns the points that a part can give; together they are 100.
func (d Dimension) Max() float64 {
	switch d {
	case Scope, Design, Tradeoff:
		return 20
	case Depth:
		return 25
	case Delivery:
		return 15
	}
	return 0
}

// Title returns the part's name as people read it.
func (d Dimension) Title() string {
	switch d {
	case Scope:
		return "Scope and numbers"
	case Design:
		return "Design"
	case Depth:
		return "Depth and correctness"
	case Tradeoff:
		return "Trade-offs and failure modes"
	}
	return "Delivery"
}

// Question is one question with its rubric.
type Question struct {
	ID       string        `yaml:"id"`
	Chapter  int           `yaml:"chapter"` // 1..9; for a system, the chapter to read
	System   string        `yaml:"system"`  // login, feed, orders, notify, or empty
	Mode     Mode          `yaml:"mode"`
	Text     string        `yaml:"text"`
	Needs    []Need        `yaml:"needs"`
	Own      []Concept     `yaml:"own"`     // concepts of this question alone
	Wrong    []Wrong       `yaml:"wrong"`   // mistakes that only this question invites
	Order    []string      `yaml:"order"`   // concepts in the order in which they are best said
	Numbers  []phrase.Kind `yaml:"numbers"` // quantities that a good answer holds
	Model    Model         `yaml:"model"`
	FollowUp []string      `yaml:"follow_up"`
	Links    Links         `yaml:"links"`
	Phases   []Phase       `yaml:"phases"`
	Change   Change        `yaml:"change"`
}

// Need is a concept that the answer should hold. In a file it may stand as
// "name", "name*3" (weight) or "name*3@depth" (part of the score).
type Need struct {
	Concept string
	Weight  float64
	Part    Dimension // empty: the concept's own
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *Need) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: a need is a concept's name, as in retry-budget*3@depth", node.Line)
	}
	rest, part, _ := strings.Cut(node.Value, "@")
	name, weight, weighed := strings.Cut(rest, "*")
	*n = Need{Concept: strings.TrimSpace(name), Weight: 2, Part: Dimension(part)}
	if weighed {
		w, err := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		if err != nil || !(w > 0 && w <= 10) {
			return fmt.Errorf("line %d: the weight of %s is %q, want a number above 0 and at most 10", node.Line, n.Concept, weight)
		}
		n.Weight = w
	}
	return nil
}

// Concept is something that an answer can say.
type Concept struct {
	ID    string    `yaml:"id"`
	Part  Dimension `yaml:"dim"`
	Says  string    `yaml:"says"`  // in plain words, shown when it is missing
	Hear  []string  `yaml:"hear"`  // patterns of package phrase
	Wrong []Wrong   `yaml:"wrong"` // what contradicts it
	Topic string    `yaml:"-"`     // the file that it is from
}

// Wrong is a mistake that costs points.
type Wrong struct {
	Says string   `yaml:"says"` // why it is wrong
	Hear []string `yaml:"hear"`
}

// Model is a good answer at three lengths.
type Model struct {
	Sentence string `yaml:"sentence"`
	Minute   string `yaml:"minute"`
	Full     string `yaml:"full"`
}

// Links lead to what teaches and shows the answer.
type Links struct {
	Chapter  string `yaml:"chapter"`  // slug; the file's own unless given
	Scenario string `yaml:"scenario"` // gives evidence when run
	Exercise string `yaml:"exercise"` // slug
	// Patterns are those that the question is about beside its scenario's and its
	// exercise's.
	Patterns []string `yaml:"patterns"`
}

// Phase is a stretch of a 45-minute round.
type Phase struct {
	Name    string `yaml:"name"`
	Minutes int    `yaml:"minutes"`
	Expect  string `yaml:"expect"`
}

// Change is what the interviewer alters in the middle of a round.
type Change struct {
	Minute int    `yaml:"minute"`
	Text   string `yaml:"text"`
}

// PhaseAt returns the index of the phase at an elapsed time and what is left of
// it. After the last phase it returns the number of phases and 0.
func (q Question) PhaseAt(elapsed time.Duration) (int, time.Duration) {
	end := time.Duration(0)
	for i, p := range q.Phases {
		end += time.Duration(p.Minutes) * time.Minute
		if elapsed < end {
			return i, end - max(elapsed, 0)
		}
	}
	return len(q.Phases), 0
}

// Changed reports whether the interviewer has altered the task by now.
func (q Question) Changed(elapsed time.Duration) bool {
	return q.Change.Text != "" && elapsed >= time.Duration(q.Change.Minute)*time.Minute
}
