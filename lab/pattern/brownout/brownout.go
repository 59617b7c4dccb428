package brownout

import (
	"errors"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/sim/stat"
)

// Knobs are the adjustable values.
type Knobs struct {
	Target   time.Duration `knob:"target" min:"1ms" max:"30s" help:"response time to be kept"`
	Quantile float64       `knob:"quantile" min:"0.5" max:"0.999" help:"at this quantile of the requests"`
	Every    time.Duration `knob:"every" min:"50ms" max:"10s" help:"time between two moves of the dimmer"`
	Gain     float64       `knob:"gain" min:"0.01" max:"1" help:"farthest move of the dimmer, as a share of requests"`
	Least    float64       `knob:"least" min:"0" max:"1" help:"share of requests that always gets the optional part"`
}

// Defaults returns the default knobs.
func Defaults() Knobs {
	return Knobs{Target: 300 * time.Millisecond, Quantile: 0.95, Every: 250 * time.Millisecond, Gain: 0.2}
}

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	var faults []error
	if k.Target <= 0 {
		faults = append(faults, knob.Wrong("target", k.Target, "more than 0s"))
	}
	if !(k.Quantile > 0 && k.Quantile < 1) {
		faults = append(faults, knob.Wrong("quantile", k.Quantile, "above 0 and below 1"))
	}
	if k.Every <= 0 {
		faults = append(faults, knob.Wrong("every", k.Every, "more than 0s"))
	}
	if !(k.Gain > 0 && k.Gain <= 1) {
		faults = append(faults, knob.Wrong("gain", k.Gain, "above 0 and at most 1"))
	}
	if !(k.Least >= 0 && k.Least <= 1) {
		faults = append(faults, knob.Wrong("least", k.Least, "0 to 1"))
	}
	return errors.Join(faults...)
}

// Dimmer says which requests get their optional part. It is not safe for
// concurrent use. Use New.
type Dimmer struct {
	knobs  Knobs
	share  float64       // of requests that get it
	next   time.Duration // when the dimmer moves; 0: nobody has come yet
	took   stat.Hist     // of those who left since it last moved
	last   time.Duration // what was measured then
	inside int
}

// New returns a Dimmer that serves everything.
func New(k Knobs) (*Dimmer, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("brownout: %w", err)
	}
	return &Dimmer{knobs: k, share: 1}, nil
}

// Enter lets a request in at now and reports whether it gets its optional part;
// u is a uniform draw in [0, 1).
func (d *Dimmer) Enter(now time.Duration, u float64) bool {
	if d.next == 0 {
		d.next = now + d.knobs.Every
	}
	d.move(now)
	d.inside++
	return u < d.share
}

// Leave takes at now the answer of a request that entered at entered. One that
// failed or was refused says nothing about how long work takes.
func (d *Dimmer) Leave(now, entered time.Duration, o lab.Outcome) {
	d.move(now)
	d.inside--
	if o.Good() || o == lab.Late {
		d.took.Record(now - entered)
	}
}

// move moves the dimmer for each period that has passed.
func (d *Dimmer) move(now time.Duration) {
	for ; now >= d.next; d.next += d.knobs.Every {
		if d.inside == 0 && d.took.Count() == 0 && d.share == 1 {
			d.last = 0
			d.next += (now - d.next) / d.knobs.Every * d.knobs.Every // nothing to do for all of them
			continue
		}
		switch {
		case d.took.Count() > 0:
			d.last = d.took.Quantile(d.knobs.Quantile)
		case d.inside > 0:
			d.last = 2 * d.knobs.Target // nobody comes out: that is slow
		default:
			d.last = 0
		}
		d.took.Reset()
		off := max(-1, 1-float64(d.last)/float64(d.knobs.Target))
		d.share = min(1, max(d.knobs.Least, d.share+d.knobs.Gain*off))
	}
}

// Share returns the share of requests that get their optional part, and the
// response time that the last move of the dimmer was made for.
func (d *Dimmer) Share() (share float64, measured time.Duration) { return d.share, d.last }
