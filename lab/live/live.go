// Package live runs a scenario for real: service instances over loopback HTTP,
// a balancer in front, capacity gates behind, Redis and SQLite, and a traffic
// generator in a process of its own. Everything may be changed while it runs.
//
// One Lab runs one scenario at a time. A change is checked whole before any of
// it is made, holds from the next request on, gets a version and leaves a
// marker. State is always read from the running service.
package live

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"workbench/lab"
	"workbench/lab/journal"
	"workbench/lab/meter"
	"workbench/lab/remote"
	"workbench/lab/scenario"
	"workbench/lab/system/kind"
	"workbench/lab/trace"
	"workbench/sim/clock"
	"workbench/sim/load"
	"workbench/sim/outcome"
)

// Config is what a lab is made from.
type Config struct {
	Dir       string                                              // where the service's database lives; emptied at start
	RedisURL  string                                              // empty: a private redis-server, or the embedded one, which also stand in for one that cannot be used
	Postgres  string                                              // URL of a PostgreSQL; empty: SQLite, which also stands in for one that cannot be used
	Replicas  []string                                            // URLs of its hot standbys
	RabbitMQ  string                                              // an amqp:// address; empty: there is none
	Kafka     string                                              // host:port of nodes, with commas; empty: the protocol's server in this process
	Embedded  bool                                                // pass over a redis-server: no process is started
	Log       *slog.Logger                                        // needed
	Generator func(context.Context, load.Plan) (Generator, error) // starts traffic; nil: in this process
	Keeper    Keeper                                              // remembers finished runs; nil: in memory
	Version   string                                              // of the program, for reports
	Trace     trace.Settings                                      // what is traced at first; zero: nothing
	Lines     journal.Settings                                    // which requests are logged at first; zero: none
	Incidents IncidentKeeper                                      // remembers rehearsals; nil: nobody does
	Export    func(trace.Trace)                                   // gets every trace that is kept; nil: nobody does
	Open      bool                                                // instances of other hosts may join; else of this machine alone
	Idle      time.Duration                                       // pauses the traffic after so long without a reader or a change; 0: 10 min
}

// Generator is traffic under way: a *load.Run.
type Generator interface {
	Frames() <-chan load.Frame
	Apply(load.Change) error
	Wait() error
}

// Lab is the live engine. Its methods are safe for concurrent use.
type Lab struct {
	cfg   Config
	clock *clock.Wall
	data  *data
	redis *remote.Redis
	meter *meter.Meter

	instead string // why another Redis than the one that was given serves; empty: it is that

	observe observe
	house   house // instances in other processes

	// Locks are taken in this order: change, a run's staging, its switching,
	// telling, its shaping, its mu, the house's mu, mu.
	change  sync.Mutex // held while the lab is changed: one change at a time
	telling sync.Mutex // held while a state is read and sent

	mu             sync.Mutex
	run            *run                    // guarded by mu; nil before the first scenario and after Close
	version        uint64                  // guarded by mu
	runs           uint64                  // guarded by mu
	readers        map[chan Event]bool     // guarded by mu
	active         time.Duration           // guarded by mu; when somebody last looked or changed something
	users          [outcome.Count]uint64   // guarded by mu; of finished runs
	offered, tries uint64                  // guarded by mu; of finished runs
	solutions      map[string]lab.Solution // guarded by mu; those that are plugged in, by pattern
	remarks        map[string]string       // guarded by mu; what there is to say beside a pattern

	closed atomic.Bool
}

// Event is one thing for a page to draw: exactly one field is set.
type Event struct {
	Frame *Frame
	State *State
}

// New opens what all runs share: database and Redis. It takes well under a
// second on an empty directory.
func New(ctx context.Context, cfg Config) (*Lab, error) {
	var faults []error
	if cfg.Dir == "" {
		faults = append(faults, errors.New("live: Config.Dir is empty"))
	}
	if cfg.Log == nil {
		faults = append(faults, errors.New("live: Config.Log is nil"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if cfg.Idle == 0 {
		cfg.Idle = 10 * time.Minute
	}
	if cfg.Keeper == nil {
		cfg.Keeper = &Memory{}
	}
	if cfg.Generator == nil {
		cfg.Generator = func(ctx context.Context, p load.Plan) (Generator, error) { return load.Start(ctx, p) }
	}
	l := &Lab{cfg: cfg, clock: clock.NewWall(), readers: map[chan Event]bool{}}
	var reasons []lab.Reason
	for _, p := range kind.AllPatterns() {
		reasons = append(reasons, p.Reasons...)
	}
	reasons = append(reasons, lab.ReasonBacklog, lab.ReasonDeadline, lab.ReasonFault, lab.ReasonDown, lab.ReasonBad, lab.ReasonShutdown)
	if err := l.openObserve(); err != nil {
		return nil, err
	}
	cfg = l.cfg
	var err error
	if l.meter, err = meter.New(l.clock, kind.OpNames(), reasons, l); err != nil {
		return nil, err
	}
	cfg.reachable(ctx)
	if l.data, err = openData(ctx, cfg); err != nil {
		return nil, err
	}
	if err = l.openRedis(ctx); err != nil {
		return nil, errors.Join(err, l.data.close())
	}
	l.redis.Client().AddHook(l.observe.tracer.Redis())
	return l, nil
}

// Close stops the running scenario and everything that was opened. Work that
// was accepted is finished first, until ctx ends or ten seconds have passed.
func (l *Lab) Close(ctx context.Context) error {
	l.change.Lock()
	defer l.change.Unlock()
	if l.closed.Swap(true) {
		return nil
	}
	err := l.stop(ctx, "the lab was closed", closeGrace)
	l.mu.Lock()
	for ch := range l.readers {
		delete(l.readers, ch)
		close(ch)
	}
	l.mu.Unlock()
	return errors.Join(err, l.redis.Close(), l.data.close(), l.observe.tracer.Close(ctx))
}

// stop ends the current run, if there is one, and remembers its sums. Until it
// has ended the run is still the one that is shown, so that no counter falls.
func (l *Lab) stop(ctx context.Context, why string, grace time.Duration) error {
	r, err := l.current()
	if err != nil {
		return nil // nothing runs
	}
	r.finish(stopped, why)
	err = r.close(ctx, grace)
	var rep scenario.Report
	r.tape.Fill(&rep)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.run = nil
	l.offered += rep.Offered
	l.tries += rep.Sent
	for i, name := range outcome.Names() {
		l.users[i] += rep.Outcomes[name]
	}
	return err
}

// Metrics answers a Prometheus scrape of this lab.
func (l *Lab) Metrics() http.Handler { return l.meter.Handler() }

// Registerer is where the server adds metrics of its own.
func (l *Lab) Registerer() prometheus.Registerer { return l.meter.Registerer() }

// current returns the run, or an error that says that there is none.
func (l *Lab) current() (*run, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run == nil {
		return nil, ErrStarting
	}
	return l.run, nil
}

// Watch returns a channel of events that ends with ctx. A reader that is slow
// misses frames, which its later frames count in Dropped; it never misses the
// latest state for long, since each change and each second sends one.
func (l *Lab) Watch(ctx context.Context) <-chan Event {
	ch := make(chan Event, 32)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = l.clock.Now()
	if l.closed.Load() {
		close(ch)
		return ch
	}
	l.readers[ch] = true
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.readers[ch] {
			delete(l.readers, ch)
			close(ch)
		}
	})
	return ch
}

// tell sends an event to every reader that has room.
func (l *Lab) tell(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ch := range l.readers {
		select {
		case ch <- e:
		default: // the web's hub always drains; only a stuck one misses events
		}
	}
}

// touch notes that somebody is there, so that the traffic goes on.
func (l *Lab) touch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = l.clock.Now()
}

// bump returns the next version.
func (l *Lab) bump() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.version++
	return l.version
}
