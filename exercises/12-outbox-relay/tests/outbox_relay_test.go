//go:build exercise

package outboxrelay_test

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

	_ "modernc.org/sqlite"
	outboxrelay "workbench/exercises/12-outbox-relay/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

// usual is the configuration of most tests.
var usual = outboxrelay.Config{Batch: 100, Lease: time.Minute, Backoff: time.Second, Tries: 3}

var errDown = errors.New("the broker is down")

// open returns a new database with an empty outbox and a table of orders.
// Writers wait for one another for up to the patience, in milliseconds.
func open(t *testing.T, patience string) *sql.DB {
	t.Helper()
	db, _ := openFile(t, patience)
	return db
}

// openFile is open that also says under which name the driver knows it.
func openFile(t *testing.T, patience string) (db *sql.DB, name string) {
	t.Helper()
	path := filepath.ToSlash(filepath.Join(t.TempDir(), "shop.db"))
	name = "file:" + path + "?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(" + patience + ")"
	db, err := sql.Open("sqlite", name)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	t.Cleanup(func() { db.Close() })
	for _, q := range []string{outboxrelay.Schema, `CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT)`} {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("make the tables: %v", err)
		}
	}
	return db, name
}

// add stores each order, such as "ann:book", with its event: lane and body.
func add(t *testing.T, db *sql.DB, orders ...string) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, o := range orders {
		lane, body, _ := strings.Cut(o, ":")
		if _, err := tx.Exec(`INSERT INTO orders (item) VALUES (?)`, body); err != nil {
			t.Fatal(err)
		}
		if err := outboxrelay.Add(t.Context(), tx, lane, body); err != nil {
			t.Fatalf("Add(%s) = %v, want no error", o, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	tell(t, 0, "Add and commit %q", orders)
}

// broker remembers what was published, as "ann:book", and refuses bodies in
// down.
type broker struct {
	mu   sync.Mutex
	got  []string
	ids  []int64
	try  []int
	down map[string]bool
}

func (b *broker) publish(ctx context.Context, e outboxrelay.Event) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.got = append(b.got, e.Lane+":"+e.Body)
	b.ids = append(b.ids, e.ID)
	b.try = append(b.try, e.Try)
	if b.down[e.Body] {
		return errDown
	}
	return nil
}

// take returns what was published since the last take.
func (b *broker) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got, b.ids, b.try = nil, nil, nil
	return got
}

// told is a relay that keeps what it published until run tells it.
type told struct {
	*outboxrelay.Relay
	mu        sync.Mutex
	published []string // guarded by mu
}

func relay(t *testing.T, db *sql.DB, cfg outboxrelay.Config, publish outboxrelay.Publish) *told {
	t.Helper()
	told := &told{}
	r, err := outboxrelay.New(db, cfg, func(ctx context.Context, e outboxrelay.Event) error {
		result := "panicked"
		defer func() {
			told.mu.Lock()
			defer told.mu.Unlock()
			told.published = append(told.published, fmt.Sprintf("publish(%s:%s, try %d) = %s", e.Lane, e.Body, e.Try, result))
		}()
		err := publish(ctx, e)
		result = fmt.Sprint(err)
		return err
	})
	if err != nil || r == nil {
		t.Fatalf("New = %v, %v; want a relay", r, err)
	}
	told.Relay = r
	return told
}

// run runs one pass and writes down what it did.
func run(t *testing.T, ctx context.Context, r *told, now time.Duration) (int, error) {
	t.Helper()
	sent, err := r.Pass(ctx, now)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, text := range r.published {
		tell(t, now, "%s", text)
	}
	r.published = nil
	tell(t, now, "Pass = %d, %v", sent, err)
	return sent, err
}

// pass runs one pass and compares how many it says it published.
func pass(t *testing.T, r *told, now time.Duration, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if sent, err := run(t, ctx, r, now); sent != want || err != nil {
		t.Errorf("at %v Pass = %d, %v; want %d, no error", now, sent, err, want)
	}
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: published %q, want %q", what, got, want)
	}
}

func TestCommitted(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:book", "ann:pen")
	r := relay(t, db, usual, b.publish)
	pass(t, r, 0, 2)
	same(t, "after the first pass", b.take(), "ann:book", "ann:pen")
	pass(t, r, time.Hour, 0)
	same(t, "after the second pass", b.take())
}

func TestRolledBack(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := outboxrelay.Add(t.Context(), tx, "ann", "book"); err != nil {
		t.Fatalf("Add = %v, want no error", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	tell(t, 0, "Add(ann, book) and roll back")
	add(t, db, "ben:pen")
	pass(t, relay(t, db, usual, b.publish), 0, 1)
	same(t, "the order of ann was rolled back", b.take(), "ben:pen")
}

func TestBatch(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:1", "ann:2", "ann:3", "ann:4", "ann:5")
	cfg := usual
	cfg.Batch = 2
	r := relay(t, db, cfg, b.publish)
	pass(t, r, 0, 2)
	same(t, "first pass of 2", b.take(), "ann:1", "ann:2")
	pass(t, r, 0, 2)
	pass(t, r, 0, 1)
	same(t, "the passes after", b.take(), "ann:3", "ann:4", "ann:5")
}

func TestRetry(t *testing.T) {
	db, b := open(t, "1500"), &broker{down: map[string]bool{"book": true}}
	add(t, db, "ann:book")
	r := relay(t, db, usual, b.publish)
	pass(t, r, 0, 0)
	b.down = nil
	pass(t, r, time.Second, 1)
	same(t, "failed and tried again", b.take(), "ann:book", "ann:book")
	pass(t, r, time.Hour, 0)
	same(t, "after it went well", b.take())
}
