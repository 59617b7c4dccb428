// Command plug lets the lab's rate limit ask an answer to this exercise.
package main

import (
	"strconv"
	"time"

	keyedlimiter "workbench/exercises/02-keyed-limiter/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	l, err := keyedlimiter.New(keyedlimiter.Config{Rate: t.Rate, Burst: t.Burst, MaxKeys: t.Keys})
	if err != nil {
		return host.Solution{}, err
	}
	return host.Solution{Decide: func(key uint64, now time.Duration) host.Decision {
		ok, retry := l.Allow(strconv.FormatUint(key, 36), now)
		return host.Decision{OK: ok, Retry: retry}
	}}, nil
}
