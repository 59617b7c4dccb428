// Package outboxtest is the contract of an outbox, whatever database it is in.
package outboxtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/memory"
	"workbench/lab/outbox"
	"workbench/sim/clock"
)

// Added is when every message of a Shop is added.
func Added() time.Time { return time.Unix(1000, 0) }

// Shop takes orders in a database with an outbox.
type Shop interface {
	// Order takes an order and has it announced at Added, in one transaction;
	// with end it is taken back, and end is the error.
	Order(ctx context.Context, m broker.Message, end error) error
	// Orders counts those that were taken.
	Orders(ctx context.Context) (int, error)
	Lag(ctx context.Context) (outbox.Lag, error)
	Relay(ctx context.Context, p outbox.Publisher) error
	// Rival is a relay that must not run beside the other.
	Rival(ctx context.Context, p outbox.Publisher) error
}

// Config is how the outboxes of shops work: quickly.
func Config() outbox.Config {
	c := outbox.Default()
	c.Poll, c.Most = time.Millisecond, 4*time.Millisecond
	return c
}

// Run holds to the contract what open returns: a shop with these settings that
// has taken no order.
func Run(t *testing.T, open func(t *testing.T, c outbox.Config) Shop) {
	for _, c := range []struct {
		name string
		test func(*rig)
	}{
		{"messages leave in order, past failures", inOrder},
		{"what is rolled back is not published", rolledBack},
		{"a message that no broker would take is refused at once", bad},
		{"a message that the broker refuses is kept and passed", refused},
		{"the relay ends with its broker", endsWithBroker},
		{"one relay runs at a time", oneRelay},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(&rig{t, open(t, Config())}) })
	}
}

// Settings holds what makes an outbox to naming every wrong setting.
func Settings(t *testing.T, open func(c outbox.Config) error) {
	err := open(outbox.Config{Most: -1, Keys: -1})
	for _, field := range []string{"Poll", "Batch", "Most", "Keys"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("an outbox with wrong settings = %v, want all faults at once, with %s", err, field)
		}
	}
}

type rig struct {
	*testing.T
	shop Shop
}

// order takes an order that must go well.
func (r *rig) order(m broker.Message) {
	r.Helper()
	if err := r.shop.Order(r.Context(), m, nil); err != nil {
		r.Fatal(err)
	}
}

// lag holds what waits to what should.
func (r *rig) lag(want outbox.Lag) {
	r.Helper()
	got, err := r.shop.Lag(r.Context())
	if err != nil || got.Waiting != want.Waiting || got.Refused != want.Refused || !got.Oldest.Equal(want.Oldest) {
		r.Errorf("Lag() = %+v, %v; want %+v", got, err, want)
	}
}

// relay relays until the outbox is empty.
func (r *rig) relay(p outbox.Publisher) { Drain(r.T, r.shop, p, func() {}) }

// Drain relays to p until the outbox is empty, while work is done.
func Drain(t *testing.T, s Shop, p outbox.Publisher, work func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- s.Relay(ctx, p) }()
	work()
	Until(t, "the outbox is empty", func() bool {
		if len(result) > 0 {
			t.Fatalf("Relay() = %v before the outbox was empty", <-result)
		}
		l, err := s.Lag(t.Context())
		return err == nil && l.Waiting == 0
	})
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Relay() = %v, want context.Canceled", err)
	}
}

// Until waits for a fact, for a minute at the most.
func Until(t *testing.T, what string, fact func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for wall := clock.NewWall(); !fact(); {
		if wall.Wait(ctx, wall.Now()+time.Millisecond) != nil {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// Record publishes nowhere and writes down what it was given. A message "never"
// it will never take; Errs are what it answers first. It is safe for concurrent
// use.
type Record struct {
	Errs []error // taken from as calls come

	mu  sync.Mutex
	ids []string // guarded by mu
}

// Publish implements outbox.Publisher.
func (r *Record) Publish(_ context.Context, m broker.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.ID == "never" {
		return fmt.Errorf("%w: it says never", broker.ErrBad)
	}
	if len(r.Errs) > 0 {
		err := r.Errs[0]
		r.Errs = r.Errs[1:]
		if err != nil {
			return err
		}
	}
	r.ids = append(r.ids, m.ID+" "+m.Key+" "+string(m.Body)+" "+m.Headers["h"])
	return nil
}

// Took returns what was published: ID, key, body and header h of each.
func (r *Record) Took() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

// Publisher is a function as an outbox.Publisher.
type Publisher func(context.Context, broker.Message) error

// Publish implements outbox.Publisher.
func (p Publisher) Publish(ctx context.Context, m broker.Message) error { return p(ctx, m) }

func inOrder(r *rig) {
	var want []string
	for i := range 250 { // more than a batch
		r.order(broker.Message{ID: fmt.Sprint(i), Key: "k", Body: []byte("b"), Headers: map[string]string{"h": "v"}})
		want = append(want, fmt.Sprint(i)+" k b v")
	}
	r.lag(outbox.Lag{Waiting: 250, Oldest: Added()})
	p := &Record{Errs: []error{nil, broker.ErrFull, broker.ErrFull, nil, broker.ErrUnavailable, broker.ErrUnavailable}}
	r.relay(p)
	if got := p.Took(); !slices.Equal(got, want) {
		r.Errorf("published %d messages out of order or not once: %v", len(got), got)
	}
	r.lag(outbox.Lag{})
}

func rolledBack(r *rig) {
	taken := errors.New("taken back")
	if err := r.shop.Order(r.Context(), broker.Message{ID: "a"}, taken); !errors.Is(err, taken) {
		r.Fatalf("an order that is taken back = %v, want %v", err, taken)
	}
	r.order(broker.Message{ID: "b"})
	p := &Record{}
	r.relay(p)
	n, err := r.shop.Orders(r.Context())
	if got := p.Took(); len(got) != 1 || !strings.HasPrefix(got[0], "b ") || n != 1 || err != nil {
		r.Errorf("published %v with %d orders, %v; want b alone and one", got, n, err)
	}
}

func bad(r *rig) {
	if err := r.shop.Order(r.Context(), broker.Message{}, nil); !errors.Is(err, broker.ErrBad) {
		r.Errorf("an order with a message without an ID = %v, want ErrBad", err)
	}
	if n, err := r.shop.Orders(r.Context()); n != 0 || err != nil {
		r.Errorf("%d orders, %v; want none", n, err)
	}
}

func refused(r *rig) {
	for _, id := range []string{"a", "never", "c"} {
		r.order(broker.Message{ID: id})
	}
	p := &Record{}
	r.relay(p)
	if got := p.Took(); len(got) != 2 {
		r.Errorf("published %v, want a and c", got)
	}
	r.lag(outbox.Lag{Refused: 1})
}

func endsWithBroker(r *rig) {
	r.order(broker.Message{ID: "a"})
	b, err := memory.New(broker.Default("orders"))
	if err != nil {
		r.Fatal(err)
	}
	if err := b.Close(r.Context()); err != nil {
		r.Fatal(err)
	}
	if err := r.shop.Relay(r.Context(), b); !errors.Is(err, broker.ErrClosed) {
		r.Errorf("Relay() to a closed broker = %v, want ErrClosed", err)
	}
	r.lag(outbox.Lag{Waiting: 1, Oldest: Added()})
}

// oneRelay has a second relay come while the first one publishes.
func oneRelay(r *rig) {
	r.order(broker.Message{ID: "one"})
	asked, let := make(chan struct{}), make(chan struct{})
	slow := Publisher(func(context.Context, broker.Message) error {
		close(asked)
		<-let
		return nil
	})
	Drain(r.T, r.shop, slow, func() {
		<-asked
		if err := r.shop.Rival(r.Context(), &Record{}); !errors.Is(err, outbox.ErrRelay) {
			r.Errorf("a second relay = %v, want ErrRelay", err)
		}
		close(let)
	})
	r.order(broker.Message{ID: "two"})
	p := &Record{}
	r.relay(p)
	if got := p.Took(); len(got) != 1 {
		r.Errorf("after the first relay has ended %v left, want the second order", got)
	}
}
