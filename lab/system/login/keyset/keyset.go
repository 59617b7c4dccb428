// Package keyset keeps an issuer's public keys at whoever checks its tokens: by
// the key's id, for a while, renewed before they end, and with a bounded memory
// of ids that the issuer does not know.
package keyset

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"time"

	"workbench/sim/clock"
)

// ErrUnknown means that the issuer has no key of this id, or that it was not
// asked because it has just been asked for another.
var ErrUnknown = errors.New("the issuer knows no such key")

// errCut is what a fetch that panicked leaves behind.
var errCut = errors.New("the fetch was cut off")

// longest is how many bytes a key's id may have. Whoever sends a token chooses
// the id in it, so a longer one is neither asked for nor remembered.
const longest = 256

// Settings say how a Cache keeps keys. Ahead is to be less than TTL, or each
// check starts a fetch.
type Settings struct {
	TTL      time.Duration // how long a set is believed; 0: not at all, so each check fetches
	Ahead    time.Duration // how long before its end a set is fetched anew, while it still serves; 0: not before
	Stale    time.Duration // how long after its end a set still serves while the issuer cannot be reached
	Negative time.Duration // for how long an id that the issuer did not know is not asked for again; 0: not at all
	Gap      time.Duration // from one fetch for an id that is not in the set to the next, and from one that failed; 0: none
	Unknown  int           // ids that are remembered as unknown, at most
	Patience time.Duration // a fetch that takes longer has failed; 0: as long as it takes
}

// Fetch asks the issuer for its keys. The map is the cache's from then on.
type Fetch func(context.Context) (map[string]ed25519.PublicKey, error)

// Cache answers with keys. It is safe for concurrent use. Use New.
type Cache struct {
	settings Settings
	clock    clock.Clock
	run      func(func(context.Context))
	fetch    Fetch

	mu        sync.Mutex
	keys      map[string]ed25519.PublicKey // guarded by mu
	at        time.Duration                // guarded by mu: when keys came
	had       bool                         // guarded by mu: keys and at mean something
	failed    error                        // guarded by mu: why the last fetch brought nothing; nil: it did
	tried     time.Duration                // guarded by mu: when the last fetch ended
	flight    chan struct{}                // guarded by mu: closed when the fetch under way has ended; nil: none is
	missed    time.Duration                // guarded by mu: when a fetch for an id that is not in the set last began
	asked     bool                         // guarded by mu: missed means something
	unknown   map[string]time.Duration     // guarded by mu: until when an id is known to be unknown
	forgotten []string                     // guarded by mu: of unknown, the oldest first
}

// New returns an empty cache. run carries out a fetch beside whoever waits for
// it, with a context that outlives them: one who hangs up must not end the fetch
// of all others.
func New(s Settings, c clock.Clock, run func(func(context.Context)), fetch Fetch) *Cache {
	return &Cache{settings: s, clock: c, run: run, fetch: fetch, unknown: map[string]time.Duration{}}
}

// found is what a look into the set comes to.
type found struct {
	key   ed25519.PublicKey
	err   error
	start chan struct{} // a fetch that is to begin, and closes it
	wait  chan struct{} // a fetch that decides; nil: key and err do
}

// Key returns the key of an id. Its error is ErrUnknown, that of a fetch that
// failed with no set left to go by, or that of ctx.
func (c *Cache) Key(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	if len(kid) > longest {
		return nil, fmt.Errorf("a key's id of %d bytes, want at most %d: %w", len(kid), longest, ErrUnknown)
	}
	c.mu.Lock()
	got := c.look(kid, c.clock.Now())
	c.mu.Unlock()
	if got.start != nil {
		c.run(func(ctx context.Context) { c.load(ctx, got.start) })
	}
	if got.wait == nil {
		return got.key, got.err
	}
	select {
	case <-got.wait:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the issuer's keys: %w", ctx.Err())
	}
	return c.settle(kid, got.start != nil)
}

// look answers from the set, as far as it can. Its user holds mu.
func (c *Cache) look(kid string, now time.Duration) found {
	key, known := c.keys[kid]
	age := now - c.at
	fresh := c.had && age < c.settings.TTL
	serves := fresh || c.failed != nil && c.lasts(now)
	rested := c.failed == nil || now-c.tried >= c.settings.Gap
	due := !fresh || c.settings.Ahead > 0 && age >= c.settings.TTL-c.settings.Ahead
	switch {
	case serves && known:
		got := found{key: key}
		if due && rested && c.flight == nil {
			got.start = c.begin()
		}
		return got
	case serves && now < c.unknown[kid]:
		return found{err: unknown(kid)}
	case !rested:
		return found{err: fmt.Errorf("fetch the issuer's keys: %w", c.failed)}
	case c.flight != nil:
		return found{wait: c.flight}
	case serves && c.asked && now-c.missed < c.settings.Gap:
		return found{err: unknown(kid)}
	case serves:
		c.missed, c.asked = now, true
	}
	got := found{start: c.begin()}
	got.wait = got.start
	return got
}

// lasts reports whether the set may serve while the issuer cannot be reached.
// Its user holds mu.
func (c *Cache) lasts(now time.Duration) bool {
	return c.had && now-c.at < c.settings.TTL+c.settings.Stale
}

// begin notes that a fetch is under way. Its user holds mu.
func (c *Cache) begin() chan struct{} {
	c.flight = make(chan struct{})
	return c.flight
}

// load fetches, and lets go of those who wait.
func (c *Cache) load(ctx context.Context, flight chan struct{}) {
	var keys map[string]ed25519.PublicKey
	err := errCut
	defer func() { // also after a panic, or nobody would ever fetch again
		c.mu.Lock()
		defer c.mu.Unlock()
		c.failed, c.tried, c.flight = err, c.clock.Now(), nil
		if err == nil {
			c.keys, c.at, c.had = keys, c.tried, true
		}
		close(flight)
	}()
	if c.settings.Patience > 0 {
		within, cancel := context.WithTimeout(ctx, c.settings.Patience)
		defer cancel()
		ctx = within
	}
	keys, err = c.fetch(ctx)
}

// settle answers from what there is after a fetch. own means that it was begun
// for this id: one that was under way before may have missed a new key.
func (c *Cache) settle(kid string, own bool) (ed25519.PublicKey, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	key, known := c.keys[kid]
	switch {
	case known && (c.failed == nil || c.lasts(now)):
		return key, nil
	case c.failed != nil:
		return nil, fmt.Errorf("fetch the issuer's keys: %w", c.failed)
	case own:
		c.remember(kid, now)
	}
	return nil, unknown(kid)
}

func unknown(kid string) error { return fmt.Errorf("key %.40q: %w", kid, ErrUnknown) }

// remember notes that the issuer does not know an id, and forgets the oldest.
// Its user holds mu.
func (c *Cache) remember(kid string, now time.Duration) {
	if c.settings.Negative <= 0 || c.settings.Unknown < 1 {
		return
	}
	if _, there := c.unknown[kid]; !there {
		c.forgotten = append(c.forgotten, kid)
	}
	c.unknown[kid] = now + c.settings.Negative
	for len(c.forgotten) > c.settings.Unknown {
		delete(c.unknown, c.forgotten[0])
		c.forgotten = c.forgotten[1:]
	}
}

// Remembered returns how many ids are remembered as unknown.
func (c *Cache) Remembered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.unknown)
}
