// Package formula works a scenario out on paper: what queueing theory says of
// it, computed instead of played.
//
// While the users who come keep the dependency less than 95 % busy, each second
// is a steady state: M/M/c for exponential service times, and for constant ones
// M/M/c's wait halved (A. O. Allen and J. A. Cunneen's approximation). Beyond
// that, and until the backlog is gone, it is the fluid limit: no randomness,
// arrivals served in order at the capacity, users who are late or turned away
// asking again as their patience, their tries and their budget let them. That is
// enough to say when a short overload becomes a lasting one.
//
// What has no such form is refused by name, and so is a phase in which the
// dependency is 95 to 105 % busy: there the steady state takes ages to come and
// the limit does not hold.
package formula

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/fleet"
	"workbench/lab/gate"
	"workbench/lab/knob"
	"workbench/lab/pattern/clientbackoff"
	"workbench/lab/pattern/clientbudget"
	"workbench/lab/pattern/queue"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
	"workbench/sim/arrival"
	"workbench/sim/dist"
	"workbench/sim/load"
	"workbench/sim/retry"
)

// Options say how a scenario is worked out. There is no seed: nothing is left
// to chance.
type Options struct {
	Scale    float64        // 0: the reference scale, 1
	Patterns []chain.Change // on top of the scenario's, as effective values
	Version  string         // of the program, for the report
	From     time.Duration  // the report's sums leave out what is before; its series does not
}

// ErrNone means that a scenario has no closed form.
var ErrNone = errors.New("there is no closed form")

// The utilisations between which there is no verdict.
const (
	steadyBelow = 0.95
	fluidAbove  = 1.05
)

// maxDuration bounds the schedule, as the other engines do.
const maxDuration = virtual.MaxDuration

// Run works a scenario out. The report has the same keys as a played one; what
// only a played one has (the generator's lag, counters) stays empty. Its error
// wraps ErrNone and joins everything that has no closed form.
func Run(ctx context.Context, spec scenario.Spec, o Options) (scenario.Report, error) {
	if o.Scale == 0 {
		o.Scale = 1
	}
	p, err := newPlan(spec, o)
	if err != nil {
		return scenario.Report{}, fmt.Errorf("scenario %s: %w", spec.Name, err)
	}
	return p.run(ctx, o)
}

// plan is a scenario as the formulas see it.
type plan struct {
	spec     scenario.Spec // at the run's scale
	placed   []chain.Placed
	end      time.Duration
	servers  int     // requests worked on at once
	speed    float64 // services a second of all of them
	room     float64 // requests that may wait
	clients  load.Client
	budgeted bool
	waits    waits
}

func newPlan(spec scenario.Spec, o Options) (*plan, error) {
	if !(o.Scale >= scenario.MinScale && o.Scale <= virtual.MaxScale) {
		return nil, fmt.Errorf("scale is %v, want %g to %g", o.Scale, scenario.MinScale, float64(virtual.MaxScale))
	}
	p := &plan{spec: spec.Scaled(o.Scale), clients: spec.Clients}
	p.end = p.spec.Traffic.Duration()
	if p.end <= 0 || p.end > maxDuration {
		return nil, fmt.Errorf("traffic lasts %v, want above 0 and at most %v", p.end, maxDuration)
	}
	g := p.spec.Gate
	if err := (gate.Spec{Slots: g.Slots, Service: g.Service, Law: g.Law, SCV: g.SCV, RTT: g.RTT, Backlog: g.Backlog}).Validate(); err != nil {
		return nil, err
	}
	p.servers = g.Slots
	p.room = float64(g.Backlog)
	if g.Backlog == 0 {
		p.room = math.Min(gate.MaxBacklog, gate.DefaultBacklog*math.Max(1, o.Scale))
	}
	var err error
	if p.placed, err = chain.Arrange(virtual.Patterns(), o.Scale, virtual.Starting(spec), o.Patterns); err != nil {
		return nil, err
	}
	faults := append(p.foreign(), p.costs()...)
	for _, placed := range p.placed {
		faults = append(faults, p.place(placed))
	}
	p.clients = p.clients.WithDefaults()
	p.speed = float64(p.servers) / g.Service.Seconds()
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return p, p.undecided()
}

// foreign lists what the formulas know nothing of.
func (p *plan) foreign() []error {
	var out []error
	none := func(format string, args ...any) {
		out = append(out, fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrNone))
	}
	if a := p.spec.Arrivals; a != "" && a != arrival.Poisson {
		none("arrivals %s (want %s)", a, arrival.Poisson)
	}
	switch l := p.spec.Gate.Law; l {
	case "", dist.Exponential, dist.Constant:
	default:
		none("gate.law %s (want %s or %s)", l, dist.Exponential, dist.Constant)
	}
	if p.spec.Provider.Slots > 0 {
		none("a provider of its own")
	}
	for _, f := range p.spec.Faults {
		none("the fault %s", f.Name)
	}
	if p.spec.Instance.Limited() {
		none("instances with a capacity of their own")
	}
	if p.spec.Autoscaler.On || len(p.spec.Resize) > 0 {
		none("a number of instances that changes")
	}
	if b := p.spec.Balancer.WithDefaults(); b.Sticky.On || b.Ejection.On {
		none("sticky sessions or outlier ejection")
	}
	if p.spec.Population.Fresh > 0 && p.spec.Population.Keys == 0 {
		none("population.fresh without population.keys")
	}
	return out
}

// place takes a pattern in, or says that there is no form for it.
func (p *plan) place(placed chain.Placed) error {
	name := placed.Pattern.Name
	if placed.State == lab.Off || placed.State == lab.Shadow {
		return nil
	}
	switch k := placed.Knobs.(type) {
	case *clientbudget.Knobs:
		p.clients.Budget, p.budgeted = k.Share, true
		return nil
	case *clientbackoff.Knobs:
		p.waits = waits{base: k.Base, most: k.Cap, jitter: k.Jitter}
		if k.RetryAfter {
			p.waits.told = retryAfter
		}
		return nil
	case *queue.Knobs:
		if k.Order != "fifo" || k.MaxWait > 0 || k.DropExpired || k.CoDel {
			return fmt.Errorf("the queue with another order than fifo, max_wait, drop_expired or codel: %w", ErrNone)
		}
		return p.queues(k)
	}
	return fmt.Errorf("pattern %s: %w", name, ErrNone)
}

// queues takes in that each instance has a queue. They are one, as the formulas
// need it, where nobody waits at one instance for what stands idle at another.
func (p *plan) queues(k *queue.Knobs) error {
	instances := max(1, p.spec.Instances)
	workers := k.Workers * instances
	picker := p.spec.Balancer.WithDefaults().Picker
	// A dealer of equal jobs in turn is one queue; so are queues of which half
	// can keep the dependency busy.
	inTurn := p.spec.Gate.Law == dist.Constant && (picker == fleet.RoundRobin || picker == fleet.LeastConnections)
	if instances > 1 && workers < 2*p.servers && !inTurn {
		return fmt.Errorf("%d instances whose queues have %d workers together, under %s, where some can wait while others idle (want twice the %d slots, one instance, or constant service times in turn): %w",
			instances, workers, picker, p.servers, ErrNone)
	}
	// Those whom workers hold wait at the dependency, which has fewer slots.
	held := math.Min(float64(max(0, workers-p.servers)), p.room)
	p.servers = min(p.servers, workers)
	p.room = math.Min(p.room, float64(k.Length*instances)) + held
	return nil
}

// undecided returns an error for each constant phase that is about as busy as
// can be.
func (p *plan) undecided() error {
	var out []error
	for _, phase := range p.spec.Traffic {
		if phase.Shape.Kind != "" && phase.Shape.Kind != arrival.Steady {
			continue
		}
		if busy := phase.Shape.Rate / p.speed; busy > steadyBelow && busy < fluidAbove {
			out = append(out, fmt.Errorf("phase %s is %.0f %% busy: %w between 95 and 105 %%, where no steady state comes in time", phase.Name, 100*busy, ErrNone))
		}
	}
	return errors.Join(out...)
}

// budget returns the retries a second that the users' budget lets pass; +Inf
// without one.
func (p *plan) budget(rate float64) float64 {
	if !p.budgeted {
		return math.Inf(1)
	}
	return rate * p.clients.Budget
}

// report writes the result down.
func (p *plan) report(o Options, t *tally) scenario.Report {
	rep := scenario.Report{
		Scenario: p.spec.Name, Engine: "theory", Scale: o.Scale, Version: o.Version, DurationS: p.end.Seconds(),
		Offered: count(t.offered), Sent: count(t.sent), Outcomes: map[string]uint64{"ok": count(t.good), "late": count(t.late), "shed": count(t.shed)},
		Series: t.points, Patterns: map[string]scenario.PatternRun{},
	}
	if t.offered > 0 {
		rep.GoodputShare = math.Min(1, t.good/t.offered)
	}
	rep.LatencyMS = t.latency()
	for _, placed := range p.placed {
		rep.Patterns[placed.Pattern.Name] = scenario.PatternRun{State: placed.State, Knobs: knob.Values(placed.Knobs)}
	}
	rep.Claims = scenario.Judge(p.spec, rep)
	return rep
}

func count(v float64) uint64 { return uint64(math.Round(math.Max(0, v))) }

// retryAfter is what a full service asks for.
const retryAfter = time.Second

// burst is the reserve of the users' budget.
const burst = float64(retry.DefaultBurst)
