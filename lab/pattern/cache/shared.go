package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/lab"
	"workbench/lab/remote/fuse"
	"workbench/sim/clock"
)

// Names in Redis. An entry carries the epoch and the token under which it was
// loaded and counts only while both stand, so a write deletes one small key,
// the item's token, to make every entry of the item worthless, those too that
// slow loads have yet to store. What Redis evicts is a miss, never a wrong
// answer.
const (
	epochKey    = "workbench:cache:epoch"
	tokenPrefix = "workbench:cache:token:"
	entryPrefix = "workbench:cache:entry:"
	dropChannel = "workbench:cache:drop"
	dropAll     = "*"
)

// owedMost is how many drops are remembered while Redis is away; beyond it,
// everything is dropped when it comes back.
const owedMost = 4096

// shared is the cache in Redis, common to all instances. It never returns an
// error: what goes wrong is a miss, and is counted.
type shared struct {
	client redis.UniversalClient
	clock  clock.Clock
	log    *slog.Logger
	counts *counts
	wait   time.Duration
	life   time.Duration // of a token: longer than any entry's
	origin string        // marks our own messages
	fuse   fuse.Fuse
	stop   context.CancelFunc

	mu      sync.Mutex
	owed    map[uint64]struct{} // guarded by mu: items dropped but not yet in Redis
	owedAll bool                // guarded by mu: everything is
	paying  bool                // guarded by mu: one request pays at a time
	looks   window              // guarded by mu
}

// farLease is the right to store in Redis. The zero value is none.
type farLease struct{ epoch, token string }

// copied is an entry found in Redis.
type copied struct {
	res        lab.Response
	left, load time.Duration // until it expires; what it took to load
	lease      farLease
}

// newShared returns a cache in Redis that begins by dropping what is there: no
// one dropped what was written while the cache was off.
func newShared(env lab.Env, k *Knobs, c *counts) *shared {
	return &shared{
		client: env.Redis, clock: env.Clock, log: env.Log, counts: c, wait: k.Wait,
		life: 2*k.Life(false, 1) + time.Minute, origin: rand.Text(), stop: func() {},
		owed: map[uint64]struct{}{}, owedAll: true,
	}
}

func entryKey(item uint64, op uint8) string {
	return entryPrefix + strconv.FormatUint(item, 36) + ":" + strconv.Itoa(int(op))
}

func tokenKey(item uint64) string { return tokenPrefix + strconv.FormatUint(item, 36) }

// try runs f against Redis unless Redis is known to be away, and reports
// whether it went well.
func (s *shared) try(ctx context.Context, f func(context.Context) error) bool {
	if !s.fuse.Admit(s.clock.Now()) {
		s.counts.redisSkipped.Add(1)
		return false
	}
	limited, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	err := f(limited)
	if err != nil && ctx.Err() != nil {
		return false // the service is stopping: that says nothing about Redis
	}
	if turned := s.fuse.Report(s.clock.Now(), err); turned {
		s.log.Info("cache: redis", "up", err == nil, "error", err)
	}
	if err != nil {
		s.counts.redisError.Add(1)
	}
	return err == nil
}

// get looks for an answer, unless only the lease is wanted. If Redis works, the
// lease allows put.
func (s *shared) get(ctx context.Context, item uint64, op uint8, wanted bool) (copied, bool) {
	var found copied
	hit := false
	ok := s.settled(ctx) && s.try(ctx, func(ctx context.Context) (err error) {
		found, hit, err = s.look(ctx, item, op)
		return err
	})
	s.mu.Lock()
	s.looks.add(s.clock.Now(), ok && hit && wanted)
	s.mu.Unlock()
	if !ok {
		return copied{}, false
	}
	return found, hit && wanted
}

func (s *shared) look(ctx context.Context, item uint64, op uint8) (c copied, hit bool, err error) {
	p := s.client.Pipeline()
	epoch, token := p.Get(ctx, epochKey), p.Get(ctx, tokenKey(item))
	value, left := p.Get(ctx, entryKey(item, op)), p.PTTL(ctx, entryKey(item, op))
	if _, err := p.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return copied{}, false, err
	}
	lease := farLease{epoch.Val(), token.Val()}
	if lease.epoch == "" || lease.token == "" {
		lease, err = s.lease(ctx, item)
		return copied{lease: lease}, false, err
	}
	e, ok := decode([]byte(value.Val()))
	if !ok || e.lease != lease || left.Val() <= 0 {
		return copied{lease: lease}, false, nil
	}
	c = copied{res: e.res, left: left.Val(), load: e.load, lease: lease}
	c.res.Cached = true
	c.res.Age += max(e.ttl-left.Val(), 0)
	return c, true, nil
}

// lease makes the epoch and the item's token, unless another was first, and
// returns those that stand.
func (s *shared) lease(ctx context.Context, item uint64) (farLease, error) {
	p := s.client.Pipeline()
	p.SetNX(ctx, epochKey, rand.Text(), 0)
	p.SetNX(ctx, tokenKey(item), rand.Text(), s.life)
	epoch, token := p.Get(ctx, epochKey), p.Get(ctx, tokenKey(item))
	if _, err := p.Exec(ctx); err != nil {
		return farLease{}, err
	}
	return farLease{epoch.Val(), token.Val()}, nil
}

// put stores an answer that was loaded under lease and reports whether Redis
// took it. If the item was dropped meanwhile, nobody will believe it.
func (s *shared) put(ctx context.Context, item uint64, op uint8, lease farLease, res lab.Response, ttl, load time.Duration) bool {
	if lease == (farLease{}) {
		return false
	}
	ttl = max(ttl.Truncate(time.Millisecond), time.Millisecond) // Redis counts no finer, and an age is ttl less what is left
	value := encode(far{res: res, ttl: ttl, load: load, lease: lease})
	return s.try(ctx, func(ctx context.Context) error {
		p := s.client.Pipeline()
		p.Set(ctx, entryKey(item, op), value, ttl)
		p.PExpire(ctx, tokenKey(item), s.life)
		_, err := p.Exec(ctx)
		return err
	})
}

// drop forgets an item for all instances. If Redis does not take it, it is
// owed, and Redis is not read by this instance before it is paid.
func (s *shared) drop(ctx context.Context, item uint64) {
	s.mu.Lock()
	if len(s.owed) >= owedMost {
		s.owedAll = true
		clear(s.owed)
	}
	if !s.owedAll {
		s.owed[item] = struct{}{}
	}
	s.mu.Unlock()
	s.settled(ctx)
}

// settled reports whether Redis knows of every drop, after trying to tell it.
func (s *shared) settled(ctx context.Context) bool {
	s.mu.Lock()
	if !s.owedAll && len(s.owed) == 0 {
		s.mu.Unlock()
		return true
	}
	if s.paying {
		s.mu.Unlock()
		s.counts.redisSkipped.Add(1)
		return false
	}
	s.paying = true
	all, items := s.owedAll, s.owed
	s.owedAll, s.owed = false, map[uint64]struct{}{}
	s.mu.Unlock()
	paid := s.try(ctx, func(ctx context.Context) error { return s.pay(ctx, all, items) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paying = false
	if !paid {
		s.owedAll = s.owedAll || all
		for item := range items {
			s.owed[item] = struct{}{}
		}
	}
	return paid && !s.owedAll && len(s.owed) == 0
}

// pay makes Redis forget, and tells the other instances.
func (s *shared) pay(ctx context.Context, all bool, items map[uint64]struct{}) error {
	p := s.client.Pipeline()
	if all {
		p.Set(ctx, epochKey, rand.Text(), 0)
		p.Publish(ctx, dropChannel, s.origin+" "+dropAll)
	}
	for item := range items {
		p.Del(ctx, tokenKey(item))
		p.Publish(ctx, dropChannel, s.origin+" "+strconv.FormatUint(item, 36))
	}
	_, err := p.Exec(ctx)
	return err
}

// follow drops from memory what other instances drop, until close. While the
// subscription is broken messages are lost, so each new one empties memory.
func (s *shared) follow(run func(func(context.Context)), memory table) {
	stopped, stop := context.WithCancel(context.Background())
	s.stop = stop
	run(func(ctx context.Context) {
		sub := s.client.Subscribe(ctx, dropChannel)
		messages := sub.ChannelWithSubscriptions()
		for open := true; open; {
			select {
			case <-ctx.Done():
				open = false
			case <-stopped.Done():
				open = false
			case m, more := <-messages:
				open = more
				s.heard(m, memory)
			}
		}
		stop()
		if err := sub.Close(); err != nil {
			s.log.Debug("cache: end of subscription", "error", err)
		}
	})
}

func (s *shared) heard(message any, memory table) {
	switch m := message.(type) {
	case *redis.Subscription:
		memory.clear()
	case *redis.Message:
		origin, item, _ := strings.Cut(m.Payload, " ")
		if origin == s.origin {
			return
		}
		if item == dropAll {
			memory.clear()
			return
		}
		// Anybody may publish; what is not an item is nobody's.
		if n, err := strconv.ParseUint(item, 36, 64); err == nil {
			s.counts.invalidated.Add(uint64(memory.drop(n)))
		}
	}
}

func (s *shared) recent(now time.Duration) (hits, looks uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks.sum(now)
}

func (s *shared) gauge() lab.Gauge {
	if s.fuse.Up() {
		return lab.Gauge{Name: "redis_up", Value: 1, Text: "up"}
	}
	return lab.Gauge{Name: "redis_up", Value: 0, Text: "degraded: going on without Redis"}
}

func (s *shared) close() { s.stop() }
