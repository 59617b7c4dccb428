// kills: TestSameAddress — counting each IPv6 address gives everybody 2^64 of them

// Package loginlimiter stands before the login: it slows down those who guess,
// tells them nothing, and does not help them to lock anybody out.
package loginlimiter

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
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

// log is when somebody failed, the oldest first.
type log []time.Duration

// since returns the failures that are less than a window old.
func (l log) since(now, window time.Duration) log {
	for len(l) > 0 && now-l[0] >= window {
		l = l[1:]
	}
	return l
}

// without returns the failures but for one of this instant.
func (l log) without(at time.Duration) log {
	for i := len(l) - 1; i >= 0; i-- {
		if l[i] == at {
			return append(l[:i:i], l[i+1:]...)
		}
	}
	return l
}

// pair is an address that has logged in to an account.
type pair struct {
	account string
	from    netip.Addr
}

// Guard decides who is heard. Use New. It is safe for concurrent use.
type Guard struct {
	c Config
	d Deps

	mu       sync.Mutex
	now      time.Duration          // guarded by mu: the latest instant seen
	swept    time.Duration          // guarded by mu
	address  map[netip.Addr]log     // guarded by mu
	account  map[string]log         // guarded by mu
	welcomed map[pair]time.Duration // guarded by mu: the last time
}

// New returns a guard that has seen nobody yet.
func New(c Config, d Deps) (*Guard, error) {
	switch {
	case c.PerAddress < 1 || c.PerAccount < 1:
		return nil, fmt.Errorf("login: PerAddress %d and PerAccount %d, want at least 1", c.PerAddress, c.PerAccount)
	case c.Window <= 0 || c.Trust < 0:
		return nil, fmt.Errorf("login: Window %v and Trust %v, want more than 0 and at least 0", c.Window, c.Trust)
	case d.Find == nil || d.Verify == nil:
		return nil, errors.New("login: Find and Verify are needed")
	}
	return &Guard{c: c, d: d, address: map[netip.Addr]log{}, account: map[string]log{}, welcomed: map[pair]time.Duration{}}, nil
}

// home returns the address under which somebody is counted: who has one IPv6
// address has the whole network of 64 bits around it.
func home(from netip.Addr) netip.Addr {
	from = from.Unmap().WithZone("")
	if from.Is6() {
		if net, err := from.Prefix(128); err == nil {
			return net.Addr()
		}
	}
	return from
}

// Login tries to log in at the instant now, counted from any fixed origin.
func (g *Guard) Login(now time.Duration, from netip.Addr, account, password string) Answer {
	who := pair{strings.ToLower(strings.TrimSpace(account)), home(from)}
	at, ok := g.admit(now, who)
	if !ok {
		return Later
	}
	// An attempt is a failure until it has turned out well. So a hundred at once
	// are not a hundred guesses, and a panic below is a failure too.
	if !g.fits(who.account, password) {
		return Wrong
	}
	g.welcome(at, who)
	return Welcome
}

// fits looks the password up. It takes as long for an account that is not
// there.
func (g *Guard) fits(account, password string) bool {
	hash, ok := g.d.Find(account)
	if !ok {
		hash = g.d.Dummy
	}
	return g.d.Verify(hash, password) && ok
}

// admit books a failure for who, unless there were too many.
func (g *Guard) admit(now time.Duration, who pair) (at time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now = max(g.now, now)
	g.sweep()
	address := g.address[who.from].since(g.now, g.c.Window)
	account := g.account[who.account].since(g.now, g.c.Window)
	if len(address) >= g.c.PerAddress {
		return 0, false
	}
	if len(account) >= g.c.PerAccount && !g.knows(who) {
		return 0, false
	}
	g.address[who.from] = append(address, g.now)
	g.account[who.account] = append(account, g.now)
	return g.now, true
}

// knows says whether the address has logged in to the account within Trust. A
// flood of failures from elsewhere must not keep its owner out.
func (g *Guard) knows(who pair) bool {
	at, ok := g.welcomed[who]
	return ok && g.now-at < g.c.Trust
}

// welcome takes the booked failure back.
func (g *Guard) welcome(at time.Duration, who pair) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.address[who.from] = g.address[who.from].without(at)
	g.account[who.account] = g.account[who.account].without(at)
	g.welcomed[who] = g.now
}

// sweep forgets, once in a window, what no longer counts.
func (g *Guard) sweep() {
	if g.now-g.swept < g.c.Window {
		return
	}
	g.swept = g.now
	for key, l := range g.address {
		if len(l.since(g.now, g.c.Window)) == 0 {
			delete(g.address, key)
		}
	}
	for key, l := range g.account {
		if len(l.since(g.now, g.c.Window)) == 0 {
			delete(g.account, key)
		}
	}
	for key, at := range g.welcomed {
		if g.now-at >= g.c.Trust {
			delete(g.welcomed, key)
		}
	}
}
