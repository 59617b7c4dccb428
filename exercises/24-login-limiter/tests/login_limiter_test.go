//go:build exercise

package loginlimiter_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	loginlimiter "workbench/exercises/24-login-limiter/start"
)

const (
	right = "correct horse"
	wrong = "password1"
)

// site has the accounts alice and bob, and counts what is asked of it.
type site struct {
	*loginlimiter.Guard
	lookups, verifies int
}

// open returns a site that forgives 5 failures per address, 3 per account and 4 per known device, one more each minute.
func open() *site {
	s := &site{}
	s.Guard = loginlimiter.New(loginlimiter.Config{
		Lookup: func(_ context.Context, account string) (string, bool, error) {
			s.lookups++
			return "hash of " + right, account == "alice" || account == "bob", nil
		},
		Verify:  func(hash, password string) bool { s.verifies++; return hash == "hash of "+password },
		Dummy:   "hash of nothing",
		IP:      loginlimiter.Limit{Burst: 5, Every: time.Minute},
		Account: loginlimiter.Limit{Burst: 3, Every: time.Minute},
		Device:  loginlimiter.Limit{Burst: 4, Every: time.Minute},
	})
	return s
}

// try logs in from an address and says yes, no or wait.
func (s *site) try(t *testing.T, now time.Duration, ip, account, password, device string) string {
	t.Helper()
	r, err := s.Login(t.Context(), now, loginlimiter.Attempt{IP: ip, Account: account, Password: password, Device: device})
	switch {
	case err != nil:
		t.Fatalf("Login(%s, %s) = %v", ip, account, err)
	case r.OK && r.RetryAfter == 0:
		return "yes"
	case !r.OK && r.RetryAfter > 0:
		return "wait"
	case !r.OK && r.RetryAfter == 0:
		return "no"
	}
	return fmt.Sprintf("%+v", r)
}

func ip(i int) string { return fmt.Sprintf("10.0.%d.%d", i/250, i%250) }

func TestPassword(t *testing.T) {
	s := open()
	if got := s.try(t, 0, ip(1), "alice", right, ""); got != "yes" {
		t.Errorf("the right password: %s, want yes", got)
	}
	if got := s.try(t, 0, ip(1), "alice", wrong, ""); got != "no" {
		t.Errorf("a wrong password: %s, want no", got)
	}
	if got := s.try(t, 0, ip(1), "nobody", "nothing", ""); got != "no" {
		t.Errorf("an unknown account with the password of the dummy hash: %s, want no", got)
	}
}

func TestPerIP(t *testing.T) {
	s := open()
	for i := range 5 {
		if got := s.try(t, 0, ip(1), fmt.Sprint("user", i), wrong, ""); got != "no" {
			t.Fatalf("failure %d from one address: %s, want no", i+1, got)
		}
	}
	if got := s.try(t, 0, ip(1), "alice", right, ""); got != "wait" {
		t.Errorf("after five failures on five accounts the address may try again at once: %s, want wait", got)
	}
	if got := s.try(t, 0, ip(2), "alice", right, ""); got != "yes" {
		t.Errorf("another address: %s, want yes", got)
	}
}

func TestPerAccount(t *testing.T) {
	s := open()
	for i := range 3 {
		if got := s.try(t, 0, ip(i), "alice", wrong, ""); got != "no" {
			t.Fatalf("failure %d on one account: %s, want no", i+1, got)
		}
	}
	if got := s.try(t, 0, ip(9), "alice", wrong, ""); got != "wait" {
		t.Errorf("a fourth guess from a fourth address: %s, want wait: a thousand addresses must not give a thousand times the guesses", got)
	}
	if got := s.try(t, 0, ip(9), "bob", right, ""); got != "yes" {
		t.Errorf("another account: %s, want yes", got)
	}
}

// TestUnknownLooksTheSame plays one history against an account that exists and one that does not.
func TestUnknownLooksTheSame(t *testing.T) {
	a, b := open(), open()
	for i := range 12 {
		now := time.Duration(i) * 20 * time.Second
		known, unknown := a.try(t, now, ip(i), "alice", wrong, "d"), b.try(t, now, ip(i), "nobody", wrong, "d")
		if known != unknown {
			t.Fatalf("try %d: %s for an account that exists, %s for one that does not", i+1, known, unknown)
		}
	}
	if a.verifies != b.verifies || a.lookups != b.lookups {
		t.Errorf("an account that exists took %d look-ups and %d hashes, one that does not %d and %d: the time tells them apart", a.lookups, a.verifies, b.lookups, b.verifies)
	}
}
