// Package loginlimiter stands before the login: it slows down those who guess,
// tells them nothing, and does not help them to lock anybody out.
package loginlimiter

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Answer is all that somebody at the door gets to know.
type Answer int

// These are the answers.
const (
	Wrong   Answer = iota + 1 // account or password are wrong; which of them is nobody's business
	Later                     // too many failures: not even looked at
	Welcome                   // in
)

// Deps is what the guard asks. Both may be called by several goroutines.
type Deps struct {
	// Find returns the hash of an account's password.
	Find func(account string) (hash string, ok bool)
	// Verify says whether a password fits a hash. That takes a tenth of a second
	// of a processor, on purpose.
	Verify func(hash, password string) bool
	// Dummy is the hash of a password that nobody knows.
	Dummy string
}

// Config says how much may fail.
type Config struct {
	PerAddress int           // failures of one address in any Window, at least 1
	PerAccount int           // failures for one account in any Window, at least 1
	Window     time.Duration // more than 0
	Trust      time.Duration // an address is known to an account for this long after a login; not negative
}

// tally is the failures of one key, and the attempts under way.
type tally struct {
	failed  []time.Duration
	pending int
}

// counter counts failures by key. Each of the guard's two has a lock of its own.
type counter[K comparable] struct {
	most   int
	window time.Duration
	mu     sync.Mutex
	by     map[K]*tally
	sweep  int // look for what is over when there are this many keys
}

func newCounter[K comparable](most int, window time.Duration) *counter[K] {
	return &counter[K]{most: most, window: window, by: map[K]*tally{}, sweep: 100}
}

// live drops what is over and returns how much counts.
func (t *tally) live(now, window time.Duration) int {
	t.failed = slices.DeleteFunc(t.failed, func(at time.Duration) bool { return now-at >= window })
	return len(t.failed) + t.pending
}

// begin admits an attempt if there is room for one more failure, or if it is
// forced.
func (c *counter[K]) begin(key K, now time.Duration, forced bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.by) >= c.sweep {
		for k, t := range c.by {
			if t.live(now, c.window) == 0 {
				delete(c.by, k)
			}
		}
		c.sweep = 2*len(c.by) + 100
	}
	t := c.by[key]
	if t == nil {
		t = &tally{}
		c.by[key] = t
	}
	if t.live(now, c.window) >= c.most && !forced {
		return false
	}
	t.pending++
	return true
}

// end says how an attempt that was admitted ended.
func (c *counter[K]) end(key K, now time.Duration, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.by[key]
	t.pending--
	if failed {
		t.failed = append(t.failed, now)
	}
}

// Guard decides who is heard. Use New. It is safe for concurrent use.
type Guard struct {
	d       Deps
	trust   time.Duration
	clock   atomic.Int64
	address *counter[[16]byte]
	account *counter[string]

	mu    sync.RWMutex
	doors map[string]map[[16]byte]time.Duration // by account, the addresses that were let in
}

// New returns a guard that has seen nobody yet.
func New(c Config, d Deps) (*Guard, error) {
	if c.PerAddress <= 0 || c.PerAccount <= 0 || c.Window <= 0 || c.Trust < 0 {
		return nil, errors.New("login: a limit or a time is missing or negative")
	}
	if d.Find == nil || d.Verify == nil {
		return nil, errors.New("login: a function is missing")
	}
	return &Guard{d: d, trust: c.Trust, doors: map[string]map[[16]byte]time.Duration{},
		address: newCounter[[16]byte](c.PerAddress, c.Window), account: newCounter[string](c.PerAccount, c.Window)}, nil
}

// tick moves the clock on, never back.
func (g *Guard) tick(now time.Duration) time.Duration {
	for {
		was := g.clock.Load()
		if int64(now) <= was {
			return time.Duration(was)
		}
		if g.clock.CompareAndSwap(was, int64(now)) {
			return now
		}
	}
}

// Login tries to log in at the instant now, counted from any fixed origin.
func (g *Guard) Login(now time.Duration, from netip.Addr, account, password string) Answer {
	now = g.tick(now)
	name := strings.TrimSpace(strings.ToLower(account))
	var home [16]byte
	if from.IsValid() {
		home = from.As16()
	}
	if from.Is6() && !from.Is4In6() {
		clear(home[8:])
	}
	if !g.address.begin(home, now, false) {
		return Later
	}
	if !g.account.begin(name, now, g.known(name, home, now)) {
		g.address.end(home, now, false)
		return Later
	}
	in := false
	defer func() {
		g.address.end(home, now, !in)
		g.account.end(name, now, !in)
	}()
	hash, exists := g.d.Find(name)
	if !exists {
		g.d.Verify(g.d.Dummy, password)
		return Wrong
	}
	if !g.d.Verify(hash, password) {
		return Wrong
	}
	in = true
	g.remember(name, home, now)
	return Welcome
}

// known says whether the address was let in to the account within trust.
func (g *Guard) known(name string, home [16]byte, now time.Duration) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	at, ok := g.doors[name][home]
	return ok && now-at < g.trust
}

// remember notes the address at the account, and forgets the old ones there.
func (g *Guard) remember(name string, home [16]byte, now time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.doors[name] == nil {
		g.doors[name] = map[[16]byte]time.Duration{}
	}
	for addr, at := range g.doors[name] {
		if now-at >= g.trust {
			delete(g.doors[name], addr)
		}
	}
	g.doors[name][home] = now
}
