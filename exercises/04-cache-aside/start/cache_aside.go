// Package cacheaside answers from memory and loads what is missing, once.
package cacheaside

import (
	"context"
	"errors"
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

// Cache holds values by key. Use New. It is safe for concurrent use.
type Cache struct {
	cfg Config
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	return &Cache{cfg: cfg}, nil
}

// GetOrLoad returns the fresh value of key, or has it loaded.
func (c *Cache) GetOrLoad(ctx context.Context, key string, load Loader) (string, error) {
	return load(ctx)
}
