package ratelimit

import (
	"container/list"
	"fmt"
	"math/bits"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Reasons for a refusal: whose quota is used up, or that nobody can tell.
const (
	ReasonGlobal lab.Reason = "limit_global"
	ReasonUser   lab.Reason = "limit_user"
	ReasonIP     lab.Reason = "limit_ip"
	ReasonToken  lab.Reason = "limit_token"
	ReasonStore  lab.Reason = "limit_store" // Redis cannot be asked, and the limit fails closed
)

// Knobs are the adjustable values.
type Knobs struct {
	Algorithm    string        `knob:"algorithm" options:"token-bucket,sliding-window,gcra" help:"how a quota is kept"`
	Per          string        `knob:"per" options:"global,user,ip,token" help:"who shares one quota"`
	Rate         float64       `knob:"rate" unit:"req/s" min:"0.1" max:"1e6" scale:"yes" help:"requests admitted a second for each quota"`
	Burst        int           `knob:"burst" unit:"requests" min:"1" max:"1000000" scale:"yes" help:"requests admitted at once after a rest"`
	MaxKeys      int           `knob:"max_keys" unit:"keys" min:"1" max:"1000000" help:"quotas kept in memory; beyond it the least recently used is forgotten"`
	Store        string        `knob:"store" options:"local,redis" help:"where quotas are kept: in each instance, or shared"`
	OnRedisError string        `knob:"on_redis_error" options:"open,closed" help:"what becomes of a request that Redis cannot judge"`
	RedisTimeout time.Duration `knob:"redis_timeout" min:"1ms" max:"2s" help:"longest wait for one decision of Redis"`
}

// Defaults returns the default knobs.
func Defaults() Knobs {
	return Knobs{
		Algorithm: "token-bucket", Per: "global", Rate: 1000, Burst: 100, MaxKeys: 65536,
		Store: "local", OnRedisError: "open", RedisTimeout: 50 * time.Millisecond,
	}
}

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	switch {
	case !(k.Rate > 0 && k.Rate <= 1e6):
		return knob.Wrong("rate", k.Rate, "more than 0 and at most 1e6 requests a second")
	case k.Burst < 1:
		return knob.Wrong("burst", k.Burst, "at least 1")
	case k.MaxKeys < 1:
		return knob.Wrong("max_keys", k.MaxKeys, "at least 1")
	case newRule(*k) == nil:
		return knob.Wrong("algorithm", k.Algorithm, "token-bucket, sliding-window or gcra")
	case reasonOf(k.Per) == "":
		return knob.Wrong("per", k.Per, "global, user, ip or token")
	case k.Store == "redis" && k.RedisTimeout <= 0:
		return knob.Wrong("redis_timeout", k.RedisTimeout, "more than 0s")
	}
	return nil
}

func reasonOf(per string) lab.Reason {
	switch per {
	case "global":
		return ReasonGlobal
	case "user":
		return ReasonUser
	case "ip":
		return ReasonIP
	case "token":
		return ReasonToken
	}
	return ""
}

// Verdict is the answer to one request.
type Verdict struct {
	OK      bool
	Evicted bool          // a bucket that was not yet full again was forgotten to make room
	Retry   time.Duration // when refused: how long until a token is there, if nobody else takes it
}

// bucket is one key's quota.
type bucket struct {
	key  uint64
	used time.Duration // when it was last asked
	quota
}

// Shard holds the buckets of a share of the keys, most recently used first. It
// is not safe for concurrent use, but different shards are independent.
type Shard struct {
	rule   rule
	room   int // most buckets
	latest *list.Element
	order  *list.List               // of *bucket
	byKey  map[uint64]*list.Element // into order
}

// Take asks at now for one token of key's bucket.
func (s *Shard) Take(now time.Duration, key uint64) Verdict {
	// A hot key, and the only key of a global limit, is found without the map.
	e, evicted := s.latest, false
	if e == nil || e.Value.(*bucket).key != key {
		e, evicted = s.find(now, key)
	}
	b := e.Value.(*bucket)
	// Callers on several cores read the clock before they get here, so that
	// instants may arrive swapped; a bucket's time must not run backwards.
	b.used = max(b.used, now)
	wait := s.rule.take(&b.quota, b.used)
	return Verdict{OK: wait == 0, Evicted: evicted, Retry: wait}
}

// find returns key's bucket, new if need be, as the most recently used.
func (s *Shard) find(now time.Duration, key uint64) (e *list.Element, evicted bool) {
	e, ok := s.byKey[key]
	switch {
	case ok:
		s.order.MoveToFront(e)
	case s.order.Len() < s.room:
		e = s.order.PushFront(&bucket{key: key, used: now})
		s.byKey[key] = e
	default:
		e = s.order.Back()
		old := e.Value.(*bucket)
		evicted = now-old.used < s.rule.rest()
		delete(s.byKey, old.key)
		*old = bucket{key: key, used: now}
		s.byKey[key] = e
		s.order.MoveToFront(e)
	}
	s.latest = e
	return e, evicted
}

// Len returns how many buckets the shard holds.
func (s *Shard) Len() int { return s.order.Len() }

// maxShards bounds the locks that a live limiter divides its keys among.
const maxShards = 16

// Limiter is all buckets of one limit. Use New.
type Limiter struct {
	per    string
	reason lab.Reason
	shards []Shard
	shift  int // of a hash, so that its top bits select the shard
}

// New returns a limiter whose buckets are all full.
func New(k Knobs) (*Limiter, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("ratelimit: %w", err)
	}
	n := 1
	for k.Per != "global" && n < maxShards && 2*n <= k.MaxKeys {
		n *= 2
	}
	l := &Limiter{per: k.Per, reason: reasonOf(k.Per), shards: make([]Shard, n), shift: 64 - bits.Len(uint(n-1))}
	for i := range l.shards {
		room := k.MaxKeys / n
		if i < k.MaxKeys%n {
			room++
		}
		l.shards[i] = Shard{rule: newRule(k), room: room, order: list.New(), byKey: map[uint64]*list.Element{}}
	}
	return l, nil
}

// Key returns whose bucket a request uses. Requests without a user (or token)
// share the bucket of key 0.
func (l *Limiter) Key(r *lab.Request) uint64 {
	switch l.per {
	case "user":
		return r.User
	case "ip":
		return r.IP
	case "token":
		return r.Token
	}
	return 0
}

// Place returns the index of the shard that keeps key's bucket.
func (l *Limiter) Place(key uint64) int { return int(key * 0x9e3779b97f4a7c15 >> l.shift) }

// Shards returns how many shards there are.
func (l *Limiter) Shards() int { return len(l.shards) }

// Shard returns shard i.
func (l *Limiter) Shard(i int) *Shard { return &l.shards[i] }

// Take asks at now for one token of key's bucket. It is not safe for concurrent
// use; a live limiter locks the one shard it needs.
func (l *Limiter) Take(now time.Duration, key uint64) Verdict {
	return l.shards[l.Place(key)].Take(now, key)
}

// Refuse returns the response for a request that must wait for retry.
func (l *Limiter) Refuse(retry time.Duration) lab.Response {
	return lab.Refuse(lab.Limited, l.reason, retry)
}
