// Command plug lets the lab's rate limit ask an answer to this exercise: one
// bucket for everybody, or one for each key that the limit tells apart.
package main

import (
	"time"

	tokenbucket "workbench/exercises/01-token-bucket/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	first, err := tokenbucket.New(t.Rate, t.Burst)
	if err != nil {
		return host.Solution{}, err
	}
	buckets := map[uint64]*tokenbucket.Bucket{}
	return host.Solution{Decide: func(key uint64, now time.Duration) host.Decision {
		b := buckets[key]
		switch {
		case b != nil:
		case len(buckets) == 0:
			b, buckets[key] = first, first
		case len(buckets) < t.Keys:
			b, _ = tokenbucket.New(t.Rate, t.Burst) // it took the same settings before
			buckets[key] = b
		default:
			b = first // one bucket knows nothing of keys: those without room share it
		}
		ok, retry := b.Allow(now)
		return host.Decision{OK: ok, Retry: retry}
	}}, nil
}
