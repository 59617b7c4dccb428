//go:build exercise

package outboxrelay_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	outboxrelay "workbench/exercises/12-outbox-relay/start"
)

// stuck is a publish that hangs, as a relay looks like that dies in the middle,
// until it is let go.
type stuck struct {
	in  chan outboxrelay.Event
	out chan error
}

// hang starts a pass whose publish hangs, waits until it does, and returns the
// way to let it go, which waits for the pass to end.
func hang(t *testing.T, cfg outboxrelay.Config, now time.Duration, with func(outboxrelay.Publish) *told) (event outboxrelay.Event, letGo func(error)) {
	t.Helper()
	s := stuck{in: make(chan outboxrelay.Event, 100), out: make(chan error)}
	r := with(func(ctx context.Context, e outboxrelay.Event) error {
		s.in <- e
		return <-s.out
	})
	done := make(chan struct{})
	go func() { defer close(done); _, _ = r.Pass(context.Background(), now) }()
	var once sync.Once
	letGo = func(err error) {
		once.Do(func() {
			for {
				select {
				case s.out <- err:
				case <-done:
					return
				}
			}
		})
	}
	t.Cleanup(func() { letGo(errDown) })
	select {
	case event = <-s.in:
		tell(t, now, "a relay's Pass publishes %s:%s, try %d, and hangs", event.Lane, event.Body, event.Try)
	case <-time.After(8 * time.Second):
		t.Fatalf("at %v Pass published nothing, want the event that is due", now)
	case <-done:
		t.Fatalf("at %v Pass ended and published nothing, want the event that is due", now)
	}
	return event, letGo
}

// A relay dies while it publishes: the event must not die with it.
func TestCrash(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:book")
	with := func(p outboxrelay.Publish) *told { return relay(t, db, usual, p) }
	first, _ := hang(t, usual, 0, with)
	r := relay(t, db, usual, b.publish)
	pass(t, r, time.Minute, 1)
	if len(b.ids) != 1 || b.ids[0] != first.ID || b.try[0] != 2 {
		t.Errorf("after a crash published the events %v, tries %v; want %d for the second time", b.ids, b.try, first.ID)
	}
	pass(t, r, time.Hour, 0)
}

// While one relay has an event, no other has it.
func TestLease(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:book", "ann:pen")
	_, letGo := hang(t, usual, 0, func(p outboxrelay.Publish) *told { return relay(t, db, usual, p) })
	r := relay(t, db, usual, b.publish)
	pass(t, r, 0, 0)
	pass(t, r, 59*time.Second, 0)
	same(t, "while another relay has them", b.take())
	letGo(nil)
	tell(t, 59*time.Second, "the other relay goes on: its publish went well")
	pass(t, r, time.Hour, 0)
	same(t, "after the other relay has sent both", b.take())
}

// A relay that was slow learns of its failure when the event is another's.
func TestLateFailure(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:book")
	with := func(p outboxrelay.Publish) *told { return relay(t, db, usual, p) }
	_, slow := hang(t, usual, 0, with)
	_, quick := hang(t, usual, 2*time.Minute, with)
	slow(errDown)
	tell(t, 2*time.Minute, "the first relay goes on: its publish = %v", errDown)
	pass(t, relay(t, db, usual, b.publish), 2*time.Minute+30*time.Second, 0)
	same(t, "while the second relay has it", b.take())
	quick(nil)
	tell(t, 2*time.Minute+30*time.Second, "the second relay goes on: its publish went well")
	pass(t, relay(t, db, usual, b.publish), time.Hour, 0)
	same(t, "after the second relay has sent it", b.take())
}

// farAway is a driver whose database is a network away: each statement takes a
// moment to get there, and what was read takes until somebody else has read,
// too, unless nobody does.
type farAway struct {
	near  driver.Driver
	name  string
	reads *atomic.Int64
}

func (f farAway) Driver() driver.Driver { return f.near }

func (f farAway) Connect(context.Context) (driver.Conn, error) {
	c, err := f.near.Open(f.name)
	return farConn{c, f.reads}, err
}

type farConn struct {
	driver.Conn
	reads *atomic.Int64
}

// pause lets the others go first.
func (farConn) pause() {
	for range 50 {
		runtime.Gosched()
	}
}

func (c farConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.pause()
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c farConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.pause()
	rows, err := c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
	mine := c.reads.Add(1)
	for i := 0; i < 40 && c.reads.Load() == mine; i++ {
		c.pause()
	}
	return rows, err
}

func (c farConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c farConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

// party is a number of relays that meet whenever they publish, so that each
// holds an event when the others look for one.
type party struct {
	mu   sync.Mutex
	size int           // guarded by mu: relays that still work
	here int           // guarded by mu: those of them that wait
	open chan struct{} // guarded by mu: closed when all are here
}

// meet waits until all are here. Whoever does not come, because he waits for
// another, ends the party.
func (p *party) meet() {
	p.mu.Lock()
	p.here++
	now := p.open
	p.gather()
	p.mu.Unlock()
	select {
	case <-now:
	case <-time.After(3 * time.Second):
		p.leave(relays)
	}
}

// leave has some go and not come again.
func (p *party) leave(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.size -= n
	p.gather()
}

// gather lets all go on when nobody is missing. The caller holds mu.
func (p *party) gather() {
	if p.here >= p.size {
		close(p.open)
		p.open, p.here = make(chan struct{}), 0
	}
}

// relays is how many work at once in TestManyRelays.
const relays = 4

func TestManyRelays(t *testing.T) {
	const lanes, each = 5, 3
	near, path := openFile(t, "10000")
	db, b := sql.OpenDB(farAway{near.Driver(), path, new(atomic.Int64)}), &broker{}
	db.SetMaxOpenConns(2 * relays)
	t.Cleanup(func() { db.Close() })
	var orders []string
	for i := range each {
		for l := range lanes {
			orders = append(orders, fmt.Sprintf("lane %d:%d", l, i))
		}
	}
	add(t, db, orders...)
	all := &party{size: relays, open: make(chan struct{})}
	var done sync.WaitGroup
	tell(t, 0, "%d relays begin Pass at once, twice each", relays)
	start := make(chan struct{})
	for range relays {
		r := relay(t, db, usual, func(ctx context.Context, e outboxrelay.Event) error {
			all.meet()
			return b.publish(ctx, e)
		})
		done.Go(func() {
			defer all.leave(1)
			<-start
			for range 2 {
				if _, err := r.Pass(context.Background(), 0); err != nil {
					t.Errorf("Pass beside other relays = %v, want no error", err)
				}
			}
		})
	}
	close(start)
	done.Wait()
	pass(t, relay(t, db, usual, b.publish), 0, lanes*each-len(b.ids))
	ids := slices.Clone(b.ids)
	slices.Sort(ids)
	if len(ids) != lanes*each || len(slices.Compact(ids)) != lanes*each {
		t.Errorf("%d relays published %d events, want each of %d once", relays, len(b.ids), lanes*each)
	}
	seen := map[string]string{}
	for _, e := range b.take() {
		lane, body, _ := strings.Cut(e, ":")
		if seen[lane] >= body {
			t.Errorf("%s: %s came after %s", lane, body, seen[lane])
		}
		seen[lane] = body
	}
}

func TestBackoff(t *testing.T) {
	db, b := open(t, "1500"), &broker{down: map[string]bool{"book": true}}
	add(t, db, "ann:book")
	cfg := usual
	cfg.Tries = 4
	r := relay(t, db, cfg, b.publish)
	for _, c := range []struct {
		now   time.Duration
		tried bool
	}{
		{0, true}, {999 * time.Millisecond, false}, {time.Second, true},
		{2 * time.Second, false}, {2999 * time.Millisecond, false}, {3 * time.Second, true},
		{6900 * time.Millisecond, false}, {7 * time.Second, true},
	} {
		pass(t, r, c.now, 0)
		if got := len(b.take()) == 1; got != c.tried {
			t.Errorf("failures at 0, 1 and 3 s, a backoff of 1 s that doubles: tried at %v: %v, want %v", c.now, got, c.tried)
		}
	}
}

func TestDead(t *testing.T) {
	db, b := open(t, "1500"), &broker{down: map[string]bool{"poison": true}}
	add(t, db, "ann:poison", "ann:pen")
	r := relay(t, db, usual, b.publish)
	for i := range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := run(t, ctx, r, time.Duration(i)*time.Hour)
		cancel()
		if err != nil {
			t.Fatalf("Pass = %v, want no error: a failure to publish is no failure of the pass", err)
		}
	}
	if got := b.try; !slices.Equal(got, []int{1, 2, 3, 1}) {
		t.Errorf("tries = %v, want 3 of the poison and then 1 of the event behind it", got)
	}
	same(t, "three tries, then the next of the lane", b.take(), "ann:poison", "ann:poison", "ann:poison", "ann:pen")
	dead, err := outboxrelay.Dead(t.Context(), db)
	tell(t, 4*time.Hour, "Dead = %+v, %v", dead, err)
	if err != nil || len(dead) != 1 || dead[0].Body != "poison" || dead[0].Lane != "ann" || dead[0].Try != 3 {
		t.Errorf("Dead = %+v, %v; want the poison of ann with its 3 tries", dead, err)
	}
}

// An event whose publishing kills the relay kills the next one too, unless the
// tries are counted before they begin. Who stands behind it is not to blame.
func TestKiller(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:killer", "ann:pen", "ben:cup")
	with := func(p outboxrelay.Publish) *told { return relay(t, db, usual, p) }
	for i := range 3 {
		e, _ := hang(t, usual, time.Duration(i)*time.Hour, with)
		if e.Body != "killer" || e.Try != i+1 {
			t.Fatalf("published %+v, want the killer, try %d", e, i+1)
		}
	}
	r := relay(t, db, usual, b.publish)
	pass(t, r, 3*time.Hour, 2)
	pass(t, r, 3*time.Hour, 0)
	got := b.take()
	slices.Sort(got)
	same(t, "after three relays died of the first", got, "ann:pen", "ben:cup")
	dead, err := outboxrelay.Dead(t.Context(), db)
	tell(t, 4*time.Hour, "Dead = %+v, %v", dead, err)
	if err != nil || len(dead) != 1 || dead[0].Body != "killer" {
		t.Errorf("Dead = %+v, %v; want the killer", dead, err)
	}
}

func TestLaneOrder(t *testing.T) {
	db, b := open(t, "1500"), &broker{down: map[string]bool{"created": true}}
	add(t, db, "order 7:created", "order 7:paid", "order 7:shipped")
	r := relay(t, db, usual, b.publish)
	pass(t, r, 0, 0)
	same(t, "the first of the lane fails", b.take(), "order 7:created")
	b.down = nil
	pass(t, r, 500*time.Millisecond, 0)
	same(t, "before it is due again", b.take())
	pass(t, r, time.Second, 3)
	same(t, "once it goes well", b.take(), "order 7:created", "order 7:paid", "order 7:shipped")
}

func TestOtherLanes(t *testing.T) {
	db, b := open(t, "1500"), &broker{down: map[string]bool{"poison": true}}
	add(t, db, "ann:poison", "ben:cup", "cat:pen", "ben:mug")
	pass(t, relay(t, db, usual, b.publish), 0, 3)
	got := b.take()
	slices.Sort(got)
	same(t, "one lane fails", got, "ann:poison", "ben:cup", "ben:mug", "cat:pen")
}

// A broker can take seconds. A transaction that is open so long stops every
// other writer.
func TestNoTransaction(t *testing.T) {
	db := open(t, "300")
	add(t, db, "ann:book")
	var wrote error
	r := relay(t, db, usual, func(ctx context.Context, e outboxrelay.Event) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		_, wrote = db.ExecContext(ctx, `INSERT INTO orders (item) VALUES ('another')`)
		return nil
	})
	pass(t, r, 0, 1)
	tell(t, 0, "another order, written inside publish: %v", wrote)
	if wrote != nil {
		t.Errorf("an order placed while an event is published: %v, want no transaction of the relay in its way", wrote)
	}
}

func TestIDs(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	r := relay(t, db, usual, b.publish)
	for i := range 3 {
		add(t, db, "ann:book")
		pass(t, r, time.Duration(i)*time.Hour, 1)
	}
	if ids := b.ids; len(ids) != 3 || ids[0] == ids[1] || ids[1] == ids[2] || ids[0] == ids[2] {
		t.Errorf("three events had the IDs %v, want three: a consumer takes the same ID for a duplicate", ids)
	}
}

func TestPanic(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:bad", "ben:cup")
	r := relay(t, db, usual, func(ctx context.Context, e outboxrelay.Event) error {
		_ = b.publish(ctx, e)
		if e.Body == "bad" {
			panic("a body that nobody expected")
		}
		return nil
	})
	pass(t, r, 0, 1)
	pass(t, r, time.Second, 0)
	got := b.take()
	slices.Sort(got)
	same(t, "a publish that panics", got, "ann:bad", "ann:bad", "ben:cup")
}

// The service stops while an event is being published: what was published is
// settled, and the rest waits for the next start.
func TestStopping(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:1", "ann:2", "ann:3")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := relay(t, db, usual, func(c context.Context, e outboxrelay.Event) error {
		cancel()
		return b.publish(c, e)
	})
	if _, err := run(t, ctx, r, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Pass = %v, want the context's error", err)
	}
	same(t, "until the context ended", b.take(), "ann:1")
	pass(t, relay(t, db, usual, b.publish), time.Hour, 2)
	same(t, "after the next start", b.take(), "ann:2", "ann:3")
}

func TestDatabaseFails(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	add(t, db, "ann:book")
	r := relay(t, db, usual, b.publish)
	if _, err := db.Exec(`DROP TABLE outbox`); err != nil {
		t.Fatal(err)
	}
	tell(t, 0, "the table outbox is dropped")
	if sent, err := run(t, t.Context(), r, 0); err == nil || sent != 0 {
		t.Errorf("without its table Pass = %d, %v; want 0 and the database's error: nobody else will tell", sent, err)
	}
	if _, err := outboxrelay.Dead(t.Context(), db); err != nil {
		return // it may keep the dead in that table too
	}
	db.Close()
	if _, err := outboxrelay.Dead(t.Context(), db); err == nil {
		t.Error("Dead of a database that is closed has no error, want one")
	}
}

func TestBadConfig(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	for _, c := range []struct {
		name  string
		spoil func(*outboxrelay.Config)
	}{
		{"no batch", func(c *outboxrelay.Config) { c.Batch = 0 }},
		{"no lease", func(c *outboxrelay.Config) { c.Lease = 0 }},
		{"negative backoff", func(c *outboxrelay.Config) { c.Backoff = -1 }},
		{"no tries", func(c *outboxrelay.Config) { c.Tries = 0 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := usual
			c.spoil(&cfg)
			if r, err := outboxrelay.New(db, cfg, b.publish); r != nil || err == nil {
				t.Errorf("New = %v, %v; want no relay and an error", r, err)
			}
		})
	}
	if r, err := outboxrelay.New(nil, usual, b.publish); r != nil || err == nil {
		t.Errorf("New without a database = %v, %v; want no relay and an error", r, err)
	}
	if r, err := outboxrelay.New(db, usual, nil); r != nil || err == nil {
		t.Errorf("New without publish = %v, %v; want no relay and an error", r, err)
	}
}

// What has been sent must not make the table, and each pass, grow.
func TestStaysSmall(t *testing.T) {
	db, b := open(t, "1500"), &broker{}
	r := relay(t, db, usual, b.publish)
	for i := range 4 {
		add(t, db, "ann:1", "ben:2", "cat:3")
		pass(t, r, time.Duration(i)*time.Hour, 3)
	}
	rows := 0
	if err := db.QueryRow(`SELECT count(*) FROM outbox`).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("after all 12 events were sent the outbox holds %d rows (%v), want 0", rows, err)
	}
}
