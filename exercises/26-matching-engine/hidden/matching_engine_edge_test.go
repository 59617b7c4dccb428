//go:build exercise

package matchingengine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	matchingengine "workbench/exercises/26-matching-engine/start"
)

// model is the slowest right engine: it looks at every order each time.
type model struct {
	seq   uint64
	waits []matchingengine.Order // in the order of arrival
}

func (m *model) submit(o matchingengine.Order) (trades []matchingengine.Trade) {
	for o.Qty > 0 {
		best := -1
		for i, w := range m.waits {
			fits := w.Side != o.Side && (o.Side == matchingengine.Buy && w.Price <= o.Price || o.Side == matchingengine.Sell && w.Price >= o.Price)
			if fits && (best < 0 || o.Side == matchingengine.Buy && w.Price < m.waits[best].Price || o.Side == matchingengine.Sell && w.Price > m.waits[best].Price) {
				best = i
			}
		}
		if best < 0 {
			m.waits = append(m.waits, o)
			return trades
		}
		w := &m.waits[best]
		m.seq++
		qty := min(o.Qty, w.Qty)
		trades = append(trades, matchingengine.Trade{Seq: m.seq, Maker: w.ID, Taker: o.ID, Price: w.Price, Qty: qty})
		o.Qty -= qty
		if w.Qty -= qty; w.Qty == 0 {
			m.waits = slices.Delete(m.waits, best, best+1)
		}
	}
	return trades
}

func (m *model) cancel(id uint64) (int64, bool) {
	for i, w := range m.waits {
		if w.ID == id {
			m.waits = slices.Delete(m.waits, i, i+1)
			return w.Qty, true
		}
	}
	return 0, false
}

func (m *model) depth(side matchingengine.Side) (levels []matchingengine.Level) {
	for _, w := range m.waits {
		if w.Side != side {
			continue
		}
		i := slices.IndexFunc(levels, func(l matchingengine.Level) bool { return l.Price == w.Price })
		if i < 0 {
			i = len(levels)
			levels = append(levels, matchingengine.Level{Price: w.Price})
		}
		levels[i].Qty += w.Qty
	}
	slices.SortFunc(levels, func(a, b matchingengine.Level) int {
		if (a.Price > b.Price) == (side == matchingengine.Buy) {
			return -1
		}
		return 1
	})
	return levels
}

// draw makes a random order close to the price of 50.
func draw(rnd *rand.Rand, id uint64) matchingengine.Order {
	return matchingengine.Order{ID: id, Side: matchingengine.Side(rnd.IntN(2)), Price: 45 + rnd.Int64N(10), Qty: 1 + rnd.Int64N(20)}
}

// TestModel plays random days and compares every trade and the whole book.
func TestModel(t *testing.T) {
	for seed := range uint64(8) {
		rnd := rand.New(rand.NewPCG(seed, 26))
		b, m := matchingengine.New(), &model{}
		for step := range uint64(300) {
			if rnd.IntN(4) == 0 {
				id := rnd.Uint64N(step + 1)
				left, ok := b.Cancel(id)
				if wantLeft, want := m.cancel(id); left != wantLeft || ok != want {
					t.Fatalf("seed %d step %d: Cancel(%d) = %d, %v; want %d, %v", seed, step, id, left, ok, wantLeft, want)
				}
			} else {
				o := draw(rnd, step)
				got, err := b.Submit(o)
				if want := m.submit(o); err != nil || !slices.Equal(got, want) {
					t.Fatalf("seed %d step %d: Submit(%+v) = %v, %v; want %v", seed, step, o, got, err, want)
				}
			}
			for _, side := range []matchingengine.Side{matchingengine.Buy, matchingengine.Sell} {
				if got, want := b.Depth(side), m.depth(side); !slices.Equal(got, want) {
					t.Fatalf("seed %d step %d: depth of side %d = %v, want %v", seed, step, side, got, want)
				}
			}
		}
	}
}

// TestConservation counts every share: traded twice (bought and sold), cancelled or waiting.
func TestConservation(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 27))
		b := matchingengine.New()
		var in, traded, cancelled, waiting int64
		for id := range uint64(800) {
			o := draw(rnd, id)
			in += o.Qty
			trades, err := b.Submit(o)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range trades {
				if x.Qty <= 0 || x.Taker != id {
					t.Fatalf("seed %d: trade %+v of order %d", seed, x, id)
				}
				traded += x.Qty
			}
			if rnd.IntN(3) == 0 {
				left, _ := b.Cancel(rnd.Uint64N(id + 1))
				cancelled += left
			}
			buys, sells := b.Depth(matchingengine.Buy), b.Depth(matchingengine.Sell)
			if len(buys) > 0 && len(sells) > 0 && buys[0].Price >= sells[0].Price {
				t.Fatalf("seed %d: the book is crossed: a buyer waits at %d and a seller at %d", seed, buys[0].Price, sells[0].Price)
			}
		}
		for _, side := range []matchingengine.Side{matchingengine.Buy, matchingengine.Sell} {
			for _, l := range b.Depth(side) {
				if l.Qty <= 0 {
					t.Errorf("seed %d: an empty level %+v", seed, l)
				}
				waiting += l.Qty
			}
		}
		if in != 2*traded+cancelled+waiting {
			t.Errorf("seed %d: %d came in; %d traded on both sides, %d cancelled, %d wait: %d are missing", seed, in, traded, cancelled, waiting, in-2*traded-cancelled-waiting)
		}
	}
}

// TestReplay plays one log twice: an engine that recovers from its log must be where it was.
func TestReplay(t *testing.T) {
	play := func() string {
		rnd := rand.New(rand.NewPCG(1, 28))
		b := matchingengine.New()
		var all []matchingengine.Trade
		for id := range uint64(1500) {
			trades, err := b.Submit(draw(rnd, id))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, trades...)
			if id%3 == 0 {
				b.Cancel(rnd.Uint64N(id + 1))
			}
		}
		for i, x := range all {
			if x.Seq != uint64(i+1) {
				t.Fatalf("trade %d has the number %d", i+1, x.Seq)
			}
		}
		return fmt.Sprint(all, b.Depth(matchingengine.Buy), b.Depth(matchingengine.Sell))
	}
	if play() != play() {
		t.Error("the same log gave two different days")
	}
}

func TestReusedID(t *testing.T) {
	b := matchingengine.New()
	for round := range 3 {
		b.Submit(matchingengine.Order{ID: 1, Side: matchingengine.Sell, Price: 10, Qty: 2})
		if trades, err := b.Submit(matchingengine.Order{ID: 2, Side: matchingengine.Buy, Price: 10, Qty: 2}); err != nil || len(trades) != 1 {
			t.Errorf("round %d: trades %v, %v; an id is free again when its order is filled", round, trades, err)
		}
		b.Submit(matchingengine.Order{ID: 1, Side: matchingengine.Sell, Price: 10, Qty: 2})
		if left, ok := b.Cancel(1); !ok || left != 2 {
			t.Errorf("round %d: Cancel = %d, %v; an id is free again when its order is cancelled", round, left, ok)
		}
	}
}

func TestExtremes(t *testing.T) {
	b := matchingengine.New()
	big := int64(math.MaxInt64)
	for i, price := range []int64{1, big, 2, big - 1} {
		if _, err := b.Submit(matchingengine.Order{ID: uint64(i), Side: matchingengine.Sell, Price: price, Qty: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := b.Depth(matchingengine.Sell), []matchingengine.Level{{Price: 1, Qty: 1}, {Price: 2, Qty: 1}, {Price: big - 1, Qty: 1}, {Price: big, Qty: 1}}; !slices.Equal(got, want) {
		t.Errorf("sellers = %v, want %v", got, want)
	}
	trades, err := b.Submit(matchingengine.Order{ID: math.MaxUint64, Side: matchingengine.Buy, Price: big, Qty: big})
	if err != nil || len(trades) != 4 || trades[3].Price != big {
		t.Errorf("a buyer of everything: %v, %v; want four trades up to the highest price", trades, err)
	}
	if got := b.Depth(matchingengine.Buy); !slices.Equal(got, []matchingengine.Level{{Price: big, Qty: big - 4}}) {
		t.Errorf("buyers = %v, want the rest of %d", got, big-4)
	}
}

func TestTradesAreYours(t *testing.T) {
	b := matchingengine.New()
	pair := func(id uint64) []matchingengine.Trade {
		b.Submit(matchingengine.Order{ID: id, Side: matchingengine.Sell, Price: 10, Qty: 1})
		trades, err := b.Submit(matchingengine.Order{ID: id + 1, Side: matchingengine.Buy, Price: 10, Qty: 1})
		if err != nil || len(trades) != 1 {
			t.Fatalf("trades = %v, %v", trades, err)
		}
		return trades
	}
	first := pair(1)
	kept := slices.Clone(first)
	b.Submit(matchingengine.Order{ID: 90, Side: matchingengine.Buy, Price: 3, Qty: 8})
	depth := b.Depth(matchingengine.Buy)
	if len(depth) != 1 {
		t.Fatalf("Depth = %v, want one level", depth)
	}
	depth[0].Qty = 999
	pair(11)
	if !slices.Equal(first, kept) {
		t.Errorf("later trades changed the first ones to %v", first)
	}
	if got := b.Depth(matchingengine.Buy)[0].Qty; got != 8 {
		t.Errorf("a caller who writes into Depth's answer changes the book: %d", got)
	}
}

func TestConcurrent(t *testing.T) {
	b := matchingengine.New()
	const traders, each = 8, 250
	var mu sync.Mutex
	seqs := map[uint64]bool{}
	var in, traded, cancelled int64
	var wg sync.WaitGroup
	for g := range traders {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(g), 29))
			for i := range each {
				o := draw(rnd, uint64(g*each+i))
				trades, err := b.Submit(o)
				if err != nil {
					t.Error(err)
				}
				var left int64
				if i%3 == 0 {
					left, _ = b.Cancel(rnd.Uint64N(traders * each))
				}
				b.Depth(o.Side)
				mu.Lock()
				in, cancelled = in+o.Qty, cancelled+left
				for _, x := range trades {
					traded += x.Qty
					seqs[x.Seq] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var waiting int64
	for _, side := range []matchingengine.Side{matchingengine.Buy, matchingengine.Sell} {
		for _, l := range b.Depth(side) {
			waiting += l.Qty
		}
	}
	if in != 2*traded+cancelled+waiting {
		t.Errorf("%d came in; %d traded on both sides, %d cancelled, %d wait", in, traded, cancelled, waiting)
	}
	for seq := range uint64(len(seqs)) {
		if !seqs[seq+1] {
			t.Fatalf("trade number %d of %d is missing: numbers are given under the same lock as the trade", seq+1, len(seqs))
		}
	}
	meetAtOnce(t)
}

// meetAtOnce lets sixty buyers come at one moment, each only once: nothing but the
// book's own lock orders their numbers.
func meetAtOnce(t *testing.T) {
	t.Helper()
	b := matchingengine.New()
	const buyers = 60
	for id := range uint64(buyers) {
		b.Submit(matchingengine.Order{ID: id, Side: matchingengine.Sell, Price: 10, Qty: 1})
	}
	var trades [buyers][]matchingengine.Trade
	var wg sync.WaitGroup
	for i := range trades {
		wg.Go(func() {
			trades[i], _ = b.Submit(matchingengine.Order{ID: uint64(1000 + i), Side: matchingengine.Buy, Price: 10, Qty: 1})
		})
	}
	wg.Wait()
	byMaker := map[uint64]uint64{}
	for i, x := range trades {
		if len(x) != 1 {
			t.Fatalf("buyer %d has the trades %v, want one", i, x)
		}
		byMaker[x[0].Maker] = x[0].Seq
	}
	for maker := range uint64(buyers) { // they came in the order of their ids
		if got := byMaker[maker]; got != maker+1 {
			t.Errorf("the trade of the maker who came as number %d has the number %d", maker+1, got)
		}
	}
}

// TestForgets submits and cancels at 25 000 prices behind an order that stays.
func TestForgets(t *testing.T) {
	b := matchingengine.New()
	b.Submit(matchingengine.Order{ID: 1, Side: matchingengine.Sell, Price: 1, Qty: 1})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range uint64(25_000) {
		b.Submit(matchingengine.Order{ID: i + 2, Side: matchingengine.Sell, Price: int64(i + 2), Qty: 1})
		b.Cancel(i + 2)
	}
	if after := heap(); after > before+512<<10 {
		t.Errorf("25000 orders that were cancelled keep %d kB, want next to nothing: the book is as large as what waits in it", (after-before)>>10)
	}
	if got := b.Depth(matchingengine.Sell); len(got) != 1 {
		t.Errorf("%d levels are left, want one", len(got))
	}
}
