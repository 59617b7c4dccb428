package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/memory"
	"workbench/lab/outbox"
	store "workbench/lab/store/sqlite"
	"workbench/sim/clock"
)

// shop takes orders in a database with an outbox.
type shop struct {
	*testing.T
	db  *sql.DB
	box *outbox.Box
}

func openShop(t *testing.T, path string) *shop {
	t.Helper()
	db, err := sql.Open("sqlite", store.Source(path, "journal_mode(WAL)", "synchronous(FULL)")+"&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	c := outbox.Default()
	c.Poll, c.Most = time.Millisecond, 4*time.Millisecond
	box, err := outbox.New(t.Context(), db, c)
	if err != nil {
		t.Fatal(err)
	}
	return &shop{T: t, db: db, box: box}
}

// order takes an order and has it announced; it ends as err says.
func (s *shop) order(m broker.Message, err error) error {
	tx, begun := s.db.Begin()
	if begun != nil {
		return begun
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.Exec("INSERT INTO orders VALUES (?)", m.ID); err != nil {
		return err
	}
	if err := s.box.Add(s.Context(), tx, m, time.Unix(1000, 0)); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.box.Nudge()
	return nil
}

// orders returns how many orders there are.
func (s *shop) orders() (n int) {
	s.Helper()
	if err := s.db.QueryRow("SELECT count(*) FROM orders").Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

// relay relays to p until the outbox is empty.
func (s *shop) relay(p outbox.Publisher) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	result := make(chan error, 1)
	go func() { result <- s.box.Relay(ctx, p) }()
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

func TestRelayKeepsTheOrderPastFailures(t *testing.T) {
	s := openShop(t, filepath.Join(t.TempDir(), "shop.db"))
	var want []string
	for i := range 250 { // more than a batch
		m := broker.Message{ID: fmt.Sprint(i), Key: "k", Body: []byte("b"), Headers: map[string]string{"h": "v"}}
		if err := s.order(m, nil); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(i)+" k b v")
	}
	if l, err := s.box.Lag(t.Context()); err != nil || l.Waiting != 250 || !l.Oldest.Equal(time.Unix(1000, 0)) {
		t.Errorf("Lag() = %+v, %v; want 250 since 1000", l, err)
	}
	r := &record{errs: []error{nil, broker.ErrFull, broker.ErrFull, nil, broker.ErrUnavailable, broker.ErrUnavailable}}
	s.relay(r)
	if !slices.Equal(r.ids, want) {
		t.Errorf("published %d messages out of order or not once: %v", len(r.ids), r.ids)
	}
	if l, err := s.box.Lag(t.Context()); err != nil || (l != outbox.Lag{}) {
		t.Errorf("Lag() = %+v, %v; want nothing", l, err)
	}
}

func TestWhatIsRolledBackIsNotPublished(t *testing.T) {
	s := openShop(t, filepath.Join(t.TempDir(), "shop.db"))
	taken := errors.New("taken back")
	if err := s.order(broker.Message{ID: "a"}, taken); !errors.Is(err, taken) {
		t.Fatal(err)
	}
	if err := s.order(broker.Message{}, nil); !errors.Is(err, broker.ErrBad) {
		t.Errorf("an order with a message without an ID = %v, want ErrBad", err)
	}
	if err := s.order(broker.Message{ID: "b"}, nil); err != nil {
		t.Fatal(err)
	}
	r := &record{}
	s.relay(r)
	if len(r.ids) != 1 || !strings.HasPrefix(r.ids[0], "b ") || s.orders() != 1 {
		t.Errorf("published %v with %d orders, want b alone and one", r.ids, s.orders())
	}
}

func TestARefusedMessageIsKeptAndPassed(t *testing.T) {
	s := openShop(t, filepath.Join(t.TempDir(), "shop.db"))
	for _, id := range []string{"a", "never", "c"} {
		if err := s.order(broker.Message{ID: id}, nil); err != nil {
			t.Fatal(err)
		}
	}
	r := &record{}
	s.relay(r)
	if l, err := s.box.Lag(t.Context()); err != nil || len(r.ids) != 2 || (l != outbox.Lag{Refused: 1}) {
		t.Errorf("published %v and Lag() = %+v, %v; want a and c, and one refused", r.ids, l, err)
	}
}

func TestRelayEndsWithItsBroker(t *testing.T) {
	s := openShop(t, filepath.Join(t.TempDir(), "shop.db"))
	if err := s.order(broker.Message{ID: "a"}, nil); err != nil {
		t.Fatal(err)
	}
	b, err := memory.New(broker.Default("orders"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.box.Relay(t.Context(), b); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Relay() to a closed broker = %v, want ErrClosed", err)
	}
	if l, err := s.box.Lag(t.Context()); err != nil || l.Waiting != 1 {
		t.Errorf("Lag() = %+v, %v; want the message still there", l, err)
	}
}

func TestOneRelayAtATime(t *testing.T) {
	s := openShop(t, filepath.Join(t.TempDir(), "shop.db"))
	ctx, cancel := context.WithCancel(t.Context())
	inside := make(chan struct{})
	result := make(chan error, 1)
	if err := s.order(broker.Message{ID: "a"}, nil); err != nil {
		t.Fatal(err)
	}
	go func() {
		result <- s.box.Relay(ctx, publisher(func(ctx context.Context, _ broker.Message) error {
			close(inside)
			<-ctx.Done()
			return ctx.Err()
		}))
	}()
	<-inside
	if err := s.box.Relay(t.Context(), &record{}); !errors.Is(err, outbox.ErrRelay) {
		t.Errorf("a second Relay() = %v, want ErrRelay", err)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Relay() = %v, want context.Canceled", err)
	}
	s.relay(&record{})
}

// publisher is a function as a Publisher.
type publisher func(context.Context, broker.Message) error

func (p publisher) Publish(ctx context.Context, m broker.Message) error { return p(ctx, m) }

func TestSettings(t *testing.T) {
	_, err := outbox.New(t.Context(), nil, outbox.Config{Most: -1})
	for _, field := range []string{"Poll", "Batch", "Most"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("New of wrong settings = %v, want all faults at once, with %s", err, field)
		}
	}
}
