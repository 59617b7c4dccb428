package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workbench/lab/broker"
)

// Status is what the diagram shows of the way behind an order.
type Status struct {
	Kind     string        `json:"kind"`  // of the broker that carries events now
	Label    string        `json:"label"` // what it really is
	Up       bool          `json:"up"`
	Trouble  string        `json:"trouble,omitempty"` // why another than the wished one carries them
	Depth    broker.Depth  `json:"depth"`
	Waiting  int64         `json:"waiting"` // in the outbox
	Refused  int64         `json:"refused"` // by the broker, for good
	Lag      time.Duration `json:"lag"`     // how long the oldest has waited in the outbox
	Workers  int           `json:"workers"`
	Open     int           `json:"open"` // orders that rest in the books
	Sequence uint64        `json:"sequence"`
}

// Status asks the broker and the outbox how they stand.
func (d *Desk) Status(ctx context.Context) Status {
	d.carry.mu.Lock()
	c, as := d.carry.now, d.carry.as
	s := Status{Trouble: d.carry.trouble, Up: c != nil}
	d.carry.mu.Unlock()
	if c != nil {
		s.Kind, s.Label, s.Workers = c.kind, c.broker.Caps().Label, consuming(as).Workers
		n, err := c.broker.Depth(ctx)
		if err != nil {
			s.Up, s.Trouble = false, err.Error()
		}
		s.Depth = n
	}
	if lag, err := d.box.Lag(ctx); err == nil {
		s.Waiting, s.Refused = lag.Waiting, lag.Refused
		if !lag.Oldest.IsZero() {
			s.Lag = d.deps.Clock.Date(d.deps.Clock.Now()).Sub(lag.Oldest)
		}
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	s.Open, s.Sequence = d.exchange.Open(), d.exchange.Last()
	return s
}

// Crash has the next n workers crash in mid-job: after the effect, before the
// acknowledgement.
func (d *Desk) Crash(n int) { d.carry.crash.Add(int64(n)) }

// Poison publishes a message that no worker can ever handle.
func (d *Desk) Poison(ctx context.Context) error {
	at := d.deps.Clock.Date(d.deps.Clock.Now()).UnixNano()
	return d.publish(ctx, broker.Message{ID: fmt.Sprintf("poison-%d", at), Key: "poison", Body: []byte("this is no order")})
}

// ErrTheirs says why a broker is not taken away.
var ErrTheirs = errors.New("this broker is a server of yours, which the lab does not touch: stop it yourself to see what happens")

// Down takes the broker away, as its crash would: what it held in memory is
// lost. A server that somebody else started is not touched.
func (d *Desk) Down(ctx context.Context) error {
	d.carry.mu.Lock()
	c, kind := d.carry.now, d.carry.wish.Load().Kind
	if c != nil {
		kind = c.kind
	}
	if d.deps.Theirs != nil && d.deps.Theirs(kind) {
		d.carry.mu.Unlock()
		return ErrTheirs
	}
	if c == nil { // it is still to be opened: not before Revive
		d.carry.down, d.carry.trouble = true, "taken away by the fault"
		d.carry.mu.Unlock()
		return nil
	}
	d.carry.now, d.carry.down, d.carry.trouble = nil, true, "taken away by the fault"
	d.carry.mu.Unlock()
	c.stop() // the workers first: a crash lets nobody work the queue off
	<-c.ended
	d.end(ctx, c)
	return nil
}

// Revive brings back what Down has taken away.
func (d *Desk) Revive() {
	d.carry.mu.Lock()
	d.carry.down = false
	d.carry.mu.Unlock()
	d.nudgeCarrying()
}
