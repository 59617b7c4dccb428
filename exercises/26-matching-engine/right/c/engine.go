// Package matchingengine matches what is bid with what is asked, best price
// first and first come first served.
package matchingengine

import (
	"container/list"
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

// spot is where an order waits.
type spot struct {
	level *depth
	elem  *list.Element
}

// depth is a level with its orders in a list.
type depth struct {
	sign   int64 // the side: bids are kept with negative keys, so that small is good
	key    int64
	orders *list.List
	sum    int64
}

// Engine keeps for each side the sorted keys of its prices and a map from key
// to level. Use New. It is safe for concurrent use.
type Engine struct {
	mu     sync.RWMutex
	keys   map[int64][]int64
	levels map[int64]map[int64]*depth
	spots  map[uint64]*spot // nil: accepted, but not waiting any more
}

// New returns an engine with an empty book.
func New() *Engine {
	return &Engine{
		keys:   map[int64][]int64{},
		levels: map[int64]map[int64]*depth{1: {}, -1: {}},
		spots:  map[uint64]*spot{},
	}
}

// sign is 1 for asks and -1 for bids, 0 for no side.
func sign(s Side) int64 {
	switch s {
	case Buy:
		return -1
	case Sell:
		return 1
	}
	return 0
}

// Submit matches an order and returns its trades in the order in which they
// happened. What is left of it waits in the book.
func (e *Engine) Submit(o Order) ([]Trade, error) {
	g := sign(o.Side)
	if g == 0 || o.Price != min(max(o.Price, 1), Max) || o.Quantity != min(max(o.Quantity, 1), Max) {
		return nil, ErrOrder
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.spots[o.ID]; ok {
		return nil, ErrID
	}
	e.spots[o.ID] = nil
	var trades []Trade
	limit := -g * o.Price
	for o.Quantity > 0 && len(e.keys[-g]) > 0 && e.keys[-g][0] <= limit {
		l := e.levels[-g][e.keys[-g][0]]
		front := l.orders.Front()
		maker := front.Value.(*Order)
		n := min(maker.Quantity, o.Quantity)
		trades = append(trades, Trade{maker.ID, o.ID, maker.Price, n})
		maker.Quantity, o.Quantity, l.sum = maker.Quantity-n, o.Quantity-n, l.sum-n
		if maker.Quantity == 0 {
			e.drop(l, front)
		}
	}
	if o.Quantity == 0 {
		return trades, nil
	}
	key := g * o.Price
	l := e.levels[g][key]
	if l == nil {
		l = &depth{sign: g, key: key, orders: list.New()}
		e.levels[g][key] = l
		i, _ := slices.BinarySearch(e.keys[g], key)
		e.keys[g] = slices.Insert(e.keys[g], i, key)
	}
	l.sum += o.Quantity
	e.spots[o.ID] = &spot{l, l.orders.PushBack(&o)}
	return trades, nil
}

// drop removes an order, and its level when it was the last one there.
func (e *Engine) drop(l *depth, elem *list.Element) {
	o := l.orders.Remove(elem).(*Order)
	e.spots[o.ID] = nil
	l.sum -= o.Quantity
	if l.orders.Len() > 0 {
		return
	}
	delete(e.levels[l.sign], l.key)
	if i, ok := slices.BinarySearch(e.keys[l.sign], l.key); ok {
		e.keys[l.sign] = slices.Delete(e.keys[l.sign], i, i+1)
	}
}

// Cancel takes an order out of the book and returns what was left of it; it
// returns false when no such order waits.
func (e *Engine) Cancel(id uint64) (left int64, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.spots[id]
	if s == nil {
		return 0, false
	}
	left = s.elem.Value.(*Order).Quantity
	e.drop(s.level, s.elem)
	return left, true
}

// Depth returns the levels of one side, best price first, at most n of them.
func (e *Engine) Depth(s Side, n int) []Level {
	e.mu.RLock()
	defer e.mu.RUnlock()
	g := sign(s)
	keys := e.keys[g]
	out := make([]Level, 0, min(len(keys), max(n, 0)))
	for _, key := range keys[:cap(out)] {
		l := e.levels[g][key]
		out = append(out, Level{Price: g * key, Quantity: l.sum, Orders: l.orders.Len()})
	}
	return out
}
