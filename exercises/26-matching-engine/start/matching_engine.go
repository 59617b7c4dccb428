// Package matchingengine matches buyers and sellers by price, and at one price by time.
package matchingengine

import "errors"

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

// Book holds the orders that wait. Make one with New. It is safe for concurrent use.
type Book struct {
}

// New returns an empty book.
func New() *Book { return &Book{} }

// Submit trades o against what waits on the other side, best price first and at one
// price the longest waiting first; what is left of o waits in the book.
func (b *Book) Submit(o Order) ([]Trade, error) { return nil, nil }

// Cancel takes an order out of the book and returns what was left of it; false if it does not wait there.
func (b *Book) Cancel(id uint64) (int64, bool) { return 0, false }

// Depth returns what waits on one side, best price first, in a slice of the caller's own.
func (b *Book) Depth(side Side) []Level { return nil }
