// kills: TestCallerLeaves, TestLeavingKeepsTheLock — a wait that no context can end keeps the request of a user who left

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

// flight is a load under way. value and err are set before done is closed.
type flight struct {
	done  chan struct{}
	value string
	err   error
}

// Cache holds values by key. Use New. It is safe for concurrent use.
type Cache struct {
	cfg     Config
	mu      sync.Mutex
	entries map[string]entry   // guarded by mu
	flights map[string]*flight // guarded by mu: an entry for each load that runs
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return &Cache{cfg: cfg, entries: map[string]entry{}, flights: map[string]*flight{}}, nil
}

// GetOrLoad returns the fresh value of key, or has it loaded.
func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	c.mu.Lock()
	if e, ok := c.entries[key]; ok && c.cfg.Now().Before(e.expires) {
		c.mu.Unlock()
		return e.value, nil
	}
	f := c.flights[key]
	if f == nil {
		f = &flight{done: make(chan struct{})}
		c.flights[key] = f
		go c.run(context.WithoutCancel(ctx), key, f, load)
	}
	c.mu.Unlock()
	<-f.done
	return f.value, f.err
}

// run loads, stores, and removes its own flight in the step in which others
// stop joining it.
func (c *Cache) run(ctx context.Context, key string, f *flight, load Loader) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.LoadTimeout)
	defer cancel()
	f.value, f.err = load(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.err == nil {
		c.entries[key] = entry{f.value, c.cfg.Now().Add(c.cfg.TTL)}
	}
	delete(c.flights, key)
	close(f.done)
}

// Locks returns for how many keys something is kept beside the value.
func (c *Cache) Locks() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.flights)
}
