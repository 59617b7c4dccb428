// kills: TestNames — Alice, ALICE and alice are three counters for one account.

package loginlimiter

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limit allows Burst failures at once and gives one back after each Every.
type Limit struct {
	Burst int
	Every time.Duration
}

// Config says how to check a password and how often one may be wrong.
type Config struct {
	Lookup  func(ctx context.Context, account string) (hash string, ok bool, err error)
	Verify  func(hash, password string) bool // slow on purpose
	Dummy   string                           // the hash of nobody's password
	IP      Limit
	Account Limit
	Device  Limit // for each account on each device that has logged in to it
}

// Attempt is one try to log in. Device is a long random cookie; empty if there is none.
type Attempt struct{ IP, Account, Password, Device string }

// Result says whether the password was right. RetryAfter above 0 says that nobody looked.
type Result struct {
	OK         bool
	RetryAfter time.Duration
}

// Guard stands before the password check. Make one with New. It is safe for concurrent use.
type Guard struct {
	c Config

	mu    sync.Mutex
	full  map[key]time.Duration // guarded by mu; when the counter of key is full again
	known map[pair]bool         // guarded by mu
	sweep time.Duration         // guarded by mu; when to look for full counters
}

type pair struct{ account, device string }

type key struct {
	kind byte // i, a or d
	name string
	pair pair
}

// New returns a guard that has seen nobody.
func New(c Config) *Guard {
	return &Guard{c: c, full: map[key]time.Duration{}, known: map[pair]bool{}}
}

// Login takes from both counters before it checks, so that parallel guesses count,
// and gives back if the password was right.
func (g *Guard) Login(ctx context.Context, now time.Duration, a Attempt) (Result, error) {
	a.Account = strings.TrimSpace(a.Account)
	keys, wait := g.take(now, a)
	if wait > 0 {
		return Result{RetryAfter: wait}, nil
	}
	hash, ok, err := g.c.Lookup(ctx, a.Account)
	if err != nil {
		g.giveBack(keys)
		return Result{}, fmt.Errorf("loginlimiter: look up the account: %w", err)
	}
	if !ok {
		hash = g.c.Dummy
	}
	// The hash is computed for nobody too: an answer that comes sooner would tell.
	right := g.c.Verify(hash, a.Password) && ok
	if right {
		g.giveBack(keys)
		g.remember(a)
	}
	return Result{OK: right}, nil
}

func (g *Guard) limit(k key) Limit {
	switch k.kind {
	case 'i':
		return g.c.IP
	case 'a':
		return g.c.Account
	}
	return g.c.Device
}

// take takes one from each counter, or from none.
func (g *Guard) take(now time.Duration, a Attempt) ([]key, time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(now)
	keys := []key{{kind: 'i', name: network(a.IP)}}
	if p := (pair{a.Account, a.Device}); a.Device != "" && g.known[p] {
		keys = append(keys, key{kind: 'd', pair: p}) // strangers cannot use this one up
	} else {
		keys = append(keys, key{kind: 'a', name: a.Account})
	}
	var wait time.Duration
	for _, k := range keys {
		l := g.limit(k)
		room := now + time.Duration(l.Burst-1)*l.Every // how far ahead full may lie
		wait = max(wait, g.full[k]-room)
	}
	if wait > 0 {
		return nil, wait
	}
	for _, k := range keys {
		g.full[k] = max(now, g.full[k]) + g.limit(k).Every
	}
	return keys, 0
}

func (g *Guard) giveBack(keys []key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range keys {
		g.full[k] -= g.limit(k).Every
	}
}

func (g *Guard) remember(a Attempt) {
	if a.Device == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known[pair{a.Account, a.Device}] = true
}

// forget drops what is full, which is as good as new; the caller holds mu.
func (g *Guard) forget(now time.Duration) {
	if now < g.sweep {
		return
	}
	var longest time.Duration
	for _, l := range []Limit{g.c.IP, g.c.Account, g.c.Device} {
		longest = max(longest, time.Duration(l.Burst)*l.Every)
	}
	g.sweep = now + longest
	for k, full := range g.full {
		if full <= now {
			delete(g.full, k)
		}
	}
}

// Size returns how many counters the guard keeps.
func (g *Guard) Size() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.full)
}

// network is what one customer of a provider holds: an IPv4 address, or 64 bits of IPv6.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return "?" // all who hide their address share one counter
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return "?"
	}
	return prefix.String()
}
