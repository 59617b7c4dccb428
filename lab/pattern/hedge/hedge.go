package hedge

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/sim/retry"
)

// Knobs are the adjustable values.
type Knobs struct {
	Quantile float64       `knob:"quantile" min:"0" max:"0.999" help:"delay at this quantile of an operation's calls; 0: the fixed delay"`
	After    time.Duration `knob:"after" min:"1ms" max:"10s" help:"delay before the second call where quantile is 0 or nothing is measured yet"`
	Budget   float64       `knob:"budget" min:"0" max:"1" help:"second calls for each first one; 1: no bound"`
}

// Defaults returns the default knobs.
func Defaults() Knobs { return Knobs{Quantile: 0.95, After: 50 * time.Millisecond, Budget: 0.1} }

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	var faults []error
	if !(k.Quantile >= 0 && k.Quantile < 1) {
		faults = append(faults, knob.Wrong("quantile", k.Quantile, "0 (the fixed delay) or more, and below 1"))
	}
	if k.After <= 0 {
		faults = append(faults, knob.Wrong("after", k.After, "more than 0s"))
	}
	if !(k.Budget >= 0 && k.Budget <= 1) {
		faults = append(faults, knob.Wrong("budget", k.Budget, "0 to 1"))
	}
	return errors.Join(faults...)
}

const (
	operations = 8   // that are measured apart; those beyond share the last
	memory     = 256 // calls of an operation that are remembered
	every      = 32  // calls between two looks at them
)

// measured is what an operation's last calls took.
type measured struct {
	took  []time.Duration // a ring
	next  int
	since int           // calls since the delay was worked out
	delay time.Duration // 0: not measured yet
}

// Hedge decides on second calls. It is not safe for concurrent use. Use New.
type Hedge struct {
	knobs  Knobs
	budget *retry.Budget
	ops    [operations]measured
}

// New returns a Hedge that has measured nothing and whose budget holds its full
// reserve.
func New(k Knobs) (*Hedge, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("hedge: %w", err)
	}
	return &Hedge{knobs: k, budget: retry.NewBudget(k.Budget, retry.DefaultBurst)}, nil
}

// Hedged reports whether r may be asked twice.
func Hedged(r *lab.Request) bool { return r.Read }

// First counts a first call of an operation, which earns its share of a second,
// and returns how long to wait before that.
func (h *Hedge) First(op uint8) time.Duration {
	h.budget.Request()
	return h.Delay(op)
}

// Delay returns how long a call of an operation may take before a second is made.
func (h *Hedge) Delay(op uint8) time.Duration {
	if m := h.of(op); h.knobs.Quantile > 0 && m.delay > 0 {
		return m.delay
	}
	return h.knobs.After
}

// Second reports whether the second call of r may be made at now: somebody still
// waits, and the budget allows it.
func (h *Hedge) Second(now time.Duration, r *lab.Request) Verdict {
	switch {
	case r.Useless(now):
		return Useless
	case h.knobs.Budget == 0 || !h.unbounded() && !h.budget.Take():
		return Denied
	}
	return Ask
}

func (h *Hedge) unbounded() bool { return h.knobs.Budget >= 1 }

// Verdict says whether a second call is made.
type Verdict uint8

// The verdicts.
const (
	Ask     Verdict = iota // make it
	Denied                 // the budget is used up
	Useless                // nobody waits any more
)

// Took takes what a first call of an operation took; of one that lost, how long
// it was waited for, which is longer than the delay and so tells enough.
func (h *Hedge) Took(op uint8, d time.Duration) {
	if h.knobs.Quantile == 0 {
		return
	}
	m := h.of(op)
	if len(m.took) < memory {
		m.took = append(m.took, d)
	} else {
		m.took[m.next] = d
		m.next = (m.next + 1) % memory
	}
	if m.since++; m.since < every {
		return
	}
	m.since = 0
	sorted := slices.Clone(m.took)
	slices.Sort(sorted)
	rank := int(math.Ceil(h.knobs.Quantile*float64(len(sorted)))) - 1
	m.delay = max(time.Microsecond, sorted[max(0, rank)])
}

func (h *Hedge) of(op uint8) *measured { return &h.ops[min(int(op), operations-1)] }

// Balance returns how many second calls the budget allows now.
func (h *Hedge) Balance() float64 { return h.budget.Balance() }
