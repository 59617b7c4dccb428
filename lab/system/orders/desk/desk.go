// Package desk is the orders service at work: it accepts orders into a sequence
// on the disk, matches them in memory, and has workers behind a broker settle
// each once.
//
// What is acknowledged is on the disk. One goroutine commits: it takes what
// waits, writes it in one transaction with one sync, lets the matching engine
// see it in the same sequence, and answers. So the sequence on the disk is the
// truth, and a start plays it again.
package desk

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"workbench/lab"
	"workbench/lab/broker"
	"workbench/lab/gate"
	"workbench/lab/idempotency"
	keys "workbench/lab/idempotency/sqlite"
	"workbench/lab/journal"
	"workbench/lab/outbox"
	"workbench/lab/store/sqlite"
	"workbench/lab/system"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/match"
	"workbench/lab/trace"
	"workbench/sim/clock"
)

// schema brings the tables into being. The sequence is never changed: what
// became of an order follows from it, and from what was applied.
const schema = `
CREATE TABLE IF NOT EXISTS sequence (
	seq     INTEGER PRIMARY KEY,
	kind    INTEGER NOT NULL, -- 0: a new order, 1: a cancellation
	symbol  INTEGER NOT NULL,
	side    INTEGER NOT NULL,
	price   INTEGER NOT NULL,
	qty     INTEGER NOT NULL,
	target  INTEGER NOT NULL, -- of a cancellation: which order
	account INTEGER NOT NULL, -- the upper half of the numbers is negative here
	key     TEXT    NOT NULL, -- the Idempotency-Key with which it came
	at      INTEGER NOT NULL  -- Unix nanoseconds
) STRICT;
CREATE INDEX IF NOT EXISTS sequence_intent ON sequence (account, key) WHERE kind = 0;
CREATE TABLE IF NOT EXISTS applied (
	seq   INTEGER PRIMARY KEY,
	times INTEGER NOT NULL -- how often a worker has settled it
) STRICT;
CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;`

// relayKeys is how many symbols' events are handed to the broker at once.
const relayKeys = 64

// Gate is a dependency with its capacity.
type Gate interface {
	Do(ctx context.Context, r *lab.Request, work gate.Work) ([]byte, error)
}

// Direct is a Gate that is always open: the database takes what time it takes.
type Direct struct{}

// Do implements Gate.
func (Direct) Do(ctx context.Context, _ *lab.Request, work gate.Work) ([]byte, error) {
	return work(ctx)
}

// Deps is what the service works with. All fields but Provider, Symbols,
// Theirs, MaxPages, Tracer and Journal are needed.
type Deps struct {
	Path     string // of its file
	Gate     Gate   // in front of the database
	Provider Gate   // in front of the broker, for events that a request hands over itself; nil: Gate
	Clock    *clock.Wall
	Log      *slog.Logger
	Counts   orders.Counts
	Open     func(ctx context.Context, kind, queue string) (broker.Broker, error) // opens this queue of a broker by its name
	Broker   orders.Broker                                                        // with which to begin
	Symbols  int                                                                  // a new file gets two orders that never meet on each of so many symbols
	Theirs   func(kind string) bool                                               // reports whether a broker of this name is a server that is not ours to take away; nil: none is
	MaxPages int                                                                  // bounds the file, as a full disk does; 0: does not
	Tracer   *trace.Tracer                                                        // follows orders to their settlement; nil: nobody does
	Journal  *journal.Journal                                                     // gets the workers' lines; nil: nobody does
}

func (d Deps) validate() error {
	var faults []error
	for _, need := range []struct {
		there bool
		name  string
	}{
		{d.Path != "", "Path"}, {d.Gate != nil, "Gate"}, {d.Clock != nil, "Clock"}, {d.Log != nil, "Log"}, {d.Open != nil, "Open"},
		{d.Counts.Accepted != nil, "Counts"}, {d.Broker.Kind != "", "Broker"},
	} {
		if !need.there {
			faults = append(faults, fmt.Errorf("orders: Deps.%s is missing", need.name))
		}
	}
	return errors.Join(faults...)
}

// Desk is the service. It is safe for concurrent use. Use New; Close it.
type Desk struct {
	deps   Deps
	tables *sqlite.Tables
	relay  *sqlite.Tables // the relay's own connection: it need not sync, since what it repeats is deduplicated
	keys   *keys.Store
	box    *outbox.Box
	name   string // of this file, in the name of its queue and in each message: what is another's is not settled here

	tasks   chan *task
	ctx     context.Context // of all goroutines: ends with Close
	cancel  context.CancelFunc
	working sync.WaitGroup // goroutines other than the committer
	ended   chan struct{}  // closed when the committer has returned
	locks   lines
	rings   lines
	carry   carrying

	guard  sync.Mutex
	inside map[idempotency.Key]idempotency.Hash // guarded by guard: intents at work

	mu       sync.RWMutex
	exchange *match.Exchange // guarded by mu
	seq      uint64          // the committer's alone
	replayed int             // events played at the start
	closing  atomic.Bool
}

var _ system.System = (*Desk)(nil)

// New opens the service's file, plays its sequence, and starts what works in
// the background.
func New(ctx context.Context, deps Deps) (_ *Desk, err error) {
	if err := deps.validate(); err != nil {
		return nil, err
	}
	if deps.Provider == nil {
		deps.Provider = deps.Gate
	}
	d := &Desk{deps: deps, tasks: make(chan *task, 256), ended: make(chan struct{}), inside: map[idempotency.Key]idempotency.Hash{}, exchange: match.New()}
	d.locks.all, d.rings.all = map[uint64]*line{}, map[uint64]*line{}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			d.cancel()
			err = errors.Join(fmt.Errorf("open orders: %w", err), d.closeTables())
		}
	}()
	if err := d.openTables(ctx); err != nil {
		return nil, err
	}
	if err := d.replay(ctx); err != nil {
		return nil, err
	}
	if err := d.startCarrying(ctx); err != nil {
		return nil, err
	}
	last := d.seq // it is the committer's from here on
	go d.commit()
	d.working.Go(func() { d.seekLost(last) })
	d.working.Go(func() { d.runRelay() })
	d.working.Go(func() { d.switchBrokers() })
	return d, nil
}

func (d *Desk) openTables(ctx context.Context) error {
	var err error
	if d.tables, err = sqlite.OpenTables(ctx, d.deps.Path, schema, true); err != nil {
		return err
	}
	if d.relay, err = sqlite.OpenTables(ctx, d.deps.Path, "", false); err != nil {
		return err
	}
	if d.keys, err = keys.New(ctx, d.tables.Write, idempotency.Default()); err != nil {
		return err
	}
	relay := outbox.Default()
	relay.Keys = relayKeys
	if d.box, err = outbox.New(ctx, d.relay.Write, relay); err != nil {
		return err
	}
	w := d.tables.Write
	if _, err := w.ExecContext(ctx, `INSERT INTO identity VALUES (1, ?) ON CONFLICT DO NOTHING`, rand.Text()); err != nil {
		return sqlite.Explain(ctx, err)
	}
	if err := w.QueryRowContext(ctx, `SELECT name FROM identity`).Scan(&d.name); err != nil {
		return sqlite.Explain(ctx, err)
	}
	if err := d.fill(ctx); err != nil {
		return err
	}
	if d.deps.MaxPages > 0 {
		for _, db := range []*sql.DB{w, d.relay.Write} {
			if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", d.deps.MaxPages)); err != nil {
				return sqlite.Explain(ctx, err)
			}
		}
	}
	return nil
}

// fill gives each symbol of a new file a buyer and a seller who never meet, so
// that there is a price to ask for and an order to cancel. They count as settled, and
// have keys of their own, as every order has.
func (d *Desk) fill(ctx context.Context) error {
	var some int
	if err := d.tables.Write.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM sequence LIMIT 1)`).Scan(&some); err != nil || some > 0 || d.deps.Symbols == 0 {
		return sqlite.Explain(ctx, err)
	}
	_, err := d.tables.Write.ExecContext(ctx, `
WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ?2)
INSERT INTO sequence SELECT seq, 0, 1 + (seq - 1) % ?1, (seq - 1) / ?1, 900 + 200 * ((seq - 1) / ?1), 10, 0, 0, 'house-' || seq, ?3 FROM n`,
		d.deps.Symbols, 2*d.deps.Symbols, d.deps.Clock.Date(d.deps.Clock.Now()).UnixNano())
	if err == nil {
		_, err = d.tables.Write.ExecContext(ctx, `INSERT INTO applied SELECT seq, 1 FROM sequence`)
	}
	return sqlite.Explain(ctx, err)
}

// replay plays the sequence, from which the books follow.
func (d *Desk) replay(ctx context.Context) (err error) {
	rows, err := d.tables.Read.QueryContext(ctx, `SELECT seq, kind, symbol, side, price, qty, target FROM sequence ORDER BY seq`)
	if err != nil {
		return sqlite.Explain(ctx, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var e match.Event
		if err := rows.Scan(&e.Seq, &e.Kind, &e.Symbol, &e.Side, &e.Price, &e.Qty, (*wide)(&e.Target)); err != nil {
			return err
		}
		if _, err := d.exchange.Apply(e); err != nil {
			return fmt.Errorf("play the sequence: %w", err)
		}
		d.seq = e.Seq
		d.replayed++
	}
	return rows.Err()
}

// Replayed returns how many events the start has played.
func (d *Desk) Replayed() int { return d.replayed }

// Digest returns a number that stands for the state of all books.
func (d *Desk) Digest() uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.exchange.Digest()
}

// Ops implements system.System.
func (d *Desk) Ops() []system.Op { return orders.Ops() }

// Serve implements lab.Handler.
func (d *Desk) Serve(ctx context.Context, r *lab.Request) lab.Response {
	if d.closing.Load() {
		return lab.Answer(nil, lab.ErrStop)
	}
	switch r.Op {
	case orders.Submit:
		return d.submit(ctx, r)
	case orders.Cancel:
		return d.cancelOrder(ctx, r)
	case orders.Read:
		return d.read(ctx, r)
	case orders.Quote:
		return d.quote(r)
	case orders.List:
		return d.list(ctx, r)
	default:
		return refuse(fmt.Errorf("%w: there is no operation %d", lab.ErrBad, r.Op))
	}
}

// refuse answers a request that is itself wrong, and says why.
func refuse(err error) lab.Response {
	res := lab.Answer(nil, err)
	res.Body = []byte(err.Error())
	return res
}

// answer returns body as JSON, or the response for an error.
func answer(body any, err error) lab.Response {
	if err != nil {
		return lab.Answer(nil, err)
	}
	b, err := json.Marshal(body)
	return lab.Answer(b, err)
}

// Close refuses new requests, commits what it has begun, gives the workers until
// ctx ends to settle what they hold, and ends all goroutines. What waits in a
// durable queue or in the outbox is settled after the next start.
func (d *Desk) Close(ctx context.Context) error {
	if d.closing.Swap(true) {
		return nil
	}
	d.rings.wait()
	err := d.stopCarrying(ctx)
	d.cancel()
	d.working.Wait()
	<-d.ended
	return errors.Join(err, d.closeTables())
}

func (d *Desk) closeTables() error {
	var faults []error
	for _, t := range []*sqlite.Tables{d.relay, d.tables} {
		if t != nil {
			faults = append(faults, t.Close())
		}
	}
	return errors.Join(faults...)
}
