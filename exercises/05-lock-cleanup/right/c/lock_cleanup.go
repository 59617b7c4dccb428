// Package lockcleanup answers from memory and loads what is missing under a lock
// for each key, which is gone when nobody needs it.
package lockcleanup

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
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

// result is what a load gave.
type result struct {
	value string
	err   error
}

// lock is a mutex that is held across the load, and marked dead in the moment in
// which it leaves the table: who gets a dead one tries again.
type lock struct {
	loading sync.Mutex
	queue   atomic.Int64 // how many have it in hand
	loads   atomic.Int64 // how many loads ended under it
	last    result       // guarded by loading
	dead    bool         // guarded by loading
}

// Cache holds values and locks by key. Use New. It is safe for concurrent use.
type Cache struct {
	cfg     Config
	entries sync.Map // of entry by key
	locks   sync.Map // of *lock by key
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	return &Cache{cfg: cfg}, nil
}

func (c *Cache) fresh(key string) (string, bool) {
	if e, ok := c.entries.Load(key); ok && c.cfg.Now().Before(e.(entry).expires) {
		return e.(entry).value, true
	}
	return "", false
}

// GetOrLoad returns the fresh value of key, or has it loaded.
func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	if value, ok := c.fresh(key); ok {
		return value, nil
	}
	got := make(chan result, 1)
	go func() {
		for {
			v, ok := c.locks.Load(key)
			if !ok {
				v, _ = c.locks.LoadOrStore(key, &lock{})
			}
			if r, ok := c.under(context.WithoutCancel(ctx), key, v.(*lock), load); ok {
				got <- r
				return
			}
		}
	}()
	select {
	case r := <-got:
		return r.value, r.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// under loads under a lock; false when the lock is not in the table any more.
func (c *Cache) under(ctx context.Context, key string, l *lock, load Loader) (r result, ok bool) {
	l.queue.Add(1)
	seen := l.loads.Load()
	l.loading.Lock()
	defer l.loading.Unlock()
	defer func() {
		if l.queue.Add(-1) == 0 && !l.dead {
			l.dead = true
			c.locks.CompareAndDelete(key, l)
		}
	}()
	if l.dead {
		return r, false
	}
	if l.loads.Load() != seen {
		return l.last, true
	}
	if value, ok := c.fresh(key); ok { // loaded under the lock before this one
		return result{value, nil}, true
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.LoadTimeout)
	defer cancel()
	r.value, r.err = load(ctx)
	if r.err == nil {
		c.entries.Store(key, entry{r.value, c.cfg.Now().Add(c.cfg.TTL)})
	}
	l.last = r
	l.loads.Add(1)
	return r, true
}

// Locks returns for how many keys something is kept beside the value.
func (c *Cache) Locks() (n int) {
	c.locks.Range(func(any, any) bool { n++; return true })
	return n
}
