// kills: TestPartKeepsPlace — a partly filled order keeps its place: to append it again costs it its time

// Package matchingengine matches what is bid with what is asked, best price
// first and first come first served.
package matchingengine

import (
	"errors"
	"slices"
	"sync"
)

// These are the reasons for which Submit refuses an order.
var (
	ErrOrder = errors.New("not an order: a side, and a price and a quantity from 1 to Max, are needed")
	ErrID    = errors.New("an order with this ID was accepted before")
)

// Max is the largest price and the largest quantity of one order.
const Max = 1 << 40

// Side says which way an order goes.
type Side int

// These are the sides.
const (
	Buy Side = iota + 1
	Sell
)

// Order is a limit order: it trades at its price or a better one, and what is
// left of it waits in the book.
type Order struct {
	ID       uint64
	Side     Side
	Price    int64 // in the smallest step of the currency
	Quantity int64
}

// Trade is one exchange between the order that waited and the one that came.
type Trade struct {
	Maker, Taker    uint64 // the IDs of the order that waited and of the one that came
	Price, Quantity int64
}

// Level is all that waits at one price.
type Level struct {
	Price    int64
	Quantity int64 // the sum over the orders
	Orders   int
}

// resting is an order in the book.
type resting struct {
	Order
	level      *level
	prev, next *resting
}

// level is the orders at one price, in a linked list, so that any of them
// leaves at once.
type level struct {
	Level
	first, last *resting
}

// Engine is the book of one symbol. Use New. It is safe for concurrent use.
type Engine struct {
	mu      sync.Mutex
	bids    []*level            // guarded by mu: best price last, where it is cheap to remove
	asks    []*level            // guarded by mu: best price last
	waiting map[uint64]*resting // guarded by mu
	known   map[uint64]struct{} // guarded by mu: every ID ever accepted
}

// New returns an engine with an empty book.
func New() *Engine {
	return &Engine{waiting: map[uint64]*resting{}, known: map[uint64]struct{}{}}
}

// Submit matches an order and returns its trades in the order in which they
// happened. What is left of it waits in the book.
func (e *Engine) Submit(o Order) ([]Trade, error) {
	if o.Side != Buy && o.Side != Sell || o.Price < 1 || o.Price > Max || o.Quantity < 1 || o.Quantity > Max {
		return nil, ErrOrder
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.known[o.ID]; ok {
		return nil, ErrID
	}
	e.known[o.ID] = struct{}{}
	mine, other := e.sides(o.Side)
	var trades []Trade
	for o.Quantity > 0 && len(*other) > 0 {
		best := (*other)[len(*other)-1]
		if !crosses(o, best.Price) {
			break
		}
		maker := best.first
		n := min(o.Quantity, maker.Quantity)
		trades = append(trades, Trade{Maker: maker.ID, Taker: o.ID, Price: best.Price, Quantity: n})
		o.Quantity -= n
		maker.Quantity -= n
		best.Quantity -= n
		e.remove(maker)
		if maker.Quantity > 0 {
			e.rest(other, maker.Order)
		}
	}
	if o.Quantity > 0 {
		e.rest(mine, o)
	}
	return trades, nil
}

// sides returns the levels of an order's own side and of the other one.
func (e *Engine) sides(s Side) (mine, other *[]*level) {
	if s == Buy {
		return &e.bids, &e.asks
	}
	return &e.asks, &e.bids
}

// crosses says whether an order may trade at a price.
func crosses(o Order, price int64) bool {
	if o.Side == Buy {
		return price <= o.Price
	}
	return price >= o.Price
}

// find returns where a price is among the levels of a side, or belongs.
func find(s Side, levels []*level, price int64) (int, bool) {
	return slices.BinarySearchFunc(levels, price, func(l *level, p int64) int {
		switch {
		case l.Price == p:
			return 0
		case (l.Price < p) == (s == Buy):
			return -1 // a bid gets better upwards, an ask downwards
		}
		return 1
	})
}

// rest puts an order at the end of its level.
func (e *Engine) rest(levels *[]*level, o Order) {
	i, ok := find(o.Side, *levels, o.Price)
	if !ok {
		*levels = slices.Insert(*levels, i, &level{Level: Level{Price: o.Price}})
	}
	l := (*levels)[i]
	r := &resting{Order: o, level: l, prev: l.last}
	if l.last == nil {
		l.first = r
	} else {
		l.last.next = r
	}
	l.last = r
	l.Quantity += o.Quantity
	l.Orders++
	e.waiting[o.ID] = r
}

// remove takes an order out of its level, and an empty level out of the book.
func (e *Engine) remove(r *resting) {
	l := r.level
	if r.prev == nil {
		l.first = r.next
	} else {
		r.prev.next = r.next
	}
	if r.next == nil {
		l.last = r.prev
	} else {
		r.next.prev = r.prev
	}
	l.Quantity -= r.Quantity
	l.Orders--
	delete(e.waiting, r.ID)
	if l.first != nil {
		return
	}
	levels, _ := e.sides(r.Side)
	if i, ok := find(r.Side, *levels, l.Price); ok {
		*levels = slices.Delete(*levels, i, i+1)
	}
}

// Cancel takes an order out of the book and returns what was left of it; it
// returns false when no such order waits.
func (e *Engine) Cancel(id uint64) (left int64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, ok := e.waiting[id]
	if !ok {
		return 0, false
	}
	e.remove(r)
	return r.Quantity, true
}

// Depth returns the levels of one side, best price first, at most n of them.
func (e *Engine) Depth(s Side, n int) []Level {
	if s != Buy && s != Sell {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	levels, _ := e.sides(s)
	var out []Level
	for _, l := range slices.Backward(*levels) {
		if len(out) >= n {
			break
		}
		out = append(out, l.Level)
	}
	return out
}
