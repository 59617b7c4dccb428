package scenario

import (
	"errors"
	"fmt"
	"strings"

	"workbench/lab"
)

// Judge decides the claims of a scenario from a run of it. A claim is left out
// when its When and Knobs do not match how the patterns ended. It is listed and
// not judged when the run was cut before the claim's window ended, or has no
// figure to hold against it.
func Judge(spec Spec, r Report) []Verdict {
	var out []Verdict
	for _, c := range spec.Claims {
		if !applies(spec, c, r) {
			continue
		}
		v := Verdict{Text: c.Text, Want: bounds(c.Min, c.Max)}
		w := Window{c.Last, c.From, c.To}
		if v.NotJudged = spec.beyond(w, r); v.NotJudged == "" {
			v.measure(c, w, spec, r)
		}
		out = append(out, v)
	}
	return out
}

// measure holds the claim's metric to its bounds, or says why there is none.
func (v *Verdict) measure(c Claim, w Window, spec Spec, r Report) {
	value, err := MeasureIn(w, c.Metric, spec, r)
	switch {
	case errors.Is(err, ErrNoData):
		v.NotJudged = strings.TrimPrefix(err.Error(), "metric "+c.Metric+": "+ErrNoData.Error()+": ")
	case err != nil:
		v.Text += " (" + err.Error() + ")"
	default:
		v.Value, v.OK = value, within(value, c.Min, c.Max)
	}
}

// cutSlack forgives the rounding of a run's length, in seconds.
const cutSlack = 0.5

// beyond says why a window is not wholly within a run; "" when it is. The last
// so much of a scenario that was cut is another part of it, and so is the whole.
func (s Spec) beyond(w Window, r Report) string {
	own := max(s.uncut, s.Traffic.Duration()).Seconds()
	switch end := w.To.Seconds(); {
	case r.DurationS >= own-cutSlack:
		return ""
	case w.To > 0 && end <= r.DurationS:
		return ""
	case w.To > 0:
		return fmt.Sprintf("the run ends at %.4g s, before the %.4g s until which the claim looks", r.DurationS, end)
	default:
		return fmt.Sprintf("the run ends at %.4g s, before the scenario's own end at %.4g s, to which the claim looks", r.DurationS, own)
	}
}

// applies reports whether a claim speaks about the configuration of a run.
func applies(spec Spec, c Claim, r Report) bool {
	for name, want := range c.When {
		if acts(r.Patterns[name].State) != acts(want) {
			return false
		}
	}
	for path, want := range c.Knobs {
		name, knob, _ := strings.Cut(path, ".")
		knobs := r.Patterns[name].Knobs
		switch name {
		case balancerName:
			knobs = r.Balancer
		case autoscalerName:
			knobs = r.Autoscaler
		case alertName:
			knobs = spec.alerted(r).Alert.Values()
		}
		if knobs[knob] != want {
			return false
		}
	}
	return true
}

// acts reports whether a pattern in this state changes what happens. A
// learner's own solution counts as the pattern; a shadow counts as none.
func acts(s lab.State) bool { return s == lab.On || s == lab.Yours }

// Won decides a scenario's ablation from a run of it, and returns the measured
// value. The error says why it could not be measured.
func Won(spec Spec, r Report) (won bool, value float64, err error) {
	a := spec.Ablation
	value, err = MeasureIn(Window{a.Last, a.From, a.To}, a.Metric, spec, r)
	if err != nil {
		return false, 0, fmt.Errorf("ablation: %w", err)
	}
	return within(value, a.Min, a.Max), value, nil
}

// Answer measures what the prediction card asks. choice is the index of the
// first option that holds, -1 when none does.
func (p Predict) Answer(spec Spec, r Report) (choice int, value float64, err error) {
	value, err = MeasureIn(Window{p.Last, p.From, p.To}, p.Metric, spec, r)
	if err != nil {
		return -1, 0, fmt.Errorf("prediction: %w", err)
	}
	for i, o := range p.Options {
		if within(value, o.Min, o.Max) {
			return i, value, nil
		}
	}
	return -1, value, nil
}

// ErrClaims means that at least one claim of a run failed.
var ErrClaims = errors.New("a claim failed")

// Failed returns an error that wraps ErrClaims and counts the failed claims of
// a run among those that were judged; nil when none failed.
func (r Report) Failed() error {
	judged, held := r.Judged()
	if held == judged {
		return nil
	}
	return fmt.Errorf("%w: %d of %d", ErrClaims, judged-held, judged)
}

// Judged returns how many claims of a run were judged, and how many of them held.
func (r Report) Judged() (judged, held int) {
	for _, v := range r.Claims {
		if v.NotJudged != "" {
			continue
		}
		judged++
		if v.OK {
			held++
		}
	}
	return judged, held
}

func within(value float64, lo, hi *float64) bool {
	return (lo == nil || value >= *lo) && (hi == nil || value <= *hi)
}

// bounds writes what a value has to be.
func bounds(lo, hi *float64) string {
	switch {
	case lo != nil && hi != nil:
		return fmt.Sprintf("%.4g to %.4g", *lo, *hi)
	case lo != nil:
		return fmt.Sprintf("≥ %.4g", *lo)
	case hi != nil:
		return fmt.Sprintf("≤ %.4g", *hi)
	}
	return ""
}
