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

// Cache holds values and locks by key. Use New. It is safe for concurrent use.
type Cache struct {
	cfg     Config
	mu      sync.Mutex
	entries map[string]entry         // guarded by mu
	locks   map[string]chan struct{} // guarded by mu: each of one, full while held
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return &Cache{cfg: cfg, entries: map[string]entry{}, locks: map[string]chan struct{}{}}, nil
}

// fresh returns the value of key while it is fresh.
func (c *Cache) fresh(key string) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	return e.value, ok && c.cfg.Now().Before(e.expires)
}

// GetOrLoad returns the fresh value of key, or loads it.
func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	if value, ok := c.fresh(key); ok {
		return value, nil
	}
	l := c.lock(key)
	l <- struct{}{}
	defer c.unlock(key, l)
	// Somebody else may have loaded it while we waited.
	if value, ok := c.fresh(key); ok {
		return value, nil
	}
	value, err := load(context.Background())
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = entry{value, c.cfg.Now().Add(c.cfg.TTL)}
	return value, nil
}

// lock returns the lock of a key.
func (c *Cache) lock(key string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.locks[key]
	if !ok {
		l = make(chan struct{}, 1)
		c.locks[key] = l
	}
	return l
}

// unlock releases a lock, and removes it when nobody holds it.
func (c *Cache) unlock(key string, l chan struct{}) {
	<-l
	if len(l) == 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.locks, key)
	}
}

// Locks returns for how many keys something is kept beside the value.
func (c *Cache) Locks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.locks)
}
