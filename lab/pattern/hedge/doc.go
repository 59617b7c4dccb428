// Package hedge asks a dependency a second time when the first call is late,
// and takes whichever answer comes first.
//
// # Idea
//
// Most calls are fast and a few are very slow, for reasons that have nothing to
// do with what was asked: a queue on one node, a pause, a lost packet. The same
// question asked again is most probably fast. So the pattern waits as long as
// most calls take, then makes a second call; the first good answer counts, and
// the call that lost is cancelled. When late is rare, the tail falls to about
// the delay and an ordinary call, for a few per cent more calls.
//
// # When
//
// For reads, which harm nobody when they happen twice, against a dependency
// whose slowness strikes calls at random, with room to spare. Not against a
// dependency that is slow because it is full: there the second call waits in the
// same line as the first and makes it longer.
//
// # Knobs
//
// quantile takes the delay from the calls themselves: with 0.95 the slowest
// twentieth gets a second call. Each operation has its own delay, worked out
// anew every 32 calls from its last 256. after is the delay where quantile is 0,
// and until an operation has been measured. budget is how many second calls may be made for
// each first one, with a reserve of 10: what keeps a slow hour from doubling the
// load. With 1 every call may have a second.
//
// # Cost
//
// Up to budget more calls. A call that lost and had begun costs the dependency
// its whole time: cancelling takes it out of a line, but does not stop what
// runs. Each read is called on a goroutine of its own with a copy of the request
// and a timer: 11 allocations and about 1 kB, whether it is late or not.
//
// # How it fails
//
// Under overload every call is late, so a fixed delay without a budget gives
// every call a second: twice the load for a dependency that could not bear once.
// A quantile follows the slowness and so bounds the share by itself, but needs a
// while to follow. The second call goes beside the bulkhead and the breaker,
// which count the two as one. It cures only chance: a request that is slow by its
// nature is slow twice. It is no retry: a call that fails before the delay is
// passed on as it is.
//
// # Source
//
// Jeffrey Dean and Luiz André Barroso, "The Tail at Scale", Communications of the
// ACM 56 (2013): hedged requests, deferred until the 95th percentile of the
// expected latency, with cancellation. The budget is that of package sim/retry.
package hedge
