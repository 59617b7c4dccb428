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

// cell is a load and then its result. The fields below done are read only after
// it is closed.
type cell struct {
	done    chan struct{}
	value   string
	err     error
	expires time.Time
}

// Cache keeps one cell for each key, and replaces it with compare-and-swap:
// whoever wins loads, and everybody waits for the winner's cell.
type Cache struct {
	cfg   Config
	cells sync.Map // of *cell by key
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	switch {
	case cfg.TTL <= 0:
		return nil, errors.New("cache: the TTL must be positive")
	case !(cfg.Jitter >= 0) || cfg.Jitter >= 1:
		return nil, errors.New("cache: the jitter must be a share below 1")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Float64
	}
	return &Cache{cfg: cfg}, nil
}

// GetOrLoad returns the fresh value of key, or has it loaded.
func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	for {
		if old, ok := c.cells.Load(key); ok {
			if l := old.(*cell); !c.over(l) {
				return wait(ctx, l)
			}
			fresh := &cell{done: make(chan struct{})}
			if c.cells.CompareAndSwap(key, old, fresh) {
				go c.run(context.WithoutCancel(ctx), fresh, load)
				return wait(ctx, fresh)
			}
			continue
		}
		fresh := &cell{done: make(chan struct{})}
		if _, taken := c.cells.LoadOrStore(key, fresh); !taken {
			go c.run(context.WithoutCancel(ctx), fresh, load)
			return wait(ctx, fresh)
		}
	}
}

// over reports whether a cell's load has ended and its result is of no more use.
func (c *Cache) over(l *cell) bool {
	select {
	case <-l.done:
		return l.err != nil || !c.cfg.Now().Before(l.expires)
	default:
		return false
	}
}

func wait(ctx context.Context, l *cell) (string, error) {
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (c *Cache) run(ctx context.Context, l *cell, load Loader) {
	defer close(l.done)
	defer func() {
		if r := recover(); r != nil {
			l.err = fmt.Errorf("load: %v: %w", r, ErrPanic)
		}
	}()
	l.value, l.err = load(ctx)
	spread := 1 - c.cfg.Jitter + 2*c.cfg.Jitter*c.cfg.Rand()
	l.expires = c.cfg.Now().Add(time.Duration(spread * float64(c.cfg.TTL)))
}
