package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"workbench/lab/broker"
	"workbench/lab/outbox"
	"workbench/lab/outbox/postgres"
	"workbench/lab/store/postgres/pgtest"
	"workbench/sim/clock"
)

// shop takes orders in a database with an outbox.
type shop struct {
	*testing.T
	server *pgtest.Server
	pool   *pgxpool.Pool
	box    *postgres.Box
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{T: t, server: pgtest.Start(t)}
	s.server.SQL("CREATE TABLE orders (id text PRIMARY KEY)")
	var err error
	if s.pool, err = pgxpool.New(t.Context(), s.server.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.pool.Close)
	s.box = s.another()
	return s
}

// another returns an outbox on the same database, as another process has it.
func (s *shop) another() *postgres.Box {
	s.Helper()
	c := outbox.Default()
	c.Poll, c.Most = time.Millisecond, 4*time.Millisecond
	b, err := postgres.New(s.Context(), s.pool, c)
	if err != nil {
		s.Fatal(err)
	}
	return b
}

// order takes an order and has it announced; it ends as end says.
func (s *shop) order(m broker.Message, end error) error {
	ctx, cancel := context.WithTimeout(s.Context(), time.Second)
	defer cancel()
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "INSERT INTO orders VALUES ($1)", m.ID); err != nil {
			return err
		}
		if err := s.box.Add(ctx, tx, m, time.Unix(1000, 0)); err != nil {
			return err
		}
		return end
	})
}

// relay relays to p until the outbox is empty, while work is done.
func (s *shop) relay(p outbox.Publisher, work func()) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	result := make(chan error, 1)
	go func() { result <- s.box.Relay(ctx, p) }()
	work()
	s.until("the outbox is empty", func() bool {
		l, err := s.box.Lag(s.Context())
		return err == nil && l.Waiting == 0
	})
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		s.Errorf("Relay() = %v, want context.Canceled", err)
	}
}

func (s *shop) until(what string, fact func() bool) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	for wall := clock.NewWall(); !fact(); {
		if wall.Wait(ctx, wall.Now()+time.Millisecond) != nil {
			s.Fatalf("waited in vain until %s", what)
		}
	}
}

// record publishes nowhere and writes down what it was given; errs are what it
// answers first.
type record struct {
	mu   sync.Mutex
	errs []error  // guarded by mu
	ids  []string // guarded by mu
}

func (r *record) Publish(_ context.Context, m broker.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.ID == "never" {
		return fmt.Errorf("%w: it says never", broker.ErrBad)
	}
	if len(r.errs) > 0 {
		err := r.errs[0]
		r.errs = r.errs[1:]
		if err != nil {
			return err
		}
	}
	r.ids = append(r.ids, m.ID+" "+m.Key+" "+string(m.Body)+" "+m.Headers["h"])
	return nil
}

// slow is a broker that takes a message only once it is let.
type slow struct{ asked, let chan struct{} }

func (b slow) Publish(context.Context, broker.Message) error {
	close(b.asked)
	<-b.let
	return nil
}

// While one relay publishes there is no other.
func TestOneRelayAtATime(t *testing.T) {
	s := openShop(t)
	if err := s.order(broker.Message{ID: "one", Body: []byte("b")}, nil); err != nil {
		t.Fatal(err)
	}
	b := slow{make(chan struct{}), make(chan struct{})}
	s.relay(b, func() {
		<-b.asked
		if err := s.another().Relay(t.Context(), &record{}); !errors.Is(err, outbox.ErrRelay) {
			t.Errorf("a relay in another process = %v, want ErrRelay", err)
		}
		close(b.let)
	})
}

func TestOutbox(t *testing.T) {
	s := openShop(t)
	var want []string
	for i := range 120 { // more than a batch
		m := broker.Message{ID: fmt.Sprint(i), Key: "k", Body: []byte("b"), Headers: map[string]string{"h": "v"}}
		if err := s.order(m, nil); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(i)+" k b v")
	}
	taken := errors.New("taken back")
	if err := s.order(broker.Message{ID: "gone"}, taken); !errors.Is(err, taken) {
		t.Fatal(err)
	}
	if err := s.order(broker.Message{}, nil); !errors.Is(err, broker.ErrBad) {
		t.Errorf("an order with a message without an ID = %v, want ErrBad", err)
	}
	if err := s.order(broker.Message{ID: "never"}, nil); err != nil {
		t.Fatal(err)
	}
	if l, err := s.box.Lag(t.Context()); err != nil || l.Waiting != 121 || !l.Oldest.Equal(time.Unix(1000, 0)) {
		t.Errorf("Lag() = %+v, %v; want 121 since 1000", l, err)
	}
	r := &record{errs: []error{nil, broker.ErrFull, broker.ErrFull, nil, broker.ErrUnavailable}}
	s.relay(r, func() {})
	if !slices.Equal(r.ids, want) {
		t.Errorf("published %d messages, want each once, in order, past failures: %v", len(r.ids), r.ids)
	}
	if l, err := s.box.Lag(t.Context()); err != nil || (l != outbox.Lag{Refused: 1}) {
		t.Errorf("Lag() = %+v, %v; want the one that the broker will never take", l, err)
	}
}

// TestKilledServer kills the server under orders and relay: every order that
// was acknowledged is announced, those of after a kill after those of before.
func TestKilledServer(t *testing.T) {
	s := openShop(t)
	r := &record{}
	acked := 0
	s.relay(r, func() {
		for round := range 3 {
			for i := range 30 {
				m := broker.Message{ID: fmt.Sprint(round*100 + i)}
				s.until("the order is taken", func() bool {
					err := s.order(m, nil)
					// An answer that was lost on the way: it is there.
					return err == nil || strings.Contains(err.Error(), "duplicate key")
				})
				acked++
			}
			s.server.Kill()
			s.server.Start()
		}
	})
	seen := map[string]bool{}
	last, again, disorder := -1, 0, 0
	for _, id := range r.ids {
		if seen[id] {
			again++
			continue
		}
		seen[id] = true
		n := 0
		if _, err := fmt.Sscan(id, &n); err != nil {
			t.Fatal(err)
		}
		if n < last {
			disorder++
		}
		last = n
	}
	t.Logf("3 kills: %d orders, %d announced, %d announced again, %d out of order", acked, len(seen), again, disorder)
	if len(seen) != acked || disorder != 0 {
		t.Errorf("%d of %d orders announced, %d out of order; want all and none", len(seen), acked, disorder)
	}
}

func TestSettings(t *testing.T) {
	_, err := postgres.New(t.Context(), nil, outbox.Config{Most: -1})
	for _, field := range []string{"Poll", "Batch", "Most"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("New of wrong settings = %v, want all faults at once, with %s", err, field)
		}
	}
}
