package classics

import (
	"context"
	"fmt"
	"math"
	"time"

	"workbench/sim/dist"
	"workbench/sim/engine"
	"workbench/sim/retry"
)

// contest is the experiment of the AWS article on backoff: so many clients start
// at once, and each must read a row's version and write it back unchanged by
// others. A client that loses waits and reads again. A message takes
// |N(10 ms, 2 ms)|.
type contest struct {
	clients int
	policy  policy
	times   int
}

// policy says how long a client waits before try number try of its own (the
// first retry is 1), given the last wait and a uniform draw.
type policy func(try int, last time.Duration, u float64) time.Duration

// The article's base of 5 ms is doubled before the first retry, so the first
// wait is at most 10 ms.
const (
	firstWait   = 10 * time.Millisecond
	longestWait = 2 * time.Second
	startWait   = 5 * time.Millisecond // what decorrelated jitter starts from
)

// waits returns the policy of the workbench's own backoff.
func waits(b retry.Backoff) policy {
	return func(try int, _ time.Duration, u float64) time.Duration { return b.Wait(try, u) }
}

func plain() policy { return waits(retry.Backoff{Base: firstWait, Cap: longestWait}) }
func fullJitter() policy {
	return waits(retry.Backoff{Base: firstWait, Cap: longestWait, Jitter: true})
}

// equalJitter waits at least half of what plain does.
func equalJitter(try int, _ time.Duration, u float64) time.Duration {
	half := retry.Backoff{Base: firstWait, Cap: longestWait}.Wait(try, 0) / 2
	return half + time.Duration(u*float64(half))
}

// decorrelated draws from startWait to three times the last wait.
func decorrelated(_ int, last time.Duration, u float64) time.Duration {
	last = max(last, startWait)
	return min(longestWait, startWait+time.Duration(u*float64(3*last-startWait)))
}

// The kinds of event of a contest: what a message does where it arrives.
const (
	evRead  uint8 = iota // the server reads the version for the client
	evSeen               // the client has it and writes
	evWrite              // the server compares and writes; Token is the version seen
	evLost               // the client learns that it lost
	evWon                // the client learns that it is done
)

// once returns how many writes were tried and when the last client was done.
func (c contest) once(seed uint64) (calls int, end time.Duration) {
	net, chance := dist.New(seed, "network"), dist.New(seed, "jitter")
	tries, last := make([]int, c.clients), make([]time.Duration, c.clients)
	var queue engine.Queue
	var version uint64
	send := func(at time.Duration, kind uint8, client int32, token uint64) {
		leg := math.Abs(10 + 2*net.Norm())
		queue.Schedule(at+time.Duration(leg*float64(time.Millisecond)), kind, client, token)
	}
	for i := range c.clients {
		send(0, evRead, int32(i), 0)
	}
	for {
		e, ok := queue.Take()
		if !ok {
			return calls, queue.Now()
		}
		switch e.Kind {
		case evRead:
			send(e.At, evSeen, e.Arg, version)
		case evSeen:
			send(e.At, evWrite, e.Arg, e.Token)
		case evWrite:
			calls++
			if e.Token == version {
				version++
				send(e.At, evWon, e.Arg, 0)
			} else {
				send(e.At, evLost, e.Arg, 0)
			}
		case evLost:
			tries[e.Arg]++
			last[e.Arg] = c.policy(tries[e.Arg], last[e.Arg], chance.Float64())
			send(e.At+last[e.Arg], evRead, e.Arg, 0)
		}
	}
}

// calls measures how many writes all clients together try.
func (c contest) calls(ctx context.Context, seed uint64) (Result, error) {
	return repeat(ctx, seed, c.times, func(seed uint64) (float64, error) {
		calls, _ := c.once(seed)
		return float64(calls), nil
	})
}

// ends measures when the last client is done, in milliseconds.
func (c contest) ends(ctx context.Context, seed uint64) (Result, error) {
	return repeat(ctx, seed, c.times, func(seed uint64) (float64, error) {
		_, end := c.once(seed)
		return float64(end) / float64(time.Millisecond), nil
	})
}

func backoffs() []Classic {
	const source = "M. Brooker, Exponential Backoff and Jitter, AWS Architecture Blog, 2015; the figure is the mean of 40 runs of its simulator, aws-samples/aws-arch-backoff-simulator"
	var out []Classic
	for _, p := range []struct {
		id, name    string
		policy      policy
		calls, ends float64 // as published
		times       int     // until the time, which varies more, is known well enough
	}{
		{"none", "no backoff", waits(retry.Backoff{}), 2428, 2037, 100},
		{"exponential", "exponential backoff", plain(), 1853, 63_869, 150},
		{"equal", "equal jitter", equalJitter, 813, 6665, 300},
		{"full", "full jitter", fullJitter(), 798, 4868, 300},
		{"decorrelated", "decorrelated jitter", decorrelated, 1005, 4619, 300},
	} {
		c := contest{clients: 100, policy: p.policy, times: p.times}
		out = append(out, Classic{
			ID: "backoff-calls-" + p.id, Title: "A hundred clients, one row: calls with " + p.name, Theory: p.calls, Tolerance: .02 * p.calls, Source: source,
			Figure: fmt.Sprintf("%s: %.0f calls until all are done", p.name, p.calls), Run: c.calls,
		}, Classic{
			ID: "backoff-time-" + p.id, Title: "A hundred clients, one row: time with " + p.name, Theory: p.ends, Tolerance: .05 * p.ends, Source: source,
			Figure: fmt.Sprintf("%s: all are done after %.0f ms", p.name, p.ends), Run: c.ends,
		})
	}
	return out
}
