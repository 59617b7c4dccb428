package fallback

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// ReasonNone is given where a copy was too old for a fallback and nothing else
// was left.
const ReasonNone lab.Reason = "no_fallback"

// Knobs are the adjustable values.
type Knobs struct {
	CopyAge time.Duration `knob:"copy_age" min:"0s" max:"24h" help:"oldest copy that comes before the default answer; 0s: none does"`
	Default bool          `knob:"default" help:"give the service's simpler answer, where it has one"`
	OldCopy bool          `knob:"old_copy" help:"give an older copy before an error"`
	Refused bool          `knob:"refused" help:"answer those who were refused too (shed, open), not only failures"`
}

// Defaults returns the default knobs.
func Defaults() Knobs {
	return Knobs{CopyAge: 5 * time.Minute, Default: true, OldCopy: true, Refused: true}
}

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	if k.CopyAge < 0 {
		return knob.Wrong("copy_age", k.CopyAge, "0s or more")
	}
	return nil
}

// Step is what a reader gets.
type Step uint8

// The steps, in their order.
const (
	Real    Step = iota // the answer from below, which is no fallback
	Copy                // a copy that is young enough
	Default             // the service's simpler answer
	OldCopy             // a copy that is not
	Error               // the failure
)

// Ladder decides on steps. It is not safe for concurrent use. Use New.
type Ladder struct {
	knobs Knobs
	share float64 // of the last answers that were fallbacks
}

// New returns a Ladder that has seen nothing.
func New(k Knobs) (*Ladder, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("fallback: %w", err)
	}
	return &Ladder{knobs: k}, nil
}

// memory is over how many answers the share of fallbacks is a mean.
const memory = 128

// Decide returns the step for an answer from below to r at now; simple says
// whether the service has a simpler answer to it.
func (l *Ladder) Decide(now time.Duration, r *lab.Request, res *lab.Response, simple bool) Step {
	step := l.step(now, r, res, simple)
	fell := 0.0
	if step != Real {
		fell = 1
	}
	l.share += (fell - l.share) / memory
	return step
}

func (l *Ladder) step(now time.Duration, r *lab.Request, res *lab.Response, simple bool) Step {
	copied := res.Outcome == lab.Stale
	switch {
	case !r.Read || !copied && !l.covers(res):
		return Real
	case copied && res.Age <= l.knobs.CopyAge:
		return Copy
	case l.knobs.Default && simple && !r.Useless(now):
		return Default
	case copied && l.knobs.OldCopy:
		return OldCopy
	}
	return Error
}

// covers reports whether a failure is one that a fallback is for: not that of a
// caller over a quota, nor of a request that is wrong whoever answers it.
func (l *Ladder) covers(res *lab.Response) bool {
	if res.Outcome == lab.Shed || res.Outcome == lab.Open {
		return l.knobs.Refused && res.Reason != lab.ReasonShutdown
	}
	return res.Trouble()
}

// Share returns the share of fallbacks among about the last 128 answers.
func (l *Ladder) Share() float64 { return l.share }

// Answer returns what a step gives out in place of an answer from below.
func Answer(step Step, res lab.Response, simple []byte) lab.Response {
	switch {
	case step == Default:
		return lab.Response{Outcome: lab.Stale, Default: true, Body: simple}
	case step == Error && res.Outcome == lab.Stale:
		return lab.Refuse(lab.Failed, ReasonNone, 0)
	}
	return res
}
