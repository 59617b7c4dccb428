//go:build exercise

package matchingengine_test

import (
	"fmt"
	"slices"
	"testing"

	matchingengine "workbench/exercises/26-matching-engine/start"
)

// tell writes down what happened, for the verdict to list. There is no time in
// this exercise.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("@- %s", fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

type (
	order = matchingengine.Order
	trade = matchingengine.Trade
	level = matchingengine.Level
)

const (
	buy  = matchingengine.Buy
	sell = matchingengine.Sell
)

// send submits an order and writes down what came of it.
func send(t testing.TB, e *matchingengine.Engine, o order) ([]trade, error) {
	t.Helper()
	trades, err := e.Submit(o)
	tell(t, "%s", deal(o, trades, err))
	return trades, err
}

// deal says what came of an order.
func deal(o order, trades []trade, err error) string {
	text := ""
	for _, x := range trades {
		text += fmt.Sprintf(", %d with order %d at %d", x.Quantity, x.Maker, x.Price)
	}
	if err != nil {
		text += fmt.Sprintf(", %v", err)
	}
	if text == "" {
		text = ", no trade"
	}
	return fmt.Sprintf("Submit order %d: %s %d at %d = %s", o.ID, name(o.Side), o.Quantity, o.Price, text[2:])
}

// levels says what waits on a side.
func levels(all []level) string {
	text := "nothing"
	for i, l := range all {
		if i == 0 {
			text = ""
		} else {
			text += ", "
		}
		text += fmt.Sprintf("%d at %d (%d orders)", l.Quantity, l.Price, l.Orders)
	}
	return text
}

// cancel cancels an order and writes down what was left of it.
func cancel(t testing.TB, e *matchingengine.Engine, id uint64) (int64, bool) {
	t.Helper()
	left, ok := e.Cancel(id)
	tell(t, "Cancel(%d) = %d, %v", id, left, ok)
	return left, ok
}

// submit wants the order accepted and exactly these trades.
func submit(t testing.TB, e *matchingengine.Engine, o order, want ...trade) {
	t.Helper()
	got, err := send(t, e, o)
	if err != nil {
		t.Fatalf("Submit(%+v) = %v, want it accepted", o, err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("Submit(%+v) traded %+v, want %+v", o, got, want)
	}
}

// depth wants exactly these levels on a side.
func depth(t testing.TB, e *matchingengine.Engine, s matchingengine.Side, want ...level) {
	t.Helper()
	got := e.Depth(s, 100)
	tell(t, "Depth(%s) = %s", name(s), levels(got))
	if !slices.Equal(got, want) {
		t.Fatalf("Depth(%v) = %+v, want %+v", name(s), got, want)
	}
}

func name(s matchingengine.Side) string {
	return map[matchingengine.Side]string{buy: "buy", sell: "sell"}[s]
}

func TestRests(t *testing.T) {
	e := matchingengine.New()
	depth(t, e, buy)
	depth(t, e, sell)
	submit(t, e, order{ID: 1, Side: buy, Price: 100, Quantity: 5})
	submit(t, e, order{ID: 2, Side: sell, Price: 103, Quantity: 7})
	submit(t, e, order{ID: 3, Side: buy, Price: 101, Quantity: 1})
	submit(t, e, order{ID: 4, Side: sell, Price: 102, Quantity: 2})
	submit(t, e, order{ID: 5, Side: buy, Price: 100, Quantity: 4})
	depth(t, e, buy, level{Price: 101, Quantity: 1, Orders: 1}, level{Price: 100, Quantity: 9, Orders: 2})
	depth(t, e, sell, level{Price: 102, Quantity: 2, Orders: 1}, level{Price: 103, Quantity: 7, Orders: 1})
	tell(t, "Depth(buy, 1) = %s", levels(e.Depth(buy, 1)))
	if got := e.Depth(buy, 1); len(got) != 1 || got[0].Price != 101 {
		t.Errorf("Depth(buy, 1) = %+v, want the level at 101 alone", got)
	}
}

// The one who waited named the price; the one who comes takes it, even if he
// would have given more.
func TestMakersPrice(t *testing.T) {
	e := matchingengine.New()
	submit(t, e, order{ID: 1, Side: sell, Price: 100, Quantity: 5})
	submit(t, e, order{ID: 2, Side: buy, Price: 110, Quantity: 5}, trade{Maker: 1, Taker: 2, Price: 100, Quantity: 5})
	submit(t, e, order{ID: 3, Side: buy, Price: 95, Quantity: 5})
	submit(t, e, order{ID: 4, Side: sell, Price: 90, Quantity: 5}, trade{Maker: 3, Taker: 4, Price: 95, Quantity: 5})
	depth(t, e, buy)
	depth(t, e, sell)
}

func TestSweep(t *testing.T) {
	e := matchingengine.New()
	submit(t, e, order{ID: 1, Side: sell, Price: 102, Quantity: 5})
	submit(t, e, order{ID: 2, Side: sell, Price: 100, Quantity: 2})
	submit(t, e, order{ID: 3, Side: sell, Price: 101, Quantity: 3})
	submit(t, e, order{ID: 4, Side: sell, Price: 104, Quantity: 9})
	submit(t, e, order{ID: 5, Side: buy, Price: 103, Quantity: 20},
		trade{Maker: 2, Taker: 5, Price: 100, Quantity: 2},
		trade{Maker: 3, Taker: 5, Price: 101, Quantity: 3},
		trade{Maker: 1, Taker: 5, Price: 102, Quantity: 5})
	depth(t, e, buy, level{Price: 103, Quantity: 10, Orders: 1})
	depth(t, e, sell, level{Price: 104, Quantity: 9, Orders: 1})
}

func TestFirstComeFirstServed(t *testing.T) {
	e := matchingengine.New()
	for id := uint64(1); id <= 4; id++ {
		submit(t, e, order{ID: id, Side: buy, Price: 100, Quantity: 10})
	}
	submit(t, e, order{ID: 10, Side: sell, Price: 100, Quantity: 25},
		trade{Maker: 1, Taker: 10, Price: 100, Quantity: 10},
		trade{Maker: 2, Taker: 10, Price: 100, Quantity: 10},
		trade{Maker: 3, Taker: 10, Price: 100, Quantity: 5})
	depth(t, e, buy, level{Price: 100, Quantity: 15, Orders: 2})
}

func TestCancel(t *testing.T) {
	e := matchingengine.New()
	for id := uint64(1); id <= 3; id++ {
		submit(t, e, order{ID: id, Side: sell, Price: 100, Quantity: 10})
	}
	submit(t, e, order{ID: 4, Side: sell, Price: 101, Quantity: 10})
	submit(t, e, order{ID: 5, Side: buy, Price: 100, Quantity: 4}, trade{Maker: 1, Taker: 5, Price: 100, Quantity: 4})
	for _, c := range []struct {
		name string
		id   uint64
		left int64
		ok   bool
	}{
		{"never seen", 99, 0, false},
		{"filled on arrival", 5, 0, false},
		{"in the middle of its level", 2, 10, true},
		{"partly filled", 1, 6, true},
		{"cancelled already", 1, 0, false},
		{"alone at its price", 4, 10, true},
	} {
		if left, ok := cancel(t, e, c.id); left != c.left || ok != c.ok {
			t.Errorf("%s: Cancel(%d) = %d, %v; want %d, %v", c.name, c.id, left, ok, c.left, c.ok)
		}
	}
	depth(t, e, sell, level{Price: 100, Quantity: 10, Orders: 1})
	submit(t, e, order{ID: 6, Side: buy, Price: 200, Quantity: 11}, trade{Maker: 3, Taker: 6, Price: 100, Quantity: 10})
	if left, ok := cancel(t, e, 3); left != 0 || ok {
		t.Errorf("Cancel of a filled order = %d, %v; want 0, false", left, ok)
	}
}
