package throttle

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// ReasonThrottled is given for a request that is refused before its call.
const ReasonThrottled lab.Reason = "throttled"

// retryAfter is the advice to those turned away: the least that HTTP's
// Retry-After can say.
const retryAfter = time.Second

// Knobs are the adjustable values.
type Knobs struct {
	K      float64       `knob:"k" min:"1" max:"10" help:"calls made for each one that is accepted, once it refuses"`
	Window time.Duration `knob:"window" min:"1s" max:"10m" help:"how far back calls are counted"`
	Most   float64       `knob:"most" min:"0" max:"1" help:"largest share of requests that is refused"`
	Per    string        `knob:"per" options:"operation,all" help:"whether operations are counted apart"`
}

// Defaults returns the default knobs.
func Defaults() Knobs { return Knobs{K: 2, Window: 10 * time.Second, Most: 0.9, Per: "operation"} }

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	var faults []error
	if !(k.K >= 1) {
		faults = append(faults, knob.Wrong("k", k.K, "at least 1"))
	}
	if k.Window < cells {
		faults = append(faults, knob.Wrong("window", k.Window, "more than 0s"))
	}
	if !(k.Most >= 0 && k.Most <= 1) {
		faults = append(faults, knob.Wrong("most", k.Most, "0 to 1"))
	}
	if k.Per != "operation" && k.Per != "all" {
		faults = append(faults, knob.Wrong("per", strconv.Quote(k.Per), "operation or all"))
	}
	return errors.Join(faults...)
}

const (
	operations = 8  // that are counted apart; those beyond share the last
	cells      = 10 // of a window
)

// Throttle counts what a dependency accepts. It is not safe for concurrent use.
// Use New.
type Throttle struct {
	knobs Knobs
	ops   [operations]window
}

// New returns a Throttle that has seen nothing and so refuses nothing.
func New(k Knobs) (*Throttle, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("throttle: %w", err)
	}
	t := &Throttle{knobs: k}
	for i := range t.ops {
		t.ops[i].width = k.Window / cells
	}
	return t, nil
}

// Share returns with which probability a request of an operation is refused at
// now.
func (t *Throttle) Share(now time.Duration, op uint8) float64 {
	w := t.of(op)
	w.roll(now)
	return min(t.knobs.Most, max(0, (w.sum.requests-t.knobs.K*w.sum.accepts)/(w.sum.requests+1)))
}

// Refused counts a request that is refused before its call.
func (t *Throttle) Refused(now time.Duration, op uint8) { t.of(op).add(now, 0) }

// Called counts a request whose call has ended.
func (t *Throttle) Called(now time.Duration, op uint8, accepted bool) {
	n := 0.0
	if accepted {
		n = 1
	}
	t.of(op).add(now, n)
}

// Worst returns the highest of the operations' shares, and what is counted in
// all windows.
func (t *Throttle) Worst(now time.Duration) (share, requests, accepts float64) {
	for op := range uint8(operations) {
		share = max(share, t.Share(now, op))
		requests += t.ops[op].sum.requests
		accepts += t.ops[op].sum.accepts
	}
	return share, requests, accepts
}

func (t *Throttle) of(op uint8) *window {
	if t.knobs.Per == "all" {
		return &t.ops[0]
	}
	return &t.ops[min(int(op), operations-1)]
}

// Accepted reports whether the dependency did what r asked, in time to be of
// use. A request that is wrong by itself was dealt with as well.
func Accepted(now time.Duration, r *lab.Request, res *lab.Response) bool {
	return res.Outcome.Good() && !r.Useless(now) || res.Reason == lab.ReasonBad
}

// tally is what is counted. Float64s hold counts exactly, and the rule wants
// them.
type tally struct{ requests, accepts float64 }

// window counts over the last ten cell widths.
type window struct {
	width time.Duration
	head  int64 // number of the newest cell
	cells [cells]tally
	sum   tally // of all cells
}

// roll forgets the cells that are too old at now.
func (w *window) roll(now time.Duration) {
	to := int64(now / w.width)
	for n := max(w.head+1, to-cells+1); n <= to; n++ {
		old := &w.cells[n%cells]
		w.sum.requests -= old.requests
		w.sum.accepts -= old.accepts
		*old = tally{}
	}
	w.head = max(w.head, to)
}

func (w *window) add(now time.Duration, accepted float64) {
	w.roll(now)
	c := &w.cells[w.head%cells]
	c.requests++
	c.accepts += accepted
	w.sum.requests++
	w.sum.accepts += accepted
}
