package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
	"workbench/lab/store/sqlite"
	"workbench/sim/clock"
)

// schema brings the tables into being. Triggers count what a queue holds and
// mark the oldest message of each key, so that neither the bound nor the order
// costs more in a long queue.
const schema = `
CREATE TABLE IF NOT EXISTS queue (
	name TEXT PRIMARY KEY,
	held INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	queue   TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	key     TEXT    NOT NULL,
	body    BLOB    NOT NULL,
	headers TEXT    NOT NULL,           -- a JSON object
	attempt INTEGER NOT NULL DEFAULT 0, -- how often it was delivered
	turn    INTEGER NOT NULL,           -- its place in the queue; seq is its place among those of its key
	head    INTEGER NOT NULL,           -- 1: the oldest of its key, or of no key; only those are delivered
	holder  TEXT,                       -- the consumer that has it
	until   INTEGER NOT NULL DEFAULT 0  -- when its lease ends, in Unix nanoseconds
) STRICT;
CREATE INDEX IF NOT EXISTS message_turn ON message (queue, turn);
CREATE INDEX IF NOT EXISTS message_head ON message (queue, turn) WHERE head = 1;
CREATE INDEX IF NOT EXISTS message_key  ON message (queue, key, seq) WHERE key <> '';
CREATE INDEX IF NOT EXISTS message_held ON message (queue, until) WHERE holder IS NOT NULL;
CREATE TABLE IF NOT EXISTS dead (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	queue   TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	key     TEXT    NOT NULL,
	body    BLOB    NOT NULL,
	headers TEXT    NOT NULL,
	attempt INTEGER NOT NULL,
	reason  TEXT    NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS dead_queue ON dead (queue, seq);
CREATE TRIGGER IF NOT EXISTS message_in AFTER INSERT ON message BEGIN
	UPDATE queue SET held = held + 1 WHERE name = new.queue;
END;
CREATE TRIGGER IF NOT EXISTS message_out AFTER DELETE ON message BEGIN
	UPDATE queue SET held = held - 1 WHERE name = old.queue;
END;
CREATE TRIGGER IF NOT EXISTS message_next AFTER DELETE ON message WHEN old.key <> '' BEGIN
	UPDATE message SET head = 1 WHERE seq = (SELECT min(seq) FROM message WHERE queue = old.queue AND key = old.key AND key <> '');
END;`

const (
	makeQueue = `INSERT INTO queue (name) VALUES (?) ON CONFLICT DO NOTHING`
	insert    = `
INSERT INTO message (queue, id, key, body, headers, turn, head)
SELECT ?1, ?2, ?3, ?4, ?5, (SELECT coalesce(max(turn), 0) + 1 FROM message WHERE queue = ?1),
	?3 = '' OR NOT EXISTS (SELECT 1 FROM message WHERE queue = ?1 AND key = ?3 AND key <> '')
WHERE (SELECT held FROM queue WHERE name = ?1) < ?6`
	count = `
SELECT held, (SELECT count(*) FROM message WHERE queue = ?1 AND holder IS NOT NULL AND until > ?2 AND until <= ?3),
	(SELECT count(*) FROM dead WHERE queue = ?1)
FROM queue WHERE name = ?1`
	listDead = `SELECT id, key, body, headers, attempt, reason FROM dead WHERE queue = ? ORDER BY seq LIMIT ?`
)

// Broker is one queue of an open file. Use Open; Close it.
type Broker struct {
	config broker.Config
	life   *pump.Life
	wall   *clock.Wall
	lost   atomic.Int64

	// SQLite lets one connection write at a time. There are two, which differ in
	// what a commit waits for, and write is held by whoever uses either.
	write        sync.Mutex
	synced, fast *sql.DB

	mu      sync.Mutex
	pending []*publication // guarded by mu: waits for the next commit
	changed chan struct{}  // guarded by mu: closed when a message may have become free
}

// Open opens the queue of c in the file at path and makes what is missing.
// Several queues, and several processes, may use one file.
func Open(ctx context.Context, path string, c broker.Config) (*Broker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if path == "" {
		return nil, errors.New("open queue: path is empty (want the name of a file)")
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open queue in %s: %w", path, err)
	}
	b := &Broker{config: c, life: pump.NewLife(), wall: clock.NewWall(), changed: make(chan struct{})}
	if err := b.open(ctx, full); err != nil {
		return nil, errors.Join(fmt.Errorf("open queue in %s: %w", path, sqlite.Explain(ctx, err)), b.shut())
	}
	return b, nil
}

func (b *Broker) open(ctx context.Context, path string) (err error) {
	for _, o := range []struct {
		to   **sql.DB
		sync string
	}{{&b.synced, "synchronous(FULL)"}, {&b.fast, "synchronous(NORMAL)"}} {
		if *o.to, err = sql.Open("sqlite", sqlite.Source(path, "journal_mode(WAL)", o.sync)+"&_txlock=immediate"); err != nil {
			return err
		}
		(*o.to).SetMaxOpenConns(1)
	}
	if _, err = b.synced.ExecContext(ctx, schema); err != nil {
		return err
	}
	_, err = b.synced.ExecContext(ctx, makeQueue, b.config.Queue)
	return err
}

// shut closes the connections.
func (b *Broker) shut() error {
	var faults []error
	for _, db := range []*sql.DB{b.fast, b.synced} {
		if db != nil {
			faults = append(faults, db.Close())
		}
	}
	return errors.Join(faults...)
}

// Caps implements broker.Broker.
func (b *Broker) Caps() broker.Caps {
	return broker.Caps{
		Confirms: true, Durable: true, PerKeyOrder: true, Redelivery: true, CountsCrashes: true, DeadLetter: true,
		BoundedReject: true, Full: broker.Reject, Label: "SQLite file",
	}
}

// now is the time of leases.
func (b *Broker) now() time.Time { return b.wall.Date(b.wall.Now()) }

// signal wakes consumers that wait for a message.
func (b *Broker) signal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.changed)
	b.changed = make(chan struct{})
}

// Depth implements broker.Broker.
func (b *Broker) Depth(ctx context.Context) (broker.Depth, error) {
	leave, err := b.life.Enter()
	if err != nil {
		return broker.Depth{}, err
	}
	defer leave()
	b.write.Lock()
	defer b.write.Unlock()
	now := b.now()
	var held, out, dead int64
	err = b.fast.QueryRowContext(ctx, count, b.config.Queue, now.UnixNano(), now.Add(b.config.Lease).UnixNano()).Scan(&held, &out, &dead)
	if err != nil {
		return broker.Depth{}, fmt.Errorf("depth of %s: %w", b.config.Queue, sqlite.Explain(ctx, err))
	}
	return broker.Depth{Ready: held - out, Unacked: out, Dead: dead, Lost: b.lost.Load()}, nil
}

// Dead implements broker.Broker.
func (b *Broker) Dead(ctx context.Context, n int) (_ []broker.Dead, err error) {
	leave, err := b.life.Enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	b.write.Lock()
	defer b.write.Unlock()
	rows, err := b.fast.QueryContext(ctx, listDead, b.config.Queue, max(n, 0))
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", b.config.Queue, sqlite.Explain(ctx, err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []broker.Dead
	for rows.Next() {
		var d broker.Dead
		var headers string
		if err := rows.Scan(&d.ID, &d.Key, &d.Body, &headers, &d.Attempt, &d.Reason); err != nil {
			return nil, fmt.Errorf("dead letters of %s: %w", b.config.Queue, sqlite.Explain(ctx, err))
		}
		if err := json.Unmarshal([]byte(headers), &d.Headers); err != nil {
			return nil, fmt.Errorf("headers of dead letter %s: %w", d.ID, err)
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// Close implements broker.Broker. What is left stays in the file.
func (b *Broker) Close(ctx context.Context) error {
	first, err := b.life.Close(ctx)
	if !first {
		return err
	}
	return errors.Join(err, b.shut())
}

var _ broker.Broker = (*Broker)(nil)
