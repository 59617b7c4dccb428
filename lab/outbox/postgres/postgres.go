// Package postgres is an outbox in PostgreSQL: messages that leave if, and only
// if, the transaction that added them was committed.
//
// The relay holds an advisory lock on the connection with which it works, so one
// relay runs at a time over all processes, and another takes over when the first
// loses its connection. It reads what is there and not what comes after a
// number: a transaction that drew a lower number and committed later is not
// passed over. So messages leave in the order of their numbers as far as they
// are committed, which for those of one row is the order of its changes.
package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"workbench/lab/broker"
	"workbench/lab/outbox"
	"workbench/lab/store/postgres"
	"workbench/sim/clock"
)

const schema = `
CREATE TABLE IF NOT EXISTS outbox (
	seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id      text   NOT NULL,
	key     text   NOT NULL,
	body    bytea  NOT NULL,
	headers text   NOT NULL, -- a JSON object
	added   bigint NOT NULL, -- Unix nanoseconds
	refused text             -- why the broker will never take it; NULL: it waits
);
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (seq) WHERE refused IS NULL;`

const (
	lock   = `SELECT pg_try_advisory_lock('outbox'::regclass::oid::int, 1)` // of this table, in this schema
	unlock = `SELECT pg_advisory_unlock('outbox'::regclass::oid::int, 1)`
	add    = `INSERT INTO outbox (id, key, body, headers, added) VALUES ($1, $2, $3, $4, $5)`
	next   = `SELECT seq, id, key, body, headers FROM outbox WHERE refused IS NULL ORDER BY seq LIMIT $1`
	remove = `DELETE FROM outbox WHERE seq = $1`
	refuse = `UPDATE outbox SET refused = $1 WHERE seq = $2`
	lag    = `SELECT count(*) FILTER (WHERE refused IS NULL), count(refused), min(added) FILTER (WHERE refused IS NULL) FROM outbox`
)

// Box is the outbox of a database. It is safe for concurrent use. Use New.
type Box struct {
	pool   *pgxpool.Pool
	config outbox.Config
	nudge  chan struct{} // of one: a nudge that was not yet heard

	mu      sync.Mutex
	running bool // guarded by mu
}

// New makes what is missing in the schema of the pool's search path and returns
// its outbox. The caller keeps the pool and closes it after the relay has ended;
// the relay holds one connection.
func New(ctx context.Context, pool *pgxpool.Pool, c outbox.Config) (*Box, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if _, err := pool.Exec(ctx, schema); err != nil {
		return nil, fmt.Errorf("open outbox: %w", postgres.Explain(ctx, err))
	}
	return &Box{pool: pool, config: c, nudge: make(chan struct{}, 1)}, nil
}

// Add has m published if tx is committed. A message that no broker would take
// is refused here, as a broker.ErrBad. now is kept so that Lag can tell how long
// messages wait.
func (b *Box) Add(ctx context.Context, tx pgx.Tx, m broker.Message, now time.Time) error {
	if err := m.Validate(); err != nil {
		return err
	}
	headers, err := json.Marshal(m.Headers)
	if err != nil {
		return fmt.Errorf("outbox: headers of %s: %w", m.ID, err)
	}
	body := m.Body
	if body == nil {
		body = []byte{}
	}
	if _, err := tx.Exec(ctx, add, m.ID, m.Key, body, string(headers), now.UnixNano()); err != nil {
		return fmt.Errorf("outbox: add %s: %w", m.ID, postgres.Explain(ctx, err))
	}
	return nil
}

// Nudge has the relay look now. It is for after a commit, and never waits.
func (b *Box) Nudge() {
	select {
	case b.nudge <- struct{}{}:
	default: // one that was not yet heard is as good
	}
}

// Lag returns what waits.
func (b *Box) Lag(ctx context.Context) (outbox.Lag, error) {
	var l outbox.Lag
	var oldest *int64
	if err := b.pool.QueryRow(ctx, lag).Scan(&l.Waiting, &l.Refused, &oldest); err != nil {
		return outbox.Lag{}, fmt.Errorf("lag of outbox: %w", postgres.Explain(ctx, err))
	}
	if oldest != nil {
		l.Oldest = time.Unix(0, *oldest)
	}
	return l, nil
}

// Relay publishes what is added until ctx ends, which is its error, or the
// broker is closed, which is broker.ErrClosed. While the broker is full or away,
// or the server is, it waits and tries again. It is outbox.ErrRelay when another
// relay of this database runs.
func (b *Box) Relay(ctx context.Context, p outbox.Publisher) error {
	b.mu.Lock()
	if b.running {
		b.mu.Unlock()
		return outbox.ErrRelay
	}
	b.running = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.running = false
	}()
	wall := clock.NewWall()
	for pause, first := b.config.Poll, true; ; first = false {
		err := b.hold(ctx, p, func() { pause = b.config.Poll })
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, broker.ErrClosed), first && errors.Is(err, outbox.ErrRelay):
			return err
		}
		// Later on somebody else may have taken over, or the server not yet missed
		// our lost connection: this one stands by.
		if wall.Wait(ctx, wall.Now()+pause) != nil {
			return ctx.Err()
		}
		pause = min(2*pause, b.config.Most)
	}
}

// settleLimit is how long what was begun may go on after the relay's end, such
// as giving the lock back.
const settleLimit = 2 * time.Second

// lingering returns a context that ends settleLimit after ctx. A statement that
// is cancelled costs its connection, and a server gives up the lock of a lost
// connection only some time later: until then the next relay would be a second.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		limit, done := context.WithTimeout(out, settleLimit)
		defer done()
		<-limit.Done()
		cancel()
	})
	return out, func() { stop(); cancel() }
}

// hold takes the lock and publishes until something fails.
func (b *Box) hold(ctx context.Context, p outbox.Publisher, well func()) error {
	c, err := b.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release() // a lost connection is closed
	settle, end := lingering(ctx)
	defer end()
	var mine bool
	if err := c.QueryRow(settle, lock).Scan(&mine); err != nil {
		return err
	}
	if !mine {
		return outbox.ErrRelay
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
		defer cancel()
		if _, err := c.Exec(last, unlock); err != nil {
			_ = c.Conn().Close(last) // else the pool would hand the lock on
		}
	}()
	for {
		published, err := b.round(ctx, settle, c, p)
		if published > 0 {
			well()
		}
		if err != nil {
			return err
		}
		if published < b.config.Batch { // nothing more was there
			b.rest(ctx)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// rest waits for a nudge, or until it is time to look for what another process
// has added.
func (b *Box) rest(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, b.config.Poll)
	defer cancel()
	select {
	case <-b.nudge:
	case <-ctx.Done():
	}
}

// row is a message that waits.
type row struct {
	seq     int64
	message broker.Message
}

// round publishes one batch, in order, up to the first that fails or to ctx's
// end. What it does in the database it finishes, until settle ends.
func (b *Box) round(ctx, settle context.Context, c *pgxpool.Conn, p outbox.Publisher) (published int, err error) {
	rows, err := b.read(settle, c)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if err := ctx.Err(); err != nil {
			return published, err
		}
		switch err := p.Publish(ctx, r.message); {
		case errors.Is(err, broker.ErrBad): // never: the others need not wait for it
			if _, err := c.Exec(settle, refuse, err.Error(), r.seq); err != nil {
				return published, err
			}
		case err != nil:
			return published, err
		default:
			// Between these two lines a kill has the message published again.
			if _, err := c.Exec(settle, remove, r.seq); err != nil {
				return published, err
			}
		}
		published++
	}
	return published, nil
}

func (b *Box) read(ctx context.Context, c *pgxpool.Conn) ([]row, error) {
	rows, err := c.Query(ctx, next, b.config.Batch)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(one pgx.CollectableRow) (r row, err error) {
		var headers string
		if err := one.Scan(&r.seq, &r.message.ID, &r.message.Key, &r.message.Body, &headers); err != nil {
			return r, err
		}
		if err := json.Unmarshal([]byte(headers), &r.message.Headers); err != nil {
			return r, fmt.Errorf("outbox: headers of %s: %w", r.message.ID, err)
		}
		return r, nil
	})
}
