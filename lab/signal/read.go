package signal

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"workbench/sim/outcome"
)

// Read makes a sample of what a registry gives to a scrape.
func Read(at time.Duration, g prometheus.Gatherer) (Sample, error) {
	s := Sample{At: at}
	families, err := g.Gather()
	if err != nil {
		return s, fmt.Errorf("read the metrics: %w", err)
	}
	use := map[string]*Resource{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			s.take(f.GetName(), m, use)
		}
	}
	for _, r := range use {
		s.Resources = append(s.Resources, *r)
	}
	slices.SortFunc(s.Resources, func(a, b Resource) int { return strings.Compare(a.Kind+a.Name, b.Kind+b.Name) })
	return s, nil
}

// take enters one metric, if it is one of those that matter here.
func (s *Sample) take(name string, m *dto.Metric, use map[string]*Resource) {
	get := func(kind, name string) *Resource {
		if name == "" {
			return &Resource{}
		}
		r := use[kind+name]
		if r == nil {
			r = &Resource{Name: name, Kind: kind, Used: -1}
			use[kind+name] = r
		}
		return r
	}
	switch name {
	case "workbench_requests_total":
		call(&s.Ops, label(m, "op")).count(m)
	case "workbench_request_duration_seconds":
		call(&s.Ops, label(m, "op")).Took = native(m.GetHistogram())
	case "workbench_instance_requests_total":
		call(&s.Instances, label(m, "instance")).count(m)
	case "workbench_instance_duration_seconds":
		call(&s.Instances, label(m, "instance")).Took = native(m.GetHistogram())
	case "workbench_gate_saturation_ratio":
		get("gate", label(m, "gate")).Used = m.GetGauge().GetValue()
	case "workbench_gate_waiting_requests":
		get("gate", label(m, "gate")).Waiting = m.GetGauge().GetValue()
	case "workbench_gate_errors_total":
		get("gate", label(m, "gate")).Errors += uint64(m.GetCounter().GetValue())
	case "workbench_pool_used_ratio":
		get("pool", label(m, "pool")).Used = m.GetGauge().GetValue()
	case "workbench_pool_errors_total":
		get("pool", label(m, "pool")).Errors = uint64(m.GetCounter().GetValue())
	case "workbench_instance_inflight_requests":
		get("instance", label(m, "instance")).Waiting = m.GetGauge().GetValue()
	case "workbench_pattern_gauge":
		if g := label(m, "gauge"); g == "depth" || g == "waiting" {
			get("queue", label(m, "pattern")).Waiting += m.GetGauge().GetValue()
		}
	case "workbench_pattern_events_total":
		if e := label(m, "event"); use["queue"+label(m, "pattern")] != nil || label(m, "pattern") == "queue" {
			if slices.Contains([]string{"full", "refused", "expired", "timed_out", "evicted", "lost"}, e) {
				get("queue", label(m, "pattern")).Errors += uint64(m.GetCounter().GetValue())
			}
		}
	}
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

// call returns the counts under a name, new ones if there are none yet.
func call(all *[]Call, name string) *Call {
	i := slices.IndexFunc(*all, func(c Call) bool { return c.Name == name })
	if i < 0 {
		*all = append(*all, Call{Name: name})
		i = len(*all) - 1
	}
	return &(*all)[i]
}

func (c *Call) count(m *dto.Metric) {
	names := outcome.Names()
	if i := slices.Index(names[:], label(m, "outcome")); i >= 0 {
		c.Outcomes[i] += uint64(m.GetCounter().GetValue())
	}
}

// native reads a native histogram: its buckets are spans of neighbours, each
// count given as the difference to the one before.
func native(in *dto.Histogram) Hist {
	h := Hist{Schema: in.GetSchema(), Buckets: map[int32]uint64{}, Zero: in.GetZeroCount(), Sum: in.GetSampleSum(), Count: in.GetSampleCount()}
	var index int32
	var count int64
	deltas := in.GetPositiveDelta()
	for _, span := range in.GetPositiveSpan() {
		index += span.GetOffset()
		for range span.GetLength() {
			if len(deltas) == 0 {
				return h
			}
			count += deltas[0]
			deltas = deltas[1:]
			if count > 0 {
				h.Buckets[index] = uint64(count)
			}
			index++
		}
	}
	return h
}

// Recorder keeps the last windows, one for each call of Add. It is safe for
// concurrent use. Use NewRecorder.
type Recorder struct {
	mu      sync.Mutex
	last    Sample   // guarded by mu
	begun   bool     // guarded by mu
	windows []Window // guarded by mu; the oldest first
	most    int
}

// NewRecorder returns a recorder of so many windows, at least one.
func NewRecorder(most int) *Recorder { return &Recorder{most: max(1, most)} }

// Add takes the next sample and returns what has happened since the last; false
// for the first.
func (r *Recorder) Add(s Sample) (Window, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, begun := r.last, r.begun
	r.last, r.begun = s, true
	if !begun || s.At <= before.At {
		return Window{}, false
	}
	w := s.Since(before)
	r.windows = append(r.windows, w)
	if len(r.windows) > r.most {
		r.windows = slices.Clone(r.windows[len(r.windows)-r.most:])
	}
	return w, true
}

// Windows returns the last n windows, the oldest first.
func (r *Recorder) Windows(n int) []Window {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.windows[max(0, len(r.windows)-n):])
}
