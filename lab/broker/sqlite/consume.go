package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
	"workbench/lab/store/sqlite"
)

const (
	poll    = 50 * time.Millisecond // how soon a message of another process is seen, and at most a fourth of a lease
	renewal = 3                     // a lease is renewed this many times while it lasts
)

// A lease that ends later than one which began now is from a clock that was
// set back, and counts as expired.
const claim = `
UPDATE message SET holder = ?1, until = ?2, attempt = attempt + 1
WHERE seq = (
	SELECT m.seq FROM message m
	WHERE m.queue = ?3 AND m.head = 1 AND (m.holder IS NULL OR m.until <= ?4 OR m.until > ?2)
	ORDER BY m.turn LIMIT 1)
RETURNING seq, id, key, body, headers, attempt`

const (
	renew    = `UPDATE message SET until = ? WHERE queue = ? AND holder = ? AND until > ?`
	remove   = `DELETE FROM message WHERE seq = ? AND holder = ?`
	giveBack = `
UPDATE message SET holder = NULL, attempt = attempt - ?3,
	turn = CASE WHEN ?3 = 0 THEN (SELECT max(turn) + 1 FROM message WHERE queue = ?4) ELSE turn END
WHERE seq = ?1 AND holder = ?2`
	entomb = `
INSERT INTO dead (queue, id, key, body, headers, attempt, reason)
SELECT queue, id, key, body, headers, attempt, ?3 FROM message WHERE seq = ?1 AND holder = ?2`
	forget = `
DELETE FROM dead WHERE queue = ?1 AND seq <= (SELECT seq FROM dead WHERE queue = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)`
)

// Consume implements broker.Broker.
func (b *Broker) Consume(ctx context.Context, o broker.Options, h broker.Handler) error {
	o, err := o.Checked()
	if err != nil {
		return err
	}
	if o.Group != "" {
		return fmt.Errorf("group %q: %w: a handled message is removed from the file", o.Group, broker.ErrUnsupported)
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	defer leave()
	c := &consumer{broker: b, name: rand.Text(), db: b.fast}
	if o.AtMostOnce { // a lost acknowledgement would deliver it twice
		c.db = b.synced
	}
	// Leases are renewed until the last worker has ended, also after ctx.
	working, done := context.WithCancel(context.WithoutCancel(ctx))
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		c.renew(working)
	}()
	defer func() {
		done()
		<-renewed
	}()
	return pump.Run(ctx, pump.Job{Source: c, Options: o, Handler: func(ctx context.Context, m broker.Message) error {
		err := h(ctx, m)
		if errors.Is(err, broker.ErrCrash) {
			done() // who is dead renews nothing
		}
		return err
	}, Stop: b.life.Stop(), Kill: b.life.Kill()})
}

// consumer is one call of Consume.
type consumer struct {
	broker *Broker
	name   string
	db     *sql.DB // for what is settled
}

// renew keeps the consumer's leases from running out until ctx ends. That a
// renewal fails is no end: the message is then delivered twice, which it may be.
func (c *consumer) renew(ctx context.Context) {
	b := c.broker
	for b.wall.Wait(ctx, b.wall.Now()+b.config.Lease/renewal) == nil {
		b.write.Lock()
		now := b.now()
		_, _ = b.fast.ExecContext(ctx, renew, now.Add(b.config.Lease).UnixNano(), b.config.Queue, c.name, now.UnixNano())
		b.write.Unlock()
	}
}

// Next implements pump.Source.
func (c *consumer) Next(ctx context.Context) (pump.Delivery, error) {
	b := c.broker
	for {
		b.mu.Lock()
		changed := b.changed
		b.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return pump.Delivery{}, err
		}
		// A claim whose answer was not heard would hold a message for nobody, so
		// ctx does not end it.
		d, err := c.claim(context.WithoutCancel(ctx))
		switch {
		case err == nil && d.Attempt > b.config.Attempts:
			if err := c.Settle(context.WithoutCancel(ctx), d, pump.Bury, "its consumer crashed at each attempt"); err != nil {
				return pump.Delivery{}, err
			}
			continue
		case !errors.Is(err, sql.ErrNoRows):
			return d, err
		}
		wait, cancel := context.WithTimeout(ctx, min(poll, b.config.Lease/4))
		select {
		case <-changed:
		case <-wait.Done():
		}
		cancel()
	}
}

// claim takes the message whose turn it is; sql.ErrNoRows when there is none.
func (c *consumer) claim(ctx context.Context) (pump.Delivery, error) {
	b := c.broker
	b.write.Lock()
	defer b.write.Unlock()
	now := b.now()
	var seq int64
	var headers string
	var m broker.Message
	err := b.fast.QueryRowContext(ctx, claim, c.name, now.Add(b.config.Lease).UnixNano(), b.config.Queue, now.UnixNano()).
		Scan(&seq, &m.ID, &m.Key, &m.Body, &headers, &m.Attempt)
	if errors.Is(err, sql.ErrNoRows) {
		return pump.Delivery{}, err
	}
	if err != nil {
		return pump.Delivery{}, fmt.Errorf("claim a message of %s: %w", b.config.Queue, sqlite.Explain(ctx, err))
	}
	if err := json.Unmarshal([]byte(headers), &m.Headers); err != nil {
		return pump.Delivery{}, fmt.Errorf("headers of %s: %w", m.ID, err)
	}
	return pump.Delivery{Message: m, Tag: seq}, nil
}

// Settle implements pump.Source.
func (c *consumer) Settle(ctx context.Context, d pump.Delivery, v pump.Verdict, why string) error {
	b := c.broker
	seq := d.Tag.(int64)
	if v == pump.Retry && d.Attempt >= b.config.Attempts {
		v = pump.Bury
	}
	b.write.Lock()
	defer b.write.Unlock()
	var err error
	switch v {
	case pump.Ack:
		_, err = c.db.ExecContext(ctx, remove, seq, c.name)
	case pump.Bury:
		err = c.bury(ctx, seq, why)
	case pump.Retry:
		_, err = c.db.ExecContext(ctx, giveBack, seq, c.name, 0, b.config.Queue)
	case pump.Release:
		_, err = c.db.ExecContext(ctx, giveBack, seq, c.name, 1, b.config.Queue)
	}
	if err != nil {
		return sqlite.Explain(ctx, err)
	}
	b.signal()
	return nil
}

// bury moves a message to the dead letters, in one transaction; broker.write
// is held.
func (c *consumer) bury(ctx context.Context, seq int64, why string) error {
	b := c.broker
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, entomb, seq, c.name, why)
	if err == nil {
		_, err = tx.ExecContext(ctx, remove, seq, c.name)
	}
	var gone int64
	if err == nil {
		var res sql.Result
		if res, err = tx.ExecContext(ctx, forget, b.config.Queue, b.config.DeadCapacity); err == nil {
			gone, err = res.RowsAffected()
		}
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	b.lost.Add(gone)
	return nil
}

// Lost implements pump.Source.
func (c *consumer) Lost(n int) { c.broker.lost.Add(int64(n)) }
