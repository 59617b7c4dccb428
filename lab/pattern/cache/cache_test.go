package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"workbench/lab"
	"workbench/lab/pattern/cache"
	"workbench/lab/pattern/patterntest"
	"workbench/sim/dist"
)

func answer(text string) lab.Response { return lab.Response{Body: []byte(text)} }

func TestLife(t *testing.T) {
	k := cache.Knobs{TTL: 10 * time.Second, Jitter: .2, Negative: time.Second}
	for _, c := range []struct {
		name     string
		missing  bool
		u        float64
		negative time.Duration
		want     time.Duration
	}{
		{"shortest", false, 0, time.Second, 8 * time.Second},
		{"middle", false, .5, time.Second, 10 * time.Second},
		{"nearly longest", false, .75, time.Second, 11 * time.Second},
		{"missing", true, .5, time.Second, time.Second},
		{"missing is never remembered", true, .9, 0, 0},
		{"missing no longer than found", true, .5, time.Minute, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			k.Negative = c.negative
			if got := k.Life(c.missing, c.u); got != c.want {
				t.Errorf("Life(%t, %g) = %v, want %v", c.missing, c.u, got, c.want)
			}
		})
	}
}

func TestKnobs(t *testing.T) {
	for name, c := range map[string]struct {
		set map[string]any
		ok  bool
	}{
		"defaults":                  {nil, true},
		"early without memory":      {map[string]any{"store": "redis", "early": 1}, false},
		"early with both":           {map[string]any{"store": "both", "early": 1}, true},
		"unknown policy":            {map[string]any{"policy": "random"}, false},
		"no room":                   {map[string]any{"capacity": 0}, false},
		"ttl below the default neg": {map[string]any{"ttl": "1s"}, true},
	} {
		if _, err := cache.Pattern().Settings(c.set); (err == nil) != c.ok {
			t.Errorf("%s: Settings(%v) = %v, want ok %t", name, c.set, err, c.ok)
		}
	}
}

func TestWhatIsKeptAndWhatChanges(t *testing.T) {
	for _, c := range []struct {
		name           string
		res            lab.Response
		keep, changing bool
	}{
		{"ok", lab.Response{}, true, true},
		{"missing", lab.Response{Missing: true}, true, true},
		{"accepted", lab.Response{Accepted: true}, false, true},
		{"stale", lab.Response{Outcome: lab.Stale}, false, true},
		{"failed", lab.Refuse(lab.Failed, lab.ReasonFault, 0), false, true},
		{"late", lab.Refuse(lab.Late, lab.ReasonDeadline, 0), false, true},
		{"limited", lab.Refuse(lab.Limited, "rate", 1), false, false},
		{"open", lab.Refuse(lab.Open, "open", 0), false, false},
		{"shed before work", lab.Refuse(lab.Shed, lab.ReasonBacklog, 0), false, false},
		{"shed in the middle", lab.Refuse(lab.Shed, lab.ReasonShutdown, 0), false, true},
	} {
		if got := cache.Keepable(&c.res); got != c.keep {
			t.Errorf("%s: Keepable = %t, want %t", c.name, got, c.keep)
		}
		if got := cache.Changes(&c.res); got != c.changing {
			t.Errorf("%s: Changes = %t, want %t", c.name, got, c.changing)
		}
	}
}

func TestGet(t *testing.T) {
	c := cache.New(2, 0)
	get := func(now time.Duration, item uint64, op uint8) string {
		res, found, _ := c.Get(now, item, op, 0)
		return fmt.Sprintf("%d %s %v", found, res.Body, res.Age)
	}
	put := func(now time.Duration, item uint64, op uint8, text string) cache.Stored {
		_, _, lease := c.Get(now, item, op, 0)
		return c.Put(now, item, op, lease, answer(text), 10*time.Second, 0)
	}
	check := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("empty", get(0, 1, 0), "0  0s")
	put(time.Second, 1, 0, "one")
	check("kept", get(3*time.Second, 1, 0), "3 one 2s")
	check("another operation", get(3*time.Second, 1, 1), "0  0s")
	check("last instant", get(11*time.Second-1, 1, 0), "3 one 9.999999999s")
	check("expired", get(11*time.Second, 1, 0), "1  0s")
	check("gone", get(11*time.Second, 1, 0), "0  0s")

	put(20*time.Second, 1, 0, "a")
	put(20*time.Second, 1, 1, "b")
	get(20*time.Second, 1, 0)
	if got := put(20*time.Second, 2, 0, "c"); got != cache.KeptFor {
		t.Errorf("Put into a full cache = %d, want KeptFor", got)
	}
	check("the least recently used gave way", get(20*time.Second, 1, 1), "0  0s")
	check("the other stayed", get(20*time.Second, 1, 0), "3 a 0s")
	if got := c.Drop(1); got != 1 {
		t.Errorf("Drop(1) = %d, want 1", got)
	}
	check("dropped", get(20*time.Second, 1, 0), "0  0s")
	check("other items stay", get(20*time.Second, 2, 0), "3 c 0s")
	if hits, looks := c.Recent(20 * time.Second); hits != 3 || looks != 10 {
		t.Errorf("Recent(20s) = %d of %d, want 3 of 10: those since 11 s", hits, looks)
	}
	c.Clear()
	check("cleared", get(20*time.Second, 2, 0), "0  0s")
	if c.Len() != 0 {
		t.Errorf("Len() after Clear = %d, want 0", c.Len())
	}
}

// TestFillRace: a slow load that began before a write must not bring the old
// answer back after it.
func TestFillRace(t *testing.T) {
	c := cache.New(10, 0)
	_, _, slow := c.Get(0, 7, 0, 0)
	c.Drop(7)
	if got := c.Put(time.Second, 7, 0, slow, answer("old"), time.Minute, 0); got != cache.Refused {
		t.Errorf("Put after Drop = %d, want Refused", got)
	}
	_, found, fresh := c.Get(time.Second, 7, 0, 0)
	if found != cache.Miss {
		t.Errorf("Get = %d, want Miss", found)
	}
	if got := c.Put(time.Second, 7, 0, fresh, answer("new"), time.Minute, 0); got != cache.Kept {
		t.Errorf("Put under a lease from after Drop = %d, want Kept", got)
	}
	_, _, before := c.Get(time.Second, 8, 0, 0)
	c.Clear()
	if got := c.Put(time.Second, 8, 0, before, answer("old"), time.Minute, 0); got != cache.Refused {
		t.Errorf("Put after Clear = %d, want Refused", got)
	}
}

// TestEarly holds the chance of an early load to its closed form: a load that
// takes d is due with probability exp(-left/(beta d)).
func TestEarly(t *testing.T) {
	c := cache.New(10, 1)
	_, _, lease := c.Get(0, 1, 0, 0)
	c.Put(0, 1, 0, lease, answer("x"), 10*time.Second, time.Second)
	draws := dist.New(11, "early")
	const n = 20000
	for left, want := range map[time.Duration]float64{
		5 * time.Second: 0.0067, 2 * time.Second: 0.1353, 500 * time.Millisecond: 0.6065,
	} {
		soon := 0
		for range n {
			if _, found, _ := c.Get(10*time.Second-left, 1, 0, draws.Float64()); found == cache.Soon {
				soon++
			}
		}
		if got := float64(soon) / n; got < want-.012 || got > want+.012 {
			t.Errorf("%v before expiry: share of early loads %.4f, want %.4f ± 0.012 (seed 11)", left, got, want)
		}
	}
	if res, ok := c.Peek(9*time.Second, 1, 0); !ok || res.Age != 9*time.Second || !res.Cached {
		t.Errorf("Peek = %+v, %t, want the copy aged 9s", res, ok)
	}
}

// TestJitterSpreadsExpiry: of 10,000 entries made at once and loaded again as
// they expire, the busiest second after ten rounds sees far fewer loads.
func TestJitterSpreadsExpiry(t *testing.T) {
	busiest := func(jitter float64) int {
		k := cache.Knobs{TTL: 60 * time.Second, Jitter: jitter}
		draws := dist.New(3, "jitter")
		perSecond := map[int]int{}
		for range 10_000 {
			at := time.Duration(0)
			for at < 600*time.Second {
				at += k.Life(false, draws.Float64())
				perSecond[int(at/time.Second)]++
			}
		}
		most := 0
		for second, n := range perSecond {
			if second >= 540 {
				most = max(most, n)
			}
		}
		return most
	}
	if got := busiest(0); got != 10_000 {
		t.Errorf("without jitter: busiest second %d, want 10000", got)
	}
	// Evenly spread it would be 10000/60 = 167.
	if got := busiest(.2); got > 400 {
		t.Errorf("with ±20%%: busiest second %d, want at most 400", got)
	}
}

func TestShards(t *testing.T) {
	for _, capacity := range []int{1, 127, 128, 1000, 2047, 10_000, 1_000_003} {
		parts := cache.Shards(&cache.Knobs{Capacity: capacity})
		if n := len(parts); n&(n-1) != 0 || n > 16 {
			t.Errorf("capacity %d: %d parts, want a power of two up to 16", capacity, n)
		}
	}
	parts := cache.Shards(&cache.Knobs{Capacity: 1003})
	kept := 0
	for item := range uint64(100_000) {
		p := parts[cache.Shard(item, len(parts))]
		_, _, lease := p.Get(0, item, 0, 0)
		p.Put(0, item, 0, lease, answer("x"), time.Hour, 0)
	}
	for _, p := range parts {
		kept += p.Len()
	}
	if kept != 1003 {
		t.Errorf("entries after filling all parts: %d, want the capacity 1003", kept)
	}
}

// FuzzAgainstLRU plays the same operations on our cache and on a well-known
// LRU beside a map of expiry times, and wants the same answers.
func FuzzAgainstLRU(f *testing.F) {
	f.Add([]byte{1, 2, 3, 1, 200, 4, 5, 6, 1, 2}, uint8(3))
	f.Add([]byte("the quick brown fox jumps over the lazy dog"), uint8(1))
	f.Fuzz(func(t *testing.T, moves []byte, size uint8) {
		capacity := int(size%16) + 1
		type key struct {
			item uint64
			op   uint8
		}
		type kept struct {
			text    string
			expires time.Duration
		}
		known, err := simplelru.NewLRU[key, kept](capacity, nil)
		if err != nil {
			t.Fatal(err)
		}
		ours := cache.New(capacity, 0)
		now := time.Duration(0)
		for i, m := range moves {
			k := key{uint64(m % 8), m / 8 % 3}
			switch {
			case m >= 240:
				now += time.Duration(m-239) * 100 * time.Millisecond
			case m >= 216:
				want := 0
				for op := range uint8(3) {
					if known.Remove(key{k.item, op}) {
						want++
					}
				}
				if got := ours.Drop(k.item); got != want {
					t.Fatalf("move %d: Drop(%d) = %d, want %d", i, k.item, got, want)
				}
			case m >= 96:
				text := fmt.Sprint(i)
				_, _, lease := ours.Get(now, k.item, k.op, 0)
				if old, ok := known.Get(k); ok && now >= old.expires {
					known.Remove(k)
				}
				evicted := known.Add(k, kept{text, now + time.Second})
				if got := ours.Put(now, k.item, k.op, lease, answer(text), time.Second, 0); (got == cache.KeptFor) != evicted {
					t.Fatalf("move %d: Put = %d, the other evicted: %t", i, got, evicted)
				}
			default:
				want, ok := known.Get(k)
				if ok && now >= want.expires {
					known.Remove(k)
					ok = false
				}
				res, found, _ := ours.Get(now, k.item, k.op, 0)
				if (found == cache.Hit) != ok || ok && string(res.Body) != want.text {
					t.Fatalf("move %d: Get(%v) = %d %q, want %t %q", i, k, found, res.Body, ok, want.text)
				}
			}
			if ours.Len() != known.Len() || ours.Len() > capacity {
				t.Fatalf("move %d: Len() = %d, want %d, at most %d", i, ours.Len(), known.Len(), capacity)
			}
		}
	})
}

func TestConformance(t *testing.T) { patterntest.Run(t, cache.Pattern()) }

func TestTwins(t *testing.T) {
	long := patterntest.Poisson(3, 4000, 400, 30*time.Millisecond)
	for i := range long { // some items do not exist
		if long[i].Request.Key%5 == 0 && len(long[i].Answers) == 0 {
			long[i].Answers = []lab.Response{{Missing: true}}
		}
	}
	for name, knobs := range map[string]map[string]any{
		"defaults":     nil,
		"short ttl":    {"ttl": "200ms", "negative_ttl": "50ms"},
		"few entries":  {"capacity": 12},
		"early":        {"ttl": "300ms", "early": 2},
		"no negatives": {"negative_ttl": "0s", "jitter": 0},
	} {
		t.Run(name, func(t *testing.T) {
			hits := 0
			for _, r := range patterntest.Twin(t, cache.Pattern(), knobs, long) {
				if r.Response.Cached {
					hits++
				}
			}
			if hits < 500 || hits > 3600 {
				t.Errorf("%d of 4000 answers from the cache, want a trace that tests both (500 to 3600)", hits)
			}
		})
	}
}
