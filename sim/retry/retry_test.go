package retry_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"workbench/sim/dist"
	"workbench/sim/retry"
)

const ms = time.Millisecond

func TestWait(t *testing.T) {
	plain := retry.Backoff{Base: 100 * ms, Cap: time.Second}
	full := retry.Backoff{Base: 100 * ms, Cap: time.Second, Jitter: true}
	endless := retry.Backoff{Base: time.Second}
	cases := []struct {
		name    string
		backoff retry.Backoff
		try     int
		u       float64
		want    time.Duration
	}{
		{"zero value", retry.Backoff{}, 5, 0.5, 0},
		{"no base", retry.Backoff{Cap: time.Second}, 5, 0.5, 0},
		{"negative base", retry.Backoff{Base: -1}, 5, 0.5, 0},
		{"first", plain, 1, 0.5, 100 * ms},
		{"second", plain, 2, 0.5, 200 * ms},
		{"fourth", plain, 4, 0.5, 800 * ms},
		{"capped", plain, 5, 0.5, time.Second},
		{"capped for good", plain, math.MaxInt, 0.5, time.Second},
		{"no such try", plain, 0, 0.5, 0},
		{"nor this", plain, -3, 0.5, 0},
		{"base over the cap", retry.Backoff{Base: time.Minute, Cap: time.Second}, 1, 0, time.Second},
		{"no cap", endless, 11, 0, 1024 * time.Second},
		{"no cap, no overflow", endless, 100, 0, math.MaxInt64},
		{"last doubling that fits", retry.Backoff{Base: 1}, 63, 0, 1 << 62},
		{"first that does not", retry.Backoff{Base: 1}, 64, 0, math.MaxInt64},
		{"full jitter, none", full, 2, 0, 0},
		{"full jitter, half", full, 2, 0.5, 100 * ms},
		{"full jitter, most", full, 2, 1 - 0x1p-53, 200*ms - 1},
		{"full jitter, capped", full, 40, 0.25, 250 * ms},
		{"full jitter, draw too large", full, 1, 7, 100*ms - 1},
		{"full jitter, draw too small", full, 1, -7, 0},
		{"full jitter, draw no number", full, 1, math.NaN(), 0},
	}
	for _, c := range cases {
		if got := c.backoff.Wait(c.try, c.u); got != c.want {
			t.Errorf("%s: Wait(%d, %v) = %v, want %v", c.name, c.try, c.u, got, c.want)
		}
	}
}

func TestBackoffValidate(t *testing.T) {
	cases := []struct {
		backoff retry.Backoff
		want    []string // parts of the error; none: valid
	}{
		{retry.Backoff{}, nil},
		{retry.Backoff{Base: time.Second}, nil},
		{retry.Backoff{Base: ms, Cap: time.Second, Jitter: true}, nil},
		{retry.Backoff{Base: -1, Cap: -2}, []string{"base is -1ns", "cap is -2ns"}},
		{retry.Backoff{Base: time.Second, Cap: ms}, []string{"base is 1s, want at most its cap 1ms"}},
	}
	for _, c := range cases {
		err := c.backoff.Validate()
		if (err != nil) != (len(c.want) > 0) {
			t.Errorf("%+v: Validate = %v, want %q", c.backoff, err, c.want)
		}
		for _, want := range c.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: Validate = %q, want it to hold %q", c.backoff, err, want)
			}
		}
	}
}

func FuzzWait(f *testing.F) {
	f.Add(int64(100*ms), int64(time.Second), true, 3, 0.5)
	f.Add(int64(1), int64(0), false, 64, 0.0)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), true, 1, 1.0)
	f.Fuzz(func(t *testing.T, base, limit int64, jitter bool, try int, u float64) {
		b := retry.Backoff{Base: time.Duration(base), Cap: time.Duration(limit), Jitter: jitter}
		wait := b.Wait(try, u)
		if wait < 0 {
			t.Errorf("%+v: Wait(%d, %v) = %v, want 0 or more", b, try, u, wait)
		}
		if limit > 0 && wait > b.Cap {
			t.Errorf("%+v: Wait(%d, %v) = %v, want at most the cap", b, try, u, wait)
		}
		if plain := (retry.Backoff{Base: b.Base, Cap: b.Cap}); try > 1 && plain.Wait(try, u) < plain.Wait(try-1, u) {
			t.Errorf("%+v: the wait shrinks from try %d to %d", plain, try-1, try)
		} else if wait > plain.Wait(try, u) {
			t.Errorf("%+v: Wait(%d, %v) = %v, over the wait without jitter", b, try, u, wait)
		}
	})
}

// Full jitter spreads the retries of clients that failed together evenly over
// the wait: seed 1, 10,000 clients, ten slots of 1,000 ± 5 standard deviations.
func TestJitterSpreads(t *testing.T) {
	b := retry.Backoff{Base: time.Second, Cap: time.Minute, Jitter: true}
	r := dist.New(1, "jitter")
	var slots [10]int
	for range 10_000 {
		slots[b.Wait(1, r.Float64())/(100*ms)]++
	}
	for i, n := range slots {
		if n < 850 || n > 1150 {
			t.Errorf("slot %d holds %d clients, want 1000 ± 150", i, n)
		}
	}
}

func TestBudget(t *testing.T) {
	b := retry.NewBudget(0.1, 2)
	steps := []struct {
		name     string
		requests int
		take     bool
		balance  float64
	}{
		{"full at first", 0, true, 1},
		{"the reserve", 0, true, 0},
		{"empty", 0, false, 0},
		{"nine tenths", 9, false, 0.9},
		{"ten tenths are one", 1, true, 0},
		{"capped", 1000, true, 1},
	}
	for _, s := range steps {
		for range s.requests {
			b.Request()
		}
		if got := b.Take(); got != s.take {
			t.Errorf("%s: Take = %v, want %v", s.name, got, s.take)
		}
		if got := b.Balance(); got != s.balance {
			t.Errorf("%s: Balance = %v, want %v", s.name, got, s.balance)
		}
	}
}

func TestNewBudget(t *testing.T) {
	cases := []struct {
		name         string
		share, burst float64
		full         float64 // balance at first
		after        float64 // balance after emptying it and 10 first tries
	}{
		{"default reserve", 0.1, 0, retry.DefaultBurst, 1},
		{"reserve of at least one", 0.1, 0.2, 1, 1},
		{"no number", math.NaN(), math.NaN(), retry.DefaultBurst, 0},
		{"negative", -1, -1, retry.DefaultBurst, 0},
		{"infinite", math.Inf(1), math.Inf(1), 1e9, 0},
		{"one for one", 1, 100, 100, 10},
	}
	for _, c := range cases {
		b := retry.NewBudget(c.share, c.burst)
		if got := b.Balance(); got != c.full {
			t.Errorf("%s: Balance = %v, want %v", c.name, got, c.full)
		}
		if c.full > 1000 {
			continue
		}
		for b.Take() {
		}
		for range 10 {
			b.Request()
		}
		if got := b.Balance(); got != c.after {
			t.Errorf("%s: Balance after 10 first tries = %v, want %v", c.name, got, c.after)
		}
	}
}

func TestNilBudgetLetsAllThrough(t *testing.T) {
	var b *retry.Budget
	b.Request()
	if !b.Take() || !math.IsInf(b.Balance(), 1) {
		t.Errorf("nil Budget: Take = false or Balance = %v, want no limit", b.Balance())
	}
}

// In an outage every request wants three retries. Whatever the share, retries
// stay within it; that keeps the load of a 1,000/s service at 1,100/s.
func TestBudgetBoundsAnOutage(t *testing.T) {
	for _, share := range []float64{0.05, 0.1, 0.2, 1} {
		const requests, burst = 100_000, 10
		b := retry.NewBudget(share, burst)
		retries := 0
		for range requests {
			b.Request()
			for range 3 {
				if b.Take() {
					retries++
				}
			}
		}
		if limit := share*requests + burst; float64(retries) > limit || float64(retries) < limit-burst-1 {
			t.Errorf("share %v: %d retries, want at most %v and nearly as many", share, retries, limit)
		}
	}
}

// Over any stretch of a run retries stay within share × first tries + burst,
// and the balance within 0 to burst.
func FuzzBudget(f *testing.F) {
	f.Add(0.1, 10.0, []byte{0, 1, 1, 0, 0})
	f.Add(1e9, 1.0, []byte{1, 1, 1})
	f.Add(0.0, 3.5, []byte{1, 0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, share, burst float64, script []byte) {
		b := retry.NewBudget(share, burst)
		full := b.Balance()
		share = min(max(share, 0), 1000)
		for i := range script {
			from := retry.NewBudget(share, burst) // the bound holds from any step on
			*from = *b
			requests, retries := 0.0, 0.0
			for _, op := range script[i:min(i+50, len(script))] {
				if op%2 == 0 {
					from.Request()
					requests++
				} else if from.Take() {
					retries++
				}
				if got := from.Balance(); got < 0 || got > full {
					t.Fatalf("Balance = %v, want 0 to %v", got, full)
				}
			}
			if retries > share*requests+full+requests*1e-6 {
				t.Fatalf("%v retries for %v first tries, want at most %v", retries, requests, share*requests+full)
			}
			if script[i]%2 == 0 {
				b.Request()
			} else {
				b.Take()
			}
		}
	})
}

func TestHotPathsAllocateNothing(t *testing.T) {
	b := retry.NewBudget(0.1, 10)
	backoff := retry.Backoff{Base: ms, Cap: time.Second, Jitter: true}
	if n := testing.AllocsPerRun(100, func() {
		b.Request()
		b.Take()
		backoff.Wait(3, 0.5)
	}); n != 0 {
		t.Errorf("allocates %v times, want 0", n)
	}
}

func BenchmarkBudget(b *testing.B) {
	budget := retry.NewBudget(0.1, 10)
	for b.Loop() {
		budget.Request()
		budget.Take()
	}
}

func ExampleBackoff_Wait() {
	plain := retry.Backoff{Base: 100 * time.Millisecond, Cap: 2 * time.Second}
	jittered := plain
	jittered.Jitter = true
	r := dist.New(1, "example")
	for try := 1; try <= 6; try++ {
		fmt.Println(try, plain.Wait(try, 0), jittered.Wait(try, r.Float64()).Round(time.Millisecond))
	}
	// Output:
	// 1 100ms 19ms
	// 2 200ms 21ms
	// 3 400ms 163ms
	// 4 800ms 406ms
	// 5 1.6s 1.112s
	// 6 2s 578ms
}

// Everything fails, and every request may be tried four times. The budget lets
// one retry pass for ten requests, once its reserve is spent.
func ExampleBudget() {
	budget := retry.NewBudget(0.1, retry.DefaultBurst)
	tries := 0
	for range 1000 {
		budget.Request()
		tries++
		for retries := 0; retries < 3 && budget.Take(); retries++ {
			tries++
		}
	}
	fmt.Println("tries with a budget:", tries, "without:", 1000*4)
	// Output:
	// tries with a budget: 1109 without: 4000
}
