// kills: TestLoadFor — one load that hangs blocks its key until the next restart

// Package servestale gives out old values rather than none.
package servestale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Config says how old a value may be, and for what. Fresh counts from the moment
// the load returned, Revalidate and IfError both from the end of Fresh.
type Config struct {
	Fresh      time.Duration // a value is given out as it is
	Revalidate time.Duration // after Fresh: given out at once, and renewed behind the answer
	IfError    time.Duration // after Fresh: given out when a load fails
	Pause      time.Duration // after a failed load an old value is given out without another try
	LoadFor    time.Duration // a load may take so long
}

// Load gets the value of a key from where it really is. It honours its context.
type Load func(ctx context.Context, key string) (string, error)

// entry is what is known of one key.
type entry struct {
	value  string
	loaded time.Time // zero: there is no value
	quiet  time.Time // no load before, while there is something to give
	flight *flight   // nil: no load is under way
}

// flight is one load. Its fields may be read once done is closed.
type flight struct {
	done  chan struct{}
	value string
	at    time.Time
	err   error
}

// Cache keeps values and renews them. Use New. It is safe for concurrent use.
type Cache struct {
	cfg  Config
	load Load

	mu      sync.Mutex
	entries map[string]*entry // guarded by mu, and so is what they hold
}

// New returns an empty cache in front of load.
func New(cfg Config, load Load) (*Cache, error) {
	switch {
	case load == nil:
		return nil, errors.New("serve stale: there is no load")
	case cfg.Fresh <= 0 || cfg.LoadFor <= 0:
		return nil, fmt.Errorf("serve stale: fresh %v, load for %v, want both above 0", cfg.Fresh, cfg.LoadFor)
	case cfg.Revalidate < 0 || cfg.IfError < 0 || cfg.Pause < 0:
		return nil, fmt.Errorf("serve stale: revalidate %v, if error %v, pause %v, want none below 0", cfg.Revalidate, cfg.IfError, cfg.Pause)
	}
	return &Cache{cfg: cfg, load: load, entries: map[string]*entry{}}, nil
}

// GetOrLoad returns the value of key and its age: the time since its load
// returned.
func (c *Cache) GetOrLoad(ctx context.Context, key string) (value string, age time.Duration, err error) {
	c.mu.Lock()
	e := c.entries[key]
	if e == nil {
		e = &entry{}
		c.entries[key] = e
	}
	now := time.Now()
	if !e.loaded.IsZero() {
		age = now.Sub(e.loaded)
		stale := age - c.cfg.Fresh
		quiet := now.Before(e.quiet)
		if stale < c.cfg.Revalidate || quiet && stale < c.cfg.IfError {
			if stale >= 0 && e.flight == nil && !quiet {
				c.start(ctx, key, e)
			}
			value = e.value
			c.mu.Unlock()
			return value, age, nil
		}
	}
	f := e.flight
	if f == nil {
		f = c.start(ctx, key, e)
	}
	c.mu.Unlock()

	select {
	case <-f.done:
	case <-ctx.Done():
		return "", 0, ctx.Err()
	}
	if f.err == nil {
		return f.value, time.Since(f.at), nil
	}
	return c.instead(e, f.err)
}

// instead returns what there is to give although the load failed.
func (c *Cache) instead(e *entry, failed error) (string, time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := time.Since(e.loaded); !e.loaded.IsZero() && age < c.cfg.Fresh+c.cfg.IfError {
		return e.value, age, nil
	}
	return "", 0, failed
}

// start begins the load of a key. The caller holds mu.
func (c *Cache) start(ctx context.Context, key string, e *entry) *flight {
	f := &flight{done: make(chan struct{})}
	e.flight = f
	// The load serves others too: it must outlive the one who happened to ask.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer cancel()
		f.value, f.err = c.guarded(ctx, key)
		c.mu.Lock()
		defer c.mu.Unlock()
		f.at = time.Now()
		if f.err == nil {
			e.value, e.loaded = f.value, f.at
		} else {
			e.quiet = f.at.Add(c.cfg.Pause)
		}
		e.flight = nil
		close(f.done)
	}()
	return f
}

// guarded turns a panic of load into an error.
func (c *Cache) guarded(ctx context.Context, key string) (value string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("serve stale: the load of %q panicked: %v", key, p)
		}
	}()
	return c.load(ctx, key)
}
