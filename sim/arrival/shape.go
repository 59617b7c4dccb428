package arrival

import "time"

// Kind names the form of a Shape.
type Kind string

// The kinds of shape.
const (
	Steady   Kind = "steady"   // Rate
	Ramp     Kind = "ramp"     // Rate to To over For
	Step     Kind = "step"     // Rate, from At on Rate × Factor
	Spike    Kind = "spike"    // Rate, from At for Hold Rate × Factor
	Flash    Kind = "flash"    // exponential rise over Rise to Rate × Factor from At, then decay by HalfLife
	Diurnal  Kind = "diurnal"  // Rate × (1 + Amplitude × sin), one day in Period
	Sawtooth Kind = "sawtooth" // Rate to Rate × Factor over each Period, then back at once
	Trace    Kind = "trace"    // Bins: requests in each Bin of time
)

// Shape is the mean rate of arrivals over time, as data: in a scenario file, in
// a plan and in a share link. Rates are requests a second. The zero value is
// silence. Fields that a kind does not name are ignored.
type Shape struct {
	Kind      Kind          `yaml:"kind" json:"kind"`
	Rate      float64       `yaml:"rate" json:"rate"`
	To        float64       `yaml:"to" json:"to,omitempty"`
	Factor    float64       `yaml:"factor" json:"factor,omitempty"`
	At        time.Duration `yaml:"at" json:"at,omitempty"`
	Hold      time.Duration `yaml:"hold" json:"hold,omitempty"`
	Rise      time.Duration `yaml:"rise" json:"rise,omitempty"`
	HalfLife  time.Duration `yaml:"half_life" json:"half_life,omitempty"`
	Amplitude float64       `yaml:"amplitude" json:"amplitude,omitempty"`
	Period    time.Duration `yaml:"period" json:"period,omitempty"`
	Bin       time.Duration `yaml:"bin" json:"bin,omitempty"`
	Bins      []float64     `yaml:"bins" json:"bins,omitempty"`
}

// Phase is a Shape for a while. Its clock starts at 0 with the phase.
type Phase struct {
	Name  string        `yaml:"name" json:"name,omitempty"`
	For   time.Duration `yaml:"for" json:"for"`
	Shape Shape         `yaml:",inline" json:"shape"`
}

// Schedule is what happens one phase after the other. After the last phase its
// final rate goes on.
type Schedule []Phase
