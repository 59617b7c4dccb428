package desk

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/broker"
	"workbench/lab/store/sqlite"
	"workbench/lab/system/orders"
)

// The pace of what carries events.
const (
	settle    = 200 * time.Millisecond // a wish for another broker has to last so long: instances change one after another
	drainLook = 50 * time.Millisecond  // between two looks at a queue that is drained
	drainMost = 30 * time.Second       // for which an old broker is drained; then what a durable one holds stays there
	openMost  = 10 * time.Second       // to open a broker
	askMost   = time.Second            // to ask one for its depth
	openAgain = 5 * time.Second        // between two tries to open one that is away
)

// carrying is what takes events from accepted orders to the workers.
type carrying struct {
	wish   atomic.Pointer[orders.Broker] // what the last submission came with
	change chan struct{}                 // of one: the wish has changed
	crash  atomic.Int64                  // workers that are still to crash in mid-job

	mu      sync.Mutex
	now     *carrier        // guarded by mu; nil while there is none
	as      orders.Broker   // guarded by mu: what now was opened for
	trouble string          // guarded by mu: why the wish is not fulfilled; empty: it is
	down    bool            // guarded by mu: taken away by the fault
	opened  map[string]bool // guarded by mu: kinds in which there may be a queue of this file
}

// carrier is one open broker with its workers.
type carrier struct {
	kind   string
	broker broker.Broker
	stop   context.CancelFunc // ends the workers
	ended  chan struct{}      // closed when they have
}

// want notes with which broker a submission came.
func (d *Desk) want(r *lab.Request) {
	k := lab.Chosen[orders.Broker](r, orders.PlaceBroker)
	is := d.carry.wish.Load()
	if k == nil && *is == orders.Naive() || k != nil && *is == *k {
		return
	}
	if k == nil {
		naive := orders.Naive()
		k = &naive
	}
	d.carry.wish.Store(k)
	d.nudgeCarrying()
}

func (d *Desk) nudgeCarrying() {
	select {
	case d.carry.change <- struct{}{}:
	default: // one that was not yet heard is as good
	}
}

// startCarrying opens the first broker. One that is away keeps nobody from
// starting: events wait in the outbox.
func (d *Desk) startCarrying(ctx context.Context) error {
	first := d.deps.Broker
	d.carry.wish.Store(&first)
	d.carry.change = make(chan struct{}, 1)
	if err := d.fulfil(ctx, first); err != nil {
		d.deps.Log.Warn("broker not opened", "broker", first.Kind, "error", err)
		d.nudgeCarrying()
	}
	return nil
}

// switchBrokers follows the wishes until the desk is closed.
func (d *Desk) switchBrokers() {
	c := d.deps.Clock
	wait := func(for_ time.Duration) bool { return c.Wait(d.ctx, c.Now()+for_) == nil }
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-d.carry.change:
		}
		if !wait(settle) {
			return
		}
		d.carry.mu.Lock()
		skip := d.carry.down
		d.carry.mu.Unlock()
		if skip {
			continue
		}
		wish := *d.carry.wish.Load()
		if err := d.fulfil(d.ctx, wish); err != nil {
			if d.ctx.Err() == nil {
				d.deps.Log.Warn("broker not opened", "broker", wish.Kind, "error", err)
				d.working.Go(func() {
					if wait(openAgain) {
						d.nudgeCarrying()
					}
				})
			}
		}
	}
}

// fulfil has events carried as wished. The old broker is drained beside the new
// one: what it has accepted is settled, and counted.
func (d *Desk) fulfil(ctx context.Context, wish orders.Broker) error {
	d.carry.mu.Lock()
	old, as := d.carry.now, d.carry.as
	if old != nil && as == wish {
		d.carry.trouble = "" // that of a wish which was taken back
		d.carry.mu.Unlock()
		return nil
	}
	d.carry.mu.Unlock()
	if old != nil && old.kind == wish.Kind { // other workers of the same one
		d.halt(old)
		d.install(old.kind, old.broker, wish) // if it was taken away meanwhile, whoever did that closes it
		return nil
	}
	opening, cancel := context.WithTimeout(ctx, openMost)
	defer cancel()
	b, err := d.open(opening, wish.Kind)
	if err != nil {
		d.carry.mu.Lock()
		if !d.carry.down { // what the fault says stands
			d.carry.trouble = fmt.Sprintf("%s: %v", wish.Kind, err)
		}
		d.carry.mu.Unlock()
		return err
	}
	if !d.install(wish.Kind, b, wish) {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), openMost)
		defer cancel()
		return b.Close(closing)
	}
	if old != nil {
		d.working.Go(func() { d.drain(old) })
	}
	return nil
}

// install lets workers consume from an open broker, which carries events from
// now on; not while brokers are taken away, nor after the end.
func (d *Desk) install(kind string, b broker.Broker, as orders.Broker) bool {
	d.carry.mu.Lock()
	defer d.carry.mu.Unlock()
	if d.carry.down {
		return false
	}
	d.carry.now, d.carry.as, d.carry.trouble = d.employ(kind, b, as), as, ""
	return true
}

// employ lets workers consume from a broker.
func (d *Desk) employ(kind string, b broker.Broker, k orders.Broker) *carrier {
	ctx, stop := context.WithCancel(context.WithoutCancel(d.ctx))
	c := &carrier{kind: kind, broker: b, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(c.ended)
		err := broker.Keep(ctx, d.deps.Clock, b, consuming(k),
			func(ctx context.Context, m broker.Message) error { return d.deliver(ctx, kind, m, k.Dedupe) },
			func(err error) { d.deps.Log.Info("worker ended", "broker", kind, "error", err) })
		if err != nil && ctx.Err() == nil {
			d.deps.Log.Error("workers not started", "broker", kind, "error", err)
		}
	}()
	return c
}

func (d *Desk) halt(c *carrier) {
	c.stop()
	<-c.ended
}

// drain has the workers of an old broker settle what it holds, and closes it.
func (d *Desk) drain(c *carrier) {
	first := d.depth(c)
	clock := d.deps.Clock
	for end := clock.Now() + drainMost; clock.Now() < end; {
		if left := d.depth(c); left.Ready+left.Unacked == 0 || clock.Wait(d.ctx, clock.Now()+drainLook) != nil {
			break
		}
	}
	left := d.depth(c)
	d.deps.Counts.Drained.Add(uint64(max(0, first.Ready+first.Unacked-left.Ready-left.Unacked)))
	d.end(context.WithoutCancel(d.ctx), c)
}

// end closes a broker, then its workers, and counts what went with it.
func (d *Desk) end(ctx context.Context, c *carrier) {
	ctx, cancel := context.WithTimeout(ctx, openMost)
	defer cancel()
	if err := d.shut(ctx, c); err != nil {
		d.deps.Log.Warn("broker not closed cleanly", "broker", c.kind, "error", err)
	}
}

// shut closes a broker, then its workers, and counts what it has lost: before,
// which it says while it is open, and with its end, which its error says.
func (d *Desk) shut(ctx context.Context, c *carrier) error {
	lost := d.depth(c).Lost
	err := c.broker.Close(ctx)
	d.halt(c)
	d.deps.Counts.LostMessages.Add(uint64(max(0, lost+broker.LostAt(err))))
	return err
}

func (d *Desk) depth(c *carrier) broker.Depth {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), askMost)
	defer cancel()
	n, err := c.broker.Depth(ctx)
	if err != nil {
		return broker.Depth{}
	}
	return n
}

// stopCarrying ends the workers and the broker.
func (d *Desk) stopCarrying(ctx context.Context) error {
	d.carry.mu.Lock()
	c := d.carry.now
	d.carry.now = nil
	d.carry.down = true
	d.carry.mu.Unlock()
	if c == nil {
		return nil
	}
	err := d.shut(ctx, c)
	if errors.Is(err, broker.ErrLost) {
		d.deps.Log.Warn("messages lost with the broker", "broker", c.kind, "error", err)
		return nil // the queue of a process ends with it: that is counted, and no fault
	}
	return err
}

// runRelay publishes what the outbox holds until the desk is closed.
func (d *Desk) runRelay() {
	if err := d.box.Relay(d.ctx, publisher{d}); err != nil && d.ctx.Err() == nil {
		d.deps.Log.Error("outbox relay ended", "error", err)
	}
}

// publisher is the present broker, whichever it is.
type publisher struct{ *Desk }

// Publish implements outbox.Publisher.
func (p publisher) Publish(ctx context.Context, m broker.Message) error { return p.publish(ctx, m) }

func (d *Desk) publish(ctx context.Context, m broker.Message) error {
	d.carry.mu.Lock()
	c := d.carry.now
	d.carry.mu.Unlock()
	if c == nil {
		return fmt.Errorf("%w: %w", lab.ErrDown, broker.ErrUnavailable)
	}
	err := c.broker.Publish(ctx, m)
	switch {
	case err == nil:
		d.deps.Counts.Published.Add(1)
	case errors.Is(err, broker.ErrClosed): // it was just replaced
		return fmt.Errorf("%w: %w", lab.ErrDown, broker.ErrUnavailable)
	}
	return err
}

// event is the body of a message.
type event struct {
	Order uint64 `json:"order"`
	Of    string `json:"of"` // the file that the order is in
}

// handle settles one order. With dedupe the effect is had once however often the
// event comes; without, each time.
func (d *Desk) handle(ctx context.Context, m broker.Message, dedupe bool) error {
	c := d.deps.Counts
	var e event
	if err := json.Unmarshal(m.Body, &e); err != nil || e.Order == 0 || unknown(e.Order) {
		c.Dead.Add(1)
		return fmt.Errorf("%w: message %.60s is no event of an order", broker.ErrPoison, m.ID)
	}
	if e.Of != d.name {
		c.Dead.Add(1)
		return fmt.Errorf("%w: order %d is of another file, whose queue this is not", broker.ErrPoison, e.Order) // kept, where it can be seen
	}
	var before int64
	err := d.run(ctx, &task{do: func(ctx context.Context, tx *sql.Tx) error {
		before = 0
		err := tx.QueryRowContext(ctx, `SELECT times FROM applied WHERE seq = ?`, int64(e.Order)).Scan(&before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return sqlite.Explain(ctx, err)
		}
		if before > 0 && dedupe {
			return nil
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO applied VALUES (?, 1) ON CONFLICT (seq) DO UPDATE SET times = times + 1`, int64(e.Order))
		return sqlite.Explain(ctx, err)
	}})
	switch {
	case err != nil:
		return err
	case before == 0:
		c.Applied.Add(1)
	case dedupe:
		c.Redelivered.Add(1)
	default:
		c.Redelivered.Add(1)
		c.Repeated.Add(1)
	}
	if left := d.carry.crash.Load(); left > 0 && d.carry.crash.CompareAndSwap(left, left-1) {
		c.Crashed.Add(1)
		return broker.ErrCrash // after the effect and before the acknowledgement: the worst moment
	}
	return nil
}
