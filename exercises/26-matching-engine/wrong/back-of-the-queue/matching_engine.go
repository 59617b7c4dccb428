// kills: TestTimePriority — A partial fill does not cost an order its place.

package matchingengine

import (
	"container/list"
	"errors"
	"slices"
	"sort"
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
	mu    sync.Mutex
	seq   uint64              // guarded by mu
	sides [2][]*level         // guarded by mu; the best price last, where taking off is cheap
	where map[uint64]*waiting // guarded by mu
}

type level struct {
	price, qty int64
	orders     *list.List // of *waiting, the longest waiting in front
}

type waiting struct {
	Order
	level   *level
	element *list.Element
}

// New returns an empty book.
func New() *Book { return &Book{where: map[uint64]*waiting{}} }

// better says whether price a is matched before price b on side s.
func better(s Side, a, b int64) bool {
	if s == Buy {
		return a > b
	}
	return a < b
}

// crosses says whether o accepts price.
func (o Order) crosses(price int64) bool {
	if o.Side == Buy {
		return price <= o.Price
	}
	return price >= o.Price
}

// Submit trades o and lets the rest wait.
func (b *Book) Submit(o Order) ([]Trade, error) {
	if !o.valid() {
		return nil, ErrInvalid
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.where[o.ID] != nil {
		return nil, ErrDuplicate
	}
	var trades []Trade
	for other := 1 - o.Side; o.Qty > 0 && len(b.sides[other]) > 0; {
		best := b.sides[other][len(b.sides[other])-1]
		if !o.crosses(best.price) {
			break
		}
		w := best.orders.Front().Value.(*waiting)
		qty := min(o.Qty, w.Qty)
		b.seq++
		trades = append(trades, Trade{Seq: b.seq, Maker: w.ID, Taker: o.ID, Price: best.price, Qty: qty})
		o.Qty -= qty
		b.reduce(w, qty)
	}
	if o.Qty > 0 {
		b.rest(o)
	}
	return trades, nil
}

// reduce takes qty from w, and w out of the book when nothing is left; the caller holds mu.
func (b *Book) reduce(w *waiting, qty int64) {
	w.Qty -= qty
	w.level.qty -= qty
	if w.Qty > 0 {
		w.level.orders.MoveToBack(w.element)
		return
	}
	delete(b.where, w.ID)
	w.level.orders.Remove(w.element)
	if w.level.orders.Len() == 0 {
		i := b.place(w.Side, w.level.price)
		b.sides[w.Side] = slices.Delete(b.sides[w.Side], i, i+1)
	}
}

// place returns where the level of price stands or belongs; the caller holds mu.
func (b *Book) place(s Side, price int64) int {
	levels := b.sides[s]
	return sort.Search(len(levels), func(i int) bool { return !better(s, price, levels[i].price) })
}

// rest puts o behind all that waits at its price; the caller holds mu.
func (b *Book) rest(o Order) {
	i := b.place(o.Side, o.Price)
	levels := b.sides[o.Side]
	if i == len(levels) || levels[i].price != o.Price {
		levels = slices.Insert(levels, i, &level{price: o.Price, orders: list.New()})
		b.sides[o.Side] = levels
	}
	w := &waiting{Order: o, level: levels[i]}
	w.element = w.level.orders.PushBack(w)
	w.level.qty += o.Qty
	b.where[o.ID] = w
}

// Cancel takes an order out of the book.
func (b *Book) Cancel(id uint64) (int64, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.where[id]
	if w == nil {
		return 0, false
	}
	left := w.Qty
	b.reduce(w, left)
	return left, true
}

// Depth returns what waits on one side, best price first.
func (b *Book) Depth(side Side) []Level {
	if side != Buy && side != Sell {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var depth []Level
	for _, l := range slices.Backward(b.sides[side]) {
		depth = append(depth, Level{l.price, l.qty})
	}
	return depth
}

func (o Order) valid() bool {
	return (o.Side == Buy || o.Side == Sell) && o.Price > 0 && o.Qty > 0
}
