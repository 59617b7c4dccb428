package meter

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"workbench/lab"
	"workbench/sim/outcome"
)

// places counts requests by the instance that answered.
type places struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newPlaces() places {
	return places{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "workbench_instance_requests_total", Help: "Requests answered, by service instance and outcome.",
		}, []string{"instance", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "workbench_instance_duration_seconds", Help: "Time from a request's arrival at a service instance to its answer.",
			NativeHistogramBucketFactor: 1.1,
		}, []string{"instance"}),
	}
}

// Answered returns what counts a request that an instance of another process has
// answered: as Wrap and Instance count together.
func (m *Meter) Answered(name string) func(r *lab.Request, res lab.Response, took time.Duration) {
	var by [outcome.Count]prometheus.Counter
	for i, word := range outcome.Names() {
		by[i] = m.places.requests.WithLabelValues(name, word)
	}
	duration := m.places.duration.WithLabelValues(name)
	return func(r *lab.Request, res lab.Response, took time.Duration) {
		if int(res.Outcome) >= len(by) {
			return // a word that there is not
		}
		by[res.Outcome].Inc()
		duration.Observe(took.Seconds())
		m.answered(r, res, took)
	}
}

// Instance returns next with every request counted under an instance's name as
// well. Names are few: a, b and so on.
func (m *Meter) Instance(name string, next lab.Handler) lab.Handler {
	var by [outcome.Count]prometheus.Counter
	for i, word := range outcome.Names() {
		by[i] = m.places.requests.WithLabelValues(name, word)
	}
	took := m.places.duration.WithLabelValues(name)
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		start := m.clock.Now()
		res := next.Serve(ctx, r)
		by[res.Outcome].Inc()
		took.Observe((m.clock.Now() - start).Seconds())
		return res
	})
}

// Gatherer is where the metrics are read, as a scrape reads them.
func (m *Meter) Gatherer() prometheus.Gatherer { return m.registry }
