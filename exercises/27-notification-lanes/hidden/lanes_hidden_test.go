//go:build exercise

package notificationlanes_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	notificationlanes "workbench/exercises/27-notification-lanes/start"
)

// A blast that is out of patience as a whole must not stand in front of what
// is urgent: its lane has one turn, not one for each message.
func TestBlast(t *testing.T) {
	const patience = time.Minute
	q := queue(t, config{Lanes: 2, Size: 10_000, Patience: patience})
	for i := range 5000 {
		push(quiet{t}, q, 0, 1, fmt.Sprint("sale ", i))
	}
	now := time.Hour
	tell(t, 0, "Push of 5000 sales into lane 1")
	sales := 0
	for i := range 100 {
		push(quiet{t}, q, now, 0, fmt.Sprint("code ", i))
		for {
			m, ok := q.Pop(now)
			if i < 5 || m.Lane == 1 {
				tell(t, now, "code %d is in lane 0; Pop = %q, %v", i, m.Text, ok)
			}
			if !ok {
				t.Fatal("the queue is empty, want thousands of sales in it")
			}
			if strings.HasPrefix(m.Text, "code") {
				break
			}
			sales++
		}
		now += time.Second
	}
	// 100 seconds are one turn at the beginning and one more after a minute.
	if sales != 2 {
		t.Errorf("within 100 s %d old sales went before fresh codes, want 2: one for each minute of patience", sales)
	}
}

// A lane that was just served starts to wait anew, also when it was served
// because it was its turn anyway; and a new message does not inherit the wait
// of the lane's empty hours.
func TestWaitsFromWhen(t *testing.T) {
	const patience = 10 * time.Second
	q := queue(t, config{Lanes: 2, Size: 10, Patience: patience})
	push(t, q, 0, 1, "sale 1", "sale 2")
	pop(t, q, 9*time.Second, "sale 1")
	push(t, q, 9*time.Second, 0, "code 1", "code 2", "code 3", "code 4")
	pop(t, q, 11*time.Second, "code 1")
	pop(t, q, 19*time.Second-1, "code 2")
	pop(t, q, 19*time.Second, "sale 2", "code 3", "code 4")
	empty(t, q, time.Hour)
	push(t, q, time.Hour, 1, "sale 3")
	push(t, q, time.Hour, 0, "code 5", "code 6", "code 7")
	pop(t, q, time.Hour+patience-1, "code 5", "code 6")
	pop(t, q, time.Hour+patience, "sale 3", "code 7")
}

// Of several lanes out of patience, the one that waits longest is next, however
// urgent the others are.
func TestHungriest(t *testing.T) {
	const patience = 10 * time.Second
	q := queue(t, config{Lanes: 4, Size: 10, Patience: patience})
	push(t, q, 1, 3, "c1", "c2")
	push(t, q, 2, 1, "a1", "a2")
	push(t, q, 2, 2, "b1")
	push(t, q, time.Minute, 0, "now 1", "now 2")
	pop(t, q, time.Minute, "c1", "a1", "b1", "now 1", "now 2", "a2", "c2")
	empty(t, q, time.Minute)
}

func TestNoKey(t *testing.T) {
	q := queue(t, config{Lanes: 1, Size: 10, Patience: time.Hour, Window: time.Hour})
	push(t, q, 0, 0, "one", "two", "two")
	pop(t, q, 0, "one", "two", "two")
	open := queue(t, config{Lanes: 1, Size: 10, Patience: time.Hour})
	for range 2 {
		if err := put(t, open, 0, message{Key: "k"}); err != nil {
			t.Errorf("no window: Push of a key twice = %v, want it accepted", err)
		}
	}
}

// Redelivery comes mostly after the message was sent.
func TestDuplicateAfterPop(t *testing.T) {
	q := queue(t, config{Lanes: 1, Size: 10, Patience: time.Hour, Window: time.Minute})
	m := message{Key: "k", Text: "once"}
	if err := put(t, q, 0, m); err != nil {
		t.Fatal(err)
	}
	pop(t, q, time.Second, "once")
	if err := put(t, q, 2*time.Second, m); !errors.Is(err, notificationlanes.ErrDuplicate) {
		t.Errorf("a message delivered again after it was sent: Push = %v, want ErrDuplicate", err)
	}
}

// A sender that keeps asking must not keep its own key refused for ever.
func TestWindowStands(t *testing.T) {
	q := queue(t, config{Lanes: 1, Size: 100, Patience: time.Hour, Window: time.Minute})
	accepted := 0
	for i := range 120 {
		if err := q.Push(time.Duration(i)*time.Second, message{Key: "disk full"}); err == nil {
			tell(t, time.Duration(i)*time.Second, "Push of the key \"disk full\" is accepted")
			accepted++
		}
	}
	if accepted != 2 {
		t.Errorf("pushed each second for 2 minutes, a key with a window of one was accepted %d times, want 2", accepted)
	}
}

// What was refused was not sent: to call the next try a duplicate loses it.
func TestRefusedIsForgotten(t *testing.T) {
	q := queue(t, config{Lanes: 1, Size: 1, Patience: time.Hour, Window: time.Hour})
	push(t, q, 0, 0, "first")
	if err := put(t, q, 1, message{Key: "k", Text: "second"}); !errors.Is(err, notificationlanes.ErrFull) {
		t.Fatalf("Push into a full lane = %v, want ErrFull", err)
	}
	if err := put(t, q, 1, message{Key: "k", Lane: 5}); !errors.Is(err, notificationlanes.ErrLane) {
		t.Fatalf("Push into lane 5 of 1 = %v, want ErrLane", err)
	}
	pop(t, q, 2, "first")
	if err := put(t, q, 3, message{Key: "k", Text: "second"}); err != nil {
		t.Errorf("the second try of a message that was refused: Push = %v, want it accepted", err)
	}
	pop(t, q, 3, "second")
}

// A clock that comes from several goroutines goes back now and then.
func TestClockBackwards(t *testing.T) {
	const window, patience = time.Minute, 10 * time.Second
	q := queue(t, config{Lanes: 2, Size: 10, Patience: patience, Window: window})
	push(t, q, time.Hour, 0, "late")
	pop(t, q, time.Hour, "late")
	// Pushed with an old clock, it has not waited since then.
	push(t, q, time.Hour-patience, 1, "sale")
	push(t, q, time.Hour, 0, "code 1", "code 2")
	pop(t, q, time.Hour, "code 1")
	pop(t, q, time.Hour+patience-1, "code 2")
	pop(t, q, 0, "sale")
	m := message{Key: "k"}
	if err := put(t, q, 0, m); err != nil {
		t.Fatal(err)
	}
	if err := put(t, q, time.Hour+window/2, m); !errors.Is(err, notificationlanes.ErrDuplicate) {
		t.Errorf("half a window after a push with an old clock: Push = %v, want ErrDuplicate", err)
	}
}

// Against the plainest queue one can write: lists, searched from end to end.
func TestAgainstModel(t *testing.T) {
	type waiting struct {
		message
		at time.Duration
	}
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(27, seed))
		c := config{Lanes: 1 + rng.IntN(5), Size: 1 + rng.IntN(6), Patience: time.Duration(1 + rng.IntN(30)), Window: time.Duration(rng.IntN(40))}
		q := queue(t, c)
		lanes, served, keys := make([][]waiting, c.Lanes), make([]time.Duration, c.Lanes), map[string]time.Duration{}
		now := time.Duration(0)
		var did []string // what happened, for whoever complains
		var when []time.Duration
		note := func(format string, args ...any) {
			did, when = append(did, fmt.Sprintf(format, args...)), append(when, now)
		}
		complain := func(format string, args ...any) {
			t.Helper()
			for i := max(0, len(did)-15); i < len(did); i++ {
				tell(t, when[i], "%s", did[i])
			}
			t.Fatalf(format, args...)
		}
		for step := range 600 {
			now += time.Duration(rng.IntN(4))
			if rng.IntN(2) == 0 {
				m := message{Key: fmt.Sprint(rng.IntN(12)), Lane: rng.IntN(c.Lanes), Text: fmt.Sprint(step)}
				at, known := keys[m.Key]
				duplicate, full := known && now-at < c.Window, len(lanes[m.Lane]) == c.Size
				err := q.Push(now, m)
				note("Push(lane %d, %q, key %q) = %v", m.Lane, m.Text, m.Key, err)
				if (err == nil) != (!duplicate && !full) {
					complain("seed %d, step %d, %+v: Push(%d, %+v) = %v, want duplicate %v, full %v", seed, step, c, now, m, err, duplicate, full)
				} else if err == nil {
					keys[m.Key] = now
					lanes[m.Lane] = append(lanes[m.Lane], waiting{m, now})
				}
				continue
			}
			best, wait, urgent := -1, c.Patience-1, -1
			for i, lane := range lanes {
				if len(lane) == 0 {
					continue
				}
				if urgent < 0 {
					urgent = i
				}
				if w := now - max(lane[0].at, served[i]); w > wait {
					best, wait = i, w
				}
			}
			if best < 0 {
				best = urgent
			}
			m, ok := q.Pop(now)
			note("Pop = lane %d, %q, %v", m.Lane, m.Text, ok)
			if ok != (best >= 0) || ok && m != lanes[best][0].message {
				complain("seed %d, step %d, %+v: Pop(%d) = %+v, %v; want one from lane %d of %v", seed, step, c, now, m, ok, best, lanes)
			}
			if ok {
				lanes[best], served[best] = lanes[best][1:], now
			}
		}
	}
}

func TestConcurrent(t *testing.T) {
	q := queue(t, config{Lanes: 3, Size: 4000, Patience: time.Hour, Window: time.Hour})
	const senders, each = 4, 300
	var all sync.WaitGroup
	accepted, out := make([]int, senders), make([][]string, senders)
	tell(t, 0, "%d goroutines begin to Push %d messages each, beside as many that Pop", senders, each)
	for s := range senders {
		all.Go(func() {
			for i := range each {
				// Two senders share each key: one of them is a duplicate.
				if err := q.Push(0, message{Key: fmt.Sprint(s/2, " ", i), Lane: i % 3, Text: fmt.Sprint(s, " ", i)}); err == nil {
					accepted[s]++
				}
			}
		})
		all.Go(func() {
			for range each {
				if m, ok := q.Pop(0); ok {
					out[s] = append(out[s], m.Text)
				}
			}
		})
	}
	all.Wait()
	got := map[string]int{}
	for _, texts := range out {
		for _, text := range texts {
			got[text]++
		}
	}
	for m, ok := q.Pop(0); ok && len(got) <= senders*each; m, ok = q.Pop(0) {
		got[m.Text]++
	}
	total := 0
	for s := range senders {
		total += accepted[s]
	}
	tell(t, 0, "Push by %d goroutines of %d messages each, two of them with the same keys, beside as many that Pop: %d accepted, %d came out", senders, each, total, len(got))
	if want := senders / 2 * each; total != want || len(got) != want {
		t.Errorf("of %d keys %d messages were accepted and %d came out, want each once", want, total, len(got))
	}
	for text, n := range got {
		if n != 1 {
			t.Errorf("message %q came out %d times, want once", text, n)
		}
	}
}

// Keys must not pile up for as long as the service runs.
func TestKeysMemory(t *testing.T) {
	q := queue(t, config{Lanes: 1, Size: 10, Patience: time.Hour, Window: time.Second})
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	pad := strings.Repeat("x", 200)
	before := heap()
	for i := range 60_000 {
		now := time.Duration(i) * 10 * time.Millisecond
		if err := q.Push(now, message{Key: fmt.Sprint(pad, i)}); err != nil {
			t.Fatalf("Push = %v, want it accepted", err)
		}
		if _, ok := q.Pop(now); !ok {
			t.Fatal("Pop found nothing right after a Push")
		}
	}
	grown := heap() - before
	tell(t, 10*time.Minute, "Push and Pop of 60,000 keys, one each 10 ms: %d KiB more in use", grown>>10)
	if grown > 4<<20 {
		t.Errorf("after 60 000 keys, of which 100 are within the window, the heap grew by %d KiB, want at most 4096", grown>>10)
	}
	runtime.KeepAlive(q)
}

func TestBadSettings(t *testing.T) {
	good := config{Lanes: 1, Size: 1, Patience: 1}
	queue(t, good)
	for _, c := range []struct {
		name string
		edit func(*config)
	}{
		{"no lanes", func(c *config) { c.Lanes = 0 }},
		{"negative lanes", func(c *config) { c.Lanes = -1 }},
		{"no room", func(c *config) { c.Size = 0 }},
		{"negative room", func(c *config) { c.Size = -9 }},
		{"no patience", func(c *config) { c.Patience = 0 }},
		{"negative patience", func(c *config) { c.Patience = -1 }},
		{"negative window", func(c *config) { c.Window = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad := good
			c.edit(&bad)
			if q, err := notificationlanes.New(bad); err == nil || q != nil {
				t.Errorf("New(%+v) = %v, %v; want no queue and an error", bad, q, err)
			}
		})
	}
}

func TestNoSuchLane(t *testing.T) {
	q := queue(t, config{Lanes: 2, Size: 1, Patience: 1})
	for _, lane := range []int{-1, 2, 1 << 40, -1 << 63} {
		if err := put(t, q, 0, message{Lane: lane}); !errors.Is(err, notificationlanes.ErrLane) {
			t.Errorf("Push into lane %d of 2 = %v, want ErrLane", lane, err)
		}
	}
	empty(t, q, 0)
}

func TestAllocations(t *testing.T) {
	q := queue(t, config{Lanes: 4, Size: 3000, Patience: time.Millisecond, Window: time.Millisecond})
	for i := range 2000 {
		if err := q.Push(0, message{Key: fmt.Sprint(i), Lane: i % 4}); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Duration(0)
	if n := testing.AllocsPerRun(1500, func() {
		now += 10 * time.Microsecond
		q.Pop(now)
	}); n > 0 {
		t.Errorf("Pop allocates %v times a call, want 0", n)
	}
}

func BenchmarkPushPop(b *testing.B) {
	q := queue(b, config{Lanes: 4, Size: 10_000, Patience: time.Second, Window: time.Second})
	keys := make([]string, 50_000)
	for i := range keys {
		keys[i] = fmt.Sprint("key ", i)
	}
	for i := range 20_000 {
		_ = q.Push(0, message{Lane: i % 4})
	}
	now := time.Duration(0)
	for i := 0; b.Loop(); i++ {
		now += 50 * time.Microsecond
		_ = q.Push(now, message{Key: keys[i%len(keys)], Lane: i % 4})
		q.Pop(now)
	}
}
