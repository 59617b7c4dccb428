// Package matchingengine matches buyers and sellers by price, and at one price by time.
// This answer keeps one sorted slice of orders for each side, and passes the book
// through a channel of one place: one writer at a time.
package matchingengine

import (
	"cmp"
	"errors"
	"slices"
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
type Book struct{ turn chan *pages }

type pages struct {
	seq, clock uint64
	sides      [2][]entry // the next to be matched last
	keys       map[uint64]key
}

// key is where an order stands.
type key struct {
	side  Side
	price int64
	time  uint64
}

type entry struct {
	key
	id  uint64
	qty int64
}

// compare sorts worse before better: buys by rising price, sells by falling, late before early.
func compare(e entry, k key) int {
	byPrice := cmp.Compare(e.price, k.price)
	if k.side == Sell {
		byPrice = -byPrice
	}
	return cmp.Or(byPrice, cmp.Compare(k.time, e.time))
}

// New returns an empty book.
func New() *Book {
	b := &Book{turn: make(chan *pages, 1)}
	b.turn <- &pages{keys: map[uint64]key{}}
	return b
}

// Submit trades o and lets the rest wait.
func (b *Book) Submit(o Order) ([]Trade, error) {
	if !o.valid() {
		return nil, ErrInvalid
	}
	p := <-b.turn
	defer func() { b.turn <- p }()
	if _, waits := p.keys[o.ID]; waits {
		return nil, ErrDuplicate
	}
	var trades []Trade
	makers := &p.sides[Buy+Sell-o.Side]
	for o.Qty > 0 && len(*makers) > 0 {
		m := &(*makers)[len(*makers)-1]
		if o.Side == Buy && m.price > o.Price || o.Side == Sell && m.price < o.Price {
			break
		}
		p.seq++
		t := Trade{Seq: p.seq, Maker: m.id, Taker: o.ID, Price: m.price, Qty: min(m.qty, o.Qty)}
		trades = append(trades, t)
		o.Qty -= t.Qty
		if m.qty -= t.Qty; m.qty == 0 {
			delete(p.keys, m.id)
			*makers = (*makers)[:len(*makers)-1]
		}
	}
	if o.Qty > 0 {
		p.clock++
		k := key{o.Side, o.Price, p.clock}
		i, _ := slices.BinarySearchFunc(p.sides[o.Side], k, compare)
		p.sides[o.Side] = slices.Insert(p.sides[o.Side], i, entry{k, o.ID, o.Qty})
		p.keys[o.ID] = k
	}
	return trades, nil
}

// Cancel takes an order out of the book.
func (b *Book) Cancel(id uint64) (int64, bool) {
	p := <-b.turn
	defer func() { b.turn <- p }()
	k, waits := p.keys[id]
	if !waits {
		return 0, false
	}
	i, _ := slices.BinarySearchFunc(p.sides[k.side], k, compare)
	left := p.sides[k.side][i].qty
	p.sides[k.side] = slices.Delete(p.sides[k.side], i, i+1)
	delete(p.keys, id)
	return left, true
}

// Depth joins neighbours of one price.
func (b *Book) Depth(side Side) []Level {
	if side != Buy && side != Sell {
		return nil
	}
	p := <-b.turn
	defer func() { b.turn <- p }()
	var depth []Level
	for _, e := range slices.Backward(p.sides[side]) {
		if n := len(depth); n > 0 && depth[n-1].Price == e.price {
			depth[n-1].Qty += e.qty
			continue
		}
		depth = append(depth, Level{e.price, e.qty})
	}
	return depth
}

func (o Order) valid() bool {
	return (o.Side == Buy || o.Side == Sell) && o.Price > 0 && o.Qty > 0
}
