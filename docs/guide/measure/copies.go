package measure

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"workbench/docs/guide"
	"workbench/docs/guide/code"
	"workbench/sim/dist"
	"workbench/sim/theory"
)

// copies is what chapter 4 prints.
func copies() []Program {
	return []Program{
		convoy(), jitter(), hits(), conditional(), removal(),
		form("caching.expiry.naive", "", 0, "loads at one expiry: 500 requests a second, a load of 200 ms, nobody coordinates", "1+λW", func() (float64, error) {
			return theory.Stampede(500, 200*time.Millisecond)
		}),
		form("caching.lost.times", "×", 0, "load on the database without the cache, over that with 95 % hits", "1/(1-h)", func() (float64, error) { return 1 / (1 - .95), nil }),
	}
}

// convoy lets 100 callers ask for one key of a database that fails. Every load
// takes one unit of time; a caller's wait is counted in loads.
func convoy() Program {
	const callers = 100
	return Program{
		ID: "caching.convoy",
		Figures: []guide.Figure{
			counted("locked", "", 0, "loads by 100 callers of a lock for the key when every load fails"),
			counted("locked-last", "", 0, "loads that the last of 100 callers waits for, lock for the key"),
			counted("flight", "", 0, "loads by 100 callers who share one, which fails"),
		},
		Measure: func(ctx context.Context) (map[string]float64, error) {
			sick := errors.New("the database is sick")
			var loads atomic.Int64
			l := &code.Locked{}
			var last atomic.Int64
			err := code.Each(ctx, callers, callers, func(context.Context, int) error {
				_, err := l.Get(func() (string, error) { last.Store(loads.Add(1)); return "", sick })
				if !errors.Is(err, sick) {
					return fmt.Errorf("the lock: %w, want the load's error", err)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			var shared atomic.Int64
			f := &code.Flight{Limit: time.Minute}
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					_, _ = f.Get(ctx, "key", func(context.Context) (string, error) { // the error is the point
						for f.Waiting("key") < callers {
							runtime.Gosched() // the load takes until all are there
						}
						shared.Add(1)
						return "", sick
					})
				})
			}
			all.Wait()
			return map[string]float64{"locked": float64(loads.Load()), "locked-last": float64(last.Load()), "flight": float64(shared.Load())}, nil
		},
	}
}

// jitter counts expiries of 10,000 entries that were filled at one instant.
func jitter() Program {
	const entries, ttl = 10_000, 5 * time.Minute
	points := []struct {
		name  string
		share float64
	}{{"none", 0}, {"five", .05}, {"ten", .1}, {"twenty", .2}}
	p := Program{ID: "caching.jitter"}
	for _, at := range points {
		p.Figures = append(p.Figures, guide.Figure{ID: at.name, Digits: 0, How: fmt.Sprintf("expiries in the busiest second: 10,000 entries filled at once, 5 min ± %.0f %%, counted with seed 1", 100*at.share)})
	}
	p.Measure = func(context.Context) (map[string]float64, error) {
		out := map[string]float64{}
		for _, at := range points {
			draw := dist.New(seed, "jitter")
			busiest := map[int]int{}
			most := 0
			for range entries {
				s := int(code.TTL(ttl, at.share, draw.Float64()) / time.Second)
				busiest[s]++
				most = max(most, busiest[s])
			}
			out[at.name] = float64(most)
		}
		return out, nil
	}
	return p
}

// hits is the share of requests that a cache answers when some items are asked
// for much more than others.
func hits() Program {
	const items, skew = 100_000, 1.0
	points := []struct {
		name string
		room int
	}{{"tenth-percent", items / 1000}, {"one-percent", items / 100}, {"ten-percent", items / 10}}
	p := Program{ID: "caching.hits"}
	for _, at := range points {
		p.Figures = append(p.Figures,
			guide.Figure{ID: at.name, Unit: "%", How: fmt.Sprintf("hits of an LRU cache with room for %d of 100,000 items, Zipf 1", at.room), Formula: "Che's approximation: Σ(1-e^(-pT)) = room"})
	}
	p.Measure = func(context.Context) (map[string]float64, error) {
		popularity, err := theory.Zipf(items, skew)
		if err != nil {
			return nil, err
		}
		out := map[string]float64{}
		for _, at := range points {
			lru, err := theory.Che(popularity, at.room)
			if err != nil {
				return nil, err
			}
			out[at.name] = 100 * lru.HitShare
			if math.IsNaN(out[at.name]) {
				return nil, errors.New("no hit share")
			}
		}
		return out, nil
	}
	return p
}

// conditional asks a thousand times for a page that does not change, by a
// caller who keeps it and sends its tag.
func conditional() Program {
	const asked, size = 1000, 100_000
	return Program{
		ID: "caching.tags",
		Figures: []guide.Figure{
			counted("plain", "kB", 0, "bodies sent for 1,000 requests of a page of 100 kB, without tags"),
			counted("tagged", "kB", 0, "bodies sent for the same, with a tag"),
			counted("made-hash", "", 0, "pages made for those, when the tag is the page's hash"),
			counted("made-version", "", 0, "pages made for those, when the tag is the data's version"),
		},
		Measure: func(context.Context) (map[string]float64, error) {
			made := 0
			page := func(string) []byte { made++; return bytes.Repeat([]byte("x"), size) }
			version := func(string) string { return "v7" }
			hashed := func(path string) string { return fmt.Sprint(len(page(path))) } // any digest needs the page
			ask := func(h http.Handler, keep bool) (sent, times float64) {
				made = 0
				tag := ""
				for range asked {
					r := httptest.NewRequest(http.MethodGet, "/", nil)
					if keep && tag != "" {
						r.Header.Set("If-None-Match", tag)
					}
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					tag = w.Header().Get("ETag")
					sent += float64(w.Body.Len()) / 1e3
				}
				return sent, float64(made)
			}
			plain, _ := ask(code.Tagged(version, page), false)
			tagged, cheap := ask(code.Tagged(version, page), true)
			_, dear := ask(code.Tagged(hashed, page), true)
			return map[string]float64{"plain": plain, "tagged": tagged, "made-hash": dear, "made-version": cheap}, nil
		},
	}
}

// removal plays the moment in which a lock is taken off its map: the second
// caller has found it, the first one finishes, and a third one comes.
func removal() Program {
	return Program{
		ID:      "caching.removal",
		Figures: []guide.Figure{counted("inside", "", 0, "callers inside one key's lock at once, when the lock is removed between another's looking it up and taking it")},
		Measure: func(context.Context) (map[string]float64, error) {
			t := &code.Tidy{}
			var inside, most atomic.Int64
			nothing := func() {}
			enter := func() { most.Store(max(most.Load(), inside.Add(1))) }
			found, removed, second, leave := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
			var all sync.WaitGroup
			t.Do("key", nothing, func() { // the first one is at work
				all.Go(func() {
					t.Do("key", func() { close(found); <-removed }, func() { enter(); close(second); <-leave; inside.Add(-1) })
				})
				<-found
			})
			close(removed)
			<-second                                                 // the second one holds the lock that is on no map
			t.Do("key", nothing, func() { enter(); inside.Add(-1) }) // the third one does not wait for it
			close(leave)
			all.Wait()
			return map[string]float64{"inside": float64(most.Load())}, nil
		},
	}
}
