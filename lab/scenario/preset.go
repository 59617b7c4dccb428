package scenario

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"workbench/lab"
	"workbench/sim/arrival"
	"workbench/sim/load"
	"workbench/sim/population"
	"workbench/sim/preset"
)

// presetPrefix begins the name of a scenario that is made from a named load.
const presetPrefix = "preset-"

// presetPeak is the rate, at scale 1, to which a larger load is brought: a
// fifth more than the service in front of it can do.
const presetPeak = 1200

// FromPreset returns the scenario in which a named load meets the demo service
// of 1000 requests a second: nothing is claimed of it, it is there to be
// operated. The source's operations become those of the demo service; how its
// clients wait and budget their retries, and how long its items live, become
// patterns, so that they can be switched.
func FromPreset(p preset.Preset) Spec {
	s := Spec{System: "profile", Instances: DefaultInstances, LiveScale: DefaultLiveScale}
	s.Name, s.Title = presetPrefix+p.Name, p.Title
	s.Story = p.Story
	s.Lesson = "Source: " + p.Source
	if p.Unverified {
		s.Lesson += ". Not verified: " + p.Doubt
	}
	s.Gate = Gate{Slots: 20, Service: 20 * time.Millisecond, Law: "exponential"}
	schedule, scale := p.Fit(presetPeak)
	if scale < 1 {
		s.Story += fmt.Sprintf(" Here at %.2g of its rate.", scale)
	}
	s.Traffic, s.Arrivals = schedule, p.Arrivals
	s.Population = p.Population
	s.Population.Mix = translate(p.Population.Mix)
	s.Clients = load.Client{Timeout: p.Client.Timeout, Retries: p.Client.Retries, ReadBps: p.Client.ReadBps, NoKeepAlive: p.Client.NoKeepAlive}
	s.Patterns = habits(p)
	if strings.HasPrefix(p.Name, "retry-storm") { // its story is an outage
		at := s.Traffic.Duration() / 3
		s.Faults = []Fault{{Name: "hang", Target: "gate", At: at, For: 8 * time.Second}}
	}
	if len(s.Traffic) == 1 && len(s.Faults) == 0 { // so that there is a calm before the event
		calm := arrival.Phase{Name: "calm", For: 10 * time.Second, Shape: arrival.Shape{Kind: arrival.Steady, Rate: math.Max(1, s.Traffic.At(0))}}
		s.Traffic = slices.Concat(arrival.Schedule{calm}, s.Traffic)
	}
	return s
}

// translate gives each operation of a source the nearest one of the demo
// service: what reads, reads a profile; a scan is a report; what is queued is a
// job; everything else writes.
func translate(mix []population.Weight) []population.Weight {
	to := map[string]string{
		"read": "read-profile", "get": "read-profile", "http": "read-profile", "view": "read-profile", "latest": "read-profile",
		"scan": "report", "queue": "submit-job", "event": "submit-job", "timer": "submit-job", "orchestration": "submit-job",
	}
	weights := map[string]float64{}
	for _, w := range mix {
		op, ok := to[w.Op]
		if !ok {
			op = "update-profile"
		}
		weights[op] += w.Weight
	}
	var out []population.Weight
	for _, op := range sortedKeys(weights) {
		out = append(out, population.Weight{Op: op, Weight: weights[op]})
	}
	return out
}

// habits returns the patterns that stand for what a preset says of its clients
// and of its items' lifetimes.
func habits(p preset.Preset) map[string]Setting {
	out := map[string]Setting{}
	if c := p.Client; c.Backoff > 0 {
		out["client-backoff"] = Setting{State: lab.On, Knobs: map[string]any{
			"base": c.Backoff.String(), "cap": max(c.BackoffCap, c.Backoff).String(), "jitter": c.Jitter, "retry_after": c.RetryAfter,
		}}
	}
	if p.Client.Budget > 0 {
		out["client-budget"] = Setting{State: lab.On, Knobs: map[string]any{"share": p.Client.Budget}}
	}
	const watched = time.Minute // longer lives do not end in a run
	if len(p.Lifetimes) > 0 && p.Lifetimes[0].For <= watched {
		life, jitter := p.Lifetimes[0].For, 0.
		if until := p.Lifetimes[0].Until; until > life {
			jitter = float64(until-life) / float64(until+life)
			life = (life + until) / 2
		}
		out["cache"] = Setting{State: lab.On, Knobs: map[string]any{"ttl": life.String(), "jitter": jitter, "capacity": 100_000}}
	}
	return out
}
