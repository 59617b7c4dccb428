// Package agree holds the engines to one another: the same load played for
// real, in virtual time, and worked out on paper, with the disagreement in
// numbers.
//
// Virtual time leaves out what HTTP, the database file and the scheduler take.
// Calibrate measures it once, as the difference of the medians of a quiet load,
// and Add puts it into a scenario as a longer round trip. Other loads, with
// other arrivals, must then agree.
package agree

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"workbench/lab/scenario"
	"workbench/sim/arrival"
)

//go:embed loads
var files embed.FS

// Loads returns the reference loads: the dependency half busy, four fifths, and
// asked for a fifth more than it can do. The first is the quiet one.
func Loads() ([]scenario.Spec, error) {
	var out []scenario.Spec
	for _, name := range []string{"half", "busy", "over"} {
		path := "loads/" + name + ".yaml"
		src, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		spec, err := scenario.Parse(path, src)
		if err != nil {
			return nil, err
		}
		out = append(out, spec)
	}
	return out, nil
}

// The bounds within which two engines agree.
const (
	MaxLatency = 0.10 // of p50 and p99, as a share of the live figure
	MaxRefused = 0.02 // of the share of users refused, absolute
)

// minSamples is the least number of answers to calibrate from.
const minSamples = 5000

// Errors of a calibration and a comparison.
var (
	ErrFew  = errors.New("too few answers to calibrate from")
	ErrEdge = errors.New("no verdict between 95 and 105 % of what the dependency can do: the smallest difference of the load decides")
)

// Calibrate returns what a request costs this machine beyond the load itself:
// the live median less the virtual one of the same arrivals, at least nothing.
// It needs 5,000 answers.
func Calibrate(live, virtual scenario.Report) (time.Duration, error) {
	if n := live.Outcomes["ok"]; n < minSamples {
		return 0, fmt.Errorf("%w: got %d, want %d or more: a longer --duration or a larger --scale", ErrFew, n, minSamples)
	}
	over := math.Max(0, live.LatencyMS.P50-virtual.LatencyMS.P50)
	return time.Duration(over * float64(time.Millisecond)), nil
}

// Add returns the scenario with the machine's cost of a request in it.
func Add(spec scenario.Spec, cost time.Duration) scenario.Spec {
	spec.Gate.RTT += cost
	if spec.Provider.Slots > 0 {
		spec.Provider.RTT += cost
	}
	if spec.Second.Slots > 0 {
		spec.Second.RTT += cost
	}
	return spec
}

// Row is one engine's figures of a load.
type Row struct {
	Engine    string  `json:"engine"`
	Scale     float64 `json:"scale"`
	Offered   uint64  `json:"offered"`
	Goodput   float64 `json:"goodput_share"`
	P50MS     float64 `json:"p50_ms"`
	P90MS     float64 `json:"p90_ms"`
	P99MS     float64 `json:"p99_ms"`
	Refused   float64 `json:"refused_share"` // shed, limited or open
	TookS     float64 `json:"took_s"`        // of real time
	Reference bool    `json:"reference"`     // the others are held to it
}

// RowOf returns a report's figures.
func RowOf(r scenario.Report, took time.Duration) Row {
	out := Row{
		Engine: r.Engine, Scale: r.Scale, Offered: r.Offered, Goodput: r.GoodputShare,
		P50MS: r.LatencyMS.P50, P90MS: r.LatencyMS.P90, P99MS: r.LatencyMS.P99, TookS: took.Seconds(),
	}
	if r.Offered > 0 {
		out.Refused = float64(r.Outcomes["shed"]+r.Outcomes["limited"]+r.Outcomes["open"]) / float64(r.Offered)
	}
	return out
}

// Off is how far one engine is from another.
type Off struct {
	P50     float64 `json:"p50"`     // share of the other's, with its sign
	P99     float64 `json:"p99"`     // the same
	Refused float64 `json:"refused"` // difference of the shares
}

// From returns how far r is from the reference.
func (r Row) From(reference Row) Off {
	share := func(got, want float64) float64 {
		if want == 0 {
			return 0
		}
		return got/want - 1
	}
	return Off{share(r.P50MS, reference.P50MS), share(r.P99MS, reference.P99MS), r.Refused - reference.Refused}
}

// OK reports whether the two agree.
func (o Off) OK() bool {
	return math.Abs(o.P50) <= MaxLatency && math.Abs(o.P99) <= MaxLatency && math.Abs(o.Refused) <= MaxRefused
}

// Decided returns ErrEdge when a phase of the scenario asks for about as much as
// the dependency can do, or the instances where they can do less.
func Decided(spec scenario.Spec) error {
	can := float64(spec.Gate.Slots) / spec.Gate.Service.Seconds()
	if i := spec.Instance; i.Limited() && !spec.Autoscaler.On && len(spec.Resize) == 0 {
		can = min(can, float64(spec.Begin()*i.Slots)/i.Service.Seconds())
	}
	for _, phase := range spec.Traffic {
		if k := phase.Shape.Kind; k != "" && k != arrival.Steady {
			continue
		}
		if busy := phase.Shape.Rate / can; busy > .95 && busy < 1.05 {
			return fmt.Errorf("phase %s asks for %.0f %%: %w", phase.Name, 100*busy, ErrEdge)
		}
	}
	return nil
}
