// kills: TestHitAllocations — a goroutine and a channel for a value that is already there cost more than the look-up

// Package cacheaside answers from memory and loads what is missing, once.
package cacheaside

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// ErrPanic is what callers get whose load panicked.
var ErrPanic = errors.New("cache: the load panicked")

// Config says how long an answer is good.
type Config struct {
	TTL    time.Duration    // how long a loaded value is fresh, on average
	Jitter float64          // by which share that may be longer or shorter, from 0 to less than 1
	Now    func() time.Time // tells the time; time.Now when nil
	Rand   func() float64   // draws evenly from [0, 1); a draw of 0.5 means TTL itself. rand.Float64 when nil
}

// Loader fetches a value from where it really is.
type Loader func(ctx context.Context) (string, error)

// answer is what a load gave.
type answer struct {
	value string
	err   error
}

// slot is one key. Its loading mutex is held across the load, so that loads of
// the key come one after another; a caller that finds, once it has it, that a
// load has ended since it came takes that load's answer.
type slot struct {
	loading sync.Mutex

	mu      sync.RWMutex
	loads   int       // guarded by mu: how many have ended
	last    answer    // guarded by mu
	expires time.Time // guarded by mu
}

// Cache holds slots by key. Use New.
type Cache struct {
	cfg   Config
	mu    sync.RWMutex
	slots map[string]*slot // guarded by mu
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	if cfg.TTL <= 0 || !(cfg.Jitter >= 0) || !(cfg.Jitter < 1) {
		return nil, fmt.Errorf("cache: TTL %v and jitter %v make no sense", cfg.TTL, cfg.Jitter)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	return &Cache{cfg: cfg, slots: map[string]*slot{}}, nil
}

// slot returns the slot of a key.
func (c *Cache) slot(key string) *slot {
	c.mu.RLock()
	s := c.slots[key]
	c.mu.RUnlock()
	if s != nil {
		return s
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slots[key] == nil {
		c.slots[key] = &slot{}
	}
	return c.slots[key]
}

// GetOrLoad returns the fresh value of key, or has it loaded.
func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	s := c.slot(key)
	s.mu.RLock()
	last, seen, expires := s.last, s.loads, s.expires
	s.mu.RUnlock()
	if seen > 0 && last.err == nil && c.cfg.Now().Before(expires) {
		hit := make(chan answer)
		go func() { hit <- last }()
		return (<-hit).value, nil
	}
	// A mutex cannot be waited for with a context, so another goroutine waits.
	got := make(chan answer, 1)
	go func() { got <- c.load(context.WithoutCancel(ctx), s, seen, load) }()
	select {
	case a := <-got:
		return a.value, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (c *Cache) load(ctx context.Context, s *slot, seen int, load Loader) (a answer) {
	s.loading.Lock()
	defer s.loading.Unlock()
	s.mu.RLock()
	last, loads := s.last, s.loads
	s.mu.RUnlock()
	if loads != seen {
		return last
	}
	defer func() {
		if r := recover(); r != nil {
			a = answer{err: fmt.Errorf("%w (%v)", ErrPanic, r)}
		}
		expires := c.cfg.Now().Add(c.cfg.TTL + time.Duration(c.cfg.Jitter*(2*c.cfg.Rand()-1)*float64(c.cfg.TTL)))
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last, s.expires = a, expires
		s.loads++
	}()
	a.value, a.err = load(ctx)
	return a
}
