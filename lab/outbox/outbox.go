// Package outbox publishes what a transaction decided, if it was committed, and
// without fail.
//
// To commit and then publish loses the message when the process ends in
// between; to publish and then commit announces what may never happen. So the
// message is a row beside the decision, written in the same transaction (Add), and
// a relay reads the rows in order, publishes each, and removes it once the broker
// has confirmed it. When the process ends between the two, the message is
// published again: at least once, and its consumers deduplicate by its ID.
//
// Messages leave in the order in which they were added, also past failures,
// because the relay waits for the broker and skips nothing. With Config.Keys that
// is so for the messages of each key. One relay runs at a
// time; a second one, in another process on the same file, would publish
// messages twice and out of order.
package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"workbench/lab/broker"
	"workbench/lab/store/sqlite"
	"workbench/sim/clock"
)

const schema = `
CREATE TABLE IF NOT EXISTS outbox (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	id      TEXT    NOT NULL,
	key     TEXT    NOT NULL,
	body    BLOB    NOT NULL,
	headers TEXT    NOT NULL, -- a JSON object
	added   INTEGER NOT NULL, -- Unix nanoseconds
	refused TEXT              -- why the broker will never take it; NULL: it waits
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (seq) WHERE refused IS NULL;`

const (
	add    = `INSERT INTO outbox (id, key, body, headers, added) VALUES (?, ?, ?, ?, ?)`
	next   = `SELECT seq, id, key, body, headers FROM outbox WHERE refused IS NULL ORDER BY seq LIMIT ?`
	remove = `DELETE FROM outbox WHERE seq = ?`
	refuse = `UPDATE outbox SET refused = ? WHERE seq = ?`
	ids    = `SELECT id FROM outbox`
	lag    = `SELECT count(*) FILTER (WHERE refused IS NULL), count(refused), min(added) FILTER (WHERE refused IS NULL) FROM outbox`
)

// ErrRelay is returned by Relay when one is running.
var ErrRelay = errors.New("the relay of this outbox is running already")

// Publisher is what the relay needs of a broker.
type Publisher interface {
	Publish(ctx context.Context, m broker.Message) error
}

// Config says how the relay works.
type Config struct {
	Poll  time.Duration // how often it looks when it has nothing to do; Nudge makes it look at once
	Batch int           // messages read at once
	Most  time.Duration // the longest wait after failures in a row, which begins at Poll and doubles

	// Keys is how many keys' messages are published at once: those of one key
	// stay in their order, those of different keys do not. 0 and 1: all in order.
	Keys int
}

// Default returns the usual settings.
func Default() Config { return Config{Poll: 50 * time.Millisecond, Batch: 100, Most: 2 * time.Second} }

// Validate reports everything that is wrong with c.
func (c Config) Validate() error {
	var faults []error
	if c.Poll <= 0 {
		faults = append(faults, fmt.Errorf("%s is %v (want more than 0)", "Poll", c.Poll))
	}
	if c.Batch < 1 || c.Batch > 10_000 {
		faults = append(faults, fmt.Errorf("%s is %d (want 1 to 10000)", "Batch", c.Batch))
	}
	if c.Keys < 0 || c.Keys > 1000 {
		faults = append(faults, fmt.Errorf("%s is %d (want 0 to 1000)", "Keys", c.Keys))
	}
	if c.Most < c.Poll {
		faults = append(faults, fmt.Errorf("%s is %v (want at least Poll)", "Most", c.Most))
	}
	if len(faults) > 0 {
		return fmt.Errorf("outbox settings: %w", errors.Join(faults...))
	}
	return nil
}

// Box is the outbox of a database. It is safe for concurrent use. Use New.
type Box struct {
	db     *sql.DB
	config Config
	nudge  chan struct{} // of one: a nudge that was not yet heard

	mu      sync.Mutex
	running bool // guarded by mu
}

// New makes what is missing in db and returns its outbox. The caller keeps db
// and closes it after the relay has ended.
func New(ctx context.Context, db *sql.DB, c Config) (*Box, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("open outbox: %w", sqlite.Explain(ctx, err))
	}
	return &Box{db: db, config: c, nudge: make(chan struct{}, 1)}, nil
}

// Add has m published if tx is committed. A message that no broker would take
// is refused here, as a broker.ErrBad, while the decision can still be taken
// back. now is kept so that Lag can tell how long messages wait.
func (b *Box) Add(ctx context.Context, tx *sql.Tx, m broker.Message, now time.Time) error {
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
	if _, err := tx.ExecContext(ctx, add, m.ID, m.Key, body, string(headers), now.UnixNano()); err != nil {
		return fmt.Errorf("outbox: add %s: %w", m.ID, sqlite.Explain(ctx, err))
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

// Lag is what waits in an outbox.
type Lag struct {
	Waiting int64
	Oldest  time.Time // when the one that waits longest was added; zero when none waits
	Refused int64     // those that the broker will never take, kept to be looked at
}

// Lag returns what waits.
func (b *Box) Lag(ctx context.Context) (Lag, error) {
	var l Lag
	var oldest sql.NullInt64
	if err := b.db.QueryRowContext(ctx, lag).Scan(&l.Waiting, &l.Refused, &oldest); err != nil {
		return Lag{}, fmt.Errorf("lag of outbox: %w", sqlite.Explain(ctx, err))
	}
	if oldest.Valid {
		l.Oldest = time.Unix(0, oldest.Int64)
	}
	return l, nil
}

// IDs returns the IDs of all messages that are there, also of those that the
// broker will never take.
func (b *Box) IDs(ctx context.Context) (out map[string]bool, err error) {
	rows, err := b.db.QueryContext(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("list outbox: %w", sqlite.Explain(ctx, err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list outbox: %w", err)
		}
		out[id] = true
	}
	return out, rows.Err()
}

// Relay publishes what is added until ctx ends, which is its error, or the
// broker is closed, which is broker.ErrClosed. While the broker is full or away
// it waits and tries again.
func (b *Box) Relay(ctx context.Context, p Publisher) error {
	b.mu.Lock()
	if b.running {
		b.mu.Unlock()
		return ErrRelay
	}
	b.running = true
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.running = false
	}()
	wall := clock.NewWall()
	for pause := b.config.Poll; ; {
		published, err := b.round(ctx, p)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, broker.ErrClosed):
			return err
		case err != nil:
			if wall.Wait(ctx, wall.Now()+pause) != nil {
				return ctx.Err()
			}
			pause = min(2*pause, b.config.Most)
			continue
		}
		pause = b.config.Poll
		if published < b.config.Batch { // nothing more was there
			b.rest(ctx)
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

// round publishes one batch, in order, up to the first that fails.
func (b *Box) round(ctx context.Context, p Publisher) (published int, err error) {
	rows, err := b.read(ctx)
	if err != nil {
		return 0, err
	}
	if b.config.Keys > 1 {
		return b.abreast(ctx, p, rows)
	}
	for _, r := range rows {
		switch err := p.Publish(ctx, r.message); {
		case errors.Is(err, broker.ErrBad): // never: the others need not wait for it
			_, err = b.db.ExecContext(ctx, refuse, err.Error(), r.seq)
			if err != nil {
				return published, err
			}
		case err != nil:
			return published, err
		default:
			// Between these two lines a kill has the message published again.
			if _, err := b.db.ExecContext(ctx, remove, r.seq); err != nil {
				return published, err
			}
		}
		published++
	}
	return published, nil
}

func (b *Box) read(ctx context.Context) (out []row, err error) {
	rows, err := b.db.QueryContext(ctx, next, b.config.Batch)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r row
		var headers string
		if err := rows.Scan(&r.seq, &r.message.ID, &r.message.Key, &r.message.Body, &headers); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(headers), &r.message.Headers); err != nil {
			return nil, fmt.Errorf("outbox: headers of %s: %w", r.message.ID, err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
