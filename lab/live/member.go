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
	"workbench/lab/chain"
	"workbench/lab/fleet"
	"workbench/lab/gate"
	"workbench/lab/instance"
	"workbench/lab/pattern/jobs"
	"workbench/sim/dist"
)

// member is one service instance with its chain.
type member struct {
	name    string
	chain   *chain.Chain
	server  *instance.Instance
	cpu     *gate.Gate         // nil: it has no capacity of its own
	meter   fleet.Meter        // of the autoscaler, whose goroutine alone uses it
	leaves  atomic.Bool        // gets no more requests, and ends when it has finished
	drained atomic.Bool        // gets no more requests, by hand
	quit    context.CancelFunc // ends the wait for a cold start; nil once it has started
	ill     ill                // of a rehearsal

	mu       sync.Mutex
	sessions fleet.Sessions     // guarded by mu
	began    time.Duration      // guarded by mu; when it began to serve: what is older than its warm-up is warm
	slow     float64            // guarded by mu; by a fault
	life     context.Context    // guarded by mu; of the process that the instance stands for: ends when it is killed
	die      context.CancelFunc // guarded by mu; ends life
}

// openMember starts the instance that m describes.
func (r *run) openMember(ctx context.Context, m *member) error {
	name := m.name
	m.life, m.die = context.WithCancel(r.life)
	next, err := r.openCPU(m)
	if err != nil {
		return err
	}
	m.chain, err = chain.New(chain.Config{
		Patterns: r.chained(), Counters: r.counts, Next: next, Yours: r.lab.solution, Around: r.lab.observe.tracer.Chain(name, r.clock),
		// Streams have the names that virtual time uses.
		Uniform: func(pattern string) func() float64 {
			return (&lockedStream{stream: dist.New(r.seed, "patterns "+name+" "+pattern)}).Float64
		},
		Env: lab.Env{
			Clock: r.clock, Redis: r.lab.redis.Client(), Slots: r.spec.Gate.Slots, Service: r.spec.Gate.Service, Instance: name, Log: r.lab.cfg.Log, Simpler: r.kind.Simpler,
			Go: func(f func(context.Context)) { r.work.begin(m.alive(), f) },
		},
	})
	if err != nil {
		return err
	}
	m.server, err = instance.Start(ctx, instance.Config{
		Name: name, System: r.sys, Handler: r.watched(r.lab.observe.journal.Wrap(name, r.ops, r.lab.observe.series.Wrap(r.lab.meter.Wrap(r.lab.meter.Instance(name, m.slowed(r, m.chain)))))), Clock: r.clock, Log: r.lab.cfg.Log, Jobs: m.job, Letters: m.letters, Session: m.meet, Control: r.control,
		Observe: r.watch(name, r.ops),
	})
	if err != nil {
		return errors.Join(fmt.Errorf("start instance %s: %w", name, err), m.chain.Close())
	}
	return nil
}

func (m *member) alive() context.Context {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.life
}

// job looks up an accepted job by its number.
func (m *member) job(id uint64) (jobs.Status, bool) {
	if s, ok := m.chain.Live("jobs").(jobs.Statuser); ok {
		return s.Status(id)
	}
	return jobs.Status{}, false
}

// letters returns the latest dead letters among accepted jobs.
func (m *member) letters(n int) []jobs.Letter {
	if s, ok := m.chain.Live("jobs").(jobs.Statuser); ok {
		return s.Letters(n)
	}
	return nil
}

// kill ends an instance as a crash does: with all that it had in memory.
func (r *run) kill(m *member) error {
	err := m.server.Kill()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.die()
	m.sessions = fleet.Sessions{}
	return err
}

// revive starts a killed instance again. Its patterns begin with nothing. One
// that is up, or gone for good, stays as it is.
func (r *run) revive(m *member) error {
	r.shaping.Lock()
	defer r.shaping.Unlock()
	if m.server.Up() || !slices.Contains(r.members(), m) {
		return nil
	}
	m.mu.Lock()
	m.life, m.die = context.WithCancel(r.life)
	m.began = r.clock.Now()
	m.mu.Unlock()
	var all []chain.Change
	for _, s := range m.chain.Slots(r.clock.Now()) {
		all = append(all, chain.Change{Pattern: s.Pattern.Name})
	}
	if err := m.chain.Set(all...); err != nil {
		return fmt.Errorf("start the patterns of instance %s afresh: %w", m.name, err)
	}
	return m.server.Restart(r.ctx)
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

// crew counts goroutines that may start at any time and be waited for at any
// time, which a sync.WaitGroup forbids. The zero value is ready.
type crew struct {
	mu      sync.Mutex
	n       int
	waiting []chan struct{} // guarded by mu; closed when n falls to 0
}

// enter counts one in, until it calls end.
func (c *crew) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

// begin runs f on a goroutine of the crew.
func (c *crew) begin(ctx context.Context, f func(context.Context)) {
	c.enter()
	go func() {
		defer c.end()
		f(ctx)
	}()
}

func (c *crew) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n > 0 {
		return
	}
	for _, ch := range c.waiting {
		close(ch)
	}
	c.waiting = nil
}

// wait returns when none is at work or ctx ends, and how many are left.
func (c *crew) wait(ctx context.Context) (left int) {
	c.mu.Lock()
	if c.n == 0 {
		c.mu.Unlock()
		return 0
	}
	none := make(chan struct{})
	c.waiting = append(c.waiting, none)
	c.mu.Unlock()
	select {
	case <-none:
		return 0
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
