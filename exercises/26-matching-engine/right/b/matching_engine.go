// Package matchingengine matches buyers and sellers by price, and at one price by time.
// This answer has a heap of orders for each side; each order knows its place in it.
package matchingengine

import (
	"container/heap"
	"errors"
	"slices"
	"sync"
)

// Side says who buys and who sells.
type Side int

// The sides of a book.
const (
	Buy Side = iota
	Sell
)

// Order asks for Qty at Price or better.
type Order struct {
	ID    uint64
	Side  Side
	Price int64 // above 0
	Qty   int64 // above 0
}

// Trade says that Taker met Maker, who had waited in the book, at the maker's price.
type Trade struct {
	Seq          uint64 // 1, 2, 3 … over the whole book
	Maker, Taker uint64
	Price, Qty   int64
}

// Level is all that waits at one price.
type Level struct{ Price, Qty int64 }

// What Submit refuses.
var (
	ErrInvalid   = errors.New("matchingengine: an order needs a side, a price above 0 and a quantity above 0")
	ErrDuplicate = errors.New("matchingengine: an order with this id waits in the book: cancel it first")
)

// Book holds the orders that wait.
type Book struct {
	mu      sync.Mutex
	queues  [2]*queue           // guarded by mu
	ids     map[uint64]*waiting // guarded by mu
	trades  uint64              // guarded by mu
	arrived uint64              // guarded by mu
}

type waiting struct {
	Order
	arrived uint64
	index   int
}

type queue struct {
	buys   bool
	orders []*waiting
}

func (q *queue) Len() int { return len(q.orders) }
func (q *queue) Less(i, j int) bool {
	a, b := q.orders[i], q.orders[j]
	if a.Price == b.Price {
		return a.arrived < b.arrived
	}
	return (a.Price > b.Price) == q.buys
}
func (q *queue) Swap(i, j int) {
	q.orders[i], q.orders[j] = q.orders[j], q.orders[i]
	q.orders[i].index, q.orders[j].index = i, j
}
func (q *queue) Push(x any) {
	w := x.(*waiting)
	w.index = len(q.orders)
	q.orders = append(q.orders, w)
}
func (q *queue) Pop() any {
	n := len(q.orders) - 1
	w := q.orders[n]
	q.orders[n] = nil // so that it can be collected
	q.orders = q.orders[:n]
	return w
}

// New returns an empty book.
func New() *Book {
	return &Book{queues: [2]*queue{{buys: true}, {}}, ids: map[uint64]*waiting{}}
}

// Submit trades o and lets the rest wait.
func (b *Book) Submit(o Order) (trades []Trade, err error) {
	if !o.valid() {
		return nil, ErrInvalid
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, waits := b.ids[o.ID]; waits {
		return nil, ErrDuplicate
	}
	makers := b.queues[1-o.Side]
	for o.Qty > 0 && makers.Len() > 0 {
		m := makers.orders[0]
		if o.Side == Buy && m.Price > o.Price || o.Side == Sell && m.Price < o.Price {
			break
		}
		qty := min(o.Qty, m.Qty)
		b.trades++
		trades = append(trades, Trade{b.trades, m.ID, o.ID, m.Price, qty})
		o.Qty -= qty
		if m.Qty -= qty; m.Qty == 0 {
			heap.Pop(makers)
			delete(b.ids, m.ID)
		}
	}
	if o.Qty > 0 {
		b.arrived++
		w := &waiting{Order: o, arrived: b.arrived}
		heap.Push(b.queues[o.Side], w)
		b.ids[o.ID] = w
	}
	return trades, nil
}

// Cancel takes an order out of the book.
func (b *Book) Cancel(id uint64) (int64, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w, ok := b.ids[id]
	if !ok {
		return 0, false
	}
	heap.Remove(b.queues[w.Side], w.index)
	delete(b.ids, id)
	return w.Qty, true
}

// Depth sums up what waits at each price.
func (b *Book) Depth(side Side) []Level {
	if side != Buy && side != Sell {
		return nil
	}
	b.mu.Lock()
	sums := map[int64]int64{}
	for _, w := range b.queues[side].orders {
		sums[w.Price] += w.Qty
	}
	b.mu.Unlock()
	var depth []Level
	for price, qty := range sums {
		depth = append(depth, Level{price, qty})
	}
	slices.SortFunc(depth, func(x, y Level) int {
		if (x.Price > y.Price) == (side == Buy) {
			return -1
		}
		return 1
	})
	return depth
}

func (o Order) valid() bool {
	return (o.Side == Buy || o.Side == Sell) && o.Price > 0 && o.Qty > 0
}
