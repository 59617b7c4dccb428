package queue_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/queue"
	"workbench/sim/dist"
)

const ms = time.Millisecond

func newQueue(t testing.TB, change func(*queue.Knobs)) *queue.Queue {
	t.Helper()
	return patterntest.Core(t, queue.New, queue.Defaults(), change)
}

func TestOrder(t *testing.T) {
	for _, c := range []struct {
		order   string
		entries []queue.Entry // of five requests into one worker and a room of two
		served  []queue.Ticket
		oldest  time.Duration // at 10 ms
	}{
		{"fifo", []queue.Entry{{Fate: queue.Serve}, {Ticket: 1}, {Ticket: 2}, {Fate: queue.Full}, {Fate: queue.Full}}, []queue.Ticket{1, 2}, 9 * ms},
		{"lifo", []queue.Entry{{Fate: queue.Serve}, {Ticket: 1}, {Ticket: 2}, {Ticket: 3, Evicted: 1}, {Ticket: 4, Evicted: 2}}, []queue.Ticket{4, 3}, 7 * ms},
	} {
		t.Run(c.order, func(t *testing.T) {
			q := newQueue(t, func(k *queue.Knobs) { k.Order, k.Workers, k.Length = c.order, 1, 2 })
			for i, want := range c.entries {
				if got := q.Enter(time.Duration(i)*ms, 0); got != want {
					t.Errorf("Enter %d = %+v, want %+v", i+1, got, want)
				}
			}
			if oldest := q.Oldest(10 * ms); oldest != c.oldest {
				t.Errorf("Oldest(10ms) = %v, want %v", oldest, c.oldest)
			}
			var served []queue.Ticket
			for range 2 {
				q.Leave()
				for ticket, f, ok := q.Next(10 * ms); ok; ticket, f, ok = q.Next(10 * ms) {
					if f != queue.Serve {
						t.Errorf("fate of %d = %v, want to be served", ticket, f)
					}
					served = append(served, ticket)
				}
			}
			if !slices.Equal(served, c.served) {
				t.Errorf("served %v, want %v", served, c.served)
			}
			if q.Depth() != 0 || q.Busy() != 1 || q.Oldest(time.Second) != 0 {
				t.Errorf("at the end depth %d, busy %d, oldest %v, want 0, 1, 0s", q.Depth(), q.Busy(), q.Oldest(time.Second))
			}
		})
	}
}

func TestLIFOWithoutARoomRefuses(t *testing.T) {
	q := newQueue(t, func(k *queue.Knobs) { k.Order, k.Workers, k.Length = "lifo", 1, 0 })
	q.Enter(0, 0)
	if e := q.Enter(1, 0); e.Fate != queue.Full {
		t.Errorf("Enter of a room of 0 = %+v, want full", e)
	}
}

// The lesson of drop_expired: without it a worker goes to a request that nobody
// waits for, and the one behind it waits longer.
func TestExpiredWork(t *testing.T) {
	for _, drop := range []bool{false, true} {
		q := newQueue(t, func(k *queue.Knobs) { k.Workers, k.DropExpired = 1, drop })
		q.Enter(0, 0)
		dead := q.Enter(1*ms, 5*ms)
		alive := q.Enter(2*ms, 0)
		if want := map[bool]time.Duration{true: 5 * ms}[drop]; dead.Until != want || alive.Until != 0 {
			t.Errorf("drop_expired %v: waits until %v and %v, want %v and 0s", drop, dead.Until, alive.Until, want)
		}
		q.Leave()
		var fates []queue.Fate
		for _, f, ok := q.Next(20 * ms); ok; _, f, ok = q.Next(20 * ms) {
			fates = append(fates, f)
		}
		want := []queue.Fate{queue.Serve}
		if drop {
			want = []queue.Fate{queue.Expired, queue.Serve}
		}
		if !slices.Equal(fates, want) {
			t.Errorf("drop_expired %v: fates %v at dequeue, want %v", drop, fates, want)
		}
	}
}

func TestExpiredOnArrival(t *testing.T) {
	q := newQueue(t, func(k *queue.Knobs) { k.DropExpired = true })
	if e := q.Enter(5*ms, 5*ms); e.Fate != queue.Expired || q.Busy() != 0 {
		t.Errorf("Enter at its deadline = %+v with %d busy, want expired and none busy", e, q.Busy())
	}
}

func TestGiveUp(t *testing.T) {
	for _, c := range []struct {
		name    string
		wait    time.Duration
		useless time.Duration
		until   time.Duration
		want    queue.Fate
	}{
		{"the longest wait is over", 10 * ms, 50 * ms, 11 * ms, queue.Slow},
		{"the deadline comes first", 100 * ms, 50 * ms, 50 * ms, queue.Expired},
		{"no deadline", 10 * ms, 0, 11 * ms, queue.Slow},
		{"no bound", 0, 50 * ms, 50 * ms, queue.Expired},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := newQueue(t, func(k *queue.Knobs) { k.Workers, k.DropExpired, k.MaxWait = 1, true, c.wait })
			q.Enter(0, 0)
			e := q.Enter(1*ms, c.useless)
			if e.Until != c.until {
				t.Errorf("Until = %v, want %v", e.Until, c.until)
			}
			if f, ok := q.GiveUp(e.Until, e.Ticket); !ok || f != c.want {
				t.Errorf("GiveUp = %v, %v, want %v", f, ok, c.want)
			}
			if _, ok := q.GiveUp(e.Until, e.Ticket); ok || q.Depth() != 0 {
				t.Errorf("a second GiveUp = %v with %d waiting, want false and 0", ok, q.Depth())
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	for f, want := range map[queue.Fate]lab.Response{
		queue.Full:    lab.Refuse(lab.Shed, "queue_full", time.Second),
		queue.Evicted: lab.Refuse(lab.Shed, "queue_evicted", time.Second),
		queue.Slow:    lab.Refuse(lab.Shed, "queue_wait", time.Second),
		queue.Dropped: lab.Refuse(lab.Shed, "queue_codel", time.Second),
		queue.Expired: lab.Refuse(lab.Late, "expired", 0),
	} {
		if got := f.Response(); got.Outcome != want.Outcome || got.Reason != want.Reason || got.RetryAfter != want.RetryAfter {
			t.Errorf("Response of fate %d = %+v, want %+v", f, got, want)
		}
	}
}

// RFC 8289: nothing is dropped in the first interval above the target, then one,
// and the n-th of a spell an interval/√n after the one before.
func TestCoDelKeepsTheControlLaw(t *testing.T) {
	q := newQueue(t, func(k *queue.Knobs) {
		k.Workers, k.Length, k.CoDel, k.Target, k.Interval = 1, 100_000, true, 5*ms, 100*ms
	})
	q.Enter(0, 0)
	for range 20_000 { // a standing queue: all waits are far above the target
		q.Enter(0, 0)
	}
	var drops []time.Duration
	for now := 10 * ms; now < 1500*ms; now += ms / 10 {
		q.Leave()
		for _, f, ok := q.Next(now); ok; _, f, ok = q.Next(now) {
			if f == queue.Dropped {
				drops = append(drops, now)
			}
		}
	}
	at := 110 * ms // an interval after the first wait above the target, at 10 ms
	for i, got := range drops {
		if d := got - at; d < 0 || d > ms/5 {
			t.Fatalf("drop %d at %v, want %v to within the step of 0.1ms", i+1, got, at)
		}
		at += time.Duration(float64(100*ms) / math.Sqrt(float64(i+1)))
	}
	if len(drops) < 40 {
		t.Errorf("%d drops in 1.4 s, want at least 40", len(drops))
	}
}

func TestCoDelLetsBurstsPass(t *testing.T) {
	q := newQueue(t, func(k *queue.Knobs) { k.Workers, k.CoDel = 1, true })
	for burst := range 50 {
		start := time.Duration(burst) * 200 * ms
		for range 41 { // served at one a millisecond: the last waits 40 ms, eight targets
			q.Enter(start, 0)
		}
		for i := range 41 {
			q.Leave()
			if ticket, f, ok := q.Next(start + time.Duration(i+1)*ms); ok && f != queue.Serve {
				t.Fatalf("burst %d: request %d met fate %d, want served", burst, ticket, f)
			}
		}
	}
}

func TestKnobsAreChecked(t *testing.T) {
	patterntest.Spoil(t, queue.New, queue.Defaults(), map[string]func(*queue.Knobs){
		"length":   func(k *queue.Knobs) { k.Length = -1 },
		"workers":  func(k *queue.Knobs) { k.Workers = 0 },
		"order":    func(k *queue.Knobs) { k.Order = "random" },
		"max_wait": func(k *queue.Knobs) { k.MaxWait = -1 },
		"target":   func(k *queue.Knobs) { k.CoDel, k.Target = true, 0 },
		"interval": func(k *queue.Knobs) { k.CoDel, k.Interval = true, ms },
	})
}

func TestConformance(t *testing.T) { patterntest.Run(t, queue.Pattern(), trace(600)) }

// trace is an overload in which callers lose patience.
func trace(n int) []patterntest.Arrival {
	out := patterntest.Poisson(13, n, 1500, 20*ms)
	r := dist.New(4, "patience")
	for i := range out {
		out[i].Request.Patience = out[i].At + time.Duration((0.5+r.Float64())*60e6)
		if i%2 == 0 {
			out[i].Request.Deadline = out[i].At + time.Duration((0.5+r.Float64())*60e6)
		}
	}
	return out
}

func TestTwins(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings map[string]any
		want     []lab.Reason
	}{
		{"fifo", nil, []lab.Reason{queue.ReasonFull}},
		{"lifo", map[string]any{"order": "lifo"}, []lab.Reason{queue.ReasonEvicted}},
		{"fifo that drops expired work", map[string]any{"drop_expired": true}, []lab.Reason{queue.ReasonExpired}},
		{"lifo that drops expired work", map[string]any{"drop_expired": true, "order": "lifo"}, []lab.Reason{queue.ReasonExpired}},
		{"longest wait", map[string]any{"max_wait": "30ms"}, []lab.Reason{queue.ReasonWait}},
		{"codel", map[string]any{"codel": true}, []lab.Reason{queue.ReasonCoDel, queue.ReasonFull}},
		{"everything", map[string]any{"codel": true, "drop_expired": true, "max_wait": "50ms", "length": 60}, []lab.Reason{queue.ReasonCoDel, queue.ReasonExpired, queue.ReasonWait}},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := map[lab.Reason]int{}
			for _, r := range patterntest.Twin(t, queue.Pattern(), c.settings, trace(2000)) {
				seen[r.Response.Reason]++
			}
			for _, reason := range c.want {
				if seen[reason] == 0 {
					t.Errorf("no request ended for %s in %v, want a trace that shows it", reason, seen)
				}
			}
		})
	}
}

// Under 50 % overload with callers that wait 30 to 90 ms, the order decides:
// fifo with a room of 100 answers nearly everybody too late, lifo answers those
// it serves in time, and dropping what has expired helps fifo less than that.
func TestTheOrderDecidesGoodput(t *testing.T) {
	good := map[string]int{}
	for name, settings := range map[string]map[string]any{
		"fifo": {}, "lifo": {"order": "lifo"}, "fifo drop": {"drop_expired": true},
	} {
		arrivals := trace(4000)
		results, _ := patterntest.Virtual(t, queue.Pattern(), settings, arrivals)
		for i, r := range results {
			if r.Response.Outcome == lab.OK && !arrivals[i].Request.Useless(r.At) {
				good[name]++
			}
		}
	}
	if good["lifo"] < 2*good["fifo"] || good["fifo drop"] < good["fifo"] || good["lifo"] < good["fifo drop"] {
		t.Errorf("answers in time of 4000: %v, want lifo above fifo drop above fifo, and twice fifo", good)
	}
}
