package theory_test

import (
	"math"
	"testing"
	"time"

	"workbench/sim/theory"
)

// FuzzQueue checks what must hold for every stable queue: more load, fewer
// servers and higher quantiles wait longer, and Little's law holds.
func FuzzQueue(f *testing.F) {
	f.Add(uint16(0), .5, .99)
	f.Add(uint16(7), .8, .5)
	f.Add(uint16(99), .999999, .999)
	f.Add(uint16(3), 1e-9, 0.)
	f.Fuzz(func(t *testing.T, n uint16, load, share float64) {
		servers := int(n%500) + 1
		if !(load >= 0 && load < .9999999) || !(share >= 0 && share < 1) {
			t.Skip("outside the formulas' range, which TestArguments covers")
		}
		rate := load * float64(servers)
		q := queue(t, rate, servers)
		worse := queue(t, (load+.9999999)/2*float64(servers), servers)
		ordered(t, "WaitShare against load", q.WaitShare(), worse.WaitShare())
		ordered(t, "MeanWait against load", q.MeanWait().Seconds(), worse.MeanWait().Seconds())
		more := queue(t, rate, servers+1)
		ordered(t, "MeanWait against servers", more.MeanWait().Seconds(), q.MeanWait().Seconds())
		b, errB := theory.ErlangB(servers, rate)
		if errB != nil || !(b >= 0 && b <= q.WaitShare()+1e-12) || q.WaitShare() > 1 {
			t.Errorf("ErlangB = %v (error %v), want from 0 to ErlangC %v", b, errB, q.WaitShare())
		}
		inside, err := theory.Little(rate, q.MeanWait())
		if err != nil || math.Abs(inside-q.MeanWaiting()) > 1e-8*float64(servers)*(1+inside) {
			t.Errorf("MeanWaiting = %v, want rate × wait = %v (error %v)", q.MeanWaiting(), inside, err)
		}
		wait, err1 := q.WaitQuantile(share)
		response, err2 := q.ResponseQuantile(share)
		higher, err3 := q.ResponseQuantile((1 + share) / 2)
		if (1+share)/2 < 1 && (err1 != nil || err2 != nil || err3 != nil) {
			t.Fatalf("quantiles of %v: %v, %v, %v", share, err1, err2, err3)
		}
		ordered(t, "wait within response", wait.Seconds(), response.Seconds())
		if err3 == nil {
			ordered(t, "response against share", response.Seconds(), higher.Seconds())
		}
	})
}

func ordered(t *testing.T, name string, low, high float64) {
	t.Helper()
	// Results are rounded to a nanosecond.
	if !(low >= 0 && low <= high*(1+1e-9)+2e-9) {
		t.Errorf("%s: %v is not from 0 to %v", name, low, high)
	}
}

// FuzzChe checks that a cache's share grows with its room, stays below the best
// possible one, and keeps what it says it keeps.
func FuzzChe(f *testing.F) {
	f.Add(uint16(100), .8, uint16(10))
	f.Add(uint16(1000), 0., uint16(999))
	f.Add(uint16(2000), 3., uint16(1999))
	f.Add(uint16(1), 1., uint16(1))
	f.Fuzz(func(t *testing.T, n uint16, skew float64, room uint16) {
		if !(skew >= 0 && skew <= 4) {
			t.Skip("outside the range of Zipf, or its items too far apart for Che")
		}
		items, err := theory.Zipf(int(n%3000)+1, skew)
		if err != nil {
			t.Fatalf("Zipf(%d, %v) = %v", n%3000+1, skew, err)
		}
		capacity := int(room)%len(items) + 1
		lru, err := theory.Che(items, capacity)
		larger, err2 := theory.Che(items, capacity+1)
		best, err3 := theory.TopShare(items, capacity)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatalf("Che and TopShare of %d: %v, %v, %v", capacity, err, err2, err3)
		}
		ordered(t, "HitShare against room", lru.HitShare, larger.HitShare)
		ordered(t, "HitShare against the best", lru.HitShare, best)
		if capacity == len(items) {
			return
		}
		kept := 0.0
		for _, p := range items {
			kept -= math.Expm1(-p * lru.Requests)
		}
		if math.Abs(kept-float64(capacity)) > 1e-6*float64(capacity) {
			t.Errorf("Che keeps %v items, want its capacity %d", kept, capacity)
		}
	})
}

// FuzzFinite feeds any numbers to every formula: each gives a finite number of
// 0 or more, or an error and 0.
func FuzzFinite(f *testing.F) {
	f.Add(1., .5, int64(time.Second), 3)
	f.Add(math.MaxFloat64, 1., int64(math.MaxInt64), 1)
	f.Add(5e-324, 5e-324, int64(1), 1000)
	f.Add(math.NaN(), math.Inf(1), int64(-1), -1)
	f.Add(99.999, 0., int64(10*time.Millisecond), 20)
	f.Fuzz(func(t *testing.T, x, y float64, ns int64, n int) {
		d := time.Duration(ns)
		fine := func(name string, v float64, err error) {
			t.Helper()
			if !(v >= 0 && v <= math.MaxFloat64) || err != nil && v != 0 {
				t.Errorf("%s(%v, %v, %v, %d) = %v, %v, want a finite number of 0 or more, or an error and 0", name, x, y, d, n, v, err)
			}
		}
		number := func(name string) func(float64, error) {
			return func(v float64, err error) { t.Helper(); fine(name, v, err) }
		}
		span := func(name string) func(time.Duration, error) {
			return func(v time.Duration, err error) { t.Helper(); fine(name, float64(v), err) }
		}
		q, err := theory.NewMMC(x, n, d)
		if err == nil {
			number("WaitShare")(q.WaitShare(), nil)
			number("Utilisation")(q.Utilisation(), nil)
			number("MeanWaiting")(q.MeanWaiting(), nil)
			span("MeanWait")(q.MeanWait(), nil)
			span("MeanResponse")(q.MeanResponse(), nil)
			span("WaitQuantile")(q.WaitQuantile(y))
			span("ResponseQuantile")(q.ResponseQuantile(y))
		}
		number("Little")(theory.Little(x, d))
		number("ErlangB")(theory.ErlangB(n, x))
		number("ErlangC")(theory.ErlangC(n, x))
		span("MG1Wait")(theory.MG1Wait(x, d, y))
		span("MD1Wait")(theory.MD1Wait(x, d))
		number("MM1KBlocking")(theory.MM1KBlocking(x, n))
		number("Supermarket")(theory.Supermarket(x, n))
		number("FanOut")(theory.FanOut(x, n))
		number("LeafShare")(theory.LeafShare(x, n))
		number("RingSpread")(theory.RingSpread(n, n))
		number("Stampede")(theory.Stampede(x, d))
		number("EarlyLoads")(theory.EarlyLoads(x))
		number("ExpiryPeak")(theory.ExpiryPeak(n, d, y))
		number("Amplification")(theory.Amplification(n, n))
		number("Attempts")(theory.Attempts(x, n))
		number("Throttled")(theory.Throttled(x, y))
		clients := theory.Clients{Rate: x, Attempts: n, Budget: y}
		number("Load")(clients.Load())
		span("Drain")(clients.Drain(y, x, d))
		usl := theory.USL{One: x, Contention: y, Crosstalk: y}
		number("Throughput")(usl.Throughput(x))
		peak, top, err := usl.Peak()
		fine("Peak", peak, err)
		fine("Peak", top, err)
		lru, err := theory.Che([]float64{x, y, 1}, n)
		fine("Che", lru.HitShare, err)
		fine("Che", lru.Requests, err)
		number("TopShare")(theory.TopShare([]float64{x, y}, n))
	})
}
