// Package match is the matching engine of the orders service: a book of resting
// orders for each symbol, in which an order meets the best price first and, at
// one price, whoever came first.
//
// It is a pure core. The same events in the same sequence give the same state
// and the same fills, on any machine and after any restart: what is kept on the
// disk is the sequence, and the books are made from it. It has no lock, because
// there is one sequence and so one writer.
package match

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
)

// Side is what an order wants.
type Side uint8

// The sides.
const (
	Buy Side = iota
	Sell
)

// String returns the side's word.
func (s Side) String() string {
	if s == Buy {
		return "buy"
	}
	return "sell"
}

// Kind says what an event does.
type Kind uint8

// The kinds of event.
const (
	Enter  Kind = iota // a new order
	Cancel             // takes what is left of an order out of the book
)

// Event is one entry of the sequence.
type Event struct {
	Seq    uint64 // of a new order it is its number; grows strictly
	Kind   Kind
	Symbol uint64
	Side   Side
	Price  int64  // in ticks, at least 1; the worst at which the order may be filled
	Qty    int64  // in lots, at least 1
	Target uint64 // the order that is cancelled
}

// Fill is one trade: two orders, at the price of the one that waited.
type Fill struct {
	Taker, Maker uint64
	Price, Qty   int64
}

// order is one that rests. Those of one price are a list, the oldest first.
type order struct {
	seq        uint64
	left       int64
	level      *level
	book       *Book
	side       Side
	prev, next *order
}

// level is a price with those who wait there.
type level struct {
	price       int64
	first, last *order
}

// Book holds the resting orders of one symbol.
type Book struct {
	levels [2][]*level // by side, the best price first
}

// Exchange is the books of all symbols. It is not safe for concurrent use. Use
// New.
type Exchange struct {
	last   uint64
	books  map[uint64]*Book
	open   map[uint64]*order // by sequence number
	closed map[uint64]int64  // by number of a cancelled order: what was left of it
}

// New returns an exchange without orders.
func New() *Exchange {
	return &Exchange{books: map[uint64]*Book{}, open: map[uint64]*order{}, closed: map[uint64]int64{}}
}

// Result is what an event did.
type Result struct {
	Fills []Fill
	Left  int64 // of a new order what rests; of a cancelled one what was taken out
	Done  bool  // a cancel found its order open
}

// Apply takes the next event of the sequence. An event out of sequence, or a new
// order without quantity or price, is a fault of the caller and changes nothing.
func (x *Exchange) Apply(e Event) (Result, error) {
	if e.Seq <= x.last {
		return Result{}, fmt.Errorf("event %d comes after event %d: want a number that grows", e.Seq, x.last)
	}
	switch {
	case e.Kind == Cancel:
		x.last = e.Seq
		return x.cancel(e.Target), nil
	case e.Price < 1 || e.Qty < 1 || e.Side > Sell:
		return Result{}, fmt.Errorf("event %d: side %d, price %d, quantity %d (want a side, and at least 1 of each)", e.Seq, e.Side, e.Price, e.Qty)
	}
	x.last = e.Seq
	b := x.books[e.Symbol]
	if b == nil {
		b = &Book{}
		x.books[e.Symbol] = b
	}
	fills, left := x.take(b, e)
	if left > 0 {
		x.open[e.Seq] = b.rest(e, left)
	}
	return Result{Fills: fills, Left: left}, nil
}

// take fills e from the other side, the best price first, as far as its own
// price allows.
func (x *Exchange) take(b *Book, e Event) (fills []Fill, left int64) {
	left = e.Qty
	other := 1 - e.Side
	for left > 0 && len(b.levels[other]) > 0 {
		best := b.levels[other][0]
		if better(other, e.Price, best.price) {
			break // the best of the others asks more than e gives
		}
		maker := best.first
		qty := min(left, maker.left)
		fills = append(fills, Fill{Taker: e.Seq, Maker: maker.seq, Price: best.price, Qty: qty})
		left -= qty
		if maker.left -= qty; maker.left == 0 {
			delete(x.open, maker.seq)
			maker.leave()
		}
	}
	return fills, left
}

// better reports whether price a stands before price b on a side.
func better(s Side, a, b int64) bool {
	if s == Buy {
		return a > b
	}
	return a < b
}

// rest puts what is left of e at the end of its price.
func (b *Book) rest(e Event, left int64) *order {
	levels := b.levels[e.Side]
	i, found := slices.BinarySearchFunc(levels, e.Price, func(l *level, price int64) int {
		if e.Side == Buy {
			return cmp.Compare(price, l.price)
		}
		return cmp.Compare(l.price, price)
	})
	if !found {
		b.levels[e.Side] = slices.Insert(levels, i, &level{price: e.Price})
	}
	at := b.levels[e.Side][i]
	o := &order{seq: e.Seq, left: left, level: at, book: b, side: e.Side, prev: at.last}
	if at.last == nil {
		at.first = o
	} else {
		at.last.next = o
	}
	at.last = o
	return o
}

// leave takes an order out of its price, and a price out of the book that has
// nobody left.
func (o *order) leave() {
	at := o.level
	if o.prev == nil {
		at.first = o.next
	} else {
		o.prev.next = o.next
	}
	if o.next == nil {
		at.last = o.prev
	} else {
		o.next.prev = o.prev
	}
	if at.first == nil {
		levels := o.book.levels[o.side]
		i := slices.Index(levels, at)
		o.book.levels[o.side] = slices.Delete(levels, i, i+1)
	}
}

// cancel takes an order out, if it is open. Cancelling twice, or what is filled,
// changes nothing.
func (x *Exchange) cancel(seq uint64) Result {
	o := x.open[seq]
	if o == nil {
		return Result{}
	}
	delete(x.open, seq)
	x.closed[seq] = o.left
	o.leave()
	return Result{Left: o.left, Done: true}
}

// State says how an order stands.
type State string

// The states of an order.
const (
	Open      State = "open"
	Filled    State = "filled"
	Cancelled State = "cancelled"
)

// Order returns how an order that has been applied stands, and what is left of
// it unfilled.
func (x *Exchange) Order(seq uint64) (State, int64) {
	if o := x.open[seq]; o != nil {
		return Open, o.left
	}
	if left, ok := x.closed[seq]; ok {
		return Cancelled, left
	}
	return Filled, 0
}

// Quote is the best of both sides of a book, as of an event.
type Quote struct {
	Symbol uint64 `json:"symbol"`
	Bid    int64  `json:"bid,omitempty"` // 0: nobody buys
	BidQty int64  `json:"bid_qty,omitempty"`
	Ask    int64  `json:"ask,omitempty"` // 0: nobody sells
	AskQty int64  `json:"ask_qty,omitempty"`
	AsOf   uint64 `json:"as_of"` // the last event that it knows
}

// Quote returns the present quote of a symbol.
func (x *Exchange) Quote(symbol uint64) Quote {
	q := Quote{Symbol: symbol, AsOf: x.last}
	b := x.books[symbol]
	if b == nil {
		return q
	}
	q.Bid, q.BidQty = b.best(Buy)
	q.Ask, q.AskQty = b.best(Sell)
	return q
}

func (b *Book) best(s Side) (price, qty int64) {
	if len(b.levels[s]) == 0 {
		return 0, 0
	}
	top := b.levels[s][0]
	for o := top.first; o != nil; o = o.next {
		qty += o.left
	}
	return top.price, qty
}

// Last returns the number of the last event.
func (x *Exchange) Last() uint64 { return x.last }

// Open returns how many orders rest.
func (x *Exchange) Open() int { return len(x.open) }

// Digest returns a number that two exchanges share when they are in the same
// state: the same orders in the same places.
func (x *Exchange) Digest() uint64 {
	h := fnv.New64a()
	put := func(values ...uint64) {
		var b [8]byte
		for _, v := range values {
			binary.BigEndian.PutUint64(b[:], v)
			h.Write(b[:])
		}
	}
	put(x.last)
	for _, symbol := range slices.Sorted(maps.Keys(x.books)) {
		for side, levels := range x.books[symbol].levels {
			for _, l := range levels {
				for o := l.first; o != nil; o = o.next {
					put(symbol, uint64(side), uint64(l.price), o.seq, uint64(o.left))
				}
			}
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(x.closed)) {
		put(seq, uint64(x.closed[seq]))
	}
	return h.Sum64()
}
