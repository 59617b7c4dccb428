package interview

import "time"

// Answer is what a person said.
type Answer struct {
	Text     string
	Elapsed  time.Duration // time used, or 0 when it was not measured
	Evidence []Citation
	Rulings  []Ruling
}

// Citation is a figure of one of the learner's own runs.
type Citation struct {
	Run      uint64  `json:"run"`
	Trial    uint64  `json:"trial,omitempty"` // the number of a kept result, in place of a run
	Scenario string  `json:"scenario"`
	Metric   string  `json:"metric"` // as in "p99_ms"
	Value    float64 `json:"value"`
}

// Verdict is how a learner overrules a judgement.
type Verdict string

// What a ruling can say.
const (
	Said     Verdict = "said"      // the concept was said, though it was not heard
	NotSaid  Verdict = "not-said"  // it was not said, though it was heard
	NotWrong Verdict = "not-wrong" // what was taken for a mistake is none
)

// Ruling is the learner's own judgement of one concept or mistake. It is kept
// and shown beside ours.
type Ruling struct {
	Concept string  `json:"concept"` // a concept's or a mistake's id
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
}

// Span is a place in the answer: a sentence, and the bytes of the text in it.
type Span struct {
	Sentence int `json:"sentence"` // index in Result.Sentences
	Start    int `json:"start"`
	End      int `json:"end"`
}

// Grade is how well a thing was said.
type Grade string

// The grades of an item.
const (
	Explained Grade = "explained" // said with its reason, condition or consequence
	Named     Grade = "named"     // said, and no more
	Close     Grade = "close"     // a sentence comes near it in other words
	Denied    Grade = "denied"    // said not to be so, or not to be done
	Missing   Grade = "missing"
)

// Item is one thing that gives points, with where it was said.
type Item struct {
	Concept string  `json:"concept,omitempty"` // empty for what no single concept gives
	Says    string  `json:"says"`              // in plain words
	Grade   Grade   `json:"grade"`
	Points  float64 `json:"points"`
	Max     float64 `json:"max"` // what it could have given by itself
	Spans   []Span  `json:"spans,omitempty"`
	Ruling  *Ruling `json:"ruling,omitempty"` // set where the learner overruled
}

// Part is one dimension of a result.
type Part struct {
	Dimension Dimension `json:"dimension"`
	Points    float64   `json:"points"`
	Max       float64   `json:"max"`
	Items     []Item    `json:"items"`
}

// Fault is something said that costs points.
type Fault struct {
	ID     string  `json:"id"`
	Says   string  `json:"says"` // why it is wrong
	Cost   float64 `json:"cost"`
	Span   Span    `json:"span"`
	Ruling *Ruling `json:"ruling,omitempty"`
}

// Ceiling is a limit on the whole score and its reason.
type Ceiling struct {
	At     int    `json:"at"`
	Reason string `json:"reason"`
}

// Claim is a sentence with a figure in it.
type Claim struct {
	Span     Span      `json:"span"`
	Backed   *Citation `json:"backed,omitempty"`   // the run that bears it out
	Scenario string    `json:"scenario,omitempty"` // else the one that would show it
}

// Pace is how the answer was delivered.
type Pace struct {
	Words   int           `json:"words"`
	Topic   float64       `json:"topic"`  // which part of what was said belongs to the question
	Spoken  time.Duration `json:"spoken"` // at 150 words a minute, or as measured
	Budget  time.Duration `json:"budget"`
	Comment string        `json:"comment"`
}

// Result is a score and everything that it rests on.
type Result struct {
	Question  string      `json:"question"`
	Total     int         `json:"total"`     // 0..100
	Automatic int         `json:"automatic"` // without the learner's rulings
	Parts     []Part      `json:"parts"`
	Faults    []Fault     `json:"faults,omitempty"`
	Ceilings  []Ceiling   `json:"ceilings,omitempty"`
	Claims    []Claim     `json:"claims,omitempty"`
	Pace      Pace        `json:"pace"`
	Empty     []Dimension `json:"empty,omitempty"`     // parts without a point: an interviewer would say no
	Sentences []string    `json:"sentences,omitempty"` // as the answer was cut
	Rulings   []Ruling    `json:"rulings,omitempty"`   // all of the learner's, whether or not they changed a thing
}
