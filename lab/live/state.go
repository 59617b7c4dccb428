package live

import (
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/lab/tape"
	"workbench/sim/load"
)

// State is the whole lab as it stands: what the page is drawn from, and what
// every change answers. All of it is read back from the running service.
type State struct {
	Version    uint64            `json:"version"` // grows with every change
	Run        uint64            `json:"run"`     // grows with every (re)start
	Scenario   string            `json:"scenario"`
	System     string            `json:"system"`
	Title      string            `json:"title"`
	Story      string            `json:"story"`
	Lesson     string            `json:"lesson"`
	Teaches    string            `json:"teaches"`
	Engine     string            `json:"engine"` // "live"
	Seed       uint64            `json:"seed"`
	Scale      float64           `json:"scale"`
	Veiled     bool              `json:"veiled,omitempty"` // something may be wrong that is not told: every switch is out of use until it is over
	Phase      string            `json:"phase"`            // starting, running, finished, paused, stopped
	Elapsed    time.Duration     `json:"elapsed"`          // since the run's start
	Duration   time.Duration     `json:"duration"`
	Traffic    TrafficState      `json:"traffic"`
	Nodes      []Node            `json:"nodes"`
	Edges      []Edge            `json:"edges"`
	Patterns   []PatternState    `json:"patterns"` // in chain order, client-side ones last
	Instances  []InstanceState   `json:"instances"`
	Balancer   PartState         `json:"balancer"`
	Autoscaler PartState         `json:"autoscaler"`
	Faults     []FaultState      `json:"faults"`
	Markers    []scenario.Change `json:"markers"`
	Predict    *PredictState     `json:"predict,omitempty"`
	Redis      RedisState        `json:"redis"`
	Database   DatabaseState     `json:"database"`
	Verdict    load.Verdict      `json:"verdict"`
	Stalled    string            `json:"stalled,omitempty"`    // why the service is down since the machine stood still, and what to do; empty: it is not
	Confidence string            `json:"confidence,omitempty"` // why the figures are not to be trusted; empty when they are
	Link       string            `json:"link"`                 // the query of the link that opens this; empty: there can be none
	LeftOut    []string          `json:"left_out,omitempty"`   // what that link cannot hold, or why there is none
}

// TrafficState is the dial and the crowd behind it.
type TrafficState struct {
	Rate     float64       `json:"rate"`   // users a second offered now by the schedule and the dial
	Base     float64       `json:"base"`   // the schedule's, without the dial
	Factor   float64       `json:"factor"` // the dial
	Spike    float64       `json:"spike"`  // the running spike's factor; 0: none
	SpikeEnd time.Duration `json:"spike_end"`
	Clients  load.Client   `json:"clients"`
	Capacity float64       `json:"capacity"` // what the gate can serve a second
	Users    uint64        `json:"users"`
	Phase    string        `json:"phase"`
}

// Node is one box of the diagram.
type Node struct {
	ID       string `json:"id"`   // clients, balancer, a, b…, cache, gate, provider, workers
	Kind     string `json:"kind"` // clients, balancer, instance, cache, gate, provider, queue
	Title    string `json:"title"`
	Note     string `json:"note"` // "4 slots × 20 ms", "real (redis-server 7.0.15)"
	Up       bool   `json:"up"`
	Degraded string `json:"degraded,omitempty"` // why, in a few words

	Busy float64 `json:"busy,omitempty"` // of what has slots: the share in use, over the last 2.5 s
}

// Edge is one arrow of the diagram.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// PatternState is one switch with its knobs.
type PatternState struct {
	Name     string            `json:"name"`
	Title    string            `json:"title"`
	Line     string            `json:"line"`
	Side     lab.Side          `json:"side"`
	Front    bool              `json:"front,omitempty"` // stands before the balancer: one for all instances
	State    lab.State         `json:"state"`
	Knobs    []knob.Info       `json:"knobs"`
	Gauges   []lab.Gauge       `json:"gauges"`
	Counters map[string]uint64 `json:"counters"`
	Reasons  []lab.Reason      `json:"reasons"`
	Yours    string            `json:"yours,omitempty"`  // whose solution is plugged in: the exercise
	Remark   string            `json:"remark,omitempty"` // on a solution that is not, or not yet
}

// FaultState is one fault that can be switched.
type FaultState struct {
	Name  string        `json:"name"` // see FaultChange
	Title string        `json:"title"`
	On    bool          `json:"on"`
	Until time.Duration `json:"until,omitempty"` // when it ends by itself, since the run's start
	Note  string        `json:"note,omitempty"`
}

// PredictState is the prediction card. Once Chosen is set it is locked; Value
// and Right appear after the measurement.
type PredictState struct {
	scenario.Predict
	Chosen *int     `json:"chosen,omitempty"`
	Locked bool     `json:"locked"`
	Value  *float64 `json:"value,omitempty"`
	Right  *bool    `json:"right,omitempty"`
	Answer string   `json:"answer,omitempty"` // one sentence that compares
}

// RedisState says which Redis serves and how it fares.
type RedisState struct {
	Kind     string `json:"kind"` // real, spawned, embedded
	Label    string `json:"label"`
	Up       bool   `json:"up"`
	Degraded string `json:"degraded,omitempty"`
}

// Frame is one tenth of a second for the charts.
type Frame = tape.Frame

// PatternChange is the body of PUT /api/lab/patterns/{name}. A nil State keeps
// the state.
type PatternChange struct {
	State *lab.State     `json:"state,omitempty"`
	Knobs map[string]any `json:"knobs,omitempty"`
}

// FaultChange is the body of PUT /api/lab/faults/{name}. Names: gate-slow,
// gate-error, gate-delay, gate-hang, the same of the provider where there is
// one, instance-slow and instance-error where instances have a capacity of their
// own, instance-kill, cache-down, cache-flush, replica-lag; of the orders service
// also worker-crash, poison and broker-down.
type FaultChange struct {
	On     bool          `json:"on"`
	For    time.Duration `json:"for,omitempty"` // 0: until switched off
	Factor float64       `json:"factor,omitempty"`
	Share  float64       `json:"share,omitempty"`
	By     time.Duration `json:"by,omitempty"`

	Target string `json:"target,omitempty"` // of an instance's fault: which; empty: the last
}

// TrafficChange is the body of PUT /api/lab/traffic.
type TrafficChange struct {
	Factor *float64 `json:"factor,omitempty"`
	Phase  *string  `json:"phase,omitempty"` // "paused" or "running"
}

// ScenarioChange is the body of POST /api/lab/scenario: a name of an embedded
// scenario or a whole file, and how to begin.
type ScenarioChange struct {
	Name     string                   `json:"name,omitempty"`
	YAML     string                   `json:"yaml,omitempty"`
	Seed     *uint64                  `json:"seed,omitempty"`
	Scale    float64                  `json:"scale,omitempty"` // 0: the scenario's own
	Patterns map[string]PatternChange `json:"patterns,omitempty"`

	Balancer   map[string]any `json:"balancer,omitempty"` // settings by name, on top of the scenario's
	Autoscaler map[string]any `json:"autoscaler,omitempty"`
	Instances  *int           `json:"instances,omitempty"` // at the beginning; nil: the scenario's

	Link string `json:"link,omitempty"` // the query of a shared link, in place of all else
}

// bare reports whether a change has a link at most.
func (c ScenarioChange) bare() bool {
	return c.Name == "" && c.YAML == "" && c.Seed == nil && c.Scale == 0 && c.Patterns == nil && c.Balancer == nil && c.Autoscaler == nil && c.Instances == nil
}
