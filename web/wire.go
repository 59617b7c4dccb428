package web

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/sim/load"
)

// snapshot is the data of a "state" event. The first of a stream carries the
// last minute's frames, so that a page that opens late shows what others show.
type snapshot struct {
	State   live.State        `json:"state"`
	History []json.RawMessage `json:"history,omitempty"`
}

// pulse is the data of a "pulse" event: what moves while nobody changes
// anything. Patterns that are off stand still and are left out.
type pulse struct {
	Version  uint64                  `json:"v"`
	Run      uint64                  `json:"run"`
	Elapsed  time.Duration           `json:"elapsed"`
	Traffic  beat                    `json:"traffic"`
	Patterns map[string]patternPulse `json:"patterns,omitempty"`
	Streams  int                     `json:"streams"` // open now

	Instances []live.InstanceState `json:"instances,omitempty"`
	Lost      uint64               `json:"lost"` // sticky sessions
	Busy      map[string]float64   `json:"busy"` // by node: the share of its slots in use
}

type beat struct {
	Rate     float64       `json:"rate"`
	Base     float64       `json:"base"`
	Factor   float64       `json:"factor"`
	Spike    float64       `json:"spike"`
	SpikeEnd time.Duration `json:"spike_end"`
	Phase    string        `json:"phase"`
}

type patternPulse struct {
	Gauges   []lab.Gauge       `json:"gauges"`
	Counters map[string]uint64 `json:"counters"`
}

// pulseOf returns the moving part of a state.
func pulseOf(s live.State, streams int) pulse {
	t := s.Traffic
	p := pulse{
		Version: s.Version, Run: s.Run, Elapsed: s.Elapsed, Streams: streams,
		Traffic:  beat{t.Rate, t.Base, t.Factor, t.Spike, t.SpikeEnd, t.Phase},
		Patterns: map[string]patternPulse{}, Instances: s.Instances, Lost: s.Balancer.Counters["sessions_lost"], Busy: map[string]float64{},
	}
	for _, n := range s.Nodes {
		if n.Kind == "gate" {
			p.Busy[n.ID] = n.Busy
		}
	}
	for _, one := range s.Patterns {
		if one.State != lab.Off {
			p.Patterns[one.Name] = patternPulse{one.Gauges, one.Counters}
		}
	}
	return p
}

// settled returns the part of a state that moves only when something changed,
// as bytes to compare.
func settled(s live.State) ([]byte, error) {
	s.Elapsed = 0
	s.Traffic = live.TrafficState{Factor: s.Traffic.Factor, Clients: s.Traffic.Clients, Capacity: s.Traffic.Capacity, Phase: s.Traffic.Phase, Spike: s.Traffic.Spike}
	s.Patterns = slices.Clone(s.Patterns)
	for i := range s.Patterns {
		s.Patterns[i].Gauges, s.Patterns[i].Counters = nil, nil
	}
	s.Balancer.Counters = nil
	s.Nodes = slices.Clone(s.Nodes)
	for i := range s.Nodes {
		s.Nodes[i].Busy = 0
	}
	s.Instances = slices.Clone(s.Instances)
	for i, one := range s.Instances {
		s.Instances[i] = live.InstanceState{Name: one.Name, Addr: one.Addr, State: one.State, Why: one.Why}
	}
	if s.Verdict != load.GeneratorLimited {
		s.Verdict = "" // which of the other limits holds may change every second
		if s.Phase == "running" {
			s.Confidence = ""
		}
	} else {
		s.Confidence = "" // its figures move with every second
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the state: %w", err)
	}
	return b, nil
}

// digits is how many a chart's figure carries: more than a screen can show.
const digits = 4

// appendFrame appends a frame as JSON. The gauges are left to the pulse: they
// move slowly and would triple the size. Ten frames a second for every reader
// are worth an encoder that allocates nothing.
func appendFrame(b []byte, f live.Frame) []byte {
	b = append(b, `{"t":`...)
	b = strconv.AppendFloat(b, f.T, 'f', 1, 64)
	b = append(b, `,"run":`...)
	b = strconv.AppendUint(b, f.Run, 10)
	b = append(b, `,"v":`...)
	b = strconv.AppendUint(b, f.Version, 10)
	for _, one := range [...]struct {
		key   string
		value float64
	}{
		{"offered", f.Offered}, {"tries", f.Tries}, {"good", f.Good}, {"p50", f.P50}, {"p99", f.P99}, {"service99", f.Service99},
		{"queue", f.Queue}, {"inflight", f.Inflight}, {"pending", f.Pending}, {"sat", f.Saturation}, {"calls", f.Calls},
		{"hit", f.HitShare}, {"lag99", f.Lag99}, {"cpu", f.CPU},
	} {
		b = append(b, `,"`...)
		b = append(b, one.key...)
		b = append(b, `":`...)
		b = strconv.AppendFloat(b, one.value, 'g', digits, 64)
	}
	b = append(b, `,"outcomes":[`...)
	for i, rate := range f.Outcomes {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, rate, 'g', digits, 64)
	}
	b = append(b, `],"verdict":`...)
	b = strconv.AppendQuote(b, string(f.Verdict)) // one of four plain words
	if len(f.Reasons) > 0 {
		b = append(b, `,"reasons":{`...)
		first := true
		for reason, rate := range f.Reasons {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = strconv.AppendQuote(b, reason) // a word of a closed set
			b = append(b, ':')
			b = strconv.AppendFloat(b, rate, 'g', digits, 64)
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

// history returns frames as the stream sends them.
func history(frames []live.Frame) []json.RawMessage {
	out := make([]json.RawMessage, len(frames))
	for i, f := range frames {
		out[i] = appendFrame(nil, f)
	}
	return out
}
