//go:build exercise

package matchingengine_test

import (
	"errors"
	"slices"
	"testing"

	matchingengine "workbench/exercises/26-matching-engine/start"
)

type (
	order = matchingengine.Order
	trade = matchingengine.Trade
	level = matchingengine.Level
)

const (
	buy  = matchingengine.Buy
	sell = matchingengine.Sell
)

func ord(id uint64, side matchingengine.Side, price, qty int64) order {
	return order{ID: id, Side: side, Price: price, Qty: qty}
}

func trd(seq, maker, taker uint64, price, qty int64) trade {
	return trade{Seq: seq, Maker: maker, Taker: taker, Price: price, Qty: qty}
}

func lvl(price, qty int64) level { return level{Price: price, Qty: qty} }

// submit sends orders one after the other and returns all trades.
func submit(t *testing.T, b *matchingengine.Book, orders ...order) []trade {
	t.Helper()
	var all []trade
	for _, o := range orders {
		got, err := b.Submit(o)
		if err != nil {
			t.Fatalf("Submit(%+v) = %v", o, err)
		}
		all = append(all, got...)
	}
	return all
}

func TestTrades(t *testing.T) {
	for _, c := range []struct {
		name   string
		orders []order
		trades []trade
		buys   []level
		sells  []level
	}{
		{"nothing to meet", []order{ord(1, buy, 100, 5), ord(2, sell, 101, 5)}, nil, []level{lvl(100, 5)}, []level{lvl(101, 5)}},
		{"the same price meets", []order{ord(1, sell, 100, 5), ord(2, buy, 100, 5)}, []trade{trd(1, 1, 2, 100, 5)}, nil, nil},
		{"the rest waits", []order{ord(1, sell, 100, 3), ord(2, buy, 102, 5)}, []trade{trd(1, 1, 2, 100, 3)}, []level{lvl(102, 2)}, nil},
		{"the maker's rest waits", []order{ord(1, buy, 100, 9), ord(2, sell, 90, 4)}, []trade{trd(1, 1, 2, 100, 4)}, []level{lvl(100, 5)}, nil},
		{"through several prices", []order{ord(1, sell, 103, 2), ord(2, sell, 101, 2), ord(3, sell, 102, 2), ord(4, buy, 102, 9)},
			[]trade{trd(1, 2, 4, 101, 2), trd(2, 3, 4, 102, 2)}, []level{lvl(102, 5)}, []level{lvl(103, 2)}},
		{"a seller takes the highest buyer", []order{ord(1, buy, 99, 2), ord(2, buy, 101, 2), ord(3, buy, 100, 2), ord(4, sell, 100, 5)},
			[]trade{trd(1, 2, 4, 101, 2), trd(2, 3, 4, 100, 2)}, []level{lvl(99, 2)}, []level{lvl(100, 1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := matchingengine.New()
			if got := submit(t, b, c.orders...); !slices.Equal(got, c.trades) {
				t.Errorf("trades = %v, want %v", got, c.trades)
			}
			if got := b.Depth(buy); !slices.Equal(got, c.buys) {
				t.Errorf("buyers = %v, want %v", got, c.buys)
			}
			if got := b.Depth(sell); !slices.Equal(got, c.sells) {
				t.Errorf("sellers = %v, want %v", got, c.sells)
			}
		})
	}
}

func TestMakersPrice(t *testing.T) {
	b := matchingengine.New()
	got := submit(t, b, ord(1, sell, 100, 1), ord(2, buy, 120, 1), ord(3, buy, 90, 1), ord(4, sell, 70, 1))
	if want := []trade{trd(1, 1, 2, 100, 1), trd(2, 3, 4, 90, 1)}; !slices.Equal(got, want) {
		t.Errorf("trades = %v, want %v: whoever waited named the price", got, want)
	}
}

func TestTimePriority(t *testing.T) {
	b := matchingengine.New()
	submit(t, b, ord(30, sell, 100, 2), ord(20, sell, 100, 2), ord(10, sell, 100, 2))
	if got := submit(t, b, ord(40, buy, 100, 3)); len(got) != 2 || got[0].Maker != 30 || got[1].Maker != 20 {
		t.Errorf("trades = %v, want makers 30 and 20, who came first", got)
	}
	// 20 is half filled and keeps its place before 10 and before who comes now.
	submit(t, b, ord(50, sell, 100, 2))
	got := submit(t, b, ord(60, buy, 100, 5))
	if len(got) != 3 || got[0].Maker != 20 || got[0].Qty != 1 || got[1].Maker != 10 || got[2].Maker != 50 {
		t.Errorf("trades = %v, want makers 20 (the rest of it), 10 and 50", got)
	}
}

func TestCancel(t *testing.T) {
	b := matchingengine.New()
	submit(t, b, ord(1, sell, 100, 5), ord(2, sell, 100, 5), ord(3, buy, 100, 2))
	if left, ok := b.Cancel(1); !ok || left != 3 {
		t.Errorf("Cancel of a half filled order = %d, %v; want 3, true", left, ok)
	}
	for _, id := range []uint64{1, 3, 99} {
		if left, ok := b.Cancel(id); ok || left != 0 {
			t.Errorf("Cancel(%d) of an order that does not wait = %d, %v; want 0, false", id, left, ok)
		}
	}
	if got := submit(t, b, ord(4, buy, 100, 9)); len(got) != 1 || got[0].Maker != 2 || got[0].Qty != 5 {
		t.Errorf("trades = %v, want 5 from maker 2 alone: 1 is cancelled", got)
	}
	if _, ok := b.Cancel(2); ok {
		t.Error("Cancel of a filled order = true")
	}
}

func TestRejects(t *testing.T) {
	b := matchingengine.New()
	submit(t, b, ord(1, buy, 100, 5))
	for _, o := range []order{ord(2, sell, 100, 0), ord(2, sell, 100, -1), ord(2, sell, 0, 5), ord(2, sell, -3, 5), ord(2, 7, 100, 5), ord(2, -1, 100, 5)} {
		if got, err := b.Submit(o); !errors.Is(err, matchingengine.ErrInvalid) || len(got) > 0 {
			t.Errorf("Submit(%+v) = %v, %v; want ErrInvalid", o, got, err)
		}
	}
	for _, o := range []order{ord(1, sell, 100, 5), ord(1, buy, 200, 1)} {
		if got, err := b.Submit(o); !errors.Is(err, matchingengine.ErrDuplicate) || len(got) > 0 {
			t.Errorf("Submit(%+v) while order 1 waits = %v, %v; want ErrDuplicate", o, got, err)
		}
	}
	if got := b.Depth(buy); !slices.Equal(got, []level{lvl(100, 5)}) || len(b.Depth(sell)) > 0 || len(b.Depth(7)) > 0 {
		t.Errorf("the book after refused orders = %v and %v", got, b.Depth(sell))
	}
}
