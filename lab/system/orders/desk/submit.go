package desk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"workbench/lab"
	"workbench/lab/broker"
	"workbench/lab/idempotency"
	"workbench/lab/store/sqlite"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/match"
)

const insertEvent = `INSERT INTO sequence (seq, kind, symbol, side, price, qty, target, account, key, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// route is where submissions are made, as part of their keys.
const route = "POST /orders"

// submission is one order on its way to the disk.
type submission struct {
	order   orders.Order
	account uint64
	key     idempotency.Key
	hash    idempotency.Hash
	once    bool // its effect is had once
	outbox  bool // its event is in its transaction
	now     time.Time
	headers map[string]string // of its event: to whom it belongs; nil: nobody follows it

	seq      uint64
	replayed bool
	again    bool // the same intent has had its effect before
	response idempotency.Response
}

// submit accepts an order: once, in its turn, and on the disk before it says so.
func (d *Desk) submit(ctx context.Context, r *lab.Request) lab.Response {
	d.want(r)
	s, err := d.submission(r)
	if err != nil {
		return refuse(err)
	}
	if s.once {
		leave, err := d.enter(s)
		if err != nil {
			return d.conflict(err)
		}
		defer leave()
	}
	t := &task{do: func(ctx context.Context, tx *sql.Tx) error { return d.accept(ctx, tx, s) }, after: func() error { return d.accepted(s) }}
	ctx, published := d.announce(ctx, r, s)
	err = d.takeTurn(ctx, r, s, t)
	published(err)
	switch {
	case errors.Is(err, errRing):
		d.deps.Counts.RingFull.Add(1)
		return lab.Refuse(lab.Shed, orders.ReasonRing, 0)
	case errors.Is(err, idempotency.ErrMismatch):
		return d.conflict(err)
	case errors.Is(err, idempotency.ErrFull):
		return lab.Answer(nil, lab.ErrFull)
	case err != nil:
		return lab.Answer(nil, err)
	}
	if !s.outbox && !s.replayed {
		if err := d.handOver(ctx, r, s); err != nil {
			d.deps.Counts.LostEvents.Add(1) // the order stands, and no worker hears of it before the next start
			return lab.Answer(nil, err)
		}
	}
	return lab.Response{Status: s.response.Status, Location: s.response.Headers["Location"], Body: s.response.Body}
}

// submission reads what is asked for.
func (d *Desk) submission(r *lab.Request) (*submission, error) {
	o, err := orders.ParseOrder(r.Body)
	if err != nil {
		return nil, err
	}
	s := &submission{
		order: o, account: r.User, now: d.deps.Clock.Date(d.deps.Clock.Now()), outbox: r.Choices[orders.PlaceOutbox] != nil,
		key:  idempotency.Key{Caller: strconv.FormatUint(r.User, 10), Route: route, Key: r.Once},
		hash: idempotency.Fingerprint(r.Body),
	}
	k := lab.Chosen[orders.Idempotency](r, orders.PlaceIdempotency)
	switch {
	case k != nil && r.Once != "":
		s.once = true
		if err := s.key.Validate(); err != nil {
			return nil, fmt.Errorf("%w: Idempotency-Key: %w", lab.ErrBad, err)
		}
	case k != nil && k.Require:
		return nil, fmt.Errorf("%w: Idempotency-Key is missing (want any text of 1 to %d bytes, new for each order and the same each time it is sent again)", lab.ErrBad, idempotency.MaxKey)
	}
	return s, nil
}

// enter notes that an intent is at work; a second one learns so at once.
func (d *Desk) enter(s *submission) (leave func(), err error) {
	d.guard.Lock()
	defer d.guard.Unlock()
	if hash, busy := d.inside[s.key]; busy {
		if hash != s.hash {
			return nil, idempotency.ErrMismatch
		}
		return nil, idempotency.ErrInFlight
	}
	d.inside[s.key] = s.hash
	return func() {
		d.guard.Lock()
		defer d.guard.Unlock()
		delete(d.inside, s.key)
	}, nil
}

// conflict answers a request whose key is at work, or was used for another.
func (d *Desk) conflict(err error) lab.Response {
	if errors.Is(err, idempotency.ErrInFlight) {
		d.deps.Counts.InFlight.Add(1)
		res := orders.Busy()
		res.Body = []byte(err.Error())
		return res
	}
	d.deps.Counts.Mismatched.Add(1)
	res := lab.Refuse(lab.Failed, lab.ReasonBad, 0)
	res.Status, res.Body = http.StatusUnprocessableEntity, []byte(err.Error())
	return res
}

// accept writes an order, its key and its event. The committer calls it.
func (d *Desk) accept(ctx context.Context, tx *sql.Tx, s *submission) (err error) {
	if s.once {
		s.response, s.replayed, err = d.keys.In(ctx, tx, s.key, s.hash, s.now, func(ctx context.Context, tx *sql.Tx) (idempotency.Response, error) { return d.write(ctx, tx, s) })
		return err
	}
	if s.key.Key != "" { // only to count what nobody prevents
		const seen = `SELECT EXISTS (SELECT 1 FROM sequence WHERE account = ? AND key = ? AND kind = 0)`
		if err := tx.QueryRowContext(ctx, seen, int64(s.account), s.key.Key).Scan(&s.again); err != nil {
			return sqlite.Explain(ctx, err)
		}
	}
	s.response, err = d.write(ctx, tx, s)
	return err
}

func (d *Desk) write(ctx context.Context, tx *sql.Tx, s *submission) (idempotency.Response, error) {
	d.seq++
	s.seq = d.seq
	o := s.order
	if _, err := tx.ExecContext(ctx, insertEvent, int64(s.seq), match.Enter, int64(o.Symbol), o.Side, o.Price, o.Qty, 0, int64(s.account), s.key.Key, s.now.UnixNano()); err != nil {
		return idempotency.Response{}, sqlite.Explain(ctx, err)
	}
	if s.outbox {
		if err := d.box.Add(ctx, tx, d.message(s), s.now); err != nil {
			return idempotency.Response{}, err
		}
	}
	return idempotency.Response{
		Status: http.StatusAccepted, Headers: map[string]string{"Location": fmt.Sprintf("/orders/%d", s.seq)},
		Body: fmt.Appendf(nil, `{"order":%d,"state":"accepted"}`, s.seq),
	}, nil
}

// message is the event that the workers settle an order by.
func (d *Desk) message(s *submission) broker.Message {
	return broker.Message{
		ID: fmt.Sprintf("%s-%d", d.name, s.seq), Key: strconv.FormatUint(s.order.Symbol, 10),
		Body: fmt.Appendf(nil, `{"order":%d,"of":%q}`, s.seq, d.name), Headers: s.headers,
	}
}

// accepted lets the matching engine see an order that is on the disk.
func (d *Desk) accepted(s *submission) error {
	c := d.deps.Counts
	if s.replayed {
		c.Replayed.Add(1)
		return nil
	}
	c.Accepted.Add(1)
	if s.again {
		c.Duplicates.Add(1)
	}
	return d.match(match.Event{Seq: s.seq, Symbol: s.order.Symbol, Side: s.order.Side, Price: s.order.Price, Qty: s.order.Qty})
}

func (d *Desk) match(e match.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err := d.exchange.Apply(e)
	return err
}

// handOver gives the broker the event of an order that is on the disk already.
// Whatever ends in between loses it: that is what the outbox is for.
func (d *Desk) handOver(ctx context.Context, r *lab.Request, s *submission) error {
	_, err := d.deps.Provider.Do(ctx, r, func(ctx context.Context) ([]byte, error) { return nil, d.publishNow(ctx, s) })
	return err
}

// cancelOrder takes an order out of the book, if it is still there.
func (d *Desk) cancelOrder(ctx context.Context, r *lab.Request) lab.Response {
	if unknown(r.Key) {
		return lab.Response{Missing: true}
	}
	var there bool
	_, err := d.deps.Gate.Do(ctx, r, func(ctx context.Context) ([]byte, error) {
		var seq uint64
		return nil, d.run(ctx, &task{
			do: func(ctx context.Context, tx *sql.Tx) error {
				const find = `SELECT EXISTS (SELECT 1 FROM sequence WHERE seq = ? AND kind = 0)`
				if err := tx.QueryRowContext(ctx, find, int64(r.Key)).Scan(&there); err != nil || !there {
					return sqlite.Explain(ctx, err)
				}
				d.seq++
				seq = d.seq
				_, err := tx.ExecContext(ctx, insertEvent, int64(seq), match.Cancel, 0, 0, 0, 0, int64(r.Key), int64(r.User), r.Once, d.deps.Clock.Date(d.deps.Clock.Now()).UnixNano())
				return sqlite.Explain(ctx, err)
			},
			after: func() error {
				if !there {
					return nil
				}
				return d.match(match.Event{Seq: seq, Kind: match.Cancel, Target: r.Key})
			},
		})
	})
	switch {
	case err != nil:
		return lab.Answer(nil, err)
	case !there:
		return lab.Response{Missing: true}
	}
	return answer(d.state(r.Key), nil)
}
