package ratelimit_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/ratelimit"
	"workbench/sim/dist"
)

func algorithms() []string { return []string{"token-bucket", "sliding-window", "gcra"} }

func knobs(algorithm string, perSecond float64, burst int) ratelimit.Knobs {
	k := ratelimit.Defaults()
	k.Algorithm, k.Rate, k.Burst = algorithm, perSecond, burst
	return k
}

func newLimiter(t testing.TB, k ratelimit.Knobs) *ratelimit.Limiter {
	t.Helper()
	return patterntest.Core(t, ratelimit.New, k)
}

func TestBurstThenRate(t *testing.T) {
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			l := newLimiter(t, knobs(algorithm, 10, 5))
			for i := range 5 {
				if v := l.Take(0, 1); !v.OK {
					t.Errorf("Take %d of a burst of 5 = %+v, want OK", i+1, v)
				}
			}
			if v := l.Take(0, 1); v.OK || v.Retry <= 0 {
				t.Errorf("Take 6 of a burst of 5 = %+v, want refused with a time to retry", v)
			}
			if v := l.Take(0, 2); !v.OK {
				t.Errorf("Take of another key = %+v, want OK", v)
			}
		})
	}
}

// The promise of Retry-After: who asks then is admitted, and not much earlier.
func TestRetryIsTheEarliestInstant(t *testing.T) {
	for _, algorithm := range algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			r := dist.New(3, algorithm)
			now := time.Duration(0)
			k := knobs(algorithm, 97, 7)
			l := newLimiter(t, k)
			refused := 0
			for range 3000 {
				now += time.Duration(r.Exp() * 3e6)
				v := l.Take(now, 0)
				if v.OK {
					continue
				}
				refused++
				if early := l.Take(now+v.Retry-2*time.Microsecond, 0); early.OK && v.Retry > 2*time.Microsecond {
					t.Fatalf("Take 2 µs before Retry %v = OK, want refused", v.Retry)
				}
				now += v.Retry
				if again := l.Take(now, 0); !again.OK {
					t.Fatalf("Take after Retry %v = %+v, want OK", v.Retry, again)
				}
			}
			if refused < 100 {
				t.Errorf("%d refusals, want enough of them to judge (100)", refused)
			}
		})
	}
}

func TestKeysAreApart(t *testing.T) {
	r := lab.Request{User: 1, IP: 2, Token: 3}
	for _, c := range []struct {
		per    string
		key    uint64
		reason lab.Reason
	}{
		{"global", 0, ratelimit.ReasonGlobal},
		{"user", 1, ratelimit.ReasonUser},
		{"ip", 2, ratelimit.ReasonIP},
		{"token", 3, ratelimit.ReasonToken},
	} {
		t.Run(c.per, func(t *testing.T) {
			k := knobs("gcra", 1, 1)
			k.Per = c.per
			l := newLimiter(t, k)
			if got := l.Key(&r); got != c.key {
				t.Errorf("Key() = %d, want %d", got, c.key)
			}
			if got := l.Refuse(time.Second); got.Outcome != lab.Limited || got.Reason != c.reason || got.RetryAfter != time.Second {
				t.Errorf("Refuse(1s) = %+v, want limited for %s after 1s", got, c.reason)
			}
			l.Take(0, l.Key(&r))
			other := lab.Request{User: 11, IP: 12, Token: 13}
			if v := l.Take(0, l.Key(&other)); v.OK != (c.per != "global") {
				t.Errorf("Take of a second caller = %+v, want OK only when callers are apart", v)
			}
		})
	}
}

func TestEviction(t *testing.T) {
	k := knobs("gcra", 10, 2) // full again after 200 ms
	k.Per, k.MaxKeys = "user", 1
	l := newLimiter(t, k)
	steps := []struct {
		name         string
		at           time.Duration
		key          uint64
		evicts, keys int
	}{
		{"the first key finds room", 0, 1, 0, 1},
		{"a full table forgets a busy key and says so", 100 * time.Millisecond, 2, 1, 1},
		{"an idle key is forgotten without loss", 300 * time.Millisecond, 3, 0, 1},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			v, n := l.Take(s.at, s.key), 0
			if v.Evicted {
				n = 1
			}
			if n != s.evicts || l.Shard(0).Len() != s.keys {
				t.Errorf("Take(%v, %d): %d evicted and %d keys, want %d and %d", s.at, s.key, n, l.Shard(0).Len(), s.evicts, s.keys)
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	k := knobs("token-bucket", 10, 10)
	k.Per, k.MaxKeys = "user", 1001
	l := newLimiter(t, k)
	evicted := 0
	for key := range uint64(50_000) {
		if l.Take(time.Duration(key), key).Evicted {
			evicted++
		}
	}
	keys := 0
	for i := range l.Shards() {
		keys += l.Shard(i).Len()
	}
	if keys != 1001 || evicted != 50_000-1001 {
		t.Errorf("after 50,000 keys within 50 µs: %d kept and %d evicted, want 1001 and 48,999", keys, evicted)
	}
}

func TestTheBusiestKeyIsNotEvicted(t *testing.T) {
	k := knobs("gcra", 1, 3)
	k.Per, k.MaxKeys = "user", 64
	l := newLimiter(t, k)
	admitted := 0
	for i := range uint64(10_000) {
		if l.Take(time.Duration(i), 7).OK { // the abuser, between ever new keys
			admitted++
		}
		l.Take(time.Duration(i), 1000+i)
	}
	if admitted != 3 {
		t.Errorf("admitted %d of the busiest key within 10 µs, want its burst of 3", admitted)
	}
}

func TestAnInstantThatComesLateMintsNothing(t *testing.T) {
	for _, algorithm := range algorithms() {
		l := newLimiter(t, knobs(algorithm, 1000, 1))
		l.Take(time.Second, 0)
		for _, at := range []time.Duration{time.Second - time.Millisecond, 0, time.Second} {
			if v := l.Take(at, 0); v.OK {
				t.Errorf("%s: Take(%v) after Take(1s) = OK, want refused", algorithm, at)
			}
		}
	}
}

// gcra and x/time/rate are the same limit in other words: they decide alike.
func TestGCRAMatchesTheLibrary(t *testing.T) {
	for _, c := range []struct {
		rate  float64
		burst int
		load  float64
	}{{100, 1, 1.5}, {1000, 20, 0.9}, {1000, 20, 3}, {50, 200, 2}, {8000, 7, 1}} {
		t.Run(fmt.Sprintf("%g per s, burst %d, load %g", c.rate, c.burst, c.load), func(t *testing.T) {
			own, library := newLimiter(t, knobs("gcra", c.rate, c.burst)), rate.NewLimiter(rate.Limit(c.rate), c.burst)
			r, now, admitted := dist.New(11, "arrivals"), time.Duration(0), 0
			for i := range 20_000 {
				now += time.Duration(r.Exp() / c.rate / c.load * 1e9)
				got, want := own.Take(now, 0).OK, library.AllowN(time.Unix(0, int64(now)), 1)
				if got != want {
					t.Fatalf("request %d at %v: Take = %v, x/time/rate says %v", i+1, now, got, want)
				}
				if got {
					admitted++
				}
			}
			if admitted == 0 || c.load > 1 && admitted == 20_000 {
				t.Errorf("admitted %d of 20,000, want a trace that tells the two apart", admitted)
			}
		})
	}
}

// FuzzPromise holds each algorithm to what a limit promises: in every window at
// most burst + rate × window, and under saturation at least 90 % of the rate.
func FuzzPromise(f *testing.F) {
	f.Add(uint64(1), uint8(0), uint16(100), uint8(10))
	f.Add(uint64(2), uint8(1), uint16(1000), uint8(1))
	f.Add(uint64(3), uint8(2), uint16(333), uint8(50))
	f.Add(uint64(4), uint8(1), uint16(7), uint8(200))
	f.Fuzz(func(t *testing.T, seed uint64, which uint8, perSecond uint16, size uint8) {
		algorithm := algorithms()[int(which)%3]
		limit, burst := float64(perSecond%5000)+1, int(size)+1
		l := newLimiter(t, knobs(algorithm, limit, burst))
		// The weighted window may exceed the promise by less than one request.
		over := map[string]float64{"token-bucket": 1e-3, "gcra": 1e-3, "sliding-window": 1}[algorithm]
		r, now := dist.New(seed, "arrivals"), time.Duration(0)
		var admitted []time.Duration
		for range 400 {
			// Bursts of near-simultaneous requests, and silences.
			gap := r.Exp() / limit * 1e9
			if r.Float64() < 0.7 {
				gap /= 1000
			} else if r.Float64() < 0.1 {
				gap *= 20
			}
			now += time.Duration(gap)
			if l.Take(now, 0).OK {
				admitted = append(admitted, now)
			}
		}
		for i := range admitted {
			for j := i; j < len(admitted); j++ {
				span := (admitted[j] - admitted[i]).Seconds()
				if got, most := float64(j-i+1), float64(burst)+limit*span+over; got > most {
					t.Fatalf("%s: admitted %g within %v, want at most %.3f", algorithm, got, admitted[j]-admitted[i], most)
				}
			}
		}
		// Saturated from here on: ask ten times as fast as the rate.
		count, start, each := 0, now, time.Duration(1e8/limit)
		for range 4000 {
			now += each
			if l.Take(now, 0).OK {
				count++
			}
		}
		// A window that begins full has no allowance until it has passed.
		allowed := limit * max(0, (now-start).Seconds()-2*float64(burst)/limit)
		if float64(count) < math.Floor(0.9*allowed) {
			t.Fatalf("%s: admitted %d of an allowance of %.1f when saturated, want 90 %%", algorithm, count, allowed)
		}
	})
}

func TestKnobsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*ratelimit.Knobs){
		"rate":          func(k *ratelimit.Knobs) { k.Rate = math.NaN() },
		"burst":         func(k *ratelimit.Knobs) { k.Burst = 0 },
		"max_keys":      func(k *ratelimit.Knobs) { k.MaxKeys = 0 },
		"algorithm":     func(k *ratelimit.Knobs) { k.Algorithm = "guess" },
		"per":           func(k *ratelimit.Knobs) { k.Per = "planet" },
		"redis_timeout": func(k *ratelimit.Knobs) { k.Store, k.RedisTimeout = "redis", 0 },
	} {
		t.Run(name, func(t *testing.T) {
			k := ratelimit.Defaults()
			change(&k)
			if _, err := ratelimit.New(k); err == nil {
				t.Errorf("New(%+v) = nil error, want one that names %s", k, name)
			}
		})
	}
}

func TestConformance(t *testing.T) { patterntest.Run(t, ratelimit.Pattern()) }

func TestTwins(t *testing.T) {
	for _, algorithm := range algorithms() {
		for _, per := range []string{"global", "user", "ip", "token"} {
			t.Run(algorithm+" per "+per, func(t *testing.T) {
				settings := map[string]any{"algorithm": algorithm, "per": per, "rate": 30, "burst": 5, "max_keys": 40}
				limited := 0
				for _, r := range patterntest.Twin(t, ratelimit.Pattern(), settings, patterntest.Poisson(5, 2000, 3000, time.Millisecond)) {
					if r.Response.Outcome == lab.Limited {
						limited++
					}
				}
				if limited == 0 || limited == 2000 {
					t.Errorf("%d of 2000 limited, want a trace in which some are and some are not", limited)
				}
			})
		}
	}
}
