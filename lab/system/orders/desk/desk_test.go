package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/broker"
	"workbench/lab/broker/kind"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/desk"
	"workbench/sim/clock"
)

// rig is a desk with its counters.
type rig struct {
	*desk.Desk
	counts orders.Counts
	of     map[string]*lab.Counters
	clock  *clock.Wall
}

func with(t testing.TB, dir string, change func(*desk.Deps)) rig {
	t.Helper()
	r := rig{of: map[string]*lab.Counters{}, clock: clock.NewWall()}
	r.counts = orders.NewCounts(func(name string) *lab.Counters {
		if r.of[name] == nil {
			r.of[name] = lab.NewCounters()
		}
		return r.of[name]
	})
	deps := desk.Deps{
		Path: filepath.Join(dir, "orders.db"), Gate: desk.Direct{}, Clock: r.clock, Log: slog.New(slog.DiscardHandler), Counts: r.counts,
		Open: func(ctx context.Context, name, queue string) (broker.Broker, error) {
			c := broker.Default(queue)
			c.Lease = time.Second
			return kind.Open(ctx, name, kind.Places{Dir: dir}, c)
		},
		Broker: durable("sqlite"), Symbols: 3,
	}
	if change != nil {
		change(&deps)
	}
	var err error
	if r.Desk, err = desk.New(t.Context(), deps); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.end(t) })
	return r
}

func (r rig) end(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
}

func durable(name string) orders.Broker {
	return orders.Broker{Kind: name, Workers: 4, Prefetch: 16, Dedupe: true}
}

// all are the choices of the complete configuration.
func all(b orders.Broker) [lab.MaxChoices]*lab.Choice {
	return [lab.MaxChoices]*lab.Choice{
		orders.PlaceIdempotency: {Knobs: &orders.Idempotency{Require: true}}, orders.PlaceOutbox: {Knobs: &orders.Outbox{}},
		orders.PlaceSequencer: {Knobs: &orders.Sequencer{Ring: 256, Batch: 32}}, orders.PlaceBroker: {Knobs: &b},
	}
}

func submit(once, body string) *lab.Request {
	return &lab.Request{ID: 1, Op: orders.Submit, User: 7, Once: once, Body: []byte(body), Choices: all(durable("sqlite"))}
}

const buy = `{"symbol":1,"side":"buy","price":1000,"qty":10}`

func (r rig) do(t testing.TB, req *lab.Request) lab.Response {
	t.Helper()
	return r.Serve(t.Context(), req)
}

// until waits, by polling the desk, until f holds.
func (r rig) until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := r.clock.Now() + 20*time.Second; !f(); {
		if r.clock.Now() > end {
			t.Fatalf("after 20s still not: %s; status %+v", what, r.Status(t.Context()))
		}
		if err := r.clock.Wait(t.Context(), r.clock.Now()+5*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}

// list returns all orders after the first six, which a new file is filled with.
func (r rig) list(t testing.TB) []desk.Listed {
	t.Helper()
	res := r.do(t, &lab.Request{Op: orders.List, Query: "after=6&limit=1000"})
	var p desk.Page
	if err := json.Unmarshal(res.Body, &p); err != nil {
		t.Fatalf("list = %+v: %v", res, err)
	}
	return p.Orders
}

func TestSubmitOnce(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	first := r.do(t, submit("k", buy))
	if first.Status != 202 || first.Location != "/orders/7" || string(first.Body) != `{"order":7,"state":"accepted"}` {
		t.Fatalf("submit = %+v %s, want 202 with a Location", first, first.Body)
	}
	again := r.do(t, submit("k", buy))
	if again.Status != 202 || again.Location != first.Location || string(again.Body) != string(first.Body) {
		t.Errorf("the same again = %+v %s, want the same answer", again, again.Body)
	}
	other := r.do(t, submit("k", strings.Replace(buy, "10}", "11}", 1)))
	if other.Status != 422 || other.Outcome != lab.Failed || !strings.Contains(string(other.Body), "new key") {
		t.Errorf("another body = %+v %s, want 422 and what to do", other, other.Body)
	}
	if res := r.do(t, submit("v", `{"symbol":1,"side":"up","price":0}`)); res.Reason != lab.ReasonBad || !strings.Contains(string(res.Body), `side is "up"`) ||
		!strings.Contains(string(res.Body), "price is 0") || !strings.Contains(string(res.Body), "qty is missing") {
		t.Errorf("a wrong order = %+v %s, want every field named", res, res.Body)
	}
	if res := r.do(t, submit("v", buy)); res.Status != 202 {
		t.Errorf("put right under the same key = %+v %s, want 202: a refusal is not kept", res, res.Body)
	}
	if res := r.do(t, submit("", buy)); res.Reason != lab.ReasonBad || !strings.Contains(string(res.Body), "Idempotency-Key is missing") {
		t.Errorf("without a key = %+v %s, want it named", res, res.Body)
	}
	if a, p := r.counts.Accepted.Load(), r.counts.Replayed.Load(); a != 2 || p != 1 || r.counts.Mismatched.Load() != 1 || r.counts.Duplicates.Load() != 0 {
		t.Errorf("accepted %d, replayed %d, mismatched %d, duplicates %d; want 2, 1, 1, 0", a, p, r.counts.Mismatched.Load(), r.counts.Duplicates.Load())
	}
	r.until(t, "both settled once", func() bool { return r.counts.Applied.Load() == 2 })
	for _, l := range r.list(t) {
		if l.Applied != 1 {
			t.Errorf("listed %+v, want it applied once", l)
		}
	}
}

func TestWithoutTheChoicesDuplicatesAreCounted(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	for range 3 {
		req := submit("k", buy)
		req.Choices = [lab.MaxChoices]*lab.Choice{}
		if res := r.do(t, req); res.Status != 202 {
			t.Fatalf("submit = %+v %s", res, res.Body)
		}
	}
	if a, d := r.counts.Accepted.Load(), r.counts.Duplicates.Load(); a != 3 || d != 2 {
		t.Errorf("accepted %d, duplicates %d; want 3 and 2", a, d)
	}
	r.until(t, "all settled", func() bool { return r.counts.Applied.Load() == 3 })
}

func TestConcurrentTriesOfOneIntent(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	var wg sync.WaitGroup
	statuses := make([]int, 40)
	for i := range statuses {
		wg.Go(func() { statuses[i] = r.do(t, submit("k", buy)).Status })
	}
	wg.Wait()
	for _, s := range statuses {
		if s != 202 && s != 409 {
			t.Errorf("status %d, want 202 or 409", s)
		}
	}
	if got := r.list(t); len(got) != 1 {
		t.Errorf("%d orders, want 1", len(got))
	}
}

func TestBookAndReads(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	sell := strings.Replace(buy, "buy", "sell", 1)
	for i, body := range []string{buy, sell, buy} {
		r.do(t, submit(fmt.Sprint(i), body))
	}
	for _, c := range []struct {
		name string
		req  *lab.Request
		want string
	}{
		{"quote", &lab.Request{Op: orders.Quote, Key: 1}, `{"symbol":1,"bid":1000,"bid_qty":10,"ask":1100,"ask_qty":10,"as_of":9}`},
		{"filled", &lab.Request{Op: orders.Read, Key: 7}, `"order":7,"state":"filled","left":0,"symbol":1,"side":"buy","price":1000,"qty":10,"account":7`},
		{"open", &lab.Request{Op: orders.Read, Key: 9}, `"state":"open","left":10`},
		{"cancel", &lab.Request{Op: orders.Cancel, Key: 9}, `"state":"cancelled","left":10`},
		{"cancel again", &lab.Request{Op: orders.Cancel, Key: 9}, `"state":"cancelled","left":10`},
		{"cancel what is filled", &lab.Request{Op: orders.Cancel, Key: 7}, `"state":"filled"`},
		{"bad list", &lab.Request{Op: orders.List, Query: "after=x"}, `after is "x"`},
		{"bad limit", &lab.Request{Op: orders.List, Query: "limit=0"}, `limit is "0"`},
		{"no such operation", &lab.Request{Op: 99}, `operation 99`},
	} {
		if res := r.do(t, c.req); !strings.Contains(string(res.Body), c.want) {
			t.Errorf("%s = %+v %s, want %s", c.name, res, res.Body, c.want)
		}
	}
	for _, op := range []uint8{orders.Read, orders.Cancel} {
		if res := r.do(t, &lab.Request{Op: op, Key: 1 << 63}); !res.Missing {
			t.Errorf("operation %d on nothing = %+v, want it missing", op, res)
		}
	}
}

// A start plays the sequence and comes to the same books, and what was not
// settled is settled then.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	r := with(t, dir, nil)
	for i := range 50 {
		side := []string{"buy", "sell"}[i%2]
		body := fmt.Sprintf(`{"symbol":%d,"side":%q,"price":%d,"qty":%d}`, 1+i%3, side, 995+i%7, 1+i%5)
		if res := r.do(t, submit(fmt.Sprint(i), body)); res.Status != 202 {
			t.Fatalf("submit = %+v", res)
		}
	}
	r.do(t, &lab.Request{Op: orders.Cancel, Key: 2})
	before := r.Digest()
	r.end(t)
	r = with(t, dir, nil)
	if r.Digest() != before || r.Replayed() != 57 {
		t.Errorf("after the start: digest %x of %d events, want %x of 57", r.Digest(), r.Replayed(), before)
	}
	if res := r.do(t, submit("3", `{"symbol":1,"side":"sell","price":998,"qty":4}`)); res.Location != "/orders/10" {
		t.Errorf("a repetition after the start = %+v, want the kept answer", res)
	}
	r.until(t, "every order settled once", func() bool {
		for _, l := range r.list(t) {
			if l.Applied != 1 {
				return false
			}
		}
		return len(r.list(t)) == 50
	})
}

func TestWorkersCrash(t *testing.T) {
	for _, c := range []struct {
		name     string
		dedupe   bool
		repeated uint64
	}{{"deduplicated", true, 0}, {"naive", false, 3}} {
		t.Run(c.name, func(t *testing.T) {
			k := durable("sqlite")
			k.Dedupe = c.dedupe
			r := with(t, t.TempDir(), func(d *desk.Deps) { d.Broker = k })
			r.Crash(3)
			for i := range 30 {
				req := submit(fmt.Sprint(i), buy)
				req.Choices = all(k)
				r.do(t, req)
			}
			r.until(t, "all settled and three delivered again", func() bool { return r.counts.Applied.Load() == 30 && r.counts.Redelivered.Load() >= 3 })
			if got := r.counts.Repeated.Load(); (got >= c.repeated) != true || c.dedupe && got != 0 || r.counts.Crashed.Load() != 3 {
				t.Errorf("%d effects repeated after %d crashes, want %d", got, r.counts.Crashed.Load(), c.repeated)
			}
		})
	}
}

func TestPoisonGoesToTheDeadLetters(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	if err := r.Poison(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.do(t, submit("k", buy))
	r.until(t, "one dead letter beside a settled order", func() bool {
		return r.Status(t.Context()).Depth.Dead == 1 && r.counts.Applied.Load() == 1 && r.counts.Dead.Load() == 1
	})
}

// The broker is changed again and again under submissions; all are settled.
func TestBrokerSwitchedWhileRunning(t *testing.T) {
	r := with(t, t.TempDir(), func(d *desk.Deps) { d.Broker = durable("memory") })
	n := 0
	for _, name := range []string{"memory", "sqlite", "kafka", "memory"} {
		r.until(t, name+" carries", func() bool {
			n++
			req := submit(fmt.Sprint(n), buy)
			req.Choices = all(durable(name))
			if res := r.do(t, req); res.Status != 202 {
				t.Fatalf("submit = %+v %s", res, res.Body)
			}
			return r.Status(t.Context()).Kind == name
		})
	}
	r.until(t, "all settled", func() bool { return r.counts.Applied.Load() == uint64(n) })
	if l := r.counts.LostMessages.Load(); l != 0 {
		t.Errorf("%d messages lost, want none", l)
	}
	t.Logf("%d orders over four brokers, %d drained", n, r.counts.Drained.Load())
}

func TestBrokerThatIsMissing(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	req := submit("k", buy)
	req.Choices = all(durable("rabbitmq"))
	if res := r.do(t, req); res.Status != 202 {
		t.Fatalf("submit = %+v", res)
	}
	r.until(t, "the trouble is said, and the old one carries", func() bool {
		s := r.Status(t.Context())
		return s.Kind == "sqlite" && strings.Contains(s.Trouble, "needs a server") && r.counts.Applied.Load() == 1
	})
}

// A broker that is away keeps nothing from being accepted when the outbox is
// on, and what it had only in memory is lost and counted.
func TestBrokerDown(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	if err := r.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if res := r.do(t, submit(fmt.Sprint(i), buy)); res.Status != 202 {
			t.Fatalf("submit = %+v %s", res, res.Body)
		}
	}
	naive := submit("naive", buy)
	naive.Choices[orders.PlaceOutbox] = nil
	if res := r.do(t, naive); res.Outcome != lab.Failed || r.counts.LostEvents.Load() != 1 {
		t.Errorf("a dual write = %+v with %d events lost, want it failed and one lost", res, r.counts.LostEvents.Load())
	}
	if s := r.Status(t.Context()); s.Up || s.Waiting != 20 {
		t.Errorf("status %+v, want it down with 20 waiting in the outbox", s)
	}
	r.Revive()
	r.until(t, "the twenty are settled", func() bool { return r.counts.Applied.Load() == 20 })
}

func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	r := with(t, dir, func(d *desk.Deps) { d.MaxPages = 80 })
	n, refused := 0, lab.Response{}
	for refused.Outcome == lab.OK && n < 5000 {
		n++
		refused = r.do(t, submit(fmt.Sprint(n), buy))
	}
	if refused.Outcome != lab.Shed || refused.Reason != lab.ReasonSpace || !strings.Contains(string(refused.Body), "disk is full") {
		t.Fatalf("after %d orders: %+v %s, want a refusal that says why", n, refused, refused.Body)
	}
	if res := r.do(t, &lab.Request{Op: orders.Read, Key: 7}); !strings.Contains(string(res.Body), `"order":7`) {
		t.Errorf("read = %+v, want reads to go on", res)
	}
	if got := len(r.list(t)); got != min(n-1, 1000) {
		t.Errorf("%d orders listed, want %d: all that were accepted and no other", got, n-1)
	}
	before := r.Digest()
	r.end(t)
	r = with(t, dir, nil) // with room again
	if r.Digest() != before {
		t.Error("the books after the start differ from those before")
	}
	if res := r.do(t, submit(fmt.Sprint(n), buy)); res.Status != 202 {
		t.Errorf("submit with room = %+v %s, want 202", res, res.Body)
	}
	r.until(t, "all settled", func() bool { return r.Status(t.Context()).Waiting == 0 })
}

func TestDeadlineInARing(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	req := submit("late", buy)
	req.Deadline = 1
	if res := r.do(t, req); res.Outcome != lab.Late {
		t.Errorf("submit after its deadline = %+v, want it late", res)
	}
}

func TestDepsAreChecked(t *testing.T) {
	_, err := desk.New(t.Context(), desk.Deps{})
	if err == nil || !strings.Contains(err.Error(), "Deps.Path") || !strings.Contains(err.Error(), "Deps.Open") {
		t.Errorf("New without anything = %v, want every missing part named", err)
	}
}

func BenchmarkSubmit(b *testing.B) {
	r := with(b, b.TempDir(), func(d *desk.Deps) { d.Broker = durable("sqlite") })
	var n atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			i := n.Add(1)
			if res := r.do(b, submit(fmt.Sprint(i), fmt.Sprintf(`{"symbol":%d,"side":"buy","price":1000,"qty":10}`, 1+i%50))); res.Status != 202 {
				b.Errorf("submit = %+v %s", res, res.Body)
			}
		}
	})
	b.StopTimer()
	begun := r.clock.Now()
	left := r.Status(b.Context()).Waiting
	for r.counts.Applied.Load() < uint64(n.Load()) {
		if err := r.clock.Wait(b.Context(), r.clock.Now()+5*time.Millisecond); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(left)/(r.clock.Now()-begun).Seconds(), "settled/s")
}
