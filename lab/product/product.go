// Package product is the orders service alone, with everything on: what the
// lab's patterns and parts come to when they are put together for use.
//
// It has no simulated gate in front of its database and nothing to switch. Its
// files in Config.Dir are its memory: after a kill it goes on where it was.
package product

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/broker"
	brokers "workbench/lab/broker/kind"
	"workbench/lab/chain"
	"workbench/lab/instance"
	"workbench/lab/meter"
	"workbench/lab/remote"
	"workbench/lab/system/kind"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/desk"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// Config is what the service is made from.
type Config struct {
	Addr     string // loopback host:port
	Dir      string // its files; made when there is none
	Broker   string // by name; see package lab/broker/kind
	RabbitMQ string // amqp:// address, where Broker needs one
	Kafka    string // host:port of nodes; empty: the protocol's server in this process
	Redis    string // URL, for a limit that several share; empty: the limit is this process's own
	Symbols  int    // a new file gets so many symbols with a price; 0: none
	MaxPages int    // bounds the file of orders, as a full disk does; 0: does not
	Log      *slog.Logger
}

// lease is for how long a worker that fell silent keeps its events: after a kill
// they are settled so much later. To settle takes milliseconds.
const lease = 3 * time.Second

// Slots is how many requests are worked on at once.
const Slots = 256

// Complete is everything that is on, by name and in the order of the chain, with
// the settings for one process on one machine. The clients' two are advice to
// whoever calls.
func Complete() []chain.Change {
	on := func(name string, knobs map[string]any) chain.Change {
		state := lab.On
		return chain.Change{Pattern: name, State: &state, Knobs: knobs}
	}
	return []chain.Change{
		on("ratelimit", map[string]any{"per": "user", "rate": 500, "burst": 500}),
		on("shed", map[string]any{"capacity": 2 * Slots}),
		on("timeout", map[string]any{"limit": "5s"}),
		on("concurrency", map[string]any{"limit": Slots, "max_waiting": Slots}),
		on("idempotency", nil), on("outbox", nil), on("sequencer", nil), on("broker", nil),
	}
}

// Product is the service at work. Use Open; Close it.
type Product struct {
	cfg    Config
	clock  *clock.Wall
	desk   *desk.Desk
	redis  *remote.Redis // nil: none
	chain  *chain.Chain
	server *instance.Instance
	meter  *meter.Meter
	counts map[string]*lab.Counters

	work   sync.WaitGroup
	life   context.Context
	end    context.CancelFunc
	leaves atomic.Bool
}

// Open opens the files, plays the sequence and serves.
func Open(ctx context.Context, cfg Config) (_ *Product, err error) {
	if cfg.Log == nil || cfg.Dir == "" || cfg.Addr == "" || cfg.Broker == "" {
		return nil, errors.New("product: Config needs Log, Dir, Addr and Broker")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of orders: %w; choose another with --data", err)
	}
	p := &Product{cfg: cfg, clock: clock.NewWall(), counts: map[string]*lab.Counters{}}
	p.life, p.end = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close(context.WithoutCancel(ctx)))
		}
	}()
	for _, pattern := range kind.Patterns("orders") {
		p.counts[pattern.Name] = lab.NewCounters()
	}
	if cfg.Redis != "" {
		if p.redis, err = remote.Open(ctx, remote.Options{URL: cfg.Redis, Log: cfg.Log, Dir: cfg.Dir}); err != nil {
			return nil, err
		}
	}
	if err := p.openDesk(ctx); err != nil {
		return nil, err
	}
	if err := p.openChain(); err != nil {
		return nil, err
	}
	return p, p.serve(ctx)
}

func (p *Product) openDesk(ctx context.Context) (err error) {
	places := brokers.Places{Dir: p.cfg.Dir, RabbitMQ: p.cfg.RabbitMQ, Kafka: p.cfg.Kafka}
	if p.redis != nil {
		places.Redis, places.RedisLabel = p.redis.Client(), p.redis.Label()
	}
	p.desk, err = desk.New(ctx, desk.Deps{
		Path: filepath.Join(p.cfg.Dir, "orders.db"), Gate: desk.Direct{}, Clock: p.clock, Log: p.cfg.Log,
		Counts: orders.NewCounts(func(name string) *lab.Counters { return p.counts[name] }),
		Open: func(ctx context.Context, name, queue string) (broker.Broker, error) {
			c := broker.Default(queue)
			c.Lease = lease
			return brokers.Open(ctx, name, places, c)
		},
		Broker: p.brokerKnobs(), Symbols: p.cfg.Symbols, MaxPages: p.cfg.MaxPages,
	})
	return err
}

func (p *Product) brokerKnobs() orders.Broker {
	return orders.Broker{Kind: p.cfg.Broker, Workers: 16, Prefetch: 64, Dedupe: true}
}

func (p *Product) openChain() (err error) {
	env := lab.Env{
		Clock: p.clock, Slots: Slots, Service: time.Millisecond, Instance: "orders", Log: p.cfg.Log,
		Go: func(f func(context.Context)) { p.work.Go(func() { f(p.life) }) },
	}
	if p.redis != nil {
		env.Redis = p.redis.Client()
	}
	p.chain, err = chain.New(chain.Config{
		Patterns: kind.Patterns("orders"), Counters: p.counts, Next: p.desk, Env: env,
		Uniform: func(pattern string) func() float64 {
			var mu sync.Mutex
			stream := dist.New(1, pattern)
			return func() float64 {
				mu.Lock()
				defer mu.Unlock()
				return stream.Float64()
			}
		},
	})
	if err != nil {
		return err
	}
	changes := Complete()
	k := p.brokerKnobs()
	for i := range changes {
		switch changes[i].Pattern {
		case "broker":
			changes[i].Knobs = map[string]any{"kind": k.Kind, "workers": k.Workers, "prefetch": k.Prefetch, "dedupe": k.Dedupe}
		case "ratelimit":
			if p.redis != nil {
				changes[i].Knobs["store"] = "redis"
			}
		}
	}
	return p.chain.Set(changes...)
}

func (p *Product) serve(ctx context.Context) (err error) {
	var names []string
	for _, op := range orders.Ops() {
		names = append(names, op.Name)
	}
	reasons := []lab.Reason{lab.ReasonBacklog, lab.ReasonDeadline, lab.ReasonFault, lab.ReasonDown, lab.ReasonBad, lab.ReasonShutdown, lab.ReasonSpace}
	for _, pattern := range kind.Patterns("orders") {
		reasons = append(reasons, pattern.Reasons...)
	}
	if p.meter, err = meter.New(p.clock, names, reasons, p); err != nil {
		return err
	}
	if err := p.meter.Registerer().Register(behind{p}); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	p.server, err = instance.Start(ctx, instance.Config{
		Name: "orders", Addr: p.cfg.Addr, System: p.desk, Handler: p.meter.Wrap(p.chain), Clock: p.clock, Log: p.cfg.Log,
		Also: map[string]http.Handler{"/readyz": http.HandlerFunc(p.ready), "/metrics": p.meter.Handler()},
	})
	return err
}

// Addr returns where the service listens.
func (p *Product) Addr() string { return p.server.Addr() }

// Replayed returns how many events the start has played.
func (p *Product) Replayed() int { return p.desk.Replayed() }

// Status returns how the broker, the outbox and the books stand.
func (p *Product) Status(ctx context.Context) desk.Status { return p.desk.Status(ctx) }

// Close stops accepting, answers those who are inside, and closes the files. What
// the workers have not come to is settled after the next start.
func (p *Product) Close(ctx context.Context) error {
	p.leaves.Store(true)
	var faults []error
	if p.server != nil {
		faults = append(faults, p.server.Close(ctx))
	}
	if p.chain != nil {
		faults = append(faults, p.chain.Close())
	}
	p.end()
	p.work.Wait()
	if p.desk != nil {
		faults = append(faults, p.desk.Close(ctx))
	}
	if p.redis != nil {
		faults = append(faults, p.redis.Close())
	}
	return errors.Join(faults...)
}
