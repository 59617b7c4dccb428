// Package loginlimiter slows down those who guess passwords and nobody else.
// This answer has a table of token buckets for each kind of counter.
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
	c                    Config
	mu                   sync.Mutex // guards the tables and trusted
	ips, accounts, tried *table
	trusted              map[login]struct{}
}

type login struct{ account, device string }

// table holds buckets that are not full.
type table struct {
	limit   Limit
	buckets map[login]*bucket
	swept   time.Duration
}

type bucket struct {
	tokens int
	since  time.Duration // the next token counts from here
}

func newTable(l Limit) *table { return &table{limit: l, buckets: map[login]*bucket{}} }

// New returns a guard that has seen nobody.
func New(c Config) *Guard {
	return &Guard{c: c, ips: newTable(c.IP), accounts: newTable(c.Account), tried: newTable(c.Device), trusted: map[login]struct{}{}}
}

// at returns the bucket of k with the tokens that it has at now.
func (t *table) at(k login, now time.Duration) *bucket {
	b := t.buckets[k]
	if b == nil {
		b = &bucket{tokens: t.limit.Burst, since: now}
		t.buckets[k] = b
	}
	t.fill(b, now)
	return b
}

func (t *table) fill(b *bucket, now time.Duration) {
	if n := (now - b.since) / t.limit.Every; n > 0 {
		b.tokens = int(min(time.Duration(t.limit.Burst), time.Duration(b.tokens)+n))
		b.since += n * t.limit.Every
	}
	if b.tokens >= t.limit.Burst {
		b.since = max(b.since, now)
	}
}

func (t *table) sweep(now time.Duration) {
	if now-t.swept < t.limit.Every {
		return
	}
	t.swept = now
	for k, b := range t.buckets {
		if t.fill(b, now); b.tokens >= t.limit.Burst {
			delete(t.buckets, k)
		}
	}
}

// Login checks a password unless the address or the account has failed too often.
func (g *Guard) Login(ctx context.Context, now time.Duration, a Attempt) (Result, error) {
	who := login{account: strings.ToLower(strings.TrimSpace(a.Account)), device: a.Device}
	undo, wait := g.reserve(now, login{account: network(a.IP)}, who)
	if wait > 0 {
		return Result{RetryAfter: wait}, nil
	}
	hash, ok, err := g.c.Lookup(ctx, who.account)
	if err != nil {
		undo()
		return Result{}, fmt.Errorf("loginlimiter: the account could not be looked up, try again: %w", err)
	}
	if !ok {
		g.c.Verify(g.c.Dummy, a.Password)
		return Result{}, nil
	}
	if !g.c.Verify(hash, a.Password) {
		return Result{}, nil
	}
	undo()
	g.mu.Lock()
	defer g.mu.Unlock()
	if who.device != "" {
		g.trusted[who] = struct{}{}
	}
	return Result{OK: true}, nil
}

func (g *Guard) reserve(now time.Duration, ip, who login) (undo func(), wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range []*table{g.ips, g.accounts, g.tried} {
		t.sweep(now)
	}
	second, name := g.accounts, login{account: who.account}
	if _, ok := g.trusted[who]; ok {
		second, name = g.tried, who
	}
	x, y := g.ips.at(ip, now), second.at(name, now)
	if x.tokens < 1 {
		wait = x.since + g.ips.limit.Every - now
	}
	if y.tokens < 1 {
		wait = max(wait, y.since+second.limit.Every-now)
	}
	if wait > 0 {
		return nil, wait
	}
	x.tokens--
	y.tokens--
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		x.tokens = min(x.tokens+1, g.ips.limit.Burst)
		y.tokens = min(y.tokens+1, second.limit.Burst)
	}, 0
}

// Size returns how many counters the guard keeps.
func (g *Guard) Size() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.ips.buckets) + len(g.accounts.buckets) + len(g.tried.buckets)
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
