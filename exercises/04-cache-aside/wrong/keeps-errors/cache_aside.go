// kills: TestErrorsAreNotKept, TestPanic — an error kept for the TTL turns a hiccup into an outage of a minute

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

// entry is a loaded value.
type entry struct {
	value   string
	err     error
	expires time.Time
}

// call is a load under way. value and err are set before done is closed.
type call struct {
	done  chan struct{}
	value string
	err   error
}

// Cache holds values by key. Use New. It is safe for concurrent use.
type Cache struct {
	cfg     Config
	mu      sync.Mutex
	entries map[string]entry // guarded by mu
	calls   map[string]*call // guarded by mu
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	if cfg.TTL <= 0 {
		return nil, fmt.Errorf("cache: TTL %v, want more than 0s", cfg.TTL)
	}
	if !(cfg.Jitter >= 0 && cfg.Jitter < 1) {
		return nil, fmt.Errorf("cache: jitter %v, want a share from 0 to less than 1", cfg.Jitter)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	return &Cache{cfg: cfg, entries: map[string]entry{}, calls: map[string]*call{}}, nil
}

// GetOrLoad returns the fresh value of key, or has it loaded.
func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	c.mu.Lock()
	if e, ok := c.entries[key]; ok && c.cfg.Now().Before(e.expires) {
		c.mu.Unlock()
		return e.value, e.err
	}
	l := c.calls[key]
	if l == nil {
		l = &call{done: make(chan struct{})}
		c.calls[key] = l
		// The load is everybody's: it must not end because one caller leaves.
		go c.run(context.WithoutCancel(ctx), key, l, load)
	}
	c.mu.Unlock()
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// run loads and tells all who wait.
func (c *Cache) run(ctx context.Context, key string, l *call, load Loader) {
	defer func() {
		if r := recover(); r != nil {
			l.err = fmt.Errorf("%w: %v", ErrPanic, r)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		{
			lifetime := float64(c.cfg.TTL) * (1 + c.cfg.Jitter*(2*c.cfg.Rand()-1))
			c.entries[key] = entry{l.value, l.err, c.cfg.Now().Add(time.Duration(lifetime))}
		}
		delete(c.calls, key)
		close(l.done)
	}()
	l.value, l.err = load(ctx)
}
