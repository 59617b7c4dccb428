package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/lab"
	"workbench/lab/remote/fuse"
	"workbench/sim/clock"
)

// script is gcra on the server: reading and writing the bucket is one step for
// all instances, on Redis's own clock, so that theirs need not agree. It counts
// whole microseconds, which a Lua number holds exactly until the year 2255, and
// writes them with %.0f because tostring would round to 14 digits. It returns 0,
// or the microseconds to wait. The bucket expires two seconds after it is full again: a
// Redis that keeps less exact time, as the embedded one does (see lab/remote), may let
// it go a second early, and what is forgotten while it counts would be given twice.
const script = `
local interval, full = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000000 + tonumber(t[2])
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = tat + interval - now - full
if wait > 0 then return wait end
tat = tat + interval
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000) + 2000)
return 0`

// windowScript is sliding-window on the server, in whole microseconds as script
// is. It returns 0, or the microseconds to wait. The window expires two
// seconds after it no longer counts, for the same reason.
const windowScript = `
local limit, length = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local at = tonumber(t[1]) * 1000000 + tonumber(t[2])
local q = redis.call('HMGET', KEYS[1], 'start', 'now', 'last')
local start = q[1] and tonumber(q[1]) or at - at % length
local now, last = q[2] and tonumber(q[2]) or 0, q[3] and tonumber(q[3]) or 0
local past = math.floor((at - start) / length)
if past > 0 then
  last, now, start = now, 0, start + past * length
  if past > 1 then last = 0 end
end
if last * (1 - (at - start) / length) + now < limit then
  redis.call('HSET', KEYS[1], 'start', string.format('%.0f', start), 'now', now + 1, 'last', last)
  redis.call('PEXPIRE', KEYS[1], math.ceil((start + 2 * length - at) / 1000) + 2000)
  return 0
end
local full, spare, from = last, limit - now, start
if now >= limit then full, spare, from = now, limit, start + length end
return math.max(1, from + math.floor(length * math.max(0, 1 - spare / full)) + 1 - at)`

// maxAsking bounds the calls that shadow makes beside its requests.
const maxAsking = 64

var errSkipped = errors.New("redis has failed and is left alone for now")

// shared is a limit whose buckets are in Redis.
type shared struct {
	client  redis.UniversalClient
	clock   clock.Clock
	log     *slog.Logger
	start   func(func(context.Context))
	counts  counts
	script  *redis.Script
	prefix  string
	args    []any // of the script
	timeout time.Duration
	closed  bool // refuse what Redis cannot judge
	asking  chan struct{}
	fuse    fuse.Fuse
}

func newShared(env lab.Env, k Knobs, c counts) *shared {
	s := &shared{
		client: env.Redis, clock: env.Clock, log: env.Log, start: env.Go, counts: c,
		timeout: k.RedisTimeout, closed: k.OnRedisError == "closed", asking: make(chan struct{}, maxAsking),
	}
	// What is rounded is rounded up, so that the rate is never exceeded. Other knobs
	// make other buckets, so that a change starts afresh.
	if k.Algorithm == "sliding-window" {
		s.script, s.args = redis.NewScript(windowScript), []any{k.Burst, int64(math.Ceil(1e6 * float64(k.Burst) / k.Rate))}
		s.prefix = fmt.Sprintf("workbench:ratelimit:window:%s:%g:%d:", k.Per, k.Rate, k.Burst)
		return s
	}
	interval := int64(math.Ceil(1e6 / k.Rate))
	s.script, s.args = redis.NewScript(script), []any{interval, interval * int64(k.Burst)}
	s.prefix = fmt.Sprintf("workbench:ratelimit:%s:%g:%d:", k.Per, k.Rate, k.Burst)
	return s
}

// take asks Redis for one token of key's bucket. It relies on the client's
// ContextTimeoutEnabled to return within the timeout.
func (s *shared) take(ctx context.Context, key uint64) (Verdict, error) {
	if !s.fuse.Admit(s.clock.Now()) {
		s.counts.redisSkipped.Add(1)
		return Verdict{}, errSkipped
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	name := s.prefix + strconv.FormatUint(key, 10)
	wait, err := s.script.Run(limited, s.client, []string{name}, s.args...).Int64()
	if err != nil && ctx.Err() != nil {
		return Verdict{}, ctx.Err() // the service is stopping, which says nothing about Redis
	}
	if err != nil {
		s.counts.redisErrors.Add(1)
		err = fmt.Errorf("ask redis for the quota %s: %w", name, err)
	}
	switch turned := s.fuse.Report(s.clock.Now(), err); {
	case turned && err != nil:
		s.log.Warn("rate limit without redis", "fail_closed", s.closed, "error", err)
	case turned:
		s.log.Info("rate limit with redis again")
	}
	return Verdict{OK: err == nil && wait == 0, Retry: time.Duration(wait) * time.Microsecond}, err
}

// ask does as take on a goroutine of its own and gives the answer to then. When
// too many are at it, the request is counted as skipped.
func (s *shared) ask(key uint64, then func(Verdict, error)) {
	select {
	case s.asking <- struct{}{}:
	default:
		s.counts.redisSkipped.Add(1)
		then(Verdict{}, errSkipped)
		return
	}
	s.start(func(ctx context.Context) {
		defer func() { <-s.asking }()
		if v, err := s.take(ctx, key); ctx.Err() == nil {
			then(v, err)
		}
	})
}
