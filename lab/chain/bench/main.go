// Command bench measures what the patterns cost a request, side by side in one
// run: the chain with everything off against the bare handler, everything on,
// each pattern alone, and beside each the well-known library for the same job.
//
// Each figure is the best of many short, interleaved rounds: a noisy neighbour
// can only make a round slower, and spoils a few and not the comparison.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/chain"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// line is one measured row.
type line struct {
	Name   string  `json:"name"`
	NS     float64 `json:"ns"`
	Allocs int64   `json:"allocs"`
	Goal   string  `json:"goal,omitempty"`
	OK     *bool   `json:"ok,omitempty"`
}

// allOn is the row that the goals are about.
const allOn = "chain, all on, cache hit"

// subject is something to measure. It returns the benchmark's loop.
type subject struct {
	name string
	loop func(b *testing.B)
}

func main() {
	testing.Init()
	rounds := flag.Int("rounds", 15, "interleaved rounds; the best one counts")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	if err := run(*rounds, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(rounds int, asJSON bool) error {
	if err := flag.Set("test.benchtime", "40ms"); err != nil {
		return err
	}
	subjects, closers, err := ours()
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range closers {
			if err := f(); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
			}
		}
	}()
	subjects = append(subjects, libraries()...)
	times := map[string][]float64{}
	allocs := map[string]int64{}
	for range rounds {
		for _, s := range subjects {
			r := testing.Benchmark(s.loop)
			times[s.name] = append(times[s.name], float64(r.T.Nanoseconds())/float64(r.N))
			allocs[s.name] = r.AllocsPerOp()
		}
	}
	var lines []line
	for _, s := range subjects {
		lines = append(lines, line{Name: s.name, NS: slices.Min(times[s.name]), Allocs: allocs[s.name]})
	}
	ok := judge(lines)
	if asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(lines); err != nil {
			return err
		}
	} else {
		show(lines)
	}
	if !ok {
		return fmt.Errorf("a goal was missed")
	}
	return nil
}

// judge writes the goals beside the lines they concern.
func judge(lines []line) bool {
	at := func(name string) *line {
		return &lines[slices.IndexFunc(lines, func(l line) bool { return l.Name == name })]
	}
	set := func(l *line, goal string, ok bool) bool {
		l.Goal, l.OK = goal, &ok
		return ok
	}
	bare, off, on := at("bare handler"), at("chain, all off"), at(allOn)
	a := set(off, fmt.Sprintf("≤ 1.10 × bare (is %.2f)", off.NS/bare.NS), off.NS <= 1.10*bare.NS)
	b := set(on, "≤ 500 ns and ≤ 4 allocations", on.NS <= 500 && on.Allocs <= 4)
	return a && b
}

func show(lines []line) {
	fmt.Printf("%-44s %10s %8s  %s\n", "", "ns/request", "allocs", "goal")
	for _, l := range lines {
		goal := l.Goal
		if l.OK != nil && *l.OK {
			goal += " ✓"
		} else if l.OK != nil {
			goal += " ✗"
		}
		fmt.Printf("%-44s %10.1f %8d  %s\n", l.Name, l.NS, l.Allocs, goal)
	}
}

// leaf is the protected handler: it does what a trivial handler would, so that
// the bare figure is not zero.
type leaf struct{ body []byte }

// Serve implements lab.Handler.
func (l *leaf) Serve(_ context.Context, r *lab.Request) lab.Response {
	// About as much work as formatting a 55-byte JSON answer from a template.
	var sum uint64
	for i := range uint64(60) {
		sum = dist.Mix(sum ^ r.Key ^ i)
	}
	if sum == 0 {
		return lab.Response{}
	}
	return lab.Response{Body: l.body}
}

// ours returns our own subjects and what to close when done.
func ours() ([]subject, []func() error, error) {
	next := &leaf{body: []byte(`{"id":42,"name":"Ada Lovelace","bio":"analyst","v":7}`)}
	out := []subject{{"bare handler", hits(next)}}
	var closers []func() error
	add := func(name string, patterns []lab.Pattern, on func(lab.Pattern) bool) error {
		c, stop, err := open(patterns, next, on)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		closers = append(closers, stop)
		out = append(out, subject{name, hits(c)})
		if name == allOn {
			out = append(out, subject{"chain, all on, cache miss", misses(c)})
		}
		return nil
	}
	all := catalog.Patterns()
	server := slices.DeleteFunc(slices.Clone(all), func(p lab.Pattern) bool { return p.Side == lab.Client })
	steps := []struct {
		name     string
		patterns []lab.Pattern
		on       func(lab.Pattern) bool
	}{
		{"chain, all off", server, func(lab.Pattern) bool { return false }},
		{allOn, server, func(lab.Pattern) bool { return true }},
		{"chain, all on, naive order (cache last)", naive(server), func(lab.Pattern) bool { return true }},
		{"chain, all on but the cache", server, func(p lab.Pattern) bool { return p.Name != "cache" }},
	}
	for _, p := range server {
		steps = append(steps, struct {
			name     string
			patterns []lab.Pattern
			on       func(lab.Pattern) bool
		}{"  only " + p.Name, server, func(q lab.Pattern) bool { return q.Name == p.Name }})
	}
	for _, s := range steps {
		if err := add(s.name, s.patterns, s.on); err != nil {
			return nil, nil, err
		}
	}
	return out, closers, nil
}

// naive returns the patterns with the cache innermost, as it is when each
// protection is added in front of a handler that caches by itself.
func naive(patterns []lab.Pattern) []lab.Pattern {
	out := slices.Clone(patterns)
	i := slices.IndexFunc(out, func(p lab.Pattern) bool { return p.Name == "cache" })
	cache := out[i]
	return append(slices.Delete(out, i, i+1), cache)
}

// open returns a chain with some patterns on and limits that never refuse.
func open(patterns []lab.Pattern, next lab.Handler, on func(lab.Pattern) bool) (*chain.Chain, func() error, error) {
	ctx, cancel := context.WithCancel(context.Background())
	var owned sync.WaitGroup
	var mu sync.Mutex
	draws := dist.New(1, "bench")
	c, err := chain.New(chain.Config{Patterns: patterns, Next: next, Env: lab.Env{
		Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler), Slots: 20, Service: 20e6, Instance: "a",
		Uniform: func() float64 { mu.Lock(); defer mu.Unlock(); return draws.Float64() },
		Go:      func(f func(context.Context)) { owned.Go(func() { f(ctx) }) },
	}})
	if err != nil {
		cancel()
		return nil, nil, err
	}
	// One quota for all would refuse a chain that is faster than the highest rate.
	wide := map[string]map[string]any{"ratelimit": {"per": "user", "rate": 1e6, "burst": 1e6}}
	var changes []chain.Change
	for _, p := range patterns {
		if on(p) {
			changes = append(changes, chain.Change{Pattern: p.Name, State: new(lab.On), Knobs: wide[p.Name]})
		}
	}
	stop := func() error {
		err := c.Close()
		cancel()
		owned.Wait()
		return err
	}
	if err := c.Set(changes...); err != nil {
		return nil, nil, fmt.Errorf("%w (and closing: %v)", err, stop())
	}
	return c, stop, nil
}

// hits asks for the same few items over and over: every request but the first
// ones is a cache hit where there is a cache.
func hits(h lab.Handler) func(b *testing.B) { return ask(h, func(k uint64) uint64 { return k & 63 }) }

// misses asks for a new item each time.
func misses(h lab.Handler) func(b *testing.B) { return ask(h, func(k uint64) uint64 { return k }) }

// ask sends requests from 64 users for the items that item makes of their
// numbers. They arrive a microsecond apart: the instance has read the clock for
// each, with patterns or without, so that reading is nobody's cost here.
func ask(h lab.Handler, item func(uint64) uint64) func(b *testing.B) {
	number := uint64(1 << 20) // goes on from round to round, so that a new item is new
	return func(b *testing.B) {
		ctx := context.Background()
		var reqs [64]lab.Request
		for i := range reqs {
			reqs[i] = lab.Request{User: uint64(1 + i), IP: uint64(1 + i/4), Token: uint64(1 + i), Key: uint64(i), Priority: lab.Normal, Read: true}
			h.Serve(ctx, &reqs[i])
		}
		b.ReportAllocs()
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			r := &reqs[i&63]
			number++
			r.Deadline, r.Key, r.At = 0, item(number), time.Duration(number)*time.Microsecond
			if res := h.Serve(ctx, r); !res.Outcome.Good() {
				b.Fatalf("request refused: %v for %q", res.Outcome, res.Reason)
			}
		}
	}
}
