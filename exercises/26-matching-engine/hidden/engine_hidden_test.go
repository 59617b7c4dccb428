//go:build exercise

package matchingengine_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	matchingengine "workbench/exercises/26-matching-engine/start"
)

// An order that was partly filled keeps its place: its time has not changed.
func TestPartKeepsPlace(t *testing.T) {
	e := matchingengine.New()
	submit(t, e, order{ID: 1, Side: sell, Price: 100, Quantity: 10})
	submit(t, e, order{ID: 2, Side: sell, Price: 100, Quantity: 10})
	submit(t, e, order{ID: 3, Side: buy, Price: 100, Quantity: 1}, trade{Maker: 1, Taker: 3, Price: 100, Quantity: 1})
	submit(t, e, order{ID: 4, Side: buy, Price: 100, Quantity: 10},
		trade{Maker: 1, Taker: 4, Price: 100, Quantity: 9},
		trade{Maker: 2, Taker: 4, Price: 100, Quantity: 1})
}

// world is an engine with a ledger beside it that knows only what was said:
// the orders that went in, the trades and cancellations that came out.
type world struct {
	t      *testing.T
	seed   uint64
	engine *matchingengine.Engine
	ledger []*entry // in order of arrival
	did    []string // what happened, for whoever complains
}

// errorf complains, after it has written down what happened last.
func (w *world) errorf(format string, args ...any) {
	w.t.Helper()
	for _, text := range w.did[max(0, len(w.did)-15):] {
		tell(w.t, "%s", text)
	}
	w.t.Errorf(format, args...)
}

type entry struct {
	order
	left, traded, cancelled int64
}

func (w *world) find(id uint64) *entry {
	for _, e := range w.ledger {
		if e.ID == id {
			return e
		}
	}
	return nil
}

// hooks look at the world: at a trade before it is booked, and after each step.
type hooks struct {
	trade func(w *world, taker *entry, x trade)
	step  func(w *world)
}

// explore plays random days.
func explore(t *testing.T, h hooks) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(26, seed))
		w := &world{t: t, seed: seed, engine: matchingengine.New()}
		for step := range 150 {
			if id := uint64(rng.IntN(step + 1)); rng.IntN(4) == 0 {
				left, ok := w.engine.Cancel(id)
				w.did = append(w.did, fmt.Sprintf("Cancel(%d) = %d, %v", id, left, ok))
				if e := w.find(id); ok && e != nil {
					e.cancelled += left
					e.left -= left
				} else if ok {
					w.errorf("order %d was cancelled and never came", id)
					t.Fatalf("seed %d: Cancel(%d) = %d, true, though no such order came", seed, id, left)
				}
			} else {
				o := order{ID: uint64(step), Side: buy + matchingengine.Side(rng.IntN(2)), Price: 95 + rng.Int64N(11), Quantity: 1 + rng.Int64N(20)}
				trades, err := w.engine.Submit(o)
				w.did = append(w.did, deal(o, trades, err))
				if err != nil {
					w.errorf("Submit(%+v) = %v, want it accepted", o, err)
					t.Fatalf("seed %d: Submit(%+v) = %v, want it accepted", seed, o, err)
				}
				taker := &entry{order: o, left: o.Quantity}
				for _, x := range trades {
					if h.trade != nil {
						h.trade(w, taker, x)
					}
					if maker := w.find(x.Maker); maker != nil {
						maker.left, maker.traded = maker.left-x.Quantity, maker.traded+x.Quantity
					}
					taker.left, taker.traded = taker.left-x.Quantity, taker.traded+x.Quantity
				}
				w.ledger = append(w.ledger, taker)
			}
			if h.step != nil {
				h.step(w)
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
	}
}

// Nothing comes from nowhere and nothing is lost: what was ordered was traded,
// was cancelled, or waits, and the depth shows exactly what waits.
func TestConservation(t *testing.T) {
	explore(t, hooks{step: func(w *world) {
		for _, side := range []matchingengine.Side{buy, sell} {
			at := map[int64]level{}
			for _, e := range w.ledger {
				if e.left < 0 {
					w.errorf("order %+v traded %d and was cancelled for %d: more than it had", e.order, e.traded, e.cancelled)
				}
				if e.Side == side && e.left > 0 {
					l := at[e.Price]
					at[e.Price] = level{Price: e.Price, Quantity: l.Quantity + e.left, Orders: l.Orders + 1}
				}
			}
			var want []level
			for _, l := range at {
				want = append(want, l)
			}
			slices.SortFunc(want, func(a, b level) int {
				if side == buy {
					a, b = b, a
				}
				return int(a.Price - b.Price)
			})
			if got := w.engine.Depth(side, math.MaxInt); !slices.Equal(got, want) {
				w.errorf("Depth(%s) = %+v, but ordered less traded less cancelled is %+v", name(side), got, want)
			}
		}
	}})
}

// Each trade is with the best price that waits, and there with the oldest
// order; at the maker's price; and for as much as both have.
func TestPriority(t *testing.T) {
	explore(t, hooks{trade: func(w *world, taker *entry, x trade) {
		var best *entry
		for _, e := range w.ledger { // the oldest first
			if e.Side == taker.Side || e.left == 0 {
				continue
			}
			if best == nil || e.Price != best.Price && (e.Price < best.Price) == (taker.Side == buy) {
				best = e
			}
		}
		if best == nil || (best.Price > taker.Price) == (taker.Side == buy) && best.Price != taker.Price {
			w.errorf("order %+v traded %+v, though nothing that waits is good enough", taker.order, x)
			return
		}
		want := trade{Maker: best.ID, Taker: taker.ID, Price: best.Price, Quantity: min(best.left, taker.left)}
		if x != want {
			w.errorf("order %+v traded %+v, want %+v: best price first, then first come first served", taker.order, x, want)
		}
	}})
}

// When all are through, no buyer waits who would pay what a seller asks.
func TestNotCrossed(t *testing.T) {
	traded := 0
	explore(t, hooks{step: func(w *world) {
		bids, asks := w.engine.Depth(buy, 1), w.engine.Depth(sell, 1)
		if len(bids) > 0 && len(asks) > 0 && bids[0].Price >= asks[0].Price {
			w.errorf("a bid at %d waits beside an ask at %d, want them to have traded", bids[0].Price, asks[0].Price)
		}
	}, trade: func(*world, *entry, trade) { traded++ }})
	tell(t, "12 days of 150 orders and cancellations: %d trades", traded)
	if traded == 0 {
		t.Error("12 days with overlapping prices brought no trade at all")
	}
}

// A client that got no answer sends again. The second copy must not trade, also
// when the first is long gone.
func TestIDs(t *testing.T) {
	e := matchingengine.New()
	again := func(what string, o order) {
		t.Helper()
		if trades, err := send(t, e, o); !errors.Is(err, matchingengine.ErrID) || len(trades) > 0 {
			t.Errorf("%s: Submit(%+v) again = %+v, %v; want ErrID", what, o, trades, err)
		}
	}
	a, b := order{ID: 1, Side: sell, Price: 100, Quantity: 1}, order{ID: 2, Side: sell, Price: 100, Quantity: 1}
	submit(t, e, a)
	submit(t, e, b)
	again("while it waits", a)
	again("while it waits, as another order", order{ID: 2, Side: buy, Price: 100, Quantity: 5})
	c := order{ID: 3, Side: buy, Price: 100, Quantity: 1}
	submit(t, e, c, trade{Maker: 1, Taker: 3, Price: 100, Quantity: 1})
	again("after it was filled while waiting", a)
	again("after it was filled on arrival", c)
	cancel(t, e, 2)
	again("after it was cancelled", b)
	depth(t, e, buy)
	depth(t, e, sell)
}

func TestBadOrders(t *testing.T) {
	e := matchingengine.New()
	submit(t, e, order{ID: 50, Side: sell, Price: 1, Quantity: 1})
	for _, c := range []struct {
		name string
		o    order
	}{
		{"no side", order{Price: 1, Quantity: 1}},
		{"another side", order{Side: 3, Price: 1, Quantity: 1}},
		{"negative side", order{Side: -1, Price: 1, Quantity: 1}},
		{"no price", order{Side: buy, Quantity: 1}},
		{"negative price", order{Side: buy, Price: -5, Quantity: 1}},
		{"price beyond Max", order{Side: buy, Price: matchingengine.Max + 1, Quantity: 1}},
		{"no quantity", order{Side: buy, Price: 5}},
		{"negative quantity", order{Side: buy, Price: 5, Quantity: -1}},
		{"smallest quantity there is", order{Side: sell, Price: 5, Quantity: math.MinInt64}},
		{"quantity beyond Max", order{Side: buy, Price: 5, Quantity: matchingengine.Max + 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.ID = 7
			if trades, err := send(t, e, c.o); !errors.Is(err, matchingengine.ErrOrder) || len(trades) > 0 {
				t.Errorf("Submit(%+v) = %+v, %v; want no trade and ErrOrder", c.o, trades, err)
			}
		})
	}
	depth(t, e, sell, level{Price: 1, Quantity: 1, Orders: 1})
	depth(t, e, buy)
	// What was refused has not used its ID up.
	submit(t, e, order{ID: 7, Side: buy, Price: 1, Quantity: 1}, trade{Maker: 50, Taker: 7, Price: 1, Quantity: 1})
}

func TestExtremes(t *testing.T) {
	const most = matchingengine.Max
	e := matchingengine.New()
	submit(t, e, order{ID: 0, Side: sell, Price: most, Quantity: most})
	submit(t, e, order{ID: math.MaxUint64, Side: sell, Price: most, Quantity: most})
	submit(t, e, order{ID: 1, Side: buy, Price: 1, Quantity: most})
	depth(t, e, sell, level{Price: most, Quantity: 2 * most, Orders: 2})
	for _, n := range []int{0, -1, math.MinInt} {
		if got := e.Depth(sell, n); len(got) != 0 {
			t.Errorf("Depth(sell, %d) = %+v, want no level", n, got)
		}
	}
	if got := e.Depth(7, 10); len(got) != 0 {
		t.Errorf("Depth of side 7 = %+v, want no level", got)
	}
	if left, ok := cancel(t, e, math.MaxUint64); left != most || !ok {
		t.Errorf("Cancel = %d, %v; want %d, true", left, ok, int64(most))
	}
	submit(t, e, order{ID: 2, Side: buy, Price: most, Quantity: most}, trade{Maker: 0, Taker: 2, Price: most, Quantity: most})
}

// The results belong to the caller: he may keep them and write into them.
func TestResultsAreYours(t *testing.T) {
	e := matchingengine.New()
	for id := uint64(1); id <= 4; id++ {
		submit(t, e, order{ID: id, Side: sell, Price: 100, Quantity: 10})
	}
	first, err := send(t, e, order{ID: 10, Side: buy, Price: 100, Quantity: 10})
	if err != nil || len(first) != 1 {
		t.Fatalf("Submit = %+v, %v; want one trade", first, err)
	}
	submit(t, e, order{ID: 11, Side: buy, Price: 100, Quantity: 10}, trade{Maker: 2, Taker: 11, Price: 100, Quantity: 10})
	if want := (trade{Maker: 1, Taker: 10, Price: 100, Quantity: 10}); first[0] != want {
		t.Errorf("after the next order the trade of the one before reads %+v, want %+v still", first[0], want)
	}
	if levels := e.Depth(sell, 1); len(levels) == 1 {
		levels[0] = level{Price: 1, Quantity: 1, Orders: 1}
	}
	depth(t, e, sell, level{Price: 100, Quantity: 20, Orders: 2})
}

func TestConcurrent(t *testing.T) {
	e := matchingengine.New()
	const clients, each = 4, 300
	var all sync.WaitGroup
	traded, cancelled := make([]int64, clients), make([]int64, clients)
	bad := make(chan string, clients)
	tell(t, "%d clients submit %d orders each at once, and cancel some", clients, each)
	for c := range clients {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(26, uint64(c)))
			for i := range each {
				id := uint64(c*each + i)
				trades, err := e.Submit(order{ID: id, Side: buy + matchingengine.Side(c%2), Price: 98 + rng.Int64N(5), Quantity: 10})
				if err != nil {
					bad <- fmt.Sprintf("Submit of order %d = %v, want it accepted", id, err)
					return
				}
				for _, x := range trades {
					traded[c] += x.Quantity
				}
				runtime.Gosched() // else one processor does one client after the other
				if i%3 == 0 {
					left, _ := e.Cancel(id - uint64(rng.IntN(i+1)))
					cancelled[c] += left
					runtime.Gosched()
				}
				if i%10 == 0 {
					e.Depth(buy, 3)
					runtime.Gosched()
				}
			}
		})
	}
	all.Wait()
	close(bad)
	for text := range bad {
		t.Error(text)
	}
	var sum int64
	for c := range clients {
		sum += 2*traded[c] + cancelled[c]
	}
	for _, s := range []matchingengine.Side{buy, sell} {
		for _, l := range e.Depth(s, math.MaxInt) {
			sum += l.Quantity
		}
	}
	if want := int64(clients * each * 10); sum != want {
		t.Errorf("4 clients ordered %d; traded twice, cancelled and waiting make %d", want, sum)
	}
}

func TestAllocations(t *testing.T) {
	e := matchingengine.New()
	for id := range uint64(2000) {
		submit(quiet{t}, e, order{ID: id, Side: sell, Price: 100 + int64(id%50), Quantity: 10})
	}
	id := uint64(0)
	if n := testing.AllocsPerRun(1500, func() {
		e.Cancel(id)
		id++
	}); n > 0 {
		t.Errorf("Cancel allocates %v times a call, want 0: cancels come most when there is least time", n)
	}
}

func BenchmarkSubmitCancel(b *testing.B) {
	e := matchingengine.New()
	rng := rand.New(rand.NewPCG(26, 26))
	id := uint64(0)
	next := func() {
		id++
		side := buy + matchingengine.Side(id%2)
		price := 1000 - rng.Int64N(200) // a bid
		if side == sell {
			price = 998 + rng.Int64N(200)
		}
		_, _ = e.Submit(order{ID: id, Side: side, Price: price, Quantity: 1 + rng.Int64N(10)})
	}
	for range 5000 {
		next()
	}
	for b.Loop() {
		next()
		e.Cancel(id - 5000)
	}
}
