package retry

import (
	"errors"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/sim/retry"
)

// Knobs are the adjustable values.
type Knobs struct {
	Tries  int           `knob:"tries" min:"1" max:"10" help:"most calls for a request, the first included"`
	Base   time.Duration `knob:"base" min:"0s" max:"10s" help:"pause before the second try; doubles each time"`
	Cap    time.Duration `knob:"cap" min:"1ms" max:"1m" help:"longest pause"`
	Jitter bool          `knob:"jitter" help:"draw each pause uniformly from zero to its length"`
	Budget float64       `knob:"budget" min:"0" max:"10" help:"retries for each first try; 0: no budget"`
}

// Defaults returns the default knobs.
func Defaults() Knobs {
	return Knobs{Tries: 3, Base: 10 * time.Millisecond, Cap: time.Second, Jitter: true, Budget: 0.1}
}

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	var faults []error
	if k.Tries < 1 {
		faults = append(faults, knob.Wrong("tries", k.Tries, "at least 1"))
	}
	if !(k.Budget >= 0) {
		faults = append(faults, knob.Wrong("budget", k.Budget, "0 (none) or a share above"))
	}
	if k.Base < 0 || k.Cap <= 0 || k.Base > k.Cap {
		faults = append(faults, knob.Wrong("base", fmt.Sprintf("%v with cap %v", k.Base, k.Cap), "0s or more and at most the cap"))
	}
	return errors.Join(faults...)
}

// Verdict is what follows from a failed try.
type Verdict uint8

// The verdicts.
const (
	Again  Verdict = iota // call once more after the pause
	GiveUp                // the tries or the time are used up
	Denied                // the budget is used up
)

// Retry decides on retries. It is not safe for concurrent use. Use New.
type Retry struct {
	tries   int
	backoff retry.Backoff
	budget  *retry.Budget // nil: none
}

// New returns a Retry whose budget holds its full reserve.
func New(k Knobs) (*Retry, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("retry: %w", err)
	}
	r := &Retry{tries: k.Tries, backoff: retry.Backoff{Base: k.Base, Cap: k.Cap, Jitter: k.Jitter}}
	if k.Budget > 0 {
		r.budget = retry.NewBudget(k.Budget, retry.DefaultBurst)
	}
	return r, nil
}

// First counts a request, which earns its share of a retry unless it is itself
// a client's retry.
func (t *Retry) First(r *lab.Request) {
	if r.Try == 0 {
		t.budget.Request()
	}
}

// Retryable reports whether the answer to r is a failure that asking again may
// cure, and asking again harms nobody.
func Retryable(r *lab.Request, res lab.Response) bool {
	return r.Read && res.Outcome == lab.Failed && res.Reason != lab.ReasonBad
}

// Next decides at now what follows a retryable answer to call number calls of
// r, counted from 1. u is a uniform draw in [0, 1). The pause is 0 unless the
// verdict is Again.
func (t *Retry) Next(now time.Duration, r *lab.Request, calls int, res lab.Response, u float64) (Verdict, time.Duration) {
	if calls >= t.tries {
		return GiveUp, 0
	}
	pause := max(t.backoff.Wait(calls, u), res.RetryAfter)
	if r.Useless(now + pause) {
		return GiveUp, 0
	}
	if !t.budget.Take() {
		return Denied, 0
	}
	return Again, pause
}

// Balance returns how many retries the budget allows now, and false without a
// budget.
func (t *Retry) Balance() (float64, bool) {
	if t.budget == nil {
		return 0, false
	}
	return t.budget.Balance(), true
}
