// Package loginlimiter stands before the login: it slows down those who guess,
// tells them nothing, and does not help them to lock anybody out.
package loginlimiter

import (
	"errors"
	"net/netip"
	"strings"
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

// attempt is one failure, or one that may still become a success.
type attempt struct {
	at      time.Duration
	account string
	from    netip.Prefix
	void    bool // it was a success
}

// visit is a login that went well.
type visit struct {
	at      time.Duration
	account string
	from    netip.Prefix
}

// ledger is everything that happened and still counts: two queues in order of
// time, and the sums over them.
type ledger struct {
	now      time.Duration
	attempts []*attempt
	visits   []visit
	address  map[netip.Prefix]int
	account  map[string]int
	known    map[visit]int // with at 0: by whom and where
}

// Guard passes its ledger around in a channel of one. Use New. It is safe for
// concurrent use.
type Guard struct {
	Config
	Deps
	ledger chan *ledger
}

// New returns a guard that has seen nobody yet.
func New(c Config, d Deps) (*Guard, error) {
	if min(c.PerAddress, c.PerAccount) < 1 || c.Window < 1 || c.Trust < 0 || d.Find == nil || d.Verify == nil {
		return nil, errors.New("login: want limits of at least 1, a window, a trust that is not negative, and both functions")
	}
	g := &Guard{c, d, make(chan *ledger, 1)}
	g.ledger <- &ledger{address: map[netip.Prefix]int{}, account: map[string]int{}, known: map[visit]int{}}
	return g, nil
}

// tick moves the time on and takes what is over out of the sums.
func (l *ledger) tick(now, window, trust time.Duration) {
	l.now = max(l.now, now)
	for len(l.attempts) > 0 && l.now-l.attempts[0].at >= window {
		l.forget(l.attempts[0])
		l.attempts = l.attempts[1:]
	}
	for len(l.visits) > 0 && l.now-l.visits[0].at >= trust {
		v := l.visits[0]
		v.at = 0
		if l.known[v]--; l.known[v] == 0 {
			delete(l.known, v)
		}
		l.visits = l.visits[1:]
	}
}

// forget takes an attempt out of the sums, once.
func (l *ledger) forget(a *attempt) {
	if a.void {
		return
	}
	a.void = true
	if l.address[a.from]--; l.address[a.from] == 0 {
		delete(l.address, a.from)
	}
	if l.account[a.account]--; l.account[a.account] == 0 {
		delete(l.account, a.account)
	}
}

// Login tries to log in at the instant now, counted from any fixed origin.
func (g *Guard) Login(now time.Duration, from netip.Addr, account, password string) Answer {
	account = strings.ToLower(strings.TrimSpace(account))
	bits := 32
	if from = from.Unmap(); from.Is6() {
		bits = 64
	}
	net, _ := from.Prefix(bits) // no address at all: the zero prefix
	l := <-g.ledger
	l.tick(now, g.Window, g.Trust)
	stranger := l.known[visit{account: account, from: net}] == 0
	if l.address[net] >= g.PerAddress || stranger && l.account[account] >= g.PerAccount {
		g.ledger <- l
		return Later
	}
	a := &attempt{at: l.now, account: account, from: net}
	l.attempts = append(l.attempts, a)
	l.address[net]++
	l.account[account]++
	g.ledger <- l

	hash, found := g.Find(account)
	if !found {
		hash = g.Dummy
	}
	if fits := g.Verify(hash, password); !fits || !found {
		return Wrong
	}
	l = <-g.ledger
	l.forget(a)
	l.visits = append(l.visits, visit{l.now, account, net})
	l.known[visit{account: account, from: net}]++
	g.ledger <- l
	return Welcome
}
