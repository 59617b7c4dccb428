package scenario

import (
	"time"

	"workbench/lab"
	"workbench/sim/load"
)

// Report is what a run yields; its JSON keys are stable.
type Report struct {
	Scenario     string                `json:"scenario"`
	Engine       string                `json:"engine"`
	Seed         uint64                `json:"seed"`
	Scale        float64               `json:"scale"`
	DurationS    float64               `json:"duration_s"`
	Version      string                `json:"version"`
	Offered      uint64                `json:"offered"`    // users that arrived
	Sent         uint64                `json:"sent"`       // HTTP requests, retries included
	LateShare    float64               `json:"late_share"` // of first tries dispatched over 1 ms after they were due
	GoodputShare float64               `json:"goodput_share"`
	Outcomes     map[string]uint64     `json:"outcomes"` // of users
	Reasons      map[string]uint64     `json:"reasons,omitempty"`
	LatencyMS    Latency               `json:"latency_ms"`
	Series       []Point               `json:"series"` // one a second
	Patterns     map[string]PatternRun `json:"patterns"`
	Balancer     map[string]string     `json:"balancer,omitempty"`   // its settings at the end, by name
	Autoscaler   map[string]string     `json:"autoscaler,omitempty"` // the same of the autoscaler
	Alert        map[string]string     `json:"alert,omitempty"`      // the same of what was to wake somebody
	Claims       []Verdict             `json:"claims"`
	Changes      []Change              `json:"changes,omitempty"`
	Verdict      load.Verdict          `json:"verdict,omitempty"` // worst of the run
	Redis        string                `json:"redis,omitempty"`
	EventsHash   string                `json:"events_hash,omitempty"`
}

// Latency is quantiles in milliseconds of the served users, from the intended
// instant.
type Latency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Point is one second of a run. Rates are per second; T is the window's end in
// seconds since the start.
type Point struct {
	T          float64            `json:"t"`
	Offered    float64            `json:"offered"`
	Tries      float64            `json:"tries"`
	Good       float64            `json:"good"`
	Outcomes   map[string]uint64  `json:"outcomes,omitempty"`
	P50MS      float64            `json:"p50_ms"`
	P99MS      float64            `json:"p99_ms"`
	ServiceP99 float64            `json:"service_p99_ms"`
	Queue      float64            `json:"queue"`      // waiting in patterns and for the gate
	Inflight   float64            `json:"inflight"`   // tries on the wire
	Saturation float64            `json:"saturation"` // share of the gate's slots busy
	HitShare   float64            `json:"hit_share"`
	Calls      float64            `json:"calls"` // entries into the gate a second
	VictimGood float64            `json:"victim_good_share"`
	LagP99MS   float64            `json:"lag_p99_ms"`
	ByOp       map[string]float64 `json:"op_good_share,omitempty"` // good share by operation
	Instances  float64            `json:"instances,omitempty"`     // that serve, the mean
	Busiest    float64            `json:"busiest,omitempty"`       // most requests inside one instance, the mean
	Sessions   float64            `json:"sessions_lost,omitempty"` // tries a second answered with: sign in again
}

// PatternRun is a pattern's part in a run.
type PatternRun struct {
	State    lab.State         `json:"state"`
	Knobs    map[string]string `json:"knobs,omitempty"`
	Counters map[string]uint64 `json:"counters,omitempty"`
}

// Verdict is a claim's result. A claim that does not apply is not listed.
type Verdict struct {
	Text  string  `json:"text"`
	OK    bool    `json:"ok"`
	Value float64 `json:"value"`
	Want  string  `json:"want,omitempty"`
	// NotJudged says why the run cannot tell; OK and Value mean nothing then.
	NotJudged string `json:"not_judged,omitempty"`
}

// Mark returns the sign of the verdict: ✓ held, ✗ failed, – not judged.
func (v Verdict) Mark() string {
	switch {
	case v.NotJudged != "":
		return "–"
	case v.OK:
		return "✓"
	}
	return "✗"
}

// Change is one marked moment of a run.
type Change struct {
	Version uint64        `json:"version"`
	At      time.Duration `json:"at"`
	Text    string        `json:"text"`
	Hand    bool          `json:"hand,omitempty"` // somebody did it; else the scenario, a timer or the service itself
}
