// Package meter counts what a lab's service does and offers it to Prometheus.
//
// Each lab has a registry of its own. Label values are closed sets (operations,
// outcomes, reasons, pattern names), so the number of series is bounded however
// many users, keys or errors there are.
package meter

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"workbench/lab"
	"workbench/sim/clock"
	"workbench/sim/outcome"
)

// Meter counts the requests of one lab. It is safe for concurrent use.
type Meter struct {
	registry *prometheus.Registry
	clock    clock.Clock
	requests [][outcome.Count]prometheus.Counter // by operation
	duration []prometheus.Observer               // by operation
	refused  map[lab.Reason]prometheus.Counter   // read only
	other    prometheus.Counter                  // refusals for a reason that nobody declared
	places   places
}

// New returns a meter for a service with these operations and these reasons to
// refuse, and registers source, whose figures are read at each scrape.
func New(c clock.Clock, ops []string, reasons []lab.Reason, source Source) (*Meter, error) {
	m := &Meter{registry: prometheus.NewRegistry(), clock: c, refused: map[lab.Reason]prometheus.Counter{}, places: newPlaces()}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "workbench_requests_total", Help: "Requests answered by the service instances, by operation and outcome.",
	}, []string{"op", "outcome"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "workbench_request_duration_seconds", Help: "Time from a request's arrival at an instance to its answer.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, NativeHistogramBucketFactor: 1.1,
	}, []string{"op"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "workbench_refusals_total", Help: "Requests not served, by reason.",
	}, []string{"reason"})
	for _, c := range []prometheus.Collector{requests, duration, refused, m.places.requests, m.places.duration, collectors.NewGoCollector(), collector{source}} {
		if err := m.registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	for _, op := range ops {
		var by [outcome.Count]prometheus.Counter
		for i, name := range outcome.Names() {
			by[i] = requests.WithLabelValues(op, name)
		}
		m.requests = append(m.requests, by)
		m.duration = append(m.duration, duration.WithLabelValues(op))
	}
	for _, r := range reasons {
		m.refused[r] = refused.WithLabelValues(string(r))
	}
	m.other = refused.WithLabelValues("other")
	return m, nil
}

// Wrap returns next with every request counted. A request whose Op is out of
// range is counted under the first operation.
func (m *Meter) Wrap(next lab.Handler) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		start := m.clock.Now()
		res := next.Serve(ctx, r)
		m.answered(r, res, m.clock.Now()-start)
		return res
	})
}

func (m *Meter) answered(r *lab.Request, res lab.Response, took time.Duration) {
	op := int(r.Op)
	if op >= len(m.requests) {
		op = 0
	}
	m.requests[op][res.Outcome].Inc()
	m.duration[op].Observe(took.Seconds())
	if res.Reason != "" {
		if c, ok := m.refused[res.Reason]; ok {
			c.Inc()
		} else {
			m.other.Inc()
		}
	}
}

// Registerer is where other parts of the lab add their metrics.
func (m *Meter) Registerer() prometheus.Registerer { return m.registry }

// Handler answers a scrape. A collector's error makes the scrape fail with 500
// rather than come back short.
func (m *Meter) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
}
