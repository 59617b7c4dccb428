// Package matchingengine matches what is bid with what is asked, best price
// first and first come first served.
package matchingengine

import "errors"

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

// Engine is the book of one symbol. Use New. It is safe for concurrent use.
type Engine struct {
	// What must be found quickly: by price, by time, and by ID?
}

// New returns an engine with an empty book.
func New() *Engine {
	return &Engine{}
}

// Submit matches an order and returns its trades in the order in which they
// happened. What is left of it waits in the book.
func (e *Engine) Submit(o Order) ([]Trade, error) {
	return nil, nil
}

// Cancel takes an order out of the book and returns what was left of it; it
// returns false when no such order waits.
func (e *Engine) Cancel(id uint64) (left int64, ok bool) {
	return 0, false
}

// Depth returns the levels of one side, best price first, at most n of them.
func (e *Engine) Depth(s Side, n int) []Level {
	return nil
}
