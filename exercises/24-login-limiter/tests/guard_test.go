//go:build exercise

package loginlimiter_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	loginlimiter "workbench/exercises/24-login-limiter/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

type (
	config = loginlimiter.Config
	answer = loginlimiter.Answer
)

const (
	wrong   = loginlimiter.Wrong
	later   = loginlimiter.Later
	welcome = loginlimiter.Welcome
)

// dummy is the hash for those who are not there. One password fits it, as may
// happen with any hash.
const dummy = "hash of chance"

// house is the accounts behind a guard. It counts what it is asked.
type house struct {
	users map[string]string // account to password

	mu       sync.Mutex
	asked    []string // what Find was asked
	verified []string // the hashes that Verify was given
}

func (h *house) find(account string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, account)
	password, ok := h.users[account]
	return "hash of " + password, ok
}

func (h *house) verify(hash, password string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.verified = append(h.verified, hash)
	return hash == "hash of "+password
}

// calls returns how often Find and Verify were called.
func (h *house) calls() (int, int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.asked), len(h.verified)
}

// guard returns one before a house with ada, bob and eve, whose passwords are
// their names in capitals.
func guard(t testing.TB, c config) (*loginlimiter.Guard, *house) {
	t.Helper()
	h := &house{users: map[string]string{"ada": "ADA", "bob": "BOB", "eve": "EVE"}}
	return open(t, c, loginlimiter.Deps{Find: h.find, Verify: h.verify, Dummy: dummy}), h
}

func open(t testing.TB, c config, d loginlimiter.Deps) *loginlimiter.Guard {
	t.Helper()
	g, err := loginlimiter.New(c, d)
	if err != nil || g == nil {
		t.Fatalf("New(%+v) = %v, %v; want a guard", c, g, err)
	}
	return g
}

// ip returns the n-th address of a botnet.
func ip(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// login wants an answer.
func login(t testing.TB, g *loginlimiter.Guard, now time.Duration, from netip.Addr, account, password string, want answer) {
	t.Helper()
	got := g.Login(now, from, account, password)
	tell(t, now, "Login(%v, %.20q, %q) = %s", from, account, password, name(got))
	if got != want {
		t.Errorf("at %v from %v: Login(%q, %q) = %s, want %s", now, from, account, password, name(got), name(want))
	}
}

func name(a answer) string {
	if s, ok := map[answer]string{wrong: "Wrong", later: "Later", welcome: "Welcome"}[a]; ok {
		return s
	}
	return fmt.Sprintf("Answer(%d)", a)
}

func TestAnswers(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 10, PerAccount: 10, Window: time.Minute})
	login(t, g, 0, ip(1), "ada", "ADA", welcome)
	login(t, g, 0, ip(1), "ada", "secret", wrong)
	login(t, g, 0, ip(1), "nobody", "secret", wrong)
	login(t, g, 0, ip(2), "bob", "BOB", welcome)
	login(t, g, 0, ip(2), "bob", "ADA", wrong)
}

func TestPerAddress(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 3, PerAccount: 100, Window: time.Minute})
	login(t, g, 0, ip(1), "ada", "1", wrong)
	login(t, g, time.Second, ip(1), "bob", "1", wrong)
	login(t, g, 2*time.Second, ip(1), "nobody", "1", wrong)
	login(t, g, 3*time.Second, ip(1), "eve", "1", later)
	login(t, g, 3*time.Second, ip(1), "ada", "1", later)
	login(t, g, 3*time.Second, ip(2), "ada", "1", wrong)
	login(t, g, 3*time.Second, ip(2), "ada", "ADA", welcome)
}

// A botnet guesses one account from a thousand addresses.
func TestPerAccount(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 3, PerAccount: 5, Window: time.Minute})
	for i := range 5 {
		login(t, g, 0, ip(i), "ada", strings.Repeat("x", i), wrong)
	}
	login(t, g, time.Second, ip(100), "ada", "y", later)
	login(t, g, time.Second, ip(101), "bob", "y", wrong)
}

// Each failure counts for one window, from its own instant.
func TestWindow(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 3, PerAccount: 100, Window: time.Minute})
	for _, c := range []struct {
		now  time.Duration
		want answer
	}{
		{0, wrong},
		{30 * time.Second, wrong},
		{59 * time.Second, wrong},
		{time.Minute - 1, later},
		{time.Minute, wrong}, // the first is a window old
		{time.Minute, later},
		{90*time.Second - 1, later},
		{90 * time.Second, wrong},
		{119*time.Second - 1, later},
		{119 * time.Second, wrong},
		{119 * time.Second, later},
	} {
		login(t, g, c.now, ip(1), "ada", "guess", c.want)
	}
}

// Whoever can fail for ada must not be able to keep ada out.
func TestNoLockout(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 3, PerAccount: 5, Window: time.Minute, Trust: 24 * time.Hour})
	home := ip(7)
	login(t, g, 0, home, "ada", "ADA", welcome)
	now := time.Hour
	for i := range 5 {
		login(t, g, now, ip(100+i), "ada", "guess", wrong)
	}
	login(t, g, now, ip(200), "ada", "guess", later)
	login(t, g, now, home, "ada", "AAD", wrong)
	login(t, g, now, home, "ada", "ADA", welcome)
	login(t, g, now, ip(200), "ada", "guess", later)
	// Known to ada is not known to bob.
	for i := range 5 {
		login(t, g, now, ip(300+i), "bob", "guess", wrong)
	}
	login(t, g, now, home, "bob", "BOB", later)
}
