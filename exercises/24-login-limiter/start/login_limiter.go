// Package loginlimiter slows down those who guess passwords and nobody else.
package loginlimiter

import (
	"context"
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
}

// New returns a guard that has seen nobody.
func New(c Config) *Guard { return &Guard{c: c} }

// Login checks a password unless the address or the account has failed too often.
// Now is the time since some start, the same for all calls.
func (g *Guard) Login(ctx context.Context, now time.Duration, a Attempt) (Result, error) {
	hash, ok, err := g.c.Lookup(ctx, a.Account)
	if err != nil || !ok {
		return Result{}, err
	}
	return Result{OK: g.c.Verify(hash, a.Password)}, nil
}

// Size returns how many counters the guard keeps, known devices apart.
func (g *Guard) Size() int { return 0 }
