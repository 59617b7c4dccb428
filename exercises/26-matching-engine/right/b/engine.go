// Package matchingengine matches what is bid with what is asked, best price
// first and first come first served.
package matchingengine

import (
	"container/heap"
	"errors"
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

// ticket is an order in a heap. One that was cancelled or filled has nothing
// left and is thrown away when it comes to the top.
type ticket struct {
	Order
	seq  uint64
	live bool
}

// side is a heap: the best price on top, of equals the oldest.
type side struct {
	tickets []*ticket
	better  func(a, b int64) bool
	totals  map[int64]*Level
}

func (s *side) Len() int { return len(s.tickets) }
func (s *side) Less(i, j int) bool {
	a, b := s.tickets[i], s.tickets[j]
	if a.Price != b.Price {
		return s.better(a.Price, b.Price)
	}
	return a.seq < b.seq
}
func (s *side) Swap(i, j int) { s.tickets[i], s.tickets[j] = s.tickets[j], s.tickets[i] }
func (s *side) Push(x any)    { s.tickets = append(s.tickets, x.(*ticket)) }
func (s *side) Pop() any {
	last := len(s.tickets) - 1
	t := s.tickets[last]
	s.tickets[last] = nil
	s.tickets = s.tickets[:last]
	return t
}

// top returns the best live order, or nil.
func (s *side) top() *ticket {
	for len(s.tickets) > 0 {
		if t := s.tickets[0]; t.live {
			return t
		}
		heap.Pop(s)
	}
	return nil
}

// less takes n away from an order and from its level.
func (s *side) less(t *ticket, n int64) {
	l := s.totals[t.Price]
	t.Quantity -= n
	l.Quantity -= n
	if t.Quantity == 0 {
		t.live = false
		l.Orders--
	}
	if l.Orders == 0 {
		delete(s.totals, t.Price)
	}
}

// book is the state; the one goroutine that has it may change it.
type book struct {
	seq   uint64
	sides map[Side]*side
	byID  map[uint64]*ticket // all that were ever accepted
}

// Engine passes its book around in a channel of one. Use New. It is safe for
// concurrent use.
type Engine struct{ book chan *book }

// New returns an engine with an empty book.
func New() *Engine {
	b := &book{byID: map[uint64]*ticket{}, sides: map[Side]*side{
		Buy:  {better: func(a, b int64) bool { return a > b }, totals: map[int64]*Level{}},
		Sell: {better: func(a, b int64) bool { return a < b }, totals: map[int64]*Level{}},
	}}
	e := &Engine{book: make(chan *book, 1)}
	e.book <- b
	return e
}

// Submit matches an order and returns its trades in the order in which they
// happened. What is left of it waits in the book.
func (e *Engine) Submit(o Order) ([]Trade, error) {
	good := func(n int64) bool { return 1 <= n && n <= Max }
	if !good(o.Price) || !good(o.Quantity) || o.Side != Buy && o.Side != Sell {
		return nil, ErrOrder
	}
	b := <-e.book
	defer func() { e.book <- b }()
	if b.byID[o.ID] != nil {
		return nil, ErrID
	}
	b.seq++
	mine, other := b.sides[o.Side], b.sides[Buy+Sell-o.Side]
	t := &ticket{Order: o, seq: b.seq, live: true}
	b.byID[o.ID] = t
	var trades []Trade
	for t.Quantity > 0 {
		maker := other.top()
		if maker == nil || other.better(t.Price, maker.Price) {
			break
		}
		n := min(maker.Quantity, t.Quantity)
		other.less(maker, n)
		t.Quantity -= n
		trades = append(trades, Trade{Maker: maker.ID, Taker: o.ID, Price: maker.Price, Quantity: n})
	}
	if t.live = t.Quantity > 0; t.live {
		heap.Push(mine, t)
		if mine.totals[t.Price] == nil {
			mine.totals[t.Price] = &Level{Price: t.Price}
		}
		mine.totals[t.Price].Quantity += t.Quantity
		mine.totals[t.Price].Orders++
	}
	return trades, nil
}

// Cancel takes an order out of the book and returns what was left of it; it
// returns false when no such order waits.
func (e *Engine) Cancel(id uint64) (left int64, ok bool) {
	b := <-e.book
	defer func() { e.book <- b }()
	t := b.byID[id]
	if t == nil || !t.live {
		return 0, false
	}
	left = t.Quantity
	b.sides[t.Side].less(t, left)
	return left, true
}

// Depth returns the levels of one side, best price first, at most n of them.
func (e *Engine) Depth(s Side, n int) []Level {
	b := <-e.book
	defer func() { e.book <- b }()
	side := b.sides[s]
	if side == nil {
		return nil
	}
	var out []Level
	for _, l := range side.totals {
		out = append(out, *l)
		for i := len(out) - 1; i > 0 && side.better(out[i].Price, out[i-1].Price); i-- {
			out[i], out[i-1] = out[i-1], out[i]
		}
		if len(out) > max(n, 0) {
			out = out[:len(out)-1]
		}
	}
	return out
}
