package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/balancer"
	"workbench/lab/chain"
	"workbench/lab/fleet"
	"workbench/lab/gate"
	"workbench/lab/scenario"
	"workbench/lab/system"
	"workbench/lab/system/kind"
	"workbench/lab/system/orders/desk"
	"workbench/lab/tape"
	"workbench/sim/clock"
	"workbench/sim/dist"
	"workbench/sim/load"
)

// run is one scenario at work, from its start to its end.
type run struct {
	id     uint64
	spec   scenario.Spec // at the run's scale
	given  scenario.Spec // as it was given, to begin it again by its name
	kind   system.Kind   // of the service
	scale  float64
	seed   uint64
	base   baseline // what a link need not say
	timed  bool     // plays the whole schedule and ends; otherwise the calm goes on until the event is played
	lab    *Lab
	clock  *clock.Wall
	began  time.Duration   // on the clock: when the traffic started, from where the page and the generator count
	ctx    context.Context // of the timers of faults and events: ends before anything is taken down
	cancel context.CancelFunc
	owned  sync.WaitGroup     // goroutines of the run, its faults and its event
	life   context.Context    // of traffic and instances: ends when all else is done
	end    context.CancelFunc // ends life
	work   crew               // goroutines of the patterns
	pumped chan struct{}      // closed when the last frame has been read
	over   chan struct{}      // closed with the first phase that is final

	gate, provider *gate.Gate               // provider is nil unless the scenario has one
	second         *gate.Gate               // provider; nil unless the scenario has one
	counts         map[string]*lab.Counters // by pattern; shared by the instances and the service
	team           atomic.Pointer[team]
	sys            system.System
	closers        []func(context.Context) error // of what the service has opened, closed after the instances in reverse
	desk           *desk.Desk                    // of the orders service; nil: it is another
	behind         atomic.Pointer[desk.Status]   // how its broker and outbox stand
	front          *balancer.Balancer
	edge           *front // what stands before the balancer
	traffic        Generator
	ops            []string
	shared         shared // with instances of other processes
	tape           *tape.Tape
	faults         map[string]*fault // fixed once the run has begun

	staging   sync.Mutex // held while an event begins or ends; before switching
	switching sync.Mutex // held while a fault begins or ends; before mu
	shaping   sync.Mutex // held while patterns are set or an instance comes or goes; after switching, before mu

	mu       sync.Mutex
	clients  map[string]*clientSlot // guarded by mu; client-side patterns by name
	markers  []scenario.Change      // guarded by mu
	factor   float64                // guarded by mu; the dial
	wanted   int                    // guarded by mu; how many instances of the lab's own were asked for by hand
	spike    load.Spike             // guarded by mu; the last burst
	spikeEnd time.Duration          // guarded by mu
	shifted  time.Duration          // guarded by mu; when the schedule now running began
	plan     load.Plan              // guarded by mu; Schedule and Client are those now running
	phase    string                 // guarded by mu: one of the phases below
	why      string                 // guarded by mu; why it is paused or stopped
	stalled  string                 // guarded by mu; why the service is down since the machine stood still
	playing  *event                 // guarded by mu; nil: none is under way
	predict  *PredictState          // guarded by mu
	usage    map[string]usage       // guarded by mu; by gate
	scaler   *fleet.Autoscaler      // guarded by mu
	shares   map[string]*shareOf    // guarded by mu; by instance
	notices  map[string]string      // guarded by mu; what the balancer last thought of each instance
}

// The phases of a run. The last two are final.
const (
	running  = "running"
	paused   = "paused"
	finished = "finished"
	stopped  = "stopped"
)

// clientSlot is a client-side pattern's place.
type clientSlot struct {
	pattern lab.Pattern
	state   lab.State
	knobs   any
}

// begin builds the service for a scenario and starts its traffic. What it has
// built is closed again when it returns an error.
func (l *Lab) begin(ctx context.Context, s settings) (_ *run, err error) {
	l.mu.Lock()
	l.runs++
	id := l.runs
	l.mu.Unlock()
	r := &run{
		id: id, spec: s.spec.Scaled(s.scale), given: s.given, scale: s.scale, seed: s.seed, timed: s.timed, lab: l, clock: clock.NewWall(), tape: tape.New(id),
		over: make(chan struct{}), pumped: make(chan struct{}), clients: map[string]*clientSlot{}, counts: map[string]*lab.Counters{}, faults: map[string]*fault{}, usage: map[string]usage{},
		shares: map[string]*shareOf{}, notices: map[string]string{}, factor: 1, phase: running,
	}
	r.team.Store(&team{})
	r.shared.began = l.clock.Now()
	if r.scaler, err = fleet.NewAutoscaler(r.clock.Now(), r.spec.Autoscaler); err != nil {
		return nil, err
	}
	var ok bool
	if r.kind, ok = kind.Find(r.spec.System); !ok {
		return nil, fmt.Errorf("system is %q, want one of %s", r.spec.System, kind.Names())
	}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	r.ctx, r.cancel = context.WithCancel(r.life)
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close(ctx, 0))
		}
	}()
	if err := r.takeBaseline(s); err != nil {
		return nil, err
	}
	if err := s.opening.furnish(ctx, l); err != nil {
		return nil, err
	}
	if err := l.clean(ctx, r.spec); err != nil {
		return nil, err
	}
	if err := r.openGates(); err != nil {
		return nil, err
	}
	if err := r.openService(ctx); err != nil {
		return nil, err
	}
	if err := r.arrange(s); err != nil {
		return nil, err
	}
	r.declareFaults()
	if p := r.spec.Predict; p.Question != "" {
		r.predict = &PredictState{Predict: p}
	}
	if err := r.startTraffic(); err != nil {
		return nil, err
	}
	if err := s.opening.arrive(r); err != nil {
		return nil, err
	}
	r.owned.Go(r.tend)
	if r.timed {
		r.armFaults(r.ctx, r.began)
	}
	return r, nil
}

// clean makes a run begin as if it were the first: nothing is left in Redis of
// another's caches and quotas, nor in the store of its writes and jobs, and
// every item that is asked for is there.
func (l *Lab) clean(ctx context.Context, spec scenario.Spec) error {
	if err := l.redis.Reset(ctx); err != nil {
		l.cfg.Log.Warn("caches and quotas in redis not emptied before the run", "error", err)
	}
	return l.data.begin(ctx, max(profiles, int(spec.Population.WithDefaults().Keys)))
}

// since returns how long the traffic has been running: the time that pages,
// markers and reports show.
func (r *run) since() time.Duration { return r.clock.Now() - r.began }

// gateSpecs returns the scenario's capacity gates by node name.
func gateSpecs(s scenario.Spec) map[string]gate.Spec {
	out := map[string]gate.Spec{}
	add := func(name string, g scenario.Gate) {
		out[name] = gate.Spec{Slots: g.Slots, Service: g.Service, Law: g.Law, SCV: g.SCV, RTT: g.RTT, Backlog: g.Backlog}
	}
	add("gate", s.Gate)
	if s.Provider.Slots > 0 {
		add("provider", s.Provider)
	}
	if s.Second.Slots > 0 {
		add("second", s.Second)
	}
	return out
}

func (r *run) openGates() error {
	l := &r.lab.observe
	for name, spec := range gateSpecs(r.spec) {
		g, err := gate.New(spec, r.clock, dist.New(r.seed, "service "+name))
		if err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
		g.Observe(l.tracer.Gate(r.told(name)))
		switch name {
		case "gate":
			r.gate = g
		case "provider":
			r.provider = g
		default:
			r.second = g
		}
	}
	return nil
}

// openService starts the instances, each with its chain, and the balancer.
func (r *run) openService(ctx context.Context) error {
	for _, p := range r.patterns() {
		r.counts[p.Name] = lab.NewCounters()
	}
	sys, err := r.openSystem(ctx)
	if err != nil {
		return fmt.Errorf("open the service: %w", err)
	}
	for _, op := range sys.Ops() {
		r.ops = append(r.ops, op.Name)
	}
	r.sys = sys
	for range min(r.spec.Begin(), max(1, fleet.MaxInstances-r.lab.house.count())) {
		m := &member{name: r.team.Load().free(), began: -r.spec.Instance.Warmup, slow: 1}
		if err := r.openMember(ctx, m); err != nil {
			return err
		}
		r.team.Store(r.team.Load().with(m))
	}
	r.front, err = balancer.Start(ctx, balancer.Config{
		Backends: r.team.Load().backends(), Settings: r.spec.Balancer, Seed: r.seed, Clock: r.clock, Log: r.lab.cfg.Log, Trace: r.lab.observe.tracer,
	})
	if err != nil {
		return fmt.Errorf("start the balancer: %w", err)
	}
	return r.openFront(r.counts["edge"])
}

// patterns returns those that the run's service has, in the order of the chain.
func (r *run) patterns() []lab.Pattern { return kind.Patterns(r.spec.System) }

// atEnd has f called when the run ends, after the instances are closed.
func (r *run) atEnd(f func(context.Context) error) { r.closers = append(r.closers, f) }

// arrange sets the patterns as the scenario and the caller want them.
func (r *run) arrange(s settings) error {
	placed, err := chain.Arrange(r.patterns(), r.scale, starting(s.spec), s.patterns)
	if err != nil {
		return err
	}
	var changes []chain.Change
	for _, p := range placed {
		if p.Pattern.Side == lab.Client {
			r.clients[p.Pattern.Name] = &clientSlot{pattern: p.Pattern, state: p.State, knobs: p.Knobs}
			continue
		}
		if p.Pattern.Front {
			if err := r.edge.change(r.ctx, p.Change().State, p.Change().Knobs); err != nil {
				return err
			}
			continue
		}
		changes = append(changes, p.Change())
	}
	return r.setAll(changes)
}

// starting returns a scenario's settings as changes.
func starting(spec scenario.Spec) []chain.Change {
	var out []chain.Change
	for name, s := range spec.Patterns {
		out = append(out, chain.Change{Pattern: name, State: &s.State, Knobs: s.Knobs})
	}
	return out
}

// setAll changes the chains of all instances, or none. Those in other processes
// follow, or get no requests until they have.
func (r *run) setAll(changes []chain.Change) error {
	for _, c := range changes {
		if c.State != nil && *c.State == lab.Yours {
			if err := r.lab.notYours(c.Pattern); err != nil {
				return err
			}
		}
	}
	if err := r.setOwn(changes); err != nil {
		return err
	}
	r.confirm()
	return nil
}

// setOwn changes the chains of the lab's own instances.
func (r *run) setOwn(changes []chain.Change) error {
	r.shaping.Lock()
	defer r.shaping.Unlock()
	var ready []*chain.Prepared
	for _, m := range r.members() {
		p, err := m.chain.Prepare(changes...)
		if err != nil {
			for _, p := range ready {
				err = errors.Join(err, p.Cancel())
			}
			return err
		}
		ready = append(ready, p)
	}
	var faults []error
	for _, p := range ready {
		faults = append(faults, p.Commit())
	}
	if err := errors.Join(faults...); err != nil {
		r.lab.cfg.Log.Warn("a replaced pattern did not close cleanly", "error", err)
	}
	r.outline(changes)
	return nil
}

// close ends the run in the order in which nothing is lost that need not be:
// the traffic and the timers, then the patterns, then for at most grace what
// they have accepted and not yet done, then all the rest. Whoever is inside is
// answered. It waits for everything the run started.
func (r *run) close(ctx context.Context, grace time.Duration) error {
	var faults []error
	if r.traffic != nil {
		if err := r.traffic.Apply(load.Change{Stop: true}); err != nil && !errors.Is(err, load.ErrEnded) {
			faults = append(faults, fmt.Errorf("stop the traffic: %w", err))
		}
	}
	r.cancel()
	r.owned.Wait() // else a fault that ends by itself could restart what is being closed
	for _, m := range r.members() {
		faults = append(faults, m.chain.Close())
	}
	r.wind(ctx, grace)
	r.drain(ctx, grace)
	for _, g := range []*gate.Gate{r.gate, r.provider, r.second} {
		if g != nil {
			g.Close() // which answers those who wait there
		}
	}
	if r.edge != nil {
		r.edge.close()
	}
	for _, m := range r.members() {
		m.closeCPU()
	}
	if r.front != nil {
		faults = append(faults, r.front.Close(ctx))
	}
	for _, m := range r.members() {
		faults = append(faults, m.server.Close(ctx))
	}
	r.shared.calls.wait(ctx) // the gates are closed: they are answered
	for _, f := range slices.Backward(r.closers) {
		faults = append(faults, f(ctx))
	}
	if r.traffic != nil {
		faults = append(faults, r.traffic.Wait())
		<-r.pumped
	}
	r.end()
	r.work.wait(context.Background()) // their context has ended
	r.shared.calls.wait(context.Background())
	// A Redis that the run has killed is back for the next one, whatever ctx says:
	// the revival has a limit of its own.
	faults = append(faults, r.lab.redis.Revive(context.WithoutCancel(ctx)), r.lab.data.resume(context.WithoutCancel(ctx)))
	return errors.Join(faults...)
}

// drain lets closed patterns finish what they have accepted.
func (r *run) drain(ctx context.Context, grace time.Duration) {
	limited, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if left := r.work.wait(limited); left > 0 {
		r.lab.cfg.Log.Warn("accepted work cut off", "run", r.id, "workers", left, "after", grace)
	}
}
