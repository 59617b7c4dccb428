// Command plug lets the lab's circuit breaker ask an answer to this exercise.
package main

import (
	"time"

	breaker "workbench/exercises/08-breaker/start"
	"workbench/exercises/plug/host"
)

func main() { host.Main(open) }

func open(t host.Terms) (host.Solution, error) {
	b, err := breaker.New(breaker.Config{Window: t.Window, Failures: t.Failures, OpenFor: t.OpenFor, Probes: t.Probes})
	if err != nil {
		return host.Solution{}, err
	}
	return host.Solution{Decide: func(_ uint64, now time.Duration) host.Decision {
		ticket, err := b.Allow(now)
		if err != nil {
			return host.Decision{}
		}
		return host.Decision{OK: true, Done: func(now time.Duration, failed error) { b.Report(now, ticket, failed) }}
	}}, nil
}
