package webtest

import (
	"math"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/pattern/brownout"
	"workbench/lab/pattern/fallback"
	"workbench/lab/pattern/hedge"
	"workbench/lab/pattern/throttle"
)

// The knobs of the stand-in's patterns; what they do is in model.go.
type (
	limitKnobs struct {
		Per   string  `knob:"per" options:"global,user,ip,token" help:"who shares one quota"`
		Rate  float64 `knob:"rate" unit:"req/s" min:"0.1" max:"1e6" help:"requests admitted a second for each quota"`
		Burst int     `knob:"burst" unit:"requests" min:"1" max:"1000000" help:"requests admitted at once after a rest"`
	}
	queueKnobs struct {
		Length int           `knob:"length" unit:"requests" min:"1" max:"100000" help:"requests that may wait; beyond, they are refused"`
		Wait   time.Duration `knob:"wait" min:"0s" max:"10s" help:"longest wait for a place"`
		Order  string        `knob:"order" options:"fifo,lifo" help:"who is served next"`
		Drop   bool          `knob:"drop_expired" help:"drop what is too late at dequeue"`
	}
	timeKnobs struct {
		Limit time.Duration `knob:"limit" min:"1ms" max:"5m" help:"longest time a request may take"`
	}
	shareKnobs struct {
		Share float64 `knob:"share" min:"0.001" max:"10" help:"retries for each first try"`
	}
)

// slot is one pattern of the stand-in.
type slot struct {
	state    lab.State
	knobs    any
	counters map[string]uint64
	part     map[string]float64 // of an event, that is counted once it is whole
	about    live.PatternState
}

// slots returns all patterns, off, in the order of the chain. Only what stands
// before the balancer is not among them: the stand-in has no edge cache. The
// brownout is the feed's, and here although the stand-in plays another service:
// its pages must hold as many patterns as any service has.
func slots() []*slot {
	list := []struct {
		name, title, line string
		side              lab.Side
		knobs             any
		reasons           []lab.Reason
	}{
		{"ratelimit", "Rate limit", "holds everybody, or each user, address or token, to a number a second", lab.Server, &limitKnobs{"global", 190, 40}, []lab.Reason{"rate_limit"}},
		{"jobs", "Job queue (202 Accepted)", "accepts work with 202 and does it later, at the workers’ pace", lab.Server, &queueKnobs{500, 0, "fifo", false}, []lab.Reason{"jobs_full"}},
		{"fallback", "Fallbacks in order", "a young copy, a simpler answer, an old copy, and only then the error", lab.Server, new(fallback.Defaults()), []lab.Reason{fallback.ReasonNone}},
		{"shed", "Load shedding", "refuses the least important first when the service saturates", lab.Server, &shareKnobs{.9}, []lab.Reason{"overload"}},
		{"cache", "Cache", "answers reads from a copy, in memory, in Redis, or in both", lab.Server, &timeKnobs{time.Minute}, nil},
		{"stale", "Serve stale", "answers with an old copy when a new one cannot be had", lab.Server, &timeKnobs{time.Hour}, nil},
		{"singleflight", "Single-flight", "lets one of many equal requests do the work for all", lab.Server, &timeKnobs{time.Second}, nil},
		{"timeout", "Timeout", "sets one deadline, no later than the caller’s own, for all work below", lab.Server, &timeKnobs{500 * time.Millisecond}, []lab.Reason{"timeout"}},
		{"queue", "Bounded queue", "lets only so many wait, and refuses the rest at once", lab.Server, &queueKnobs{60, 300 * time.Millisecond, "fifo", true}, []lab.Reason{"queue_full"}},
		{"concurrency", "Concurrency limit", "finds out how many requests at once serve best", lab.Server, &queueKnobs{20, 0, "fifo", false}, []lab.Reason{"concurrency"}},
		{"retry", "Retry with a budget", "repeats reads that failed by accident, as long as few fail", lab.Server, &shareKnobs{.1}, nil},
		{"throttle", "Adaptive throttling", "refuses itself the share that the dependency would turn down anyway", lab.Server, new(throttle.Defaults()), []lab.Reason{throttle.ReasonThrottled}},
		{"breaker", "Circuit breaker", "stops calling a dependency that fails or is too slow, then probes it", lab.Server, &timeKnobs{5 * time.Second}, []lab.Reason{"breaker_open"}},
		{"bulkhead", "Bulkhead", "gives each operation its own places, so a slow one cannot take them all", lab.Server, &queueKnobs{10, 0, "fifo", false}, []lab.Reason{"bulkhead_full"}},
		{"hedge", "Hedged reads", "asks a second time when a read is late, and takes the first answer", lab.Server, new(hedge.Defaults()), nil},
		{"brownout", "Brownout", "leaves out the optional part of as many requests as the response time asks", lab.Server, new(brownout.Defaults()), nil},
		{"client-backoff", "Clients: backoff and jitter", "clients wait ever longer, and at random, before they ask again", lab.Client, &timeKnobs{100 * time.Millisecond}, nil},
		{"client-budget", "Clients: retry budget", "clients retry only a share of their requests, however many fail", lab.Client, &shareKnobs{.1}, nil},
	}
	var out []*slot
	for _, p := range list {
		out = append(out, &slot{knobs: p.knobs, counters: map[string]uint64{}, part: map[string]float64{}, about: live.PatternState{
			Name: p.name, Title: p.title, Line: p.line, Side: p.side, Reasons: p.reasons,
		}})
	}
	return out
}

// count adds so many of an event to its counter, which counts whole ones.
func (s *slot) count(event string, n float64) {
	whole := math.Floor(s.part[event] + n)
	s.part[event] += n - whole
	if whole > 0 {
		s.counters[event] += uint64(whole)
	}
}

// view returns the slot as a state shows it.
func (s *slot) view(m model) live.PatternState {
	v := s.about
	v.State, v.Knobs, v.Counters = s.state, knob.Describe(s.knobs), map[string]uint64{}
	for name, n := range s.counters {
		v.Counters[name] = n
	}
	switch v.Name {
	case "queue":
		v.Gauges = []lab.Gauge{{Name: "queue_depth", Value: min(m.queue, 60)}}
	case "breaker":
		word := "closed"
		if m.open > 0 {
			word = "open"
		}
		v.Gauges = []lab.Gauge{{Name: "state", Text: word}, {Name: "failure_share", Value: m.failing}}
	case "cache":
		v.Gauges = []lab.Gauge{{Name: "hit_share", Value: m.hits}}
	case "throttle":
		k := s.knobs.(*throttle.Knobs)
		v.Gauges = []lab.Gauge{{Name: "refuse_share", Value: m.refuse(k)}}
	case "hedge":
		_, delay := m.second(s.knobs.(*hedge.Knobs))
		v.Gauges = []lab.Gauge{{Name: "delay_seconds", Value: delay / 1000}}
	case "brownout":
		v.Gauges = []lab.Gauge{{Name: "dimmer_share", Value: 1 - m.dimmed}}
	}
	return v
}
