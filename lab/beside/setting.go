package beside

import (
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/sim/arrival"
)

// setting is traffic and a dependency in which a pattern has something to do.
type setting struct {
	text     string
	length   time.Duration
	patience time.Duration
	shape    arrival.Shape
	gate     gate.Spec
	knobs    map[string]any
	pattern  string

	items   int           // reads of so many items, the first ones far more often; 0: nothing is read
	slow    float64       // share of the arrivals that ask for the slow operation
	slowFor time.Duration // how long that holds a slot

	brokenAt, brokenFor time.Duration // when every call fails
	slower              float64       // by how much calls take longer meanwhile
}

// refusal reports whether a reason is the pattern's own.
func (s setting) refusal(why lab.Reason) bool {
	prefix := map[string]string{"ratelimit": "limit_", "concurrency": "concurrency_", "bulkhead": "bulkhead_", "breaker": "breaker_", "queue": "queue_"}[s.pattern]
	return prefix != "" && strings.HasPrefix(string(why), prefix)
}

// settingOf returns the setting of a pattern; false: there is none.
func settingOf(pattern string) (setting, bool) {
	s := setting{
		pattern: pattern, length: 4 * time.Second, patience: 150 * time.Millisecond,
		gate: gate.Spec{Slots: 4, Service: 10 * time.Millisecond},
	}
	surge := arrival.Shape{Kind: arrival.Spike, Rate: 200, Factor: 4, At: time.Second, Hold: time.Second}
	switch pattern {
	case "ratelimit":
		s.text = "200 requests a second, for a second 800, before 4 slots × 10 ms that can serve 400; the limit is 340 a second"
		s.shape, s.knobs = surge, map[string]any{"rate": 340.0, "burst": 20}
	case "concurrency":
		s.text = "200 requests a second, for a second 800, before 4 slots × 10 ms that can serve 400; 8 are let in, 12 may wait for 40 ms"
		s.shape, s.knobs = surge, map[string]any{"limit": 8, "wait": "40ms", "max_waiting": 12}
	case "bulkhead":
		s.text = "250 requests a second before 16 slots × 10 ms, a fifth of them for an operation that holds its slot for half a second; 6 places for each operation"
		s.shape, s.knobs = arrival.Shape{Kind: arrival.Steady, Rate: 250}, map[string]any{"limit": 6}
		s.gate = gate.Spec{Slots: 16, Service: 10 * time.Millisecond}
		s.slow, s.slowFor = .2, 500*time.Millisecond
	case "breaker":
		s.text = "200 requests a second before 4 slots × 10 ms; for a second every call fails and takes ten times as long; it opens for 200 ms"
		s.shape = arrival.Shape{Kind: arrival.Steady, Rate: 200}
		s.knobs = map[string]any{"min_calls": 10, "failure_share": .5, "window": "1s", "slow": "0s", "open_for": "200ms", "probes": 3}
		s.brokenAt, s.brokenFor, s.slower = time.Second, time.Second, 10
	case "cache":
		s.text = "200 reads a second, for a second 800, of 100 items, one in three of them for the first three, before 4 slots × 10 ms that can serve 400; copies are good for a second"
		s.shape, s.items, s.knobs = surge, 100, map[string]any{"ttl": "1s", "jitter": .1}
	case "queue":
		s.text = "200 requests a second, for a second 800, before 4 slots × 10 ms that can serve 400; 4 workers, and 30 may wait"
		s.shape, s.knobs = surge, map[string]any{"workers": 4, "length": 30, "target": "20ms", "interval": "100ms"}
	default:
		return setting{}, false
	}
	return s, true
}
