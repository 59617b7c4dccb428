// Package servestale gives out old values rather than none.
package servestale

import (
	"context"
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

// page is what is known of one key.
type page struct {
	turn sync.Mutex // held from the start of a load to its end; only ever tried

	mu    sync.Mutex
	value string
	since time.Time
	known bool
	calm  time.Time     // of the next try after a failure
	next  chan struct{} // closed when the load under way, or the next one, ends
	err   error         // of the load that closed the latest next
}

// Cache has a lock for each key. Use New.
type Cache struct {
	cfg  Config
	load Load

	mu    sync.RWMutex
	pages map[string]*page
}

// New returns an empty cache in front of load.
func New(cfg Config, load Load) (*Cache, error) {
	for name, d := range map[string]time.Duration{
		"Fresh": cfg.Fresh - 1, "LoadFor": cfg.LoadFor - 1, "Revalidate": cfg.Revalidate, "IfError": cfg.IfError, "Pause": cfg.Pause,
	} {
		if d < 0 {
			return nil, fmt.Errorf("serve stale: %s is too small", name)
		}
	}
	if load == nil {
		return nil, fmt.Errorf("serve stale: load is nil")
	}
	return &Cache{cfg: cfg, load: load, pages: map[string]*page{}}, nil
}

// GetOrLoad returns the value of key and its age: the time since its load
// returned.
func (c *Cache) GetOrLoad(ctx context.Context, key string) (value string, age time.Duration, err error) {
	p := c.page(key)
	p.mu.Lock()
	next := p.next
	value, age = p.value, time.Since(p.since)
	calm := time.Now().Before(p.calm)
	limit := c.cfg.Fresh + c.cfg.Revalidate
	if calm {
		limit = c.cfg.Fresh + max(c.cfg.Revalidate, c.cfg.IfError)
	}
	enough := p.known && age < limit
	if !enough || age >= c.cfg.Fresh && !calm {
		c.begin(ctx, key, p)
	}
	p.mu.Unlock()
	if enough {
		return value, age, nil
	}

	select {
	case <-next:
	case <-ctx.Done():
		return "", 0, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := time.Since(p.since); p.known && (p.err == nil || age < c.cfg.Fresh+c.cfg.IfError) {
		return p.value, age, nil
	}
	return "", 0, p.err
}

func (c *Cache) page(key string) *page {
	c.mu.RLock()
	p := c.pages[key]
	c.mu.RUnlock()
	if p != nil {
		return p
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if p = c.pages[key]; p == nil {
		p = &page{next: make(chan struct{})}
		c.pages[key] = p
	}
	return p
}

// begin starts a load unless one is under way. The caller holds p.mu, so that
// nobody sees the turn free and waits for a load that has just ended.
func (c *Cache) begin(ctx context.Context, key string, p *page) {
	if !p.turn.TryLock() {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.LoadFor)
		defer cancel()
		value, err := c.try(ctx, key)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.err = err; err != nil {
			p.calm = time.Now().Add(c.cfg.Pause)
		} else {
			p.value, p.since, p.known = value, time.Now(), true
		}
		close(p.next)
		p.next = make(chan struct{})
		p.turn.Unlock()
	}()
}

func (c *Cache) try(ctx context.Context, key string) (value string, err error) {
	ended := false
	defer func() {
		if !ended {
			err = fmt.Errorf("serve stale: load %q: panic: %v", key, recover())
		}
	}()
	value, err = c.load(ctx, key)
	ended = true
	return value, err
}
