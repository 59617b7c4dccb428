package interview

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"workbench/exercises/interview/claim"
	"workbench/exercises/interview/phrase"
)

// cue is how something is said.
type cue string

const (
	dismissal  cue = "dismissal"
	overclaim  cue = "overclaim"
	absolute   cue = "absolute"
	assured    cue = "assured"
	distance   cue = "distance"
	quote      cue = "quote" // what others say, and the speaker does not
	because    cue = "because"
	figure     cue = "figure"  // a quantity, which no list of words knows
	refusal    cue = "refusal" // a sentence that says what is not so, or not done
	contrast   cue = "contrast"
	condition  cue = "condition"
	assumption cue = "assumption"
	signpost   cue = "signpost"
	function   cue = "function"
)

// Cues are lists of words and short phrases for each cue.
type Cues map[cue][]string

// ErrUnknown means that there is no question of this name.
var ErrUnknown = errors.New("unknown question")

// owner says what a pattern belongs to.
type owner struct {
	concept int // index, or -1
	wrong   int // index of the mistake, or -1
	only    int // index of the question that alone invites it, or -1
	cue     cue
	turn    int  // one more than the index of the turn, or 0
	side    side // of the turn
	near    bool // what it may not hold, it may hold elsewhere in the sentence
	denies  bool // the pattern of a turn wants a denial
	part    bool // a term of a pair, which alone says nothing
}

// mistake is a Wrong with its name.
type mistake struct {
	id   string // "retry-budget/1"
	says string
}

// Catalog holds questions and what is needed to score answers. It is read only
// and safe for concurrent use.
type Catalog struct {
	questions []Question
	byID      map[string]int
	concepts  []Concept
	conceptID map[string]int
	mistakes  []mistake
	turns     []turn
	book      *phrase.Book
	owners    []owner // by phrase.ID
	asked     []asked // by question
	function  map[string]bool
	joining   map[string]bool
	weights   map[string]float64 // rarity of a stem among explanations
	rarity    map[string]float64 // rarity of a stem among questions
	bags      []map[string]bool  // stems of each concept's explanation
	shown     map[string]string  // the scenario in which a concept can be seen
}

// asked is a question made ready.
type asked struct {
	needs  []need
	given  map[int]bool    // terms that the question speaks of
	stems  map[string]bool // of its text
	topics map[string]bool
	words  map[string]bool // stems that belong to it
	points []claim.Point
	judge  func() *claim.Judge // of the points; made when the question is first answered
}

type need struct {
	concept int
	weight  float64
	part    Dimension
}

// New builds a catalogue and checks it. The error names everything that is wrong.
func New(l phrase.Lexicon, cues Cues, concepts []Concept, questions []Question, turns Turns, claims claim.Bank) (*Catalog, error) {
	c := &Catalog{
		questions: questions, byID: map[string]int{}, concepts: slices.Clone(concepts), conceptID: map[string]int{},
		book: phrase.NewBook(l), function: map[string]bool{}, joining: map[string]bool{}, shown: shownBy(),
	}
	var faults []error
	for i, q := range questions {
		if _, again := c.byID[q.ID]; again {
			faults = append(faults, fmt.Errorf("question %s: the id is taken", q.ID))
		}
		c.byID[q.ID] = i
		c.concepts = append(c.concepts, q.Own...)
	}
	for i := range c.concepts {
		faults = append(faults, c.addConcept(i))
	}
	for i, q := range questions {
		for _, w := range q.Wrong {
			faults = append(faults, c.addWrong(w, -1, i, fmt.Sprintf("%s/%d", q.ID, len(c.mistakes))))
		}
	}
	faults = append(faults, c.addTurns(turns)...)
	faults = append(faults, c.addCues(cues)...)
	c.book.Seal()
	c.weigh()
	for i := range questions {
		faults = append(faults, c.prepare(i), check(questions[i]))
		known := claims[questions[i].ID]
		c.asked[i].points = known.Points
		c.asked[i].judge = sync.OnceValue(func() *claim.Judge {
			m := questions[i].Model
			return claim.New(known, []string{m.Sentence, m.Minute, m.Full}, c.book.Split)
		})
	}
	for id := range claims {
		if _, ok := c.byID[id]; !ok {
			faults = append(faults, fmt.Errorf("claims: there is no question %q", id))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("the interview's questions are wrong: %w", err)
	}
	c.vocabularies()
	return c, nil
}

func (c *Catalog) addConcept(i int) error {
	k := c.concepts[i]
	if _, again := c.conceptID[k.ID]; again {
		return fmt.Errorf("concept %s: the id is taken", k.ID)
	}
	c.conceptID[k.ID] = i
	var faults []error
	if k.Part.Max() == 0 || k.Says == "" || len(k.Hear) == 0 {
		faults = append(faults, fmt.Errorf("concept %s: wants dim, says and hear", k.ID))
	}
	for _, text := range k.Hear {
		faults = append(faults, c.add(text, owner{concept: i, wrong: -1, only: -1}))
	}
	for n, w := range k.Wrong {
		faults = append(faults, c.addWrong(w, i, -1, fmt.Sprintf("%s/%d", k.ID, n+1)))
	}
	return errors.Join(faults...)
}

func (c *Catalog) addWrong(w Wrong, concept, only int, id string) error {
	var faults []error
	if w.Says == "" || len(w.Hear) == 0 {
		faults = append(faults, fmt.Errorf("mistake %s: wants says and hear", id))
	}
	c.mistakes = append(c.mistakes, mistake{id, w.Says})
	for _, text := range w.Hear {
		faults = append(faults, c.add(text, owner{concept: concept, wrong: len(c.mistakes) - 1, only: only}))
	}
	return errors.Join(faults...)
}

func (c *Catalog) add(text string, o owner) error {
	compile := c.book.Add
	if o.near {
		compile = c.book.AddNear
	}
	if _, err := compile(text); err != nil {
		return err
	}
	c.owners = append(c.owners, o)
	return nil
}

// List returns the questions that pass the filter, in the order of the files.
func (c *Catalog) List(f Filter) []Question {
	var out []Question
	for _, q := range c.questions {
		if f.passes(q) {
			out = append(out, q)
		}
	}
	return out
}

// Filter chooses questions; a zero field chooses all.
type Filter struct {
	Chapter int    // questions of a chapter, not those of a system that refer to it
	System  string // questions of a system
	Mode    Mode
	Concept string // questions that want it
}

func (f Filter) passes(q Question) bool {
	if f.Chapter != 0 && (q.Chapter != f.Chapter || q.System != "") || f.System != "" && q.System != f.System || f.Mode != "" && q.Mode != f.Mode {
		return false
	}
	return f.Concept == "" || slices.ContainsFunc(q.Needs, func(n Need) bool { return n.Concept == f.Concept })
}

// Get returns a question, or an error that wraps ErrUnknown.
func (c *Catalog) Get(id string) (Question, error) {
	i, ok := c.byID[id]
	if !ok {
		return Question{}, fmt.Errorf("%w %q: see the list of questions", ErrUnknown, id)
	}
	return c.questions[i], nil
}

// Explain returns what a concept says in plain words.
func (c *Catalog) Explain(concept string) (string, bool) {
	i, ok := c.conceptID[concept]
	if !ok {
		return "", false
	}
	return c.concepts[i].Says, true
}
