package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/broker"
	brokers "workbench/lab/broker/kind"
	"workbench/lab/system"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/desk"
)

// askEvery is how often the way behind an order is looked at, apart from the
// pages, so that a broker that does not answer keeps no page waiting.
const askEvery = 500 * time.Millisecond

// maxSymbols is for how many symbols a run of the orders service begins with a
// price.
const maxSymbols = 10_000

// openOrders opens the orders service on a file of the run's own.
func (r *run) openOrders(ctx context.Context) (system.System, error) {
	dir := filepath.Join(r.lab.cfg.Dir, fmt.Sprintf("orders-%d", r.id))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the service's directory: %w", err)
	}
	r.atEnd(func(context.Context) error { return os.RemoveAll(dir) })
	deps := desk.Deps{
		Path: filepath.Join(dir, "orders.db"), Gate: r.gate, Clock: r.clock, Log: r.lab.cfg.Log, Counts: orders.NewCounts(func(name string) *lab.Counters { return r.counts[name] }),
		Broker: orders.Naive(), Symbols: int(min(maxSymbols, r.spec.Population.WithDefaults().Keys)),
		Open: func(ctx context.Context, name, queue string) (broker.Broker, error) {
			return brokers.Open(ctx, name, r.lab.places(dir), broker.Default(queue))
		},
		Theirs: r.lab.theirs, Tracer: r.lab.observe.tracer, Journal: r.lab.observe.journal,
	}
	if r.provider != nil {
		deps.Provider = r.provider
	}
	d, err := desk.New(ctx, deps)
	if err != nil {
		return nil, err
	}
	r.desk = d
	r.atEnd(func(ctx context.Context) error { return r.removeQueues(ctx, d, dir) })
	r.atEnd(d.Close)
	r.watchDesk(r.ctx)
	return d, nil
}

// places says where a run's brokers are.
func (l *Lab) places(dir string) brokers.Places {
	return brokers.Places{Dir: dir, Redis: l.redis.Client(), RedisLabel: l.redis.Label(), RabbitMQ: l.cfg.RabbitMQ, Kafka: l.cfg.Kafka}
}

// theirs reports whether a broker is a server that the lab did not start.
func (l *Lab) theirs(name string) bool {
	switch name {
	case "rabbitmq":
		return true
	case "kafka":
		return l.cfg.Kafka != ""
	case "redis":
		return true // the lab's own has a fault of its own
	}
	return false
}

// watchDesk keeps the diagram's knowledge of the broker fresh until the run
// ends.
func (r *run) watchDesk(ctx context.Context) {
	look := func() {
		asking, cancel := context.WithTimeout(ctx, askEvery)
		defer cancel()
		s := r.desk.Status(asking)
		r.behind.Store(&s)
	}
	look()
	r.owned.Go(func() {
		for r.clock.Wait(ctx, r.clock.Now()+askEvery) == nil {
			look()
		}
	})
}

// otherBroker says why another broker than the wished one carries events: what
// would be measured is not what was asked for. Empty: none does, or the service
// has none.
func (r *run) otherBroker(wish string) string {
	if r.desk == nil {
		return ""
	}
	if s := r.behind.Load(); s.Kind != wish && strings.HasPrefix(s.Trouble, wish+":") {
		return "the broker could not be opened: " + s.Trouble
	}
	return ""
}

// behindOrders returns the boxes of what stands behind an accepted order: its
// broker and the workers.
func (r *run) behindOrders() ([]Node, []Edge) {
	if r.desk == nil {
		return nil, nil
	}
	s := r.behind.Load()
	in := Node{
		ID: "broker", Kind: "queue", Title: "Broker: " + s.Label, Up: s.Up, Degraded: s.Trouble,
		Note: fmt.Sprintf("%d ready, %d unacked, %d dead letters", s.Depth.Ready, s.Depth.Unacked, s.Depth.Dead),
	}
	if in.Title == "Broker: " {
		in.Title = "Broker"
	}
	if s.Depth.Lost > 0 {
		in.Note += fmt.Sprintf(", %d lost", s.Depth.Lost)
	}
	if s.Waiting > 0 {
		in.Note += fmt.Sprintf("; outbox %d, oldest %v", s.Waiting, s.Lag.Round(10*time.Millisecond))
	}
	count := func(event string) uint64 { return r.counts["broker"].Get(event).Load() }
	out := Node{
		ID: "workers", Kind: "queue", Title: "Workers", Up: s.Up,
		Note: fmt.Sprintf("%d at work; %d settled, %d redelivered, %d repeated", s.Workers, count("applied"), count("redelivered"), count("repeated")),
	}
	edges := []Edge{{"broker", "workers"}, {"gate", "broker"}}
	if r.provider != nil {
		edges[1].From = "provider"
	}
	return []Node{in, out}, edges
}

// orderFaults lists what can go wrong behind an accepted order.
func (r *run) orderFaults(add func(name, title string, start func(FaultChange) error, stop func() error)) {
	if r.desk == nil {
		return
	}
	add("worker-crash", "Worker crashes in mid-job", func(FaultChange) error { r.desk.Crash(1); return nil }, nil)
	add("poison", "Poison message", func(FaultChange) error { return r.desk.Poison(r.ctx) }, nil)
	add("broker-down", "Broker down", func(FaultChange) error {
		err := r.desk.Down(r.ctx)
		if errors.Is(err, desk.ErrTheirs) {
			return fmt.Errorf("%w: %w", ErrConflict, err)
		}
		return err
	}, func() error { r.desk.Revive(); return nil })
}

// reachable logs one line for each server of a broker that was named and does
// not accept connections: the lab runs without it.
func (c Config) reachable(ctx context.Context) {
	for _, s := range []struct{ name, flag, addr string }{{"RabbitMQ", "--rabbitmq", host(c.RabbitMQ)}, {"Kafka", "--kafka", strings.Split(c.Kafka, ",")[0]}} {
		if s.addr == "" {
			continue
		}
		dial := net.Dialer{Timeout: time.Second}
		conn, err := dial.DialContext(ctx, "tcp", s.addr)
		if err == nil {
			err = conn.Close()
		}
		if err != nil {
			c.Log.Warn(s.name+" does not answer: start it, or correct "+s.flag+"; everything else works without it", "addr", s.addr, "error", err)
		}
	}
}

// host returns the host and port of an AMQP address.
func host(address string) string {
	u, err := url.Parse(address)
	switch {
	case address == "" || err != nil:
		return ""
	case u.Port() != "":
		return u.Host
	case u.Scheme == "amqps":
		return net.JoinHostPort(u.Hostname(), "5671")
	}
	return net.JoinHostPort(u.Hostname(), "5672")
}
