package desk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"workbench/lab"
	"workbench/lab/store/sqlite"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/match"
)

// Standing is how an order stands.
type Standing struct {
	Order uint64      `json:"order"`
	State match.State `json:"state"`
	Left  int64       `json:"left"` // unfilled: resting, or taken out when it was cancelled
}

// Full is an order with all that is known of it.
type Full struct {
	Standing
	Symbol  uint64 `json:"symbol"`
	Side    string `json:"side"`
	Price   int64  `json:"price"`
	Qty     int64  `json:"qty"`
	Account uint64 `json:"account"`
	Applied int64  `json:"applied"` // how often it was settled: 0 when the workers have not come to it
}

// Listed is an order in a list, for whoever compares what was accepted with
// what was applied.
type Listed struct {
	Seq     uint64 `json:"seq"`
	Key     string `json:"key"`
	Account uint64 `json:"account"`
	Applied int64  `json:"applied"`
}

// Page is a part of the list. The next one is after Next; a page without orders
// is the end.
type Page struct {
	Orders []Listed `json:"orders"`
	Next   uint64   `json:"next"`
}

func (d *Desk) state(seq uint64) Standing {
	d.mu.RLock()
	defer d.mu.RUnlock()
	state, left := d.exchange.Order(seq)
	return Standing{Order: seq, State: state, Left: left}
}

// unknown reports whether no order can have this number: SQLite counts to
// math.MaxInt64. A number of a caller's is any 64 bits.
func unknown(order uint64) bool { return order > math.MaxInt64 }

// wide is a number of 64 bits without a sign in a column of SQLite, which has
// one: the upper half is stored as negative numbers.
type wide uint64

// Scan implements sql.Scanner.
func (w *wide) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a number of the sequence is a %T (want an integer)", src)
	}
	*w = wide(v)
	return nil
}

// read answers how one order stands.
func (d *Desk) read(ctx context.Context, r *lab.Request) lab.Response {
	if unknown(r.Key) {
		return lab.Response{Missing: true}
	}
	var out Full
	var missing bool
	_, err := d.deps.Gate.Do(ctx, r, func(ctx context.Context) ([]byte, error) {
		var side match.Side
		err := d.tables.Read.QueryRowContext(ctx, `
SELECT s.symbol, s.side, s.price, s.qty, s.account, coalesce(a.times, 0) FROM sequence s LEFT JOIN applied a USING (seq) WHERE s.seq = ? AND s.kind = 0`,
			int64(r.Key)).Scan(&out.Symbol, &side, &out.Price, &out.Qty, (*wide)(&out.Account), &out.Applied)
		if missing = errors.Is(err, sql.ErrNoRows); missing {
			return nil, nil // an answer like any other
		}
		out.Side = side.String()
		return nil, sqlite.Explain(ctx, err)
	})
	if err == nil && missing {
		return lab.Response{Missing: true}
	}
	out.Standing = d.state(r.Key)
	return answer(out, err)
}

// quote answers the best prices of a symbol from the book itself, with the
// number of the event up to which they are true. No copy of it is ever given.
func (d *Desk) quote(r *lab.Request) lab.Response {
	d.mu.RLock()
	q := d.exchange.Quote(r.Key)
	d.mu.RUnlock()
	return answer(q, nil)
}

// list answers a part of the sequence with what was applied of it.
func (d *Desk) list(ctx context.Context, r *lab.Request) lab.Response {
	after, limit, err := orders.ParseList(r.Query)
	if err != nil {
		return refuse(err)
	}
	var page Page
	_, err = d.deps.Gate.Do(ctx, r, func(ctx context.Context) ([]byte, error) {
		page, err = d.page(ctx, after, limit)
		return nil, err
	})
	return answer(page, err)
}

func (d *Desk) page(ctx context.Context, after uint64, limit int) (p Page, err error) {
	p = Page{Orders: []Listed{}, Next: after}
	rows, err := d.tables.Read.QueryContext(ctx, `
SELECT s.seq, s.key, s.account, coalesce(a.times, 0) FROM sequence s LEFT JOIN applied a USING (seq) WHERE s.seq > ? AND s.kind = 0 ORDER BY s.seq LIMIT ?`, int64(after), limit)
	if err != nil {
		return p, sqlite.Explain(ctx, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var l Listed
		if err := rows.Scan(&l.Seq, &l.Key, (*wide)(&l.Account), &l.Applied); err != nil {
			return p, err
		}
		p.Orders = append(p.Orders, l)
		p.Next = l.Seq
	}
	return p, rows.Err()
}
