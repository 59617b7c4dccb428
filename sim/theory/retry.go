package theory

import (
	"math"
	"time"
)

// The bounds of a call graph that retries.
const (
	MaxAttempts = 1000
	MaxLayers   = 100
)

// Amplification returns how many calls reach the last layer for one request when
// each of so many layers makes up to attempts calls, the first included, and
// all of them fail: attempts to the power of layers (Beyer and others, "Site
// Reliability Engineering", 2016, chapter 22: 4 attempts in 3 layers make 64).
func Amplification(attempts, layers int) (float64, error) {
	err := check("Amplification").count("attempts", attempts, 1, MaxAttempts).count("layers", layers, 0, MaxLayers).err()
	if err != nil {
		return 0, err
	}
	return math.Pow(float64(attempts), float64(layers)), nil
}

// Attempts returns how many calls a request makes on average when each fails on
// its own account with the share failing and at most attempts are made:
// (1-failing^attempts) / (1-failing).
func Attempts(failing float64, attempts int) (float64, error) {
	if err := check("Attempts").share("failing", failing).count("attempts", attempts, 1, MaxAttempts).err(); err != nil {
		return 0, err
	}
	sum, p := 0.0, 1.0
	for range attempts {
		sum += p
		p *= failing
	}
	return sum, nil
}

// Clients is the load that users who retry bring to a service that is late for
// all of them.
type Clients struct {
	Rate     float64 // first tries a second
	Attempts int     // most calls for a request, the first included
	Budget   float64 // retries for each first try; 0: no budget
}

// Load returns the calls a second while every call fails: each request makes
// all its attempts, or, with a budget, as many retries as it pays for.
func (c Clients) Load() (float64, error) {
	if err := c.check("Clients.Load").err(); err != nil {
		return 0, err
	}
	return c.load(), nil
}

func (c Clients) load() float64 {
	retries := float64(c.Attempts - 1)
	if c.Budget > 0 {
		retries = min(retries, c.Budget)
	}
	return c.Rate * (1 + retries)
}

func (c Clients) check(name string) *checks {
	return check(name).that(c.Rate >= 0 && c.Rate <= 1e12, "Rate", c.Rate, "0 to 1e12").
		count("Attempts", c.Attempts, 1, MaxAttempts).least("Budget", c.Budget, 0)
}

// Stuck reports whether an overload outlasts its cause: the load that failure
// brings is at least the capacity, in calls a second, so a backlog that makes
// everybody late never shrinks (N. Bronson and others, "Metastable Failures in
// Distributed Systems", HotOS 2021).
func (c Clients) Stuck(capacity float64) (bool, error) {
	if err := c.check("Clients.Stuck").positive("capacity", capacity).err(); err != nil {
		return false, err
	}
	return c.load() >= capacity, nil
}

// Drain returns how long everybody is late after the cause of an overload has
// gone, when a backlog of so many calls is left: until it has shrunk to what
// the capacity, in calls a second, works off within the clients' patience. It is
// the fluid limit: no randomness, calls served in order of arrival, and late
// ones served like others. An overload that never ends is an error that names
// the capacity.
func (c Clients) Drain(backlog, capacity float64, patience time.Duration) (time.Duration, error) {
	k := c.check("Clients.Drain").least("backlog", backlog, 0).positive("capacity", capacity).
		that(patience >= 0, "patience", patience, "0 or more")
	if err := k.err(); err != nil {
		return 0, err
	}
	harmless := capacity * patience.Seconds()
	if backlog <= harmless {
		return 0, nil
	}
	if err := k.that(capacity > c.load(), "capacity", capacity, "more than the load with retries: else the backlog stays").err(); err != nil {
		return 0, err
	}
	return seconds((backlog - harmless) / (capacity - c.load())), nil
}

// Throttled returns how many requests a client sends for each that is accepted
// under adaptive throttling, which refuses locally the share (requests -
// k·accepts) / (requests + 1): min(k, overload). overload is what callers want
// over what the backend accepts, at least 1; k is above 1 (Beyer and others,
// "Site Reliability Engineering", 2016, chapter 21). It is the steady state for
// a backend that accepts up to a fixed rate and a window that holds many
// requests.
func Throttled(k, overload float64) (float64, error) {
	c := check("Throttled").that(k > 1 && k <= math.MaxFloat64, "k", k, "a finite number above 1").least("overload", overload, 1)
	return c.result(min(k, overload), "overload", overload)
}
