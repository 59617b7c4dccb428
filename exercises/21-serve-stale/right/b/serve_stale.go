// Package servestale gives out old values rather than none.
package servestale

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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

// result is the end of one load; it never changes.
type result struct {
	value string
	at    time.Time
	err   error
}

// call is one load that is under way. Who put it in place runs it.
type call struct {
	over chan struct{}
	got  result
}

// slot is what is known of one key: each part is replaced as a whole.
type slot struct {
	good   atomic.Pointer[result] // the latest load that went well
	failed atomic.Pointer[result] // the latest load that did not
	call   atomic.Pointer[call]
}

// Cache has no lock: readers follow pointers, and a compare-and-swap decides
// who loads. Use New.
type Cache struct {
	cfg   Config
	load  Load
	slots sync.Map // of *slot
}

// New returns an empty cache in front of load.
func New(cfg Config, load Load) (*Cache, error) {
	if load == nil || cfg.Fresh <= 0 || cfg.LoadFor <= 0 || min(cfg.Revalidate, cfg.IfError, cfg.Pause) < 0 {
		return nil, errors.New("serve stale: want a load, a positive Fresh and LoadFor, and nothing negative")
	}
	return &Cache{cfg: cfg, load: load}, nil
}

// GetOrLoad returns the value of key and its age: the time since its load
// returned.
func (c *Cache) GetOrLoad(ctx context.Context, key string) (value string, age time.Duration, err error) {
	s := c.slot(key)
	good := s.good.Load()
	now := time.Now() // after good was read: else it may be older than its value
	if good != nil {
		age := now.Sub(good.at)
		switch {
		case age < c.cfg.Fresh:
			return good.value, age, nil
		case c.pausing(s, now) && age < c.cfg.Fresh+max(c.cfg.Revalidate, c.cfg.IfError):
			return good.value, age, nil
		case age < c.cfg.Fresh+c.cfg.Revalidate:
			c.join(ctx, key, s, good)
			return good.value, age, nil
		}
	}
	mine := c.join(ctx, key, s, good)
	if mine == nil { // somebody was quicker
		return c.GetOrLoad(ctx, key)
	}
	select {
	case <-ctx.Done():
		return "", 0, ctx.Err()
	case <-mine.over:
	}
	if mine.got.err == nil {
		return mine.got.value, time.Since(mine.got.at), nil
	}
	if good := s.good.Load(); good != nil {
		if age := time.Since(good.at); age < c.cfg.Fresh+c.cfg.IfError {
			return good.value, age, nil
		}
	}
	return "", 0, mine.got.err
}

func (c *Cache) slot(key string) *slot {
	if s, ok := c.slots.Load(key); ok {
		return s.(*slot)
	}
	s, _ := c.slots.LoadOrStore(key, &slot{})
	return s.(*slot)
}

func (c *Cache) pausing(s *slot, now time.Time) bool {
	failed := s.failed.Load()
	return failed != nil && now.Sub(failed.at) < c.cfg.Pause
}

// join returns the call that is under way, or starts one. It returns nil when
// the value is no longer the one that the caller found too old.
func (c *Cache) join(ctx context.Context, key string, s *slot, seen *result) *call {
	fresh := &call{over: make(chan struct{})}
	for !s.call.CompareAndSwap(nil, fresh) {
		if other := s.call.Load(); other != nil {
			return other
		}
	}
	if s.good.Load() != seen {
		s.call.Store(nil)
		// A caller may have joined in between: it gets the value that is there.
		fresh.got = *s.good.Load()
		close(fresh.over)
		return nil
	}
	go func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.LoadFor)
		defer stop()
		got := &fresh.got
		func() {
			defer func() {
				if p := recover(); p != nil {
					got.err = fmt.Errorf("serve stale: load %s: panic: %v", key, p)
				}
			}()
			got.value, got.err = c.load(ctx, key)
		}()
		got.at = time.Now()
		if got.err == nil {
			s.good.Store(got)
		} else {
			s.failed.Store(got)
		}
		s.call.Store(nil)
		close(fresh.over)
	}()
	return fresh
}
