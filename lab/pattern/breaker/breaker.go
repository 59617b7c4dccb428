package breaker

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Reasons with which a breaker refuses.
const (
	ReasonOpen    lab.Reason = "breaker_open"    // the dependency is being left alone
	ReasonProbing lab.Reason = "breaker_probing" // all probes are under way, their result is awaited
)

// Knobs are a breaker's adjustable values.
type Knobs struct {
	FailureShare float64       `knob:"failure_share" min:"0.01" max:"1" help:"share of failed or slow calls at which it opens"`
	MinCalls     int           `knob:"min_calls" min:"1" max:"100000" help:"fewest calls in the window before the share counts"`
	Window       time.Duration `knob:"window" min:"100ms" max:"5m" help:"how far back calls are counted"`
	Slow         time.Duration `knob:"slow" min:"0s" max:"1m" help:"answers slower than this count as failures; 0s: only errors do"`
	OpenFor      time.Duration `knob:"open_for" min:"10ms" max:"10m" help:"how long calls are refused before probing"`
	Probes       int           `knob:"probes" min:"1" max:"1000" help:"calls admitted half-open, all of which must succeed"`
}

// Defaults returns knobs that fit the reference cell: 1000 requests a second, a
// client timeout of 500 ms and a backlog of up to 5000 requests to drain.
func Defaults() Knobs {
	return Knobs{
		FailureShare: 0.5, MinCalls: 20, Window: 2 * time.Second,
		Slow: 400 * time.Millisecond, OpenFor: 5 * time.Second, Probes: 5,
	}
}

// Validate implements knob.Validator: the limits that tags cannot express, for
// knobs set in code too.
func (k *Knobs) Validate() error {
	switch {
	case !(k.FailureShare > 0 && k.FailureShare <= 1):
		return knob.Wrong("failure_share", k.FailureShare, "a share above 0 and at most 1")
	case k.MinCalls < 1:
		return knob.Wrong("min_calls", k.MinCalls, "at least 1")
	case k.Window < cells:
		return knob.Wrong("window", k.Window, fmt.Sprintf("at least %v", time.Duration(cells)))
	case k.Slow < 0:
		return knob.Wrong("slow", k.Slow, "0s (off) or more")
	case k.OpenFor <= 0:
		return knob.Wrong("open_for", k.OpenFor, "more than 0s")
	case k.Probes < 1:
		return knob.Wrong("probes", k.Probes, "at least 1")
	}
	return nil
}

// patience is how long a probe may take before it counts as failed.
func (k *Knobs) patience() time.Duration {
	if k.Slow > 0 {
		return k.Slow
	}
	return k.OpenFor
}

// State is where a breaker stands.
type State uint8

// The states, in the order of the state gauge.
const (
	Closed   State = iota // calls pass
	HalfOpen              // probes pass
	Open                  // nothing passes
)

// String returns the state's word.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half-open"
	case Open:
		return "open"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Verdict is what an answer says about the dependency.
type Verdict uint8

// The verdicts.
const (
	Ignored Verdict = iota // nothing
	Success                // it works
	Failure                // it does not
	Slow                   // it answers, too late: as bad as a failure
)

// Judge returns what the answer to r, admitted at an instant, says about the
// dependency. A wrong request, a refusal by another pattern and the service's
// own shutdown say nothing, and neither does lateness when the deadline had
// passed before the call was made.
func Judge(r *lab.Request, admitted time.Duration, res lab.Response) Verdict {
	switch {
	case res.Outcome.Good():
		return Success
	case res.Outcome == lab.Late && !r.Expired(admitted):
		return Failure
	case res.Outcome == lab.Failed && res.Reason != lab.ReasonBad:
		return Failure
	case res.Outcome == lab.Shed && res.Reason == lab.ReasonBacklog:
		return Failure
	}
	return Ignored
}

// Pass is an admission, to be handed back to Done once.
type Pass struct {
	generation uint64
	at         time.Duration
}

// Decision is the answer to Allow. An empty Reason admits the call.
type Decision struct {
	Pass       Pass
	Reason     lab.Reason
	RetryAfter time.Duration // of a refusal: when asking again makes sense
}

// Breaker is the state machine. It is not safe for concurrent use. Use New.
type Breaker struct {
	// OnChange, if set, is told each new state, in order.
	OnChange func(State)

	knobs      Knobs
	now        time.Duration // the latest instant seen: time never runs backwards
	state      State
	generation uint64        // grows with every change of state
	until      time.Duration // Open: when probing begins
	admitted   int           // HalfOpen: probes that passed and were not ignored
	succeeded  int           // HalfOpen: probes that came back well
	lastProbe  time.Duration // HalfOpen: when the latest probe passed
	recent     window
}

// New returns a closed breaker with an empty window.
func New(k Knobs) (*Breaker, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("breaker: %w", err)
	}
	return &Breaker{knobs: k, recent: window{width: k.Window / cells}}, nil
}

// Allow decides on a call at now. An admitted call must be reported to Done,
// whatever becomes of it.
func (b *Breaker) Allow(now time.Duration) Decision {
	b.advance(now)
	switch b.state {
	case Open:
		return Decision{Reason: ReasonOpen, RetryAfter: b.until - b.now}
	case HalfOpen:
		if b.admitted >= b.knobs.Probes {
			verdict := b.lastProbe + b.knobs.patience() - b.now
			return Decision{Reason: ReasonProbing, RetryAfter: max(verdict, time.Millisecond)}
		}
		b.admitted++
		b.lastProbe = b.now
	}
	return Decision{Pass: Pass{generation: b.generation, at: b.now}}
}

// Done reports what became of an admitted call. It returns the verdict as it
// was counted: Slow for a success that took too long, and Ignored when the
// breaker has changed its state since the call was admitted.
func (b *Breaker) Done(now time.Duration, p Pass, v Verdict) Verdict {
	b.advance(now)
	if p.generation != b.generation {
		return Ignored
	}
	if v == Success && b.knobs.Slow > 0 && b.now-p.at > b.knobs.Slow {
		v = Slow
	}
	if b.state == HalfOpen {
		b.probed(v)
	} else {
		b.count(v)
	}
	return v
}

// probed takes the result of a probe of this generation.
func (b *Breaker) probed(v Verdict) {
	switch v {
	case Ignored:
		b.admitted-- // its place is for another probe
	case Success:
		if b.succeeded++; b.succeeded >= b.knobs.Probes {
			b.change(Closed)
			b.recent.reset(b.now)
		}
	default:
		b.open(b.now)
	}
}

// count takes the result of a call while closed. Only a failure can open the
// breaker: with min_calls reached by a success, the dependency has just worked.
func (b *Breaker) count(v Verdict) {
	switch v {
	case Success:
		b.recent.add(b.now, 0)
	case Failure, Slow:
		b.recent.add(b.now, 1)
		if b.recent.sum.calls >= b.knobs.MinCalls && b.recent.sum.share() >= b.knobs.FailureShare {
			b.open(b.now)
		}
	}
}

// advance makes the changes that time alone brings.
func (b *Breaker) advance(now time.Duration) {
	b.now = max(b.now, now)
	if b.state == HalfOpen && b.admitted >= b.knobs.Probes {
		// A verdict is missing and no further probe can bring it.
		if due := b.lastProbe + b.knobs.patience(); b.now > due {
			b.open(due)
		}
	}
	if b.state == Open && b.now >= b.until {
		b.change(HalfOpen)
		b.admitted, b.succeeded = 0, 0
	}
}

func (b *Breaker) open(at time.Duration) {
	b.until = at + b.knobs.OpenFor
	b.change(Open)
}

func (b *Breaker) change(to State) {
	b.state = to
	b.generation++
	if b.OnChange != nil {
		b.OnChange(to)
	}
}

// State returns the state at now.
func (b *Breaker) State(now time.Duration) State {
	b.advance(now)
	return b.state
}

// Remaining returns how long an open breaker still refuses; 0 otherwise.
func (b *Breaker) Remaining(now time.Duration) time.Duration {
	if b.State(now) != Open {
		return 0
	}
	return b.until - b.now
}

// Share returns the share of failures among the calls of the window, 0 without
// calls.
func (b *Breaker) Share(now time.Duration) float64 {
	b.advance(now)
	b.recent.roll(b.now)
	return b.recent.sum.share()
}

// cells is into how many parts the window is divided: a call is forgotten
// between 90 % and 100 % of the window after it was counted.
const cells = 10

// tally counts calls and how many of them failed.
type tally struct{ calls, failures int }

func (t tally) share() float64 {
	if t.calls == 0 {
		return 0
	}
	return float64(t.failures) / float64(t.calls)
}

// window counts the calls of the last ten cell widths.
type window struct {
	width  time.Duration // of a cell
	origin time.Duration // when cell 0 began
	head   int64         // number of the newest cell, counted from origin
	cells  [cells]tally  // cell n at index n modulo 10
	sum    tally         // of all cells
}

// reset forgets everything and starts the first cell at now.
func (w *window) reset(now time.Duration) { *w = window{width: w.width, origin: now} }

// roll forgets the cells that are too old at now.
func (w *window) roll(now time.Duration) {
	to := int64((now - w.origin) / w.width)
	for n := max(w.head+1, to-cells+1); n <= to; n++ {
		old := &w.cells[n%cells]
		w.sum.calls -= old.calls
		w.sum.failures -= old.failures
		*old = tally{}
	}
	w.head = max(w.head, to)
}

// add counts one call at now.
func (w *window) add(now time.Duration, failures int) {
	w.roll(now)
	c := &w.cells[w.head%cells]
	c.calls++
	c.failures += failures
	w.sum.calls++
	w.sum.failures += failures
}
