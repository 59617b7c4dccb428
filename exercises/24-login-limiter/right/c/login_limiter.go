// Package loginlimiter slows down those who guess passwords and nobody else.
// This answer notes for each failure when it will be forgiven, and passes its
// books through a channel of one place instead of locking them.
package loginlimiter

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
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
	c     Config
	books chan *books
}

type books struct {
	debts   map[string][]time.Duration // when each failure is forgiven, rising
	devices map[string]bool
	cleaned time.Duration
}

// New returns a guard that has seen nobody.
func New(c Config) *Guard {
	g := &Guard{c: c, books: make(chan *books, 1)}
	g.books <- &books{debts: map[string][]time.Duration{}, devices: map[string]bool{}}
	return g
}

// due returns the debts of name that are not forgiven yet.
func (b *books) due(name string, now time.Duration) []time.Duration {
	debts := b.debts[name]
	for len(debts) > 0 && debts[0] <= now {
		debts = debts[1:]
	}
	if len(debts) == 0 {
		delete(b.debts, name)
		return nil
	}
	b.debts[name] = debts
	return debts
}

func (b *books) owe(name string, now time.Duration, l Limit) {
	debts := b.debts[name]
	from := now
	if len(debts) > 0 {
		from = debts[len(debts)-1]
	}
	b.debts[name] = append(debts, from+l.Every)
}

// forgive takes back the latest debt: others behind it would have come as late.
func (b *books) forgive(name string) {
	if debts := b.debts[name]; len(debts) > 1 {
		b.debts[name] = debts[:len(debts)-1]
	} else {
		delete(b.debts, name)
	}
}

// Login checks a password unless the address or the account has failed too often.
func (g *Guard) Login(ctx context.Context, now time.Duration, a Attempt) (Result, error) {
	account := strings.ToLower(strings.TrimSpace(a.Account))
	ip := "ip " + network(a.IP)
	// Quoted, so that no pair of names runs into another pair.
	device := fmt.Sprintf("device %q %q", account, a.Device)
	name, limit := "account "+account, g.c.Account

	b := <-g.books
	if now-b.cleaned >= time.Second {
		b.cleaned = now
		for each := range b.debts {
			b.due(each, now)
		}
	}
	if b.devices[device] {
		name, limit = device, g.c.Device
	}
	var wait time.Duration
	for _, k := range []struct {
		name  string
		limit Limit
	}{{ip, g.c.IP}, {name, limit}} {
		if debts := b.due(k.name, now); len(debts) >= k.limit.Burst {
			wait = max(wait, debts[len(debts)-k.limit.Burst]-now)
		}
	}
	if wait == 0 {
		b.owe(ip, now, g.c.IP)
		b.owe(name, now, limit)
	}
	g.books <- b
	if wait > 0 {
		return Result{RetryAfter: wait}, nil
	}

	right, err := g.check(ctx, account, a.Password)
	if !right && err == nil {
		return Result{}, nil
	}
	b = <-g.books
	b.forgive(ip)
	b.forgive(name)
	if right && a.Device != "" {
		b.devices[device] = true
	}
	g.books <- b
	return Result{OK: right}, err
}

func (g *Guard) check(ctx context.Context, account, password string) (bool, error) {
	hash, ok, err := g.c.Lookup(ctx, account)
	if err != nil {
		return false, fmt.Errorf("loginlimiter: look up the account: %w", err)
	}
	if !ok {
		hash = g.c.Dummy
	}
	fits := g.c.Verify(hash, password)
	return fits && ok, nil
}

// Size returns how many counters the guard keeps.
func (g *Guard) Size() int {
	b := <-g.books
	defer func() { g.books <- b }()
	return len(b.debts)
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
