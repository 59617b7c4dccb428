//go:build exercise

package loginlimiter_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	loginlimiter "workbench/exercises/24-login-limiter/start"
)

// plain is a configuration where the hash of an account is its name with "!".
func plain() loginlimiter.Config {
	return loginlimiter.Config{
		Lookup: func(_ context.Context, account string) (string, bool, error) {
			return account + "!", account != "nobody", nil
		},
		Verify:  func(hash, password string) bool { return hash == password },
		Dummy:   "-",
		IP:      loginlimiter.Limit{Burst: 5, Every: time.Minute},
		Account: loginlimiter.Limit{Burst: 3, Every: time.Minute},
		Device:  loginlimiter.Limit{Burst: 4, Every: time.Minute},
	}
}

func login(t *testing.T, g *loginlimiter.Guard, now time.Duration, ip, account, password, device string) loginlimiter.Result {
	t.Helper()
	r, err := g.Login(t.Context(), now, loginlimiter.Attempt{IP: ip, Account: account, Password: password, Device: device})
	if err != nil {
		t.Fatalf("Login(%s, %s) = %v", ip, account, err)
	}
	return r
}

func from(i int) string { return fmt.Sprintf("192.0.%d.%d", i/250, i%250) }

// TestNoLockout lets a botnet guess alice's password for an hour while she works.
func TestNoLockout(t *testing.T) {
	g := loginlimiter.New(plain())
	if r := login(t, g, 0, from(0), "alice", "alice!", "laptop"); !r.OK {
		t.Fatalf("alice's first login = %+v", r)
	}
	for i := range 360 {
		now := time.Duration(i) * 10 * time.Second
		login(t, g, now, from(1+i), "alice", "guess", fmt.Sprint("bot", i))
		if i%30 == 29 {
			if r := login(t, g, now, from(0), "alice", "alice!", "laptop"); !r.OK {
				t.Fatalf("at %v alice, on the laptop that she always uses, gets %+v: whoever knows her name can lock her out", now, r)
			}
		}
	}
	if r := login(t, g, time.Hour-5*time.Second, from(1000), "alice", "alice!", "new phone"); r.OK {
		t.Error("a device that alice has never used passes while her account is under attack")
	}
}

func TestDeviceOfAnother(t *testing.T) {
	g := loginlimiter.New(plain())
	login(t, g, 0, from(0), "mallory", "mallory!", "m")
	login(t, g, 0, from(0), "ali", "ali!", "cem")
	login(t, g, 0, from(0), "bob", "bob!", "")
	for i := range 3 {
		login(t, g, 0, from(1+i), "alice", "guess", "m")
		login(t, g, 0, from(4+i), "alicem", "guess", "")
		login(t, g, 0, from(7+i), "bob", "guess", "")
	}
	for _, a := range [][2]string{{"alice", "m"}, {"alice", "cem"}, {"bob", ""}} {
		if r := login(t, g, 0, from(50), a[0], "guess", a[1]); r.RetryAfter == 0 {
			t.Errorf("%s on device %q may guess on: no one has logged in to that account there", a[0], a[1])
		}
	}
}

func TestDeviceIsLimited(t *testing.T) {
	g := loginlimiter.New(plain())
	login(t, g, 0, from(0), "alice", "alice!", "stolen")
	for i := range 4 {
		if r := login(t, g, 0, from(1+i), "alice", "guess", "stolen"); r.RetryAfter > 0 {
			t.Fatalf("failure %d on a known device = %+v, want a plain no", i+1, r)
		}
	}
	if r := login(t, g, 0, from(9), "alice", "alice!", "stolen"); r.RetryAfter == 0 {
		t.Error("a known device may guess for ever")
	}
	if r := login(t, g, 0, from(10), "alice", "alice!", ""); !r.OK {
		t.Errorf("a login without a device = %+v, want OK: a known device has a counter of its own", r)
	}
}

func TestRetryAfter(t *testing.T) {
	g := loginlimiter.New(plain())
	for i := range 3 {
		login(t, g, time.Duration(i)*10*time.Second, from(i), "alice", "guess", "")
	}
	r := login(t, g, 30*time.Second, from(4), "alice", "guess", "")
	if r.RetryAfter != 30*time.Second {
		t.Errorf("three failures at 0, 10 and 20 s: RetryAfter at 30 s = %v, want 30s: one is forgiven each minute, counted from the first", r.RetryAfter)
	}
	if r := login(t, g, time.Minute-1, from(5), "alice", "guess", ""); r.RetryAfter != 1 {
		t.Errorf("a nanosecond early: RetryAfter = %d ns, want 1", r.RetryAfter)
	}
	if r := login(t, g, time.Minute, from(6), "alice", "guess", ""); r.RetryAfter != 0 {
		t.Errorf("at one minute: %+v, want a check", r)
	}
	if r := login(t, g, time.Minute, from(7), "alice", "guess", ""); r.RetryAfter != time.Minute {
		t.Errorf("the next one: RetryAfter = %v, want 1m", r.RetryAfter)
	}
	if r := login(t, g, time.Hour, from(8), "alice", "alice!", ""); !r.OK {
		t.Errorf("after an hour: %+v, want OK", r)
	}
	for i := range 3 { // an hour of quiet gives back three, not sixty
		login(t, g, time.Hour, from(10+i), "alice", "guess", "")
	}
	if r := login(t, g, time.Hour, from(20), "alice", "guess", ""); r.RetryAfter == 0 {
		t.Error("a long quiet time saves up more than Burst")
	}
}

func TestSuccessIsFree(t *testing.T) {
	g := loginlimiter.New(plain())
	for i := range 200 { // an office behind one address
		if r := login(t, g, 0, from(0), fmt.Sprint("user", i%20), fmt.Sprintf("user%d!", i%20), ""); !r.OK {
			t.Fatalf("login %d with the right password = %+v", i+1, r)
		}
	}
	login(t, g, 0, from(0), "user1", "typo", "")
	login(t, g, 0, from(0), "user1", "typo", "")
	login(t, g, 0, from(0), "user1", "user1!", "")
	login(t, g, 0, from(0), "user1", "typo", "")
	if r := login(t, g, 0, from(0), "user1", "user1!", ""); r.RetryAfter == 0 {
		t.Error("a success wiped out the failures before it: who has one account can reset the counter of his address")
	}
}

func TestLimitedCostsNothing(t *testing.T) {
	c := plain()
	work := 0
	lookup, verify := c.Lookup, c.Verify
	c.Lookup = func(ctx context.Context, a string) (string, bool, error) { work++; return lookup(ctx, a) }
	c.Verify = func(h, p string) bool { work++; return verify(h, p) }
	g := loginlimiter.New(c)
	for i := range 3 {
		login(t, g, 0, from(i), "alice", "guess", "")
	}
	before := work
	for range 50 {
		if r := login(t, g, 0, from(9), "alice", "guess", ""); r.RetryAfter == 0 {
			t.Fatalf("Login = %+v, want a wait", r)
		}
	}
	if work != before {
		t.Errorf("50 refused attempts caused %d look-ups and hashes, want none: hashing is what an attacker makes you pay", work-before)
	}
	if r := login(t, g, 0, from(9), "bob", "bob!", ""); !r.OK {
		t.Errorf("the address of the refused attempts = %+v, want OK: what nobody looked at is no failure", r)
	}
	if r := login(t, g, time.Minute, from(9), "alice", "alice!", ""); !r.OK {
		t.Errorf("a minute later = %+v, want OK: refused attempts must not prolong the wait", r)
	}
}

func TestNames(t *testing.T) {
	g := loginlimiter.New(plain())
	for i, name := range []string{"Alice", " alice", "ALICE\t"} {
		login(t, g, 0, from(i), name, "guess", "")
	}
	if r := login(t, g, 0, from(9), "alice", "guess", ""); r.RetryAfter == 0 {
		t.Error("capitals and blanks give an attacker fresh counters for one account")
	}
	if r := login(t, g, 0, from(9), "  BOB ", "bob!", ""); !r.OK {
		t.Errorf("Lookup must get the plain name: login as \"  BOB \" = %+v", r)
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		name  string
		ip    func(i int) string
		limit bool
	}{
		{"addresses of one IPv6 network", func(i int) string { return fmt.Sprintf("2001:db8:1:2:%x::%x", i+1, i+7) }, true},
		{"two spellings of IPv4", func(i int) string { return []string{"192.0.2.7", "::ffff:192.0.2.7"}[i%2] }, true},
		{"IPv6 networks", func(i int) string { return fmt.Sprintf("2001:db8:1:%x::1", i) }, false},
		{"what is no address", func(i int) string { return fmt.Sprint("junk ", i) }, true},
	} {
		g := loginlimiter.New(plain())
		for i := range 5 {
			login(t, g, 0, c.ip(i), fmt.Sprint("user", i), "guess", "")
		}
		if r := login(t, g, 0, c.ip(6), "user9", "guess", ""); (r.RetryAfter > 0) != c.limit {
			t.Errorf("%s: after five failures Login = %+v, limited should be %v", c.name, r, c.limit)
		}
	}
}

func TestStoreError(t *testing.T) {
	c := plain()
	down := errors.New("the database is down")
	c.Lookup = func(context.Context, string) (string, bool, error) { return "", false, down }
	g := loginlimiter.New(c)
	for i := range 20 {
		r, err := g.Login(t.Context(), 0, loginlimiter.Attempt{IP: from(0), Account: "alice", Password: "alice!"})
		if !errors.Is(err, down) || r.OK || r.RetryAfter > 0 {
			t.Fatalf("try %d with the database down = %+v, %v; want its error and nothing counted", i+1, r, err)
		}
	}
}

// TestBurstOfGuesses sends a hundred guesses at once: checking first and counting later lets them all through.
func TestBurstOfGuesses(t *testing.T) {
	c := plain()
	var verified atomic.Int64
	met := make(chan bool)
	var once sync.Once
	c.Verify = func(string, string) bool {
		if verified.Add(1) > 3 {
			once.Do(func() { close(met) })
		}
		select {
		case <-met:
		case <-time.After(20 * time.Millisecond): // time for more to come
		}
		return false
	}
	g := loginlimiter.New(c)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if _, err := g.Login(context.Background(), 0, loginlimiter.Attempt{IP: from(i), Account: "alice", Password: "guess", Device: "x"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := verified.Load(); n != 3 {
		t.Errorf("of 100 guesses at once %d were checked, want 3", n)
	}
}

func TestVerifyInParallel(t *testing.T) {
	c := plain()
	var in atomic.Int64
	both := make(chan bool)
	c.Verify = func(string, string) bool {
		if in.Add(1) == 2 {
			close(both)
		}
		select {
		case <-both:
			return true
		case <-time.After(5 * time.Second):
			return false
		}
	}
	g := loginlimiter.New(c)
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			r, err := g.Login(context.Background(), 0, loginlimiter.Attempt{IP: from(i), Account: fmt.Sprint("user", i), Password: "x"})
			if err != nil || !r.OK {
				t.Errorf("Login %d = %+v, %v: two hashes cannot run side by side; one lock around a slow hash is a queue for everybody", i, r, err)
			}
		})
	}
	wg.Wait()
}

func TestForgets(t *testing.T) {
	g := loginlimiter.New(plain())
	for i := range 5000 {
		login(t, g, time.Duration(i)*time.Millisecond, from(i), fmt.Sprint("user", i), "guess", "")
	}
	if n := g.Size(); n < 1000 {
		t.Fatalf("Size = %d while 5000 addresses and accounts have failures", n)
	}
	login(t, g, time.Hour, from(1), "alice", "guess", "")
	if n := g.Size(); n > 10 {
		t.Errorf("an hour later the guard keeps %d counters, want a few: one that is full again is as good as new", n)
	}
}
