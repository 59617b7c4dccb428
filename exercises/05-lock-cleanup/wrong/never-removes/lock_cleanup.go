// kills: TestLocksAreRemoved, TestHungLoad, TestLeavingKeepsTheLock, TestNeverTwoLoads — a lock kept for every key ever asked for is a leak that callers control

// Package lockcleanup answers from memory and loads what is missing under a lock
// for each key, which is gone when nobody needs it.
package lockcleanup

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Config says how long a value is good and a load may take.
type Config struct {
	TTL         time.Duration    // how long a loaded value is fresh
	LoadTimeout time.Duration    // how long one load may take
	Now         func() time.Time // tells the time; time.Now when nil
}

// Loader fetches a value from where it really is. It ends when ctx ends.
type Loader func(ctx context.Context) (string, error)

// entry is a loaded value.
type entry struct {
	value   string
	expires time.Time
}

func (c Config) check() (Config, error) {
	if c.TTL <= 0 || c.LoadTimeout <= 0 {
		return c, fmt.Errorf("cache: TTL %v and load timeout %v, want both positive", c.TTL, c.LoadTimeout)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

// lock is held by the one that loads a key. refs counts who has it or is on the
// way to it: the last one out removes it.
type lock struct {
	sem   chan struct{} // of one: full while somebody holds it
	refs  int           // guarded by Cache.mu
	loads int           // guarded by Cache.mu: how many ended under this lock
	value string        // guarded by Cache.mu: of the latest
	err   error         // guarded by Cache.mu
}

// Cache holds values by key. Use New. It is safe for concurrent use.
type Cache struct {
	cfg     Config
	mu      sync.Mutex
	entries map[string]entry // guarded by mu
	locks   map[string]*lock // guarded by mu
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return &Cache{cfg: cfg, entries: map[string]entry{}, locks: map[string]*lock{}}, nil
}

// GetOrLoad returns the fresh value of key, or has it loaded.
func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	c.mu.Lock()
	if e, ok := c.entries[key]; ok && c.cfg.Now().Before(e.expires) {
		c.mu.Unlock()
		return e.value, nil
	}
	l := c.locks[key]
	if l == nil {
		l = &lock{sem: make(chan struct{}, 1)}
		c.locks[key] = l
	}
	l.refs++
	seen := l.loads
	c.mu.Unlock()

	select {
	case l.sem <- struct{}{}:
	case <-ctx.Done():
		c.drop(key, l)
		return "", ctx.Err()
	}
	// Who waited while a load ended takes its result, good or bad.
	c.mu.Lock()
	if l.loads != seen {
		value, err := l.value, l.err
		c.mu.Unlock()
		<-l.sem
		c.drop(key, l)
		return value, err
	}
	l.refs++ // for the goroutine
	c.mu.Unlock()
	defer c.drop(key, l)
	got := make(chan struct{})
	var value string
	var err error
	go func() {
		defer c.drop(key, l)
		value, err = c.run(context.WithoutCancel(ctx), key, l, load)
		close(got)
		<-l.sem
	}()
	select {
	case <-got:
		return value, err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (c *Cache) run(ctx context.Context, key string, l *lock, load Loader) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.LoadTimeout)
	defer cancel()
	value, err := load(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.entries[key] = entry{value, c.cfg.Now().Add(c.cfg.TTL)}
	}
	l.value, l.err = value, err
	l.loads++
	return value, err
}

// drop gives a reference back.
func (c *Cache) drop(key string, l *lock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l.refs--
}

// Locks returns for how many keys something is kept beside the value.
func (c *Cache) Locks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.locks)
}
