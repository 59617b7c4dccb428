package scenario

import (
	"fmt"
	"math"
	"time"

	"workbench/lab/alert"
	"workbench/lab/knob"
)

// alertName is what flags and claims call the scenario's alert, which is no
// pattern: "--set=alert.kind=burn-rate".
const alertName = "alert"

// Alert is what is to wake somebody while the scenario runs. It reads the same
// figures as the report, once a second, so it is the same under both engines. The
// zero Alert is none.
type Alert struct {
	Kind      string        `yaml:"kind" knob:"kind" options:"threshold,burn-rate" help:"what pages: the share of errors over a moment, or how fast the error budget burns over two windows"`
	Objective float64       `yaml:"objective" knob:"objective" unit:"share" min:"0.5" max:"0.9999" help:"of users that must be answered in time: what is over is the error budget"`
	Share     float64       `yaml:"share" knob:"share" unit:"share" min:"0.001" max:"1" help:"of errors at which the threshold pages"`
	Over      time.Duration `yaml:"over" knob:"over" min:"1s" max:"1h" help:"over how long the threshold looks"`
	Incident  time.Duration `yaml:"incident" knob:"incident" min:"1s" max:"1h" help:"a fault that lasts as long is an incident; a shorter one is over before anybody could act"`
}

// On reports whether the scenario has an alert.
func (a Alert) On() bool { return a != Alert{} }

// WithDefaults returns the settings with what is not said filled in.
func (a Alert) WithDefaults() Alert {
	d := alert.Defaults()
	if a.Kind == "" {
		a.Kind = string(alert.Threshold)
	}
	if a.Objective == 0 {
		a.Objective = d.Objective
	}
	if a.Share == 0 {
		a.Share = d.Share
	}
	if a.Over == 0 {
		a.Over = d.Over
	}
	if a.Incident == 0 {
		a.Incident = 30 * time.Second
	}
	return a
}

// Apply returns the settings with the named ones changed, or an error that joins
// everything that is wrong.
func (a Alert) Apply(changes map[string]any) (Alert, error) {
	a = a.WithDefaults()
	if err := knob.Apply(&a, changes); err != nil {
		return Alert{}, err
	}
	return a, nil
}

// Check reports everything that is wrong with the settings.
func (a Alert) Check() error {
	values := map[string]any{}
	for _, k := range knob.Describe(&a) {
		values[k.Name] = k.Value
	}
	_, err := a.Apply(values)
	return err
}

// Knobs describes the settings with their values.
func (a Alert) Knobs() []knob.Info {
	a = a.WithDefaults()
	return knob.Describe(&a)
}

// Values returns the settings by name, as a report has them; nil: there is none.
func (a Alert) Values() map[string]string {
	if !a.On() {
		return nil
	}
	a = a.WithDefaults()
	return knob.Values(&a)
}

// alerted returns the scenario with the alert under which a run was made, which
// flags may have changed.
func (s Spec) alerted(r Report) Spec {
	if len(r.Alert) == 0 {
		return s
	}
	values := map[string]any{}
	for name, v := range r.Alert {
		values[name] = v
	}
	if a, err := s.Alert.Apply(values); err == nil { // a report that was altered is judged by the scenario
		s.Alert = a
	}
	return s
}

// alertAt takes what an override says of the alert into the scenario.
func (s Spec) alertAt(t Toggle) (Spec, error) {
	switch {
	case !s.Alert.On():
		return s, &PartError{alertName, fmt.Errorf("scenario %s has none to set: write alert: into its file", s.Name), alertName}
	case t.State != nil:
		return s, &PartError{alertName, fmt.Errorf("got %v, want its settings: --set=alert.KNOB=VALUE", *t.State), alertName}
	}
	changed, err := s.Alert.Apply(t.Knobs)
	if err != nil {
		return s, &PartError{alertName, err, alertName}
	}
	s.Alert = changed
	return s, nil
}

// incidents returns the faults that somebody must be woken for.
func (s Spec) incidents() (out []alert.Span) {
	least := s.Alert.WithDefaults().Incident
	for _, f := range s.Faults {
		if f.For >= least {
			out = append(out, alert.Span{From: f.At, To: f.At + f.For})
		}
	}
	return out
}

// alertGrace is how long after an incident a page is still about it: the longest
// window of the rule that pages first is a minute.
const alertGrace = time.Minute

// score plays the alert over a run and judges it.
func (v view) score() (alert.Score, error) {
	if !v.alert.On() {
		return alert.Score{}, fmt.Errorf("%w: the scenario has no alert", ErrNoData)
	}
	set := v.alert.WithDefaults()
	c := alert.Defaults()
	c.Objective, c.Share, c.Over = set.Objective, set.Share, set.Over
	a, err := alert.New(c)
	if err != nil {
		return alert.Score{}, err
	}
	for _, p := range v.all {
		var good, bad uint64
		for name, n := range p.Outcomes {
			if name == "ok" || name == "stale" {
				good += n
			} else {
				bad += n
			}
		}
		a.Add(time.Duration(math.Round(p.T*1000))*time.Millisecond, good, bad)
	}
	return alert.Judge(a.Pages(), alert.Kind(set.Kind), v.incidents, alertGrace), nil
}

// wrongPages counts how often the alert was wrong.
func wrongPages(v view) (float64, error) {
	s, err := v.score()
	return float64(s.False + s.Missed), err
}

// detected is how long the alert took to find the incidents.
func detected(v view) (float64, error) {
	s, err := v.score()
	switch {
	case err != nil:
		return 0, err
	case len(v.incidents) == 0:
		return 0, fmt.Errorf("%w: the scenario has no incident to find", ErrNoData)
	case s.Missed > 0:
		return v.duration.Seconds(), nil
	}
	return math.Round(s.Detect.Seconds()*10) / 10, nil
}

// alert checks the settings of the alert.
func (c *checker) alert() {
	if !c.spec.Alert.On() {
		return
	}
	c.part(alertName, c.spec.Alert.WithDefaults().Check())
}

// ofAlert checks a metric that needs an alert.
func (c *checker) ofAlert(path, name string) {
	if name == "wrong_pages" || name == "detected_after_s" {
		c.that(c.spec.Alert.On(), path, name, "an alert in the scenario")
	}
	if name == "detected_after_s" {
		c.that(len(c.spec.incidents()) > 0, path, name, "a fault that lasts as long as alert.incident: something to find")
	}
}
