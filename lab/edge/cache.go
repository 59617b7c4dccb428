package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of what the cache does on its own account, beside those of Config.
const (
	refreshMost  = 64               // validations in the background at one time
	unsharedFor  = 10 * time.Second // how long a key counts as one whose answers cannot be shared
	unsharedMost = 4096             // such keys remembered
	askedMost    = 8                // entity tags of other variants sent with one request
)

// Config is what a cache is made of.
type Config struct {
	// Origin is where requests go: http://host:port, with a path if every request
	// path is to be put after one.
	Origin *url.URL
	// Now tells the calendar time. It must not be nil.
	Now func() time.Time
	// Transport carries requests to the origin; nil is one made by NewTransport
	// with its default timeouts.
	Transport http.RoundTripper
	// Name stands in Via and Cache-Status. "" is workbench-edge.
	Name string
	Settings
}

// Settings can be changed while the cache serves.
type Settings struct {
	Policy
	MaxEntries int   // copies kept
	MaxBytes   int64 // bytes kept, with fields and an allowance for each copy
	MaxBody    int64 // a longer body is passed on and not kept
	// Collapse lets one request to the origin answer all that want the same
	// meanwhile.
	Collapse bool
	// IgnoreClient disregards the Cache-Control of requests, so that no client
	// can make the cache ask the origin. RFC 9111 section 5.2.1 allows it.
	IgnoreClient bool
}

// DefaultSettings are those of `workbench edge`.
func DefaultSettings() Settings {
	return Settings{Policy: DefaultPolicy(), MaxEntries: 100_000, MaxBytes: 256 << 20, MaxBody: 16 << 20, Collapse: true}
}

// Validate names every fault of the settings.
func (s Settings) Validate() error {
	var faults []error
	positive := func(name string, v int64) {
		if v <= 0 {
			faults = append(faults, fmt.Errorf("%s is %d, want more than 0", name, v))
		}
	}
	positive("entries", int64(s.MaxEntries))
	positive("bytes", s.MaxBytes)
	positive("body", s.MaxBody)
	if s.MaxBody > s.MaxBytes {
		faults = append(faults, fmt.Errorf("body is %d, more than bytes, %d: such a body could never be kept", s.MaxBody, s.MaxBytes))
	}
	if s.HeuristicShare < 0 || s.HeuristicShare > 1 {
		faults = append(faults, fmt.Errorf("heuristic share is %v, want 0 to 1", s.HeuristicShare))
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"default TTL", s.DefaultTTL}, {"stale-while-revalidate", s.StaleWhileRevalidate}, {"stale-if-error", s.StaleIfError}, {"offline", s.Offline}} {
		if d.d < 0 {
			faults = append(faults, fmt.Errorf("%s is %v, want 0 or more", d.name, d.d))
		}
	}
	return errors.Join(faults...)
}

// Cache serves. It is safe for concurrent use; Close ends its work in the
// background.
type Cache struct {
	origin    *url.URL
	now       func() time.Time
	transport http.RoundTripper
	name      string
	settings  atomic.Pointer[Settings]
	store     *store
	flights   flights
	counts    counts

	ctx       context.Context // ends with Close; of validations in the background
	stop      context.CancelFunc
	work      sync.WaitGroup
	refreshes chan struct{} // holds a place for each validation in the background
}

// New returns a cache, or every fault of its configuration.
func New(cfg Config) (*Cache, error) {
	var faults []error
	if cfg.Now == nil {
		faults = append(faults, errors.New("edge: no clock"))
	}
	if cfg.Origin == nil || cfg.Origin.Scheme != "http" && cfg.Origin.Scheme != "https" || cfg.Origin.Host == "" {
		faults = append(faults, fmt.Errorf("edge: origin %v: want http://HOST:PORT", cfg.Origin))
	}
	if err := cfg.Settings.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("edge: %w", err))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	c := &Cache{
		origin: cfg.Origin, now: cfg.Now, transport: cfg.Transport,
		name:      cmp.Or(cfg.Name, "workbench-edge"),
		store:     newStore(cfg.MaxEntries, cfg.MaxBytes),
		refreshes: make(chan struct{}, refreshMost),
	}
	if c.transport == nil {
		c.transport = NewTransport(c.now, Timeouts{})
	}
	settings := cfg.Settings
	c.settings.Store(&settings)
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// Close ends validations in the background and waits for them. Requests that are
// being served are not ended.
func (c *Cache) Close() {
	c.stop()
	c.work.Wait()
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Settings returns what holds now.
func (c *Cache) Settings() Settings { return *c.settings.Load() }

// Set changes the settings for the next request on. Copies stay, as far as the
// new bounds allow; their terms were read when they were stored.
func (c *Cache) Set(s Settings) error {
	if err := s.Validate(); err != nil {
		return err
	}
	c.settings.Store(&s)
	c.store.limit(s.MaxEntries, s.MaxBytes)
	return nil
}

// Clear forgets every copy.
func (c *Cache) Clear() { c.store.clear() }

// counts are the counters behind Stats.
type counts struct {
	requests, hits, misses, revalidated, stale, staleError, collapsed, passed atomic.Uint64
	origin, originErrors, invalidated, notModified, bytesSaved, bytesOrigin   atomic.Uint64
}

// Stats is what a cache has done since it was made.
type Stats struct {
	Requests     uint64 // that came
	Hits         uint64 // answered by a fresh copy
	Misses       uint64 // GETs that had no copy to go by
	Revalidated  uint64 // copies that the origin said are still good
	Stale        uint64 // answered by a stale copy, validated meanwhile or accepted by the client
	StaleError   uint64 // answered by a stale copy because the origin failed
	Collapsed    uint64 // answered by another request's answer
	Passed       uint64 // handed on, for their method or for what they demand
	NotModified  uint64 // answered 304 by the cache itself
	Origin       uint64 // requests sent to the origin
	OriginErrors uint64 // of those, without an answer
	Invalidated  uint64 // copies dropped because of a write
	Evicted      uint64 // copies dropped for want of room
	BytesSaved   uint64 // bytes of bodies that did not have to come from the origin
	BytesOrigin  uint64 // bytes of bodies that did
	Entries      int    // copies kept now
	Bytes        int64  // what they take
}

// Stats returns the counters.
func (c *Cache) Stats() Stats {
	n := &c.counts
	out := Stats{
		Requests: n.requests.Load(), Hits: n.hits.Load(), Misses: n.misses.Load(), Revalidated: n.revalidated.Load(),
		Stale: n.stale.Load(), StaleError: n.staleError.Load(), Collapsed: n.collapsed.Load(), Passed: n.passed.Load(),
		NotModified: n.notModified.Load(), Origin: n.origin.Load(), OriginErrors: n.originErrors.Load(),
		Invalidated: n.invalidated.Load(), BytesSaved: n.bytesSaved.Load(), BytesOrigin: n.bytesOrigin.Load(),
	}
	out.Entries, out.Bytes, out.Evicted = c.store.sizes()
	return out
}
