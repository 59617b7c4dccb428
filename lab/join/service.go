package join

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/fleet"
	"workbench/lab/gate"
	"workbench/lab/instance"
	"workbench/lab/pattern/jobs"
	"workbench/lab/system"
	"workbench/lab/system/kind"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// service is the instance for one run of the lab.
type service struct {
	plan  Plan // that was last carried out; of the goroutine that carries them out
	run   uint64
	clock shifted
	began time.Duration // on the run's clock; what is older than its warm-up is warm
	life  context.Context
	die   context.CancelFunc

	counts  map[string]*lab.Counters
	chain   *chain.Chain
	cpu     *gate.Gate // nil: it has no capacity of its own
	busy    fleet.Meter
	server  *instance.Instance
	told    *told
	control atomic.Pointer[string]
	work    atomic.Int64 // goroutines of the patterns

	mu       sync.Mutex
	sessions fleet.Sessions // guarded by mu
}

// needs is what a service is made with, besides the plan.
type needs struct {
	who   Member
	pass  string
	addr  string // to listen on
	open  bool
	lab   Lab
	redis redis.UniversalClient
	wall  *clock.Wall
	late  time.Duration // how long ago the lab's clock was read
	log   *slog.Logger
	told  *told
	cert  *tls.Certificate // nil: requests come in the clear
}

// open starts an instance as p wants it.
func open(ctx context.Context, p Plan, n needs) (_ *service, err error) {
	k, ok := kind.Find(p.System)
	if !ok {
		return nil, fmt.Errorf("the lab runs service %q, which this program does not have", p.System)
	}
	s := &service{plan: p, run: p.Run, clock: shifted{n.wall, p.Now + n.late - n.wall.Now()}, counts: map[string]*lab.Counters{}, told: n.told}
	s.control.Store(&p.Control)
	s.life, s.die = context.WithCancel(context.WithoutCancel(ctx))
	if s.began = s.clock.Now(); p.Warm {
		s.began -= p.Instance.Warmup
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	if i := p.Instance; i.Limited() {
		spec := gate.Spec{Slots: i.Slots, Service: i.Service, Law: i.Law, SCV: i.SCV, RTT: i.RTT, Backlog: i.Backlog}
		if s.cpu, err = gate.New(spec, s.clock, dist.New(p.Seed, "instance "+n.who.Name)); err != nil {
			return nil, fmt.Errorf("open the slots: %w", err)
		}
	}
	var patterns []lab.Pattern
	for _, one := range kind.Patterns(p.System) {
		if !one.Front && one.Side != lab.Client {
			patterns = append(patterns, one)
			s.counts[one.Name] = lab.NewCounters()
		}
	}
	if s.chain, err = chain.New(chain.Config{
		Patterns: patterns, Counters: s.counts, Next: s.next(n), Around: n.told.tracer.Chain(n.who.Name, s.clock),
		Uniform: func(pattern string) func() float64 {
			return (&lockedStream{stream: dist.New(p.Seed, "patterns "+n.who.Name+" "+pattern)}).Float64
		},
		Env: lab.Env{
			Clock: s.clock, Redis: n.redis, Slots: p.GateSlots, Service: p.Service, Instance: n.who.Name, Log: n.log, Simpler: k.Simpler, Go: s.begin,
		},
	}); err != nil {
		return nil, err
	}
	if err := s.set(p.Slots, nil); err != nil {
		return nil, err
	}
	s.server, err = instance.Start(ctx, instance.Config{
		Name: n.who.Name, Addr: n.addr, Open: n.open, Pass: n.pass, System: ops(k.Ops), Handler: s.told.answers.count(n.wall, s.chain), Clock: s.clock, Log: n.log,
		Jobs: s.job, Letters: s.letters, Session: s.meet, Control: func() string { return *s.control.Load() }, Observe: s.told.follow(n.who.Name, k.Ops), Cert: n.cert,
		Also: map[string]http.Handler{ProofPath: prove(n.who)},
	})
	if err != nil {
		return nil, err
	}
	s.server.Drain(p.Draining)
	return s, s.warm()
}

// ops is a service by its operations alone: what an instance needs to decode.
type ops []system.Op

// Ops implements instance.System.
func (o ops) Ops() []system.Op { return o }

// prove answers who this is.
func prove(m Member) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(m.Proof())) // its only error is that the lab has left
	})
}

// next is what stands behind the patterns: the instance's own slots, then the
// service, in the lab.
func (s *service) next(n needs) lab.Handler {
	far := lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		return n.told.tracer.Call(ctx, "call to the lab", n.who.Name, func(ctx context.Context) lab.Response { return s.call(ctx, n, r) })
	})
	if s.cpu == nil {
		return far
	}
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		own := func(context.Context) ([]byte, error) { return nil, nil } // the slot is held, and no processor is burnt
		if _, err := s.cpu.Do(ctx, r, own); err != nil {
			return lab.Answer(nil, err)
		}
		return far.Serve(ctx, r)
	})
}

// call has the lab do a request's work.
func (s *service) call(ctx context.Context, n needs, r *lab.Request) lab.Response {
	now := s.clock.Now()
	if r.Expired(now) {
		return lab.Answer(nil, lab.ErrLate)
	}
	if r.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Deadline-now)
		defer cancel()
	}
	c := CallOf(s.run, now, r)
	c.Trace = n.told.parent(ctx)
	res, err := n.lab.Work(ctx, n.who, c)
	if err == nil {
		return res
	}
	if ctx.Err() != nil {
		return lab.Answer(nil, ctx.Err())
	}
	return lab.Answer(nil, fmt.Errorf("%w: the lab: %w", lab.ErrDown, err))
}

// begin runs f on a goroutine that close waits for.
func (s *service) begin(f func(context.Context)) {
	s.work.Add(1)
	go func() {
		defer s.work.Add(-1)
		f(s.life)
	}()
}

func (s *service) job(id uint64) (jobs.Status, bool) {
	if one, ok := s.chain.Live("jobs").(jobs.Statuser); ok {
		return one.Status(id)
	}
	return jobs.Status{}, false
}

func (s *service) letters(n int) []jobs.Letter {
	if one, ok := s.chain.Live("jobs").(jobs.Statuser); ok {
		return one.Letters(n)
	}
	return nil
}

func (s *service) meet(user uint64, how fleet.Session) (lost bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions.Meet(user, how)
}

// warm sets how slow the instance is at its age, and reports nothing to do when
// it has no slots.
func (s *service) warm() error {
	if s.cpu == nil {
		return nil
	}
	return s.cpu.Slow(s.plan.Instance.Warmth(s.clock.Now() - s.began))
}

// change brings the instance from its plan to another one of the same run.
func (s *service) change(p Plan) error {
	if p.Closing > 0 {
		s.plan = p
		return s.chain.Close() // what was accepted goes on
	}
	if err := s.set(p.Slots, s.plan.Slots); err != nil {
		return err
	}
	s.control.Store(&p.Control)
	s.server.Drain(p.Draining)
	s.plan = p
	return nil
}

// set changes the patterns whose epoch is not that of before, all or none.
func (s *service) set(slots, before []Slot) error {
	had := map[string]uint64{}
	for _, b := range before {
		had[b.Pattern] = b.Epoch
	}
	var changes []chain.Change
	for _, one := range slots {
		if epoch, ok := had[one.Pattern]; ok && epoch == one.Epoch {
			continue
		}
		if one.State == lab.Yours {
			return fmt.Errorf("pattern %s: a plugged-in answer decides in the lab's own process alone", one.Pattern)
		}
		changes = append(changes, chain.Change{Pattern: one.Pattern, State: &one.State, Knobs: one.Knobs})
	}
	return s.chain.Set(changes...)
}

// kill ends the instance as a crash does.
func (s *service) kill() error {
	s.die()
	return s.server.Kill()
}

// close answers those inside until ctx ends, closes the patterns and gives what
// they have accepted until ctx ends.
func (s *service) close(ctx context.Context) error {
	var faults []error
	if s.server != nil {
		faults = append(faults, s.server.Close(ctx))
	}
	if s.chain != nil {
		faults = append(faults, s.chain.Close())
	}
	for s.work.Load() > 0 && s.clock.Wait(ctx, s.clock.Now()+lookAgain) == nil {
		continue // accepted work goes on
	}
	if s.cpu != nil {
		s.cpu.Close()
	}
	s.die()
	return errors.Join(faults...)
}

// report adds the service's figures.
func (s *service) report(r *Report) {
	now := s.clock.Now()
	r.Run, r.Addr, r.Inside, r.Accepted = s.plan.Run, s.server.Addr(), s.server.Inside(), int(s.work.Load())
	if s.cpu != nil {
		g := s.cpu.Stats()
		r.Waiting, r.Taken = g.Waiting, float64(g.Busy)/float64(max(1, g.Slots))
		r.Busy = s.busy.Share(now, g.BusyTime, g.Slots)
	}
	r.Gauges, r.Counters = map[string][]lab.Gauge{}, map[string]map[string]uint64{}
	for _, one := range s.chain.Slots(now) {
		if len(one.Gauges) > 0 {
			r.Gauges[one.Pattern.Name] = one.Gauges
		}
		if all := one.Counters.All(); len(all) > 0 {
			r.Counters[one.Pattern.Name] = all
		}
	}
}

// lockedStream is a random stream for many goroutines.
type lockedStream struct {
	mu     sync.Mutex
	stream *dist.Stream // guarded by mu
}

func (s *lockedStream) Float64() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream.Float64()
}
