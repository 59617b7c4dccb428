// Package virtual runs a scenario on the event engine: the same file, the same
// pattern cores and the same arrivals as the live lab, without goroutines or
// waiting, so that ten minutes of a million users pass in seconds.
//
// The same scenario, seed and version give the same events and the same report,
// byte for byte. What is left out against the live lab is the machine itself:
// the time that HTTP, SQLite and Redis take.
package virtual

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/fleet"
	"workbench/lab/gate"
	"workbench/lab/pattern/clientbackoff"
	"workbench/lab/pattern/clientbudget"
	"workbench/lab/scenario"
	"workbench/lab/system"
	"workbench/lab/system/kind"
	"workbench/lab/tape"
	"workbench/sim/arrival"
	"workbench/sim/clock"
	"workbench/sim/dist"
	"workbench/sim/engine"
	"workbench/sim/load"
	"workbench/sim/population"
	"workbench/sim/retry"
)

// Options say how a scenario is run.
type Options struct {
	Seed     uint64
	Scale    float64        // 0: the reference scale, 1
	Patterns []chain.Change // on top of the scenario's, as effective values
	Version  string         // of the program, for the report
	From     time.Duration  // the report's sums leave out what is before; its series does not
	// Progress is called once a virtual second; may be nil.
	Progress func(elapsed, total time.Duration, p scenario.Point)
}

// The bounds of a run.
const (
	MaxDuration  = 24 * time.Hour
	MaxScale     = 10_000
	maxInstances = 26 // they are named by letters
)

// ErrSpec means that a scenario, or what was set in it, is beyond this engine's
// bounds.
var ErrSpec = errors.New("cannot be played")

// Run runs a scenario to its end. When ctx ends early it returns the report of
// what has passed, with ctx's error.
func Run(ctx context.Context, spec scenario.Spec, o Options) (scenario.Report, error) {
	if o.Scale == 0 {
		o.Scale = 1
	}
	w, err := build(spec, o)
	if err != nil {
		return scenario.Report{}, fmt.Errorf("scenario %s %w: %w", spec.Name, ErrSpec, err)
	}
	err = w.run(ctx, o)
	return w.report(o), err
}

// world is one run.
type world struct {
	spec    scenario.Spec // at the run's scale
	seed    uint64
	end     time.Duration
	items   uint64 // how many the store has, from 1
	queue   engine.Queue
	clock   *clock.Manual // what patterns see; follows the queue
	placed  []chain.Placed
	members []*member // in the order in which they were made
	born    []*member // by the tag of their place with the balancer
	fleet   *fleet.Fleet
	scaler  *fleet.Autoscaler
	cpus    []*door // of all instances there have been; a CPU event's Arg
	ports   []*port // of all members, in order; a wake event's Arg
	gates   []*door // gate, then the provider if there is one, then a second
	kind    system.Kind
	model   system.Model // nil: the service's state is of no account
	ops     []operation
	gone    bool           // Redis is gone
	shared  map[string]any // what stands for Redis; nil: each instance has its own

	process *arrival.Process
	people  *population.Population
	picks   *dist.Stream
	habits  load.Client
	backoff retry.Backoff
	budget  *retry.Budget // nil: none
	jitter  *dist.Stream

	users     []user
	epochs    []uint32 // by user: grows as a try ends, so that its patience event means nothing; apart, as most of those come too late
	freeUsers []int32
	calls     []call
	freeCalls []int32
	lines     map[uint64]*line // those that somebody is in, by key
	notes     []uint64         // calls × stages of the longest chain
	depth     int              // stages in a chain
	path      []system.Visit   // of the request that is looked at
	serial    uint64

	fronts map[string]any // by pattern before the balancer: what its stages have in common
	window window
	events map[string]*lab.Counters // by pattern
	tape   *tape.Tape
	marks  []scenario.Change
}

// operation is what the world needs to know of a system's operation.
type operation struct {
	name     string
	read     bool
	async    bool
	keyed    bool // its address names the item
	priority lab.Priority
}

func build(spec scenario.Spec, o Options) (*world, error) {
	scaled := spec.Scaled(o.Scale)
	w := &world{
		spec: scaled, seed: o.Seed, end: scaled.Traffic.Duration(), items: scaled.Population.WithDefaults().Keys,
		clock: &clock.Manual{}, events: map[string]*lab.Counters{}, fronts: map[string]any{}, lines: map[uint64]*line{}, tape: tape.New(1),
	}
	if scaled.SharedStore {
		w.shared = map[string]any{}
	}
	if err := w.check(o); err != nil {
		return nil, err
	}
	if err := errors.Join(w.buildTraffic(), w.buildGates(o.Scale)); err != nil {
		return nil, err
	}
	var faults []error
	for _, f := range w.spec.Faults {
		faults = append(faults, w.able(f))
	}
	err := errors.Join(faults...)
	if err != nil {
		return nil, err
	}
	if w.placed, err = chain.Arrange(kind.Patterns(spec.System), o.Scale, Starting(spec), o.Patterns); err != nil {
		return nil, err
	}
	w.habits = w.clientHabits()
	w.backoff = retry.Backoff{Base: w.habits.Backoff, Cap: w.habits.BackoffCap, Jitter: w.habits.Jitter}
	if w.habits.Budget > 0 {
		w.budget = retry.NewBudget(w.habits.Budget, 0)
	}
	if err := w.buildFleet(); err != nil {
		return nil, err
	}
	w.plan()
	return w, nil
}

// maxRate bounds the arrivals a second; at the greatest a second takes about a
// minute.
const maxRate = 1e8

// check refuses what would not be a run.
func (w *world) check(o Options) error {
	var faults []error
	if !(o.Scale >= scenario.MinScale && o.Scale <= MaxScale) {
		faults = append(faults, fmt.Errorf("scale is %v, want %g to %g", o.Scale, scenario.MinScale, float64(MaxScale)))
	}
	if w.end <= 0 || w.end > MaxDuration {
		faults = append(faults, fmt.Errorf("traffic lasts %v, want above 0 and at most %v", w.end, MaxDuration))
	}
	if w.spec.Instances > maxInstances {
		faults = append(faults, fmt.Errorf("instances is %d, want at most %d", w.spec.Instances, maxInstances))
	}
	switch rate := float64(w.spec.Traffic.Max()); {
	case !(rate > 0):
		faults = append(faults, errors.New("traffic has no rate above 0: nobody would ever come"))
	case rate > maxRate:
		faults = append(faults, fmt.Errorf("traffic rises to %.3g/s, want at most %.3g: lower the scale", rate, float64(maxRate)))
	}
	return errors.Join(faults...)
}

// Patterns returns the patterns that this engine knows, of all services.
func Patterns() []lab.Pattern { return kind.AllPatterns() }

// Starting returns a scenario's settings as changes.
func Starting(spec scenario.Spec) []chain.Change {
	var out []chain.Change
	for name, s := range spec.Patterns {
		out = append(out, chain.Change{Pattern: name, State: &s.State, Knobs: s.Knobs})
	}
	slices.SortFunc(out, func(a, b chain.Change) int { return strings.Compare(a.Pattern, b.Pattern) })
	return out
}

func (w *world) buildTraffic() error {
	var ok bool
	if w.kind, ok = kind.Find(w.spec.System); !ok {
		return fmt.Errorf("system is %q, want one of %s", w.spec.System, kind.Names())
	}
	var names []string
	for _, op := range w.kind.Ops {
		names = append(names, op.Name)
		w.ops = append(w.ops, operation{name: op.Name, read: op.Read, async: op.Async, keyed: strings.Contains(op.Path, "{key}"), priority: op.Priority})
	}
	if w.kind.Model != nil {
		w.model = w.kind.Model(w.counters)
	}
	var err error
	// The streams have the names that the live generator uses: same seed, same arrivals.
	if w.process, err = arrival.New(w.spec.Arrivals, dist.New(w.seed, "arrivals"), w.spec.Traffic); err != nil {
		return err
	}
	if w.people, err = population.New(w.spec.Population, names); err != nil {
		return err
	}
	w.picks, w.jitter = dist.New(w.seed, "picks"), dist.New(w.seed, "jitter")
	w.window.ops = make([]tally, len(names))
	return nil
}

func (w *world) buildGates(scale float64) error {
	specs := []scenario.Gate{w.spec.Gate}
	if w.spec.Provider.Slots > 0 {
		specs = append(specs, w.spec.Provider)
	}
	if w.spec.Second.Slots > 0 { // only where there is a first
		specs = append(specs, w.spec.Second)
	}
	for i, g := range specs {
		name := []string{"gate", "provider", "second"}[i]
		if g.Backlog == 0 { // grows with the crowd: at 1000 times the rate 4096 would be a short queue, and a cure
			g.Backlog = min(gate.MaxBacklog, int(gate.DefaultBacklog*math.Max(1, scale)))
		}
		m, err := gate.NewModel(gate.Spec{Slots: g.Slots, Service: g.Service, Law: g.Law, SCV: g.SCV, RTT: g.RTT, Backlog: g.Backlog}, dist.New(w.seed, "service "+name))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		w.gates = append(w.gates, &door{world: w, model: m, index: int32(i), kind: evGate})
	}
	return nil
}

func (w *world) clientHabits() load.Client {
	c := w.spec.Clients
	c.Backoff, c.BackoffCap, c.Jitter, c.RetryAfter, c.Budget = 0, 0, false, false, 0
	for _, p := range w.placed {
		if p.State != lab.On {
			continue
		}
		switch k := p.Knobs.(type) {
		case *clientbackoff.Knobs:
			k.Apply(&c)
		case *clientbudget.Knobs:
			k.Apply(&c)
		}
	}
	return c.WithDefaults()
}

func (w *world) buildMember(name string) (*member, error) {
	m := &member{name: name, slow: 1}
	if err := w.buildCPU(m); err != nil {
		return nil, err
	}
	for _, p := range w.placed {
		if p.Pattern.Side == lab.Client || p.State == lab.Off {
			continue
		}
		if p.State == lab.Yours {
			return nil, fmt.Errorf("pattern %s: state yours: virtual time knows off, shadow and on", p.Pattern.Name)
		}
		draws := dist.New(w.seed, "patterns "+name+" "+p.Pattern.Name) // as in the live lab
		stage, err := p.Pattern.NewStage(lab.Env{
			Clock: w.clock, Uniform: draws.Float64, Shared: w.shared, Counters: w.counters(p.Pattern.Name), Slots: w.spec.Gate.Slots, Service: w.spec.Gate.Service,
			Instance: name, Log: slog.New(slog.DiscardHandler), Simpler: w.kind.Simpler, Go: nowhere, Common: w.common(p.Pattern),
		}, p.Knobs)
		if err != nil {
			return nil, fmt.Errorf("pattern %s: %w", p.Pattern.Name, err)
		}
		t := &port{world: w, member: m, stage: stage, name: p.Pattern.Name, depth: len(m.port), index: int32(len(w.ports)), draws: draws}
		if p.State == lab.Shadow {
			t.stage = &shadow{port: t, stage: stage}
		}
		m.port = append(m.port, t)
		w.ports = append(w.ports, t)
	}
	w.depth = len(m.port)
	return m, nil
}

// common returns where the stages of a pattern before the balancer keep what they
// have in common; nil for the others.
func (w *world) common(p lab.Pattern) func(func() any) any {
	if !p.Front {
		return nil
	}
	return func(build func() any) any {
		if w.fronts[p.Name] == nil {
			w.fronts[p.Name] = build()
		}
		return w.fronts[p.Name]
	}
}

// nowhere is where a stage's goroutines would run: one that asks for some is
// wrong, since virtual time has only one.
func nowhere(func(context.Context)) { panic("virtual: a stage started a goroutine") }
