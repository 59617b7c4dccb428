// Package loginlimiter stands before the login: it slows down those who guess,
// tells them nothing, and does not help them to lock anybody out.
package loginlimiter

import (
	"net/netip"
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

// Guard decides who is heard. Use New. It is safe for concurrent use.
type Guard struct {
	// Whose failures are counted, and who is known to whom?
}

// New returns a guard that has seen nobody yet.
func New(c Config, d Deps) (*Guard, error) {
	return &Guard{}, nil
}

// Login tries to log in at the instant now, counted from any fixed origin.
func (g *Guard) Login(now time.Duration, from netip.Addr, account, password string) Answer {
	return Wrong
}
