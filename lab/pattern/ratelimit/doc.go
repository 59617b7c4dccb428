// Package ratelimit admits requests up to a rate, for everybody together or for
// each user, address or token, and answers the rest with 429 and the time at
// which asking again makes sense.
//
// # Idea
//
// A quota is a promise about one caller, not about the server: it holds when the
// server is idle and it keeps the server for the others when it is not. Each key
// owns a bucket that fills at the rate and holds at most the burst; a request
// takes one token or is refused at once. Three ways to keep such a bucket are
// here. token-bucket is x/time/rate: a float of tokens and the instant it was
// right. gcra keeps one integer, the theoretical arrival time of the next
// request on a perfect schedule, and refuses what comes more than a burst ahead
// of it: the same decisions in eight bytes. sliding-window counts requests in
// the present and the last window of burst/rate seconds and weighs the last one
// by the share that still overlaps.
//
// # When
//
// At the edge, first in the chain: a refusal must cost less than an answer. Per
// user or token where one caller could starve all others; per address only
// before there is a login, for many people share one. A global limit protects
// capacity, but the loudest caller gets most of it.
//
// # Knobs
//
// algorithm is one of the three. per says whose bucket a request uses. rate is
// in requests a second for each bucket, burst the requests a bucket may admit at
// once after a rest; both grow with the scenario's scale. max_keys bounds the
// buckets kept in memory. store is local (each instance has its own buckets, so
// N instances admit N times the rate) or redis (all share one, kept by a script:
// gcra's, which decides as token-bucket does, or sliding-window's). redis_timeout is
// how long one decision may wait for Redis, and on_redis_error says whether a
// request that Redis cannot judge is let through (open) or answered 503 (closed).
//
// # Cost
//
// Local: one short critical section on one of sixteen shards, about as long as
// reading the clock beside it, and no allocation for a known key. A key takes
// about 140 bytes with gcra or sliding-window and 220 with token-bucket. Redis: a
// round trip a request, which is more than the whole chain besides.
//
// # How it fails
//
// Evicting a bucket refills it: a caller who sprays keys empties a bounded table
// and is then unlimited. Idle buckets (full again) go first; when there are none
// the least recently used goes and is counted as evicted, so watch that counter.
// A window that starts anew at each full second admits twice the burst around the
// boundary; the weighted one here exceeds burst + rate × window by less than one
// request. When Redis is away, open means no limit and closed means no service;
// after three failures in a row Redis is left alone for a second at a time, so
// that a black hole does not delay every request by the timeout. The script
// counts whole microseconds, so at rates that do not divide a million it admits
// less than asked: under 1 % less up to 10 000 a second, and half at the worst
// near a million. With store redis, buckets outlive a switch by burst/rate, windows
// by twice that. In virtual time there is no Redis: with store redis all instances
// share one limiter in memory, which never fails.
//
// # Source
//
// ITU-T I.371 (2004), annex A: the generic cell rate algorithm. Jonathan Turner,
// "New directions in communications", IEEE Communications Magazine 24 (1986):
// the leaky bucket. Cloudflare, "How we built rate limiting capable of scaling to
// millions of domains" (2017): the weighted window. gcra is held to x/time/rate
// decision by decision.
package ratelimit
