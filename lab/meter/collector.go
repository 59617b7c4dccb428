package meter

import (
	"github.com/prometheus/client_golang/prometheus"

	"workbench/lab"
	"workbench/sim/outcome"
)

// Source gives the figures that are kept elsewhere, as they stand now.
type Source interface{ Figures() Figures }

// Figures is what a scrape reads from the lab besides the requests.
type Figures struct {
	Patterns  []PatternFigures
	Gates     []GateFigures
	Pools     []PoolFigures
	Instances map[string]bool // name to up
	Members   []MemberFigures
	Joined    []JoinedFigures
	Sessions  uint64 // lost with their instance, in this run
	RedisUp   bool
	Offered   uint64                // users, since the lab began
	Tries     uint64                // HTTP requests, retries included
	Users     [outcome.Count]uint64 // by outcome
	Goodput   float64               // good users as a share of those offered in the last second
	Lag       float64               // seconds: the generator's p99 lag in the last second
	Limited   bool                  // the generator was the bottleneck in the last second
}

// PatternFigures is one pattern's state, events and gauges.
type PatternFigures struct {
	Name   string
	State  lab.State
	Events map[string]uint64
	Gauges map[string][]lab.Gauge // by instance
}

// MemberFigures is one instance as the balancer sees it.
type MemberFigures struct {
	Name     string
	State    string // a word of States
	Inflight int
	Sent     uint64
	Errors   uint64
	Weight   float64
}

// JoinedFigures is what an instance in a process of its own has told of single
// requests, and what it had no room for.
type JoinedFigures struct {
	Instance    string
	Kind        string // answer, span or line
	Taken, Lost uint64
}

// States are the words for how an instance stands.
func States() []string {
	return []string{"up", "cold", "draining", "refused", "unhealthy", "ejected", "down"}
}

// GateFigures is one capacity gate.
type GateFigures struct {
	Name       string
	Slots      int
	Busy       int
	Waiting    int
	Entered    uint64
	Saturation float64 // share of the slots' time in use over the last second
	Errors     uint64  // refused, failed or late
}

// PoolFigures is one pool of connections.
type PoolFigures struct {
	Name   string
	Used   float64 // share of it that is taken
	Errors uint64  // calls that found none in time
}

// collector turns a Source into metrics at each scrape.
type collector struct{ source Source }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("workbench_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector. It sends nothing, which marks the
// collector as unchecked: its label values come and go with the scenario.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	f := c.source.Figures()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	state := desc("pattern_state", "How a pattern stands: 0 off, 1 shadow, 2 on, 3 yours.", "pattern")
	events := desc("pattern_events_total", "What a pattern did: cache hits, breaker rejections, retries and so on.", "pattern", "event")
	value := desc("pattern_gauge", "A pattern's present figures: queue depth, breaker state, limit and so on.", "pattern", "gauge", "instance")
	for _, p := range f.Patterns {
		gauge(state, float64(p.State), p.Name)
		for name, n := range p.Events {
			counter(events, n, p.Name, name)
		}
		for instance, gs := range p.Gauges {
			for _, g := range gs {
				gauge(value, g.Value, p.Name, g.Name, instance)
			}
		}
	}
	slots := desc("gate_slots", "Requests that a capacity gate serves at once.", "gate")
	busy := desc("gate_busy_slots", "Slots of a capacity gate in use.", "gate")
	waiting := desc("gate_waiting_requests", "Requests waiting for a slot of a capacity gate.", "gate")
	entered := desc("gate_entered_total", "Requests that reached a capacity gate.", "gate")
	saturation := desc("gate_saturation_ratio", "Share of a capacity gate's slots in use over the last second.", "gate")
	failed := desc("gate_errors_total", "Requests that a capacity gate refused, failed, or held past their deadline.", "gate")
	for _, g := range f.Gates {
		counter(failed, g.Errors, g.Name)
		gauge(slots, float64(g.Slots), g.Name)
		gauge(busy, float64(g.Busy), g.Name)
		gauge(waiting, float64(g.Waiting), g.Name)
		counter(entered, g.Entered, g.Name)
		gauge(saturation, g.Saturation, g.Name)
	}
	parts(f, gauge, counter)
	members(f, gauge, counter)
	gauge(desc("redis_up", "Whether the shared Redis answers."), number(f.RedisUp))
	counter(desc("traffic_offered_total", "Users that the generator let arrive."), f.Offered)
	counter(desc("traffic_tries_total", "HTTP requests that the generator began, retries included."), f.Tries)
	users := desc("traffic_users_total", "Users by what became of them in the end.", "outcome")
	for i, name := range outcome.Names() {
		counter(users, f.Users[i], name)
	}
	gauge(desc("traffic_goodput_ratio", "Users served in time as a share of those offered, over the last second."), f.Goodput)
	gauge(desc("generator_lag_seconds", "99th percentile of how late the generator sent, over the last second."), f.Lag)
	gauge(desc("generator_limited", "1 when the generator was the bottleneck in the last second: distrust the figures."), number(f.Limited))
}

// parts tells of the instances and the pools.
func parts(f Figures, gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	up := desc("instance_up", "Whether a service instance answers.", "instance")
	for name, ok := range f.Instances {
		gauge(up, number(ok), name)
	}
	used := desc("pool_used_ratio", "Share of a pool's connections that is taken.", "pool")
	short := desc("pool_errors_total", "Calls that found no connection of a pool in time.", "pool")
	for _, p := range f.Pools {
		gauge(used, p.Used, p.Name)
		counter(short, p.Errors, p.Name)
	}
}

// members collects what the balancer knows of the instances.
func members(f Figures, gauge func(*prometheus.Desc, float64, ...string), counter func(*prometheus.Desc, uint64, ...string)) {
	inflight := desc("instance_inflight_requests", "Requests inside a service instance, as the balancer counts them.", "instance")
	sent := desc("balancer_requests_total", "Requests that the balancer gave to an instance, in this run.", "instance")
	errors := desc("balancer_errors_total", "Refused connections and failed answers of an instance, in this run.", "instance")
	weight := desc("balancer_weight_ratio", "An instance's weight with the balancer: below 1 while slow start breaks it in.", "instance")
	stands := desc("instance_state", "1 for the state that an instance is in.", "instance", "state")
	for _, m := range f.Members {
		gauge(inflight, float64(m.Inflight), m.Name)
		counter(sent, m.Sent, m.Name)
		counter(errors, m.Errors, m.Name)
		gauge(weight, m.Weight, m.Name)
		for _, s := range States() {
			gauge(stands, number(s == m.State), m.Name, s)
		}
	}
	told := desc("joined_records_total", "Answers, spans and log lines that an instance in a process of its own sent, and those that it had no room for.", "instance", "kind", "fate")
	for _, j := range f.Joined {
		counter(told, j.Taken, j.Instance, j.Kind, "taken")
		counter(told, j.Lost, j.Instance, j.Kind, "lost")
	}
	counter(desc("sessions_lost_total", "Sticky sessions lost because their instance could not be used, in this run."), f.Sessions)
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
