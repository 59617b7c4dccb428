package match_test

import (
	"slices"
	"testing"

	"workbench/lab/system/orders/match"
	"workbench/sim/dist"
)

func apply(t testing.TB, x *match.Exchange, e match.Event) match.Result {
	t.Helper()
	r, err := x.Apply(e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func enter(seq uint64, side match.Side, price, qty int64) match.Event {
	return match.Event{Seq: seq, Symbol: 1, Side: side, Price: price, Qty: qty}
}

func TestPriceThenTime(t *testing.T) {
	x := match.New()
	for _, e := range []match.Event{
		enter(1, match.Sell, 101, 5), enter(2, match.Sell, 100, 5), enter(3, match.Sell, 100, 5), enter(4, match.Buy, 99, 5),
	} {
		if r := apply(t, x, e); len(r.Fills) != 0 || r.Left != 5 {
			t.Fatalf("Apply(%+v) = %+v, want it to rest", e, r)
		}
	}
	if q, want := x.Quote(1), (match.Quote{Symbol: 1, Bid: 99, BidQty: 5, Ask: 100, AskQty: 10, AsOf: 4}); q != want {
		t.Errorf("Quote(1) = %+v, want %+v", q, want)
	}
	r := apply(t, x, enter(5, match.Buy, 101, 12))
	want := []match.Fill{{Taker: 5, Maker: 2, Price: 100, Qty: 5}, {Taker: 5, Maker: 3, Price: 100, Qty: 5}, {Taker: 5, Maker: 1, Price: 101, Qty: 2}}
	if !slices.Equal(r.Fills, want) || r.Left != 0 {
		t.Errorf("fills %+v with %d left, want %+v and none: the best price first, then who came first", r.Fills, r.Left, want)
	}
	for seq, want := range map[uint64]match.State{1: match.Open, 2: match.Filled, 4: match.Open, 5: match.Filled} {
		if got, _ := x.Order(seq); got != want {
			t.Errorf("Order(%d) = %s, want %s", seq, got, want)
		}
	}
	if r := apply(t, x, match.Event{Seq: 6, Kind: match.Cancel, Target: 1}); !r.Done || r.Left != 3 {
		t.Errorf("cancel = %+v, want 3 taken out", r)
	}
	if r := apply(t, x, match.Event{Seq: 7, Kind: match.Cancel, Target: 1}); r.Done {
		t.Errorf("second cancel = %+v, want nothing done", r)
	}
	if s, left := x.Order(1); s != match.Cancelled || left != 3 || x.Open() != 1 || x.Last() != 7 {
		t.Errorf("Order(1) = %s, %d with %d open after event %d; want it cancelled with 3 left", s, left, x.Open(), x.Last())
	}
}

func TestWrongEventsChangeNothing(t *testing.T) {
	x := match.New()
	apply(t, x, enter(5, match.Buy, 10, 1))
	before := x.Digest()
	for _, e := range []match.Event{enter(5, match.Buy, 10, 1), enter(4, match.Sell, 10, 1), enter(6, match.Buy, 0, 1), enter(6, match.Buy, 1, 0), enter(6, 7, 1, 1)} {
		if _, err := x.Apply(e); err == nil {
			t.Errorf("Apply(%+v) = nil, want an error", e)
		}
	}
	if x.Digest() != before {
		t.Error("a refused event has changed the state")
	}
}

// events draws a sequence from choices, which may be a fuzzer's.
func events(choices []byte) []match.Event {
	var out []match.Event
	for i := 0; i+4 <= len(choices); i += 4 {
		c, seq := choices[i:i+4], uint64(len(out)+1)
		e := match.Event{Seq: seq, Symbol: uint64(c[0]>>1) % 3, Side: match.Side(c[0] & 1), Price: 95 + int64(c[1]%11), Qty: 1 + int64(c[2]%20)}
		if c[3]%4 == 0 {
			e = match.Event{Seq: seq, Kind: match.Cancel, Target: 1 + uint64(c[1])%seq}
		}
		out = append(out, e)
	}
	return out
}

// hold plays events and holds every step to what must be: quantity is neither
// made nor lost, nobody is filled at a price worse than his, a better or
// earlier order is filled first, and no book is ever crossed. Played again, the
// same sequence gives the same state.
func hold(t *testing.T, sequence []match.Event) {
	t.Helper()
	x, again := match.New(), match.New()
	left := map[uint64]int64{}
	orders := map[uint64]match.Event{}
	var entered, filled, cancelled int64
	for _, e := range sequence {
		before := map[uint64]int64{}
		for seq := range left {
			before[seq] = left[seq]
		}
		r := apply(t, x, e)
		if e.Kind == match.Cancel {
			cancelled += r.Left
			if r.Done != (left[e.Target] > 0) || r.Left != left[e.Target] {
				t.Fatalf("cancel of %d = %+v with %d left", e.Target, r, left[e.Target])
			}
			left[e.Target] = 0
			continue
		}
		orders[e.Seq], left[e.Seq] = e, e.Qty
		entered += e.Qty
		for _, f := range r.Fills {
			maker := orders[f.Maker]
			if f.Taker != e.Seq || f.Qty < 1 || f.Price != maker.Price || maker.Side == e.Side || maker.Symbol != e.Symbol {
				t.Fatalf("fill %+v of %+v with %+v", f, e, maker)
			}
			if e.Side == match.Buy && f.Price > e.Price || e.Side == match.Sell && f.Price < e.Price {
				t.Fatalf("fill %+v is worse than the limit of %+v", f, e)
			}
			first(t, orders, left, maker)
			left[f.Maker] -= f.Qty
			left[e.Seq] -= f.Qty
			filled += 2 * f.Qty
		}
		if left[e.Seq] != r.Left {
			t.Fatalf("%+v leaves %d, want %d", e, r.Left, left[e.Seq])
		}
		if q := x.Quote(e.Symbol); q.Bid > 0 && q.Ask > 0 && q.Bid >= q.Ask {
			t.Fatalf("the book is crossed: %+v", q)
		}
	}
	var resting int64
	for seq, n := range left {
		if n < 0 {
			t.Fatalf("order %d has %d left", seq, n)
		}
		resting += n
	}
	if entered != filled+cancelled+resting {
		t.Fatalf("entered %d, filled %d + cancelled %d + resting %d", entered, filled, cancelled, resting)
	}
	for _, e := range sequence {
		apply(t, again, e)
	}
	if x.Digest() != again.Digest() {
		t.Fatal("the same sequence gives another state")
	}
}

// first holds a maker to being the one whose turn it was.
func first(t *testing.T, orders map[uint64]match.Event, left map[uint64]int64, maker match.Event) {
	t.Helper()
	for seq, o := range orders {
		if left[seq] < 1 || o.Side != maker.Side || o.Symbol != maker.Symbol || seq == maker.Seq {
			continue
		}
		better := o.Price > maker.Price
		if o.Side == match.Sell {
			better = o.Price < maker.Price
		}
		if better || o.Price == maker.Price && seq < maker.Seq {
			t.Fatalf("%+v was filled before %+v", maker, o)
		}
	}
}

func TestInvariants(t *testing.T) {
	for seed := range uint64(50) {
		r := dist.New(seed, "orders")
		choices := make([]byte, 4*200)
		for i := range choices {
			choices[i] = byte(r.IntN(256))
		}
		hold(t, events(choices))
	}
}

func FuzzExchange(f *testing.F) {
	f.Add([]byte{0, 5, 3, 1, 1, 5, 3, 1, 2, 2, 2, 0})
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) > 4*300 {
			choices = choices[:4*300]
		}
		hold(t, events(choices))
	})
}

func BenchmarkApply(b *testing.B) {
	x := match.New()
	r := dist.New(1, "orders")
	seq := uint64(0)
	for b.Loop() {
		seq++
		if _, err := x.Apply(match.Event{Seq: seq, Symbol: r.IntN(100), Side: match.Side(seq & 1), Price: 995 + int64(r.IntN(11)), Qty: 10}); err != nil {
			b.Fatal(err)
		}
	}
}
