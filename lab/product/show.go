package product

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"workbench/lab"
	"workbench/lab/meter"
	"workbench/lab/system/orders/desk"
)

// askMost is how long a broker may take to say how it stands.
const askMost = 500 * time.Millisecond

// ready answers whether orders can be accepted and settled. A broker that is
// away is no reason to send nobody here: orders are accepted and wait in the
// outbox, and the answer says so.
func (p *Product) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), askMost)
	defer cancel()
	out := struct {
		Status string      `json:"status"` // ready, degraded or leaving
		Behind desk.Status `json:"behind"`
	}{"ready", p.desk.Status(ctx)}
	code := http.StatusOK
	switch {
	case p.leaves.Load():
		out.Status, code = "leaving", http.StatusServiceUnavailable
	case !out.Behind.Up:
		out.Status = "degraded"
	}
	body, err := json.Marshal(out)
	if err != nil {
		p.cfg.Log.Error("readiness not written", "error", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // its only error is that the client has left
}

// Figures implements meter.Source.
func (p *Product) Figures() meter.Figures {
	f := meter.Figures{Instances: map[string]bool{"orders": p.server == nil || p.server.Up()}, RedisUp: p.redis != nil && p.redis.Up()}
	for _, s := range p.chain.Slots(p.clock.Now()) {
		of := meter.PatternFigures{Name: s.Pattern.Name, State: s.State, Events: s.Counters.All()}
		if len(s.Gauges) > 0 {
			of.Gauges = map[string][]lab.Gauge{"orders": s.Gauges}
		}
		f.Patterns = append(f.Patterns, of)
	}
	return f
}

// behind is the metrics of what stands behind an accepted order.
type behind struct{ of *Product }

// Describe implements prometheus.Collector.
func (b behind) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (b behind) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askMost)
	defer cancel()
	s := b.of.desk.Status(ctx)
	up := 0.0
	if s.Up {
		up = 1
	}
	for _, g := range []struct {
		name, help string
		value      float64
	}{
		{"broker_up", "Whether the broker answers.", up},
		{"broker_ready_messages", "Events that wait for a worker.", float64(s.Depth.Ready)},
		{"broker_unacked_messages", "Events that workers hold.", float64(s.Depth.Unacked)},
		{"broker_dead_messages", "Events that were given up.", float64(s.Depth.Dead)},
		{"outbox_waiting_messages", "Events that wait for the broker.", float64(s.Waiting)},
		{"outbox_lag_seconds", "How long the oldest event has waited for the broker.", s.Lag.Seconds()},
		{"open_orders", "Orders that rest in the books.", float64(s.Open)},
		{"sequence_number", "The last event of the sequence.", float64(s.Sequence)},
	} {
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc("workbench_"+g.name, g.help, nil, nil), prometheus.GaugeValue, g.value)
	}
}
