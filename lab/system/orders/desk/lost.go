package desk

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"workbench/lab/store/sqlite"
	"workbench/lab/system/orders"
)

// The pace at which a start looks for events that are lost.
const (
	lostLook  = 100 * time.Millisecond // between two looks whether all has come that was on its way
	lostMost  = 30 * time.Second       // for which what was on its way is waited for under a load that never ends
	lostAgain = 5 * time.Second        // between two tries to put them back, when the disk is full
	lostBatch = 256                    // put back in one transaction
)

// seekLost puts the events of orders up to last that no worker has settled back
// into the outbox. Once an event has left it, it is the broker's; and a broker
// that keeps nothing, or was emptied, ended with the process before this one or
// without it.
//
// What a broker still holds is not lost, and to publish it once more at every
// start would have a process that is killed again and again drown in its own
// repetitions. So seekLost first lets the workers come to what is there. Whatever
// it repeats all the same has its effect once, since workers deduplicate.
func (d *Desk) seekLost(last uint64) {
	if some, err := d.unsettled(d.ctx, 0, last); err == nil && len(some) == 0 {
		return
	}
	wait := func(for_ time.Duration) bool { return d.deps.Clock.Wait(d.ctx, d.deps.Clock.Now()+for_) == nil }
	for end := d.deps.Clock.Now() + lostMost; d.deps.Clock.Now() < end && !d.allCame(); {
		if !wait(lostLook) {
			return
		}
	}
	for {
		n, err := d.putBack(d.ctx, last)
		if n > 0 {
			d.deps.Log.Warn("events of accepted orders were lost, and are published again", "orders", n)
		}
		if err == nil || d.ctx.Err() != nil {
			return
		}
		d.deps.Log.Error("events that were lost are not yet published again", "error", err)
		if !wait(lostAgain) {
			return
		}
	}
}

// allCame reports whether nothing waits in the outbox, nor in the broker. It asks
// the outbox first: what leaves it is in the broker before it is gone here.
func (d *Desk) allCame() bool {
	lag, err := d.box.Lag(d.ctx)
	if err != nil || lag.Waiting > 0 {
		return false
	}
	d.carry.mu.Lock()
	c := d.carry.now
	d.carry.mu.Unlock()
	if c == nil {
		return false
	}
	asking, cancel := context.WithTimeout(d.ctx, askMost)
	defer cancel()
	n, err := c.broker.Depth(asking)
	return err == nil && n.Ready+n.Unacked == 0
}

// unsettled is an order that no worker has come to.
type unsettled struct{ seq, symbol uint64 }

// putBack puts the events of unsettled orders up to last into the outbox, but for
// those that are there, and returns how many.
func (d *Desk) putBack(ctx context.Context, last uint64) (n int, err error) {
	there, err := d.box.IDs(ctx) // nobody but us adds events of orders up to last
	if err != nil {
		return 0, err
	}
	for after := uint64(0); ; {
		batch, err := d.unsettled(ctx, after, last)
		if err != nil || len(batch) == 0 {
			return n, err
		}
		after = batch[len(batch)-1].seq
		added := 0
		err = d.run(ctx, &task{do: func(ctx context.Context, tx *sql.Tx) error {
			added = 0
			for _, o := range batch {
				m := d.message(&submission{seq: o.seq, order: orders.Order{Symbol: o.symbol}})
				if there[m.ID] {
					continue
				}
				if err := d.box.Add(ctx, tx, m, d.deps.Clock.Date(d.deps.Clock.Now())); err != nil {
					return err
				}
				added++
			}
			return nil
		}})
		if err != nil {
			return n, err
		}
		n += added
	}
}

func (d *Desk) unsettled(ctx context.Context, after, last uint64) (out []unsettled, err error) {
	rows, err := d.tables.Read.QueryContext(ctx, `
SELECT s.seq, s.symbol FROM sequence s LEFT JOIN applied a USING (seq)
WHERE s.seq > ? AND s.seq <= ? AND s.kind = 0 AND a.seq IS NULL ORDER BY s.seq LIMIT ?`, int64(after), int64(last), lostBatch)
	if err != nil {
		return nil, sqlite.Explain(ctx, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var o unsettled
		if err := rows.Scan(&o.seq, &o.symbol); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, rows.Err()
}
