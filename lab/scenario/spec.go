package scenario

import (
	"time"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/sim/arrival"
	"workbench/sim/load"
	"workbench/sim/population"
)

// Spec is one scenario file. Rates and slots are written at the reference scale
// 1; Live and the --scale flag multiply them. See docs/reference/scenario.md.
type Spec struct {
	Name       string         `yaml:"name"`
	Title      string         `yaml:"title"`
	Story      string         `yaml:"story"`   // what is happening, two or three sentences
	Lesson     string         `yaml:"lesson"`  // what one learns, one sentence
	Teaches    string         `yaml:"teaches"` // the pattern whose presence decides the scenario
	System     string         `yaml:"system"`  // "profile"
	Instances  int            `yaml:"instances"`
	Instance   Instance       `yaml:"instance"` // the capacity of each of them; zero: none of its own
	Balancer   fleet.Settings `yaml:"balancer"` // how requests are spread over them
	Autoscaler fleet.Scaling  `yaml:"autoscaler"`
	Resize     []Resize       `yaml:"resize"` // what an operator does by hand
	// SharedStore lets the instances of virtual time share what patterns keep in
	// Redis. Without it each has its own there, as when the older scenarios were
	// measured; the live lab always shares.
	SharedStore bool                `yaml:"shared_store"`
	Gate        Gate                `yaml:"gate"`
	Provider    Gate                `yaml:"provider"` // the slow downstream that reports call; zero: shares the gate
	Second      Gate                `yaml:"second"`   // another provider that does the same; zero: there is none
	Population  population.Spec     `yaml:"population"`
	Arrivals    string              `yaml:"arrivals"`
	Traffic     arrival.Schedule    `yaml:"traffic"`
	Clients     load.Client         `yaml:"clients"`
	Faults      []Fault             `yaml:"faults"`
	Alert       Alert               `yaml:"alert"`    // what is to wake somebody; zero: nothing is
	Patterns    map[string]Setting  `yaml:"patterns"` // those that start on or with other knobs than the defaults
	Claims      []Claim             `yaml:"claims"`
	Predict     Predict             `yaml:"predict"`
	Ablation    Ablation            `yaml:"ablation"`
	LiveScale   float64             `yaml:"live_scale"` // default 0.2
	Variants    map[string][]string `yaml:"variants"`   // named sets of flags, such as budget: [--on=client-budget]

	uncut time.Duration // how long the schedule was before it was cut; 0: it was not

	src *source // where the fields stand in the file; nil when made in code
}

// Gate is the capacity of a dependency: how many requests it serves at once and
// how long each takes.
type Gate struct {
	Slots   int           `yaml:"slots" json:"slots"`
	Service time.Duration `yaml:"service" json:"service"`           // mean service time
	Law     string        `yaml:"law" json:"law"`                   // constant, exponential (default), lognormal, pareto
	SCV     float64       `yaml:"scv" json:"scv,omitempty"`         // squared coefficient of variation, for lognormal
	RTT     time.Duration `yaml:"rtt" json:"rtt,omitempty"`         // network round trip outside the slots
	Backlog int           `yaml:"backlog" json:"backlog,omitempty"` // most requests that may wait; default 4096
}

// Instance is what one instance can do, and how it comes to be. Its slots are
// those of a processor: a request holds one for its own work and not while it
// waits for the database.
type Instance struct {
	Gate       `yaml:",inline"`
	Start      time.Duration `yaml:"start" json:"start"`                       // from the wish for an instance until it serves; default 2 s
	Warmup     time.Duration `yaml:"warmup" json:"warmup,omitempty"`           // how long a new one is slower than it will be
	ColdFactor float64       `yaml:"cold_factor" json:"cold_factor,omitempty"` // by how much at first
}

// Limited reports whether instances have a capacity of their own.
func (i Instance) Limited() bool { return i.Slots > 0 }

// Warmth returns what the service time of an instance of this age is multiplied
// by: from ColdFactor down to 1, evenly over Warmup.
func (i Instance) Warmth(age time.Duration) float64 {
	if i.Warmup <= 0 || age >= i.Warmup {
		return 1
	}
	return i.ColdFactor - (i.ColdFactor-1)*float64(age)/float64(i.Warmup)
}

// Begin returns how many instances there are at first: as many as the scenario
// says, and no fewer than its autoscaler would allow.
func (s Spec) Begin() int {
	if s.Autoscaler.On {
		return max(1, s.Instances, s.Autoscaler.Min)
	}
	return max(1, s.Instances)
}

// Resize is one change of the number of instances by hand.
type Resize struct {
	At        time.Duration `yaml:"at" json:"at"`
	Instances int           `yaml:"instances" json:"instances"`
}

// Fault is one thing that goes wrong for a while. Names: slow (Factor), error
// (Share), hang, kill (an instance), cache-down, cache-flush, delay (By), and
// instance-slow (Factor) and instance-error (Share) of one instance.
type Fault struct {
	Name   string        `yaml:"name" json:"name"`
	Target string        `yaml:"target" json:"target,omitempty"` // gate (default), provider, cache, or an instance's name; see also instance-slow, instance-error
	At     time.Duration `yaml:"at" json:"at"`
	For    time.Duration `yaml:"for" json:"for"`
	Factor float64       `yaml:"factor" json:"factor,omitempty"`
	Share  float64       `yaml:"share" json:"share,omitempty"`
	By     time.Duration `yaml:"by" json:"by,omitempty"`

	Standing bool `json:"-"` // a flag has put it there: it is no part of the scenario's event
}

// Setting is how one pattern starts.
type Setting struct {
	State lab.State      `yaml:"state" json:"state"`
	Knobs map[string]any `yaml:"knobs" json:"knobs,omitempty"`
}

// Claim is a checkable sentence. When says in which configuration it applies:
// pattern name to state; it is skipped when the run differs.
type Claim struct {
	Text   string               `yaml:"text"`
	Metric string               `yaml:"metric"` // see Metrics
	Last   time.Duration        `yaml:"last"`   // window: the last so much of the run; or
	From   time.Duration        `yaml:"from"`   // from here
	To     time.Duration        `yaml:"to"`     // to here; 0: to the end
	Min    *float64             `yaml:"min"`
	Max    *float64             `yaml:"max"`
	When   map[string]lab.State `yaml:"when"`
	Knobs  map[string]string    `yaml:"knobs"` // "queue.order": "lifo"; the claim is skipped when a knob has another value
}

// Predict is the card shown before the scenario's event.
type Predict struct {
	Question string   `yaml:"question" json:"question"`
	Metric   string   `yaml:"metric" json:"metric"`
	Unit     string   `yaml:"unit" json:"unit"` // share, ms, s, req/s
	Options  []Option `yaml:"options" json:"options"`
	// The window in which Metric is measured, as in Claim; none: the whole run.
	Last time.Duration `yaml:"last" json:"last,omitempty"`
	From time.Duration `yaml:"from" json:"from,omitempty"`
	To   time.Duration `yaml:"to" json:"to,omitempty"`
}

// Option is one answer of a prediction: right when the measured value lies in
// [Min, Max].
type Option struct {
	Text string   `yaml:"text" json:"text"`
	Min  *float64 `yaml:"min" json:"min,omitempty"`
	Max  *float64 `yaml:"max" json:"max,omitempty"`
}

// Ablation says how the scenario is lost and won: flags as on the command line,
// and the condition that means "won".
type Ablation struct {
	Metric  string        `yaml:"metric"`
	Last    time.Duration `yaml:"last"`
	From    time.Duration `yaml:"from"`
	To      time.Duration `yaml:"to"`
	Min     *float64      `yaml:"min"`
	Max     *float64      `yaml:"max"`
	Without []string      `yaml:"without"`
	With    []string      `yaml:"with"`
}
