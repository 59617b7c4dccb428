//go:build exercise

package loginlimiter_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	loginlimiter "workbench/exercises/24-login-limiter/start"
)

// alarm is closed when a test has waited long enough for what should come at
// once; the test ends it.
func alarm(t *testing.T) <-chan struct{} {
	rings := make(chan struct{})
	timer := time.AfterFunc(3*time.Second, func() { close(rings) })
	t.Cleanup(func() { timer.Stop() })
	return rings
}

// An account that is not there must look like one that is, in answers and in
// work: else the login page is a telephone book.
func TestNoEnumeration(t *testing.T) {
	trace := func(account string) (answers []answer, finds, verifies []int, h *house) {
		g, h := guard(t, config{PerAddress: 4, PerAccount: 6, Window: time.Minute, Trust: time.Hour})
		for i := range 40 {
			now := time.Duration(i) * 5 * time.Second
			answers = append(answers, g.Login(now, ip(i/3), account, "guess"))
			f, v := h.calls()
			finds, verifies = append(finds, f), append(verifies, v)
		}
		return answers, finds, verifies, h
	}
	there, finds, verifies, _ := trace("ada")
	not, finds2, verifies2, h := trace("nobody")
	for i := range there {
		if i < 10 || there[i] != not[i] || verifies[i] != verifies2[i] {
			tell(t, time.Duration(i)*5*time.Second, "a guess for ada = %s after %d calls of Verify, for nobody = %s after %d", name(there[i]), verifies[i], name(not[i]), verifies2[i])
		}
	}
	if !slices.Equal(there, not) {
		t.Errorf("40 wrong guesses are answered\n%v for an account that exists and\n%v for one that does not", there, not)
	}
	if !slices.Equal(finds, finds2) || !slices.Equal(verifies, verifies2) {
		t.Errorf("Verify was called\n%v times for an account that exists and\n%v for one that does not: the clock tells which is which", verifies, verifies2)
	}
	for _, hash := range h.verified {
		if hash != dummy {
			t.Fatalf("for an account that does not exist Verify was given %q, want Dummy: %q", hash, dummy)
		}
	}
}

// Some password fits the dummy, too.
func TestDummyIsNoDoor(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 9, PerAccount: 9, Window: time.Minute, Trust: time.Hour})
	login(t, g, 0, ip(1), "nobody", "chance", wrong)
	login(t, g, 0, ip(1), "ada", "chance", wrong)
}

// Later must cost nothing and tell nothing, the right password least of all.
func TestLaterIsBlind(t *testing.T) {
	g, h := guard(t, config{PerAddress: 2, PerAccount: 4, Window: time.Minute, Trust: time.Hour})
	for i := range 4 {
		login(t, g, 0, ip(i/2), "ada", "guess", wrong)
	}
	finds, verifies := h.calls()
	login(t, g, 0, ip(0), "bob", "BOB", later)
	login(t, g, 0, ip(9), "ada", "ADA", later)
	login(t, g, 0, ip(9), "ada", "guess", later)
	f, v := h.calls()
	tell(t, 0, "three times Later cost %d calls of Find and %d of Verify", f-finds, v-verifies)
	if f != finds || v != verifies {
		t.Errorf("three times Later cost %d calls of Find and %d of Verify, want none", f-finds, v-verifies)
	}
}

// Whoever keeps asking while it is too early must not keep himself, or anybody
// else, out for ever.
func TestLaterIsNoFailure(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 3, PerAccount: 3, Window: time.Minute, Trust: time.Hour})
	for range 3 {
		login(t, g, 0, ip(1), "ada", "guess", wrong)
	}
	for i := 1; i < 60; i++ {
		login(t, g, time.Duration(i)*time.Second, ip(1), "bob", "guess", later)
		login(t, g, time.Duration(i)*time.Second, ip(2), "ada", "guess", later)
	}
	login(t, g, time.Minute, ip(1), "bob", "BOB", welcome)
	login(t, g, time.Minute, ip(2), "ada", "ADA", welcome)
}

// Eve has an account, and logs in to it after every second guess.
func TestSuccessClearsNothing(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 4, PerAccount: 100, Window: time.Minute, Trust: time.Hour})
	for range 2 {
		for range 3 {
			login(t, g, 0, ip(1), "eve", "EVE", welcome)
		}
		login(t, g, 0, ip(1), "ada", "guess", wrong)
		login(t, g, 0, ip(1), "bob", "guess", wrong)
	}
	login(t, g, 0, ip(1), "ada", "guess 3", later)
	login(t, g, 0, ip(1), "eve", "EVE", later)
}

// When ada logs in, those who guess her password are not forgiven.
func TestOwnerClearsNothing(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 9, PerAccount: 4, Window: time.Minute, Trust: time.Hour})
	for i := range 12 {
		login(t, g, time.Second, ip(1), "ada", "ADA", welcome)
		want := wrong
		if i >= 4 {
			want = later
		}
		login(t, g, time.Second, ip(10+i), "ada", "guess", want)
	}
}

// Trust is for a while, counted from the last login.
func TestTrustEnds(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 100, PerAccount: 2, Window: time.Minute, Trust: time.Hour})
	flood := func(now time.Duration) {
		for i := range 3 {
			g.Login(now, ip(100+i), "ada", "guess")
		}
		tell(t, now, "three guesses for ada from three other addresses")
	}
	login(t, g, 0, ip(1), "ada", "ADA", welcome)
	flood(time.Hour - 1)
	login(t, g, time.Hour-1, ip(1), "ada", "ADA", welcome)
	flood(2*time.Hour - 2)
	login(t, g, 2*time.Hour-2, ip(1), "ada", "ADA", welcome)
	flood(3*time.Hour - 2)
	login(t, g, 3*time.Hour-2, ip(1), "ada", "ADA", later)
	careless, _ := guard(t, config{PerAddress: 100, PerAccount: 1, Window: time.Minute})
	login(t, careless, 0, ip(1), "ada", "ADA", welcome)
	login(t, careless, 0, ip(2), "ada", "guess", wrong)
	login(t, careless, 0, ip(1), "ada", "ADA", later)
}

// Writing a name in another way must not open another account of failures.
func TestSameAccount(t *testing.T) {
	g, h := guard(t, config{PerAddress: 100, PerAccount: 4, Window: time.Minute, Trust: time.Hour})
	for i, account := range []string{"ada", "ADA", "  Ada\t", "aDa\n"} {
		login(t, g, 0, ip(i), account, "guess", wrong)
	}
	login(t, g, 0, ip(9), "adA ", "guess", later)
	tell(t, 0, "Find was asked for %q", h.asked)
	for _, account := range h.asked {
		if account != "ada" {
			t.Errorf("Find was asked for %q, want %q", account, "ada")
		}
	}
	login(t, g, 0, ip(9), " Bob", "BOB", welcome)
}

// One who has an IPv6 address has 18 446 744 073 709 551 616 of them.
func TestSameAddress(t *testing.T) {
	for _, c := range []struct {
		name  string
		same  []string
		other string
	}{
		{"a network of 64 bits", []string{"2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff:ffff:ffff:ffff"}, "2001:db8:1:3::1"},
		{"IPv4 in IPv6", []string{"192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"}, "::ffff:192.0.2.2"},
		{"zones", []string{"fe80::1%eth0", "fe80::1%eth1", "fe80::2"}, "fe80:1::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := guard(t, config{PerAddress: 2, PerAccount: 100, Window: time.Minute})
			for i, text := range c.same {
				login(t, g, 0, netip.MustParseAddr(text), "ada", "guess", []answer{wrong, wrong, later}[i])
			}
			login(t, g, 0, netip.MustParseAddr(c.other), "ada", "guess", wrong)
		})
	}
	g, _ := guard(t, config{PerAddress: 1, PerAccount: 1, Window: time.Minute, Trust: time.Hour})
	login(t, g, 0, netip.MustParseAddr("2001:db8::1"), "ada", "ADA", welcome)
	login(t, g, 0, ip(1), "ada", "guess", wrong)
	login(t, g, 0, netip.MustParseAddr("2001:db8::2"), "ada", "ADA", welcome)
	login(t, g, 0, netip.Addr{}, "bob", "guess", wrong)
	login(t, g, 0, netip.Addr{}, "eve", "guess", later)
}

// Against lists of all that ever happened.
func TestAnyDay(t *testing.T) {
	type event struct {
		at      time.Duration
		from    int
		account string
		in      bool
	}
	for seed := range uint64(15) {
		rng := rand.New(rand.NewPCG(24, seed))
		c := config{PerAddress: 1 + rng.IntN(5), PerAccount: 1 + rng.IntN(5), Window: time.Duration(1 + rng.IntN(30)), Trust: time.Duration(rng.IntN(60))}
		g, _ := guard(t, c)
		var past []event
		var did []string // what happened, for whoever complains
		var when []time.Duration
		now := time.Duration(0)
		for step := range 200 {
			now += time.Duration(rng.IntN(4))
			e := event{at: now, from: rng.IntN(6), account: []string{"ada", "bob", "nobody"}[rng.IntN(3)]}
			password := []string{"ADA", "guess"}[rng.IntN(2)]
			address, account, known := 0, 0, false
			for _, p := range past {
				switch {
				case p.in && p.from == e.from && p.account == e.account && now-p.at < c.Trust:
					known = true
				case !p.in && now-p.at < c.Window:
					if p.from == e.from {
						address++
					}
					if p.account == e.account {
						account++
					}
				}
			}
			want := wrong
			switch {
			case address >= c.PerAddress, account >= c.PerAccount && !known:
				want = later
			case e.account == "ada" && password == "ADA":
				want = welcome
			}
			got := g.Login(now, ip(e.from), e.account, password)
			did, when = append(did, fmt.Sprintf("Login(%v, %q, %q) = %s", ip(e.from), e.account, password, name(got))), append(when, now)
			if got != want {
				for i := max(0, len(did)-15); i < len(did); i++ {
					tell(t, when[i], "%s", did[i])
				}
				t.Fatalf("seed %d, step %d, %+v, at %d from address %d: Login(%q, %q) = %s, want %s: %d failures of the address, %d for the account, known %v",
					seed, step, c, now, e.from, e.account, password, name(got), name(want), address, account, known)
			}
			if e.in = want == welcome; want != later {
				past = append(past, e)
			}
		}
	}
}

// Fifty guesses that come at once are not fifty guesses.
func TestTogether(t *testing.T) {
	for _, c := range []struct {
		name string
		conf config
		from func(i int) netip.Addr
		who  func(i int) string
	}{
		{"one account from many addresses", config{PerAddress: 100, PerAccount: 5, Window: time.Minute}, ip, func(int) string { return "ada" }},
		{"many accounts from one address", config{PerAddress: 5, PerAccount: 100, Window: time.Minute}, func(int) netip.Addr { return ip(1) }, func(i int) string { return fmt.Sprint("user ", i) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			const guesses = 50
			var tried, refused atomic.Int64
			gate, rings := make(chan struct{}), alarm(t)
			open := sync.OnceFunc(func() { close(gate) })
			g := build(t, c.conf, func(string) (string, bool) { return "hash", true }, func(string, string) bool {
				if tried.Add(1) > 5 {
					open()
				}
				select { // a slow hash: it ends when all others have been answered
				case <-gate:
				case <-rings:
				}
				return false
			})
			tell(t, 0, "%d guesses begin at once, %s", guesses, c.name)
			var all sync.WaitGroup
			for i := range guesses {
				all.Go(func() {
					if g.Login(0, c.from(i), c.who(i), "guess") == later && refused.Add(1) == guesses-5 {
						open()
					}
				})
			}
			all.Wait()
			tell(t, 0, "%d guesses at once, %s: %d passwords were tried, %d answered Later at once", guesses, c.name, tried.Load(), refused.Load())
			if n := tried.Load(); n != 5 {
				t.Errorf("of %d guesses at once %d passwords were tried, want 5, the limit", guesses, n)
			}
		})
	}
}

func build(t testing.TB, c config, find func(string) (string, bool), verify func(string, string) bool) *loginlimiter.Guard {
	t.Helper()
	return open(t, c, loginlimiter.Deps{Find: find, Verify: verify, Dummy: dummy})
}

// While one password is hashed, others are not held up.
func TestNotHeldUp(t *testing.T) {
	done, rings := make(chan struct{}), alarm(t)
	var held atomic.Bool
	slow := make(chan struct{})
	g := build(t, config{PerAddress: 9, PerAccount: 9, Window: time.Minute},
		func(account string) (string, bool) { return account, true },
		func(hash, password string) bool {
			if hash == "ada" {
				close(slow)
				select {
				case <-done:
				case <-rings:
					held.Store(true)
				}
			}
			return true
		})
	var all sync.WaitGroup
	all.Go(func() { g.Login(0, ip(1), "ada", "x") })
	select {
	case <-slow:
	case <-rings:
		t.Error("Verify was never called for ada's login")
	}
	all.Go(func() {
		g.Login(0, ip(2), "bob", "x")
		close(done)
	})
	all.Wait()
	tell(t, 0, "ada's password is being hashed; bob's login has to wait for that: %v", held.Load())
	if held.Load() {
		t.Error("bob's login waited until ada's password was hashed: no lock may be held meanwhile")
	}
}

func TestPanicCounts(t *testing.T) {
	wild := true
	g := build(t, config{PerAddress: 2, PerAccount: 9, Window: time.Minute},
		func(string) (string, bool) { return "hash", true },
		func(string, string) bool {
			if wild {
				panic("out of memory")
			}
			return true
		})
	for range 2 {
		func() {
			defer func() {
				p := recover()
				tell(t, 0, "Login whose Verify panics: recovered %v", p)
				if p == nil {
					t.Error("Verify panicked and Login did not: the panic belongs to the caller")
				}
			}()
			g.Login(0, ip(1), "ada", "x")
		}()
	}
	wild = false
	got := make(chan answer, 1)
	go func() { got <- g.Login(0, ip(1), "ada", "x") }()
	select {
	case a := <-got:
		tell(t, 0, "Login = %s", name(a))
		if a != later {
			t.Errorf("after two panics, with two failures allowed, Login = %s, want Later", name(a))
		}
	case <-alarm(t):
		t.Fatal("after a panic in Verify the next Login hangs: a lock was left behind")
	}
	login(t, g, 0, ip(2), "ada", "x", welcome)
}

func TestClockBackwards(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 2, PerAccount: 100, Window: time.Minute, Trust: time.Hour})
	login(t, g, time.Hour, ip(1), "ada", "guess", wrong)
	login(t, g, 0, ip(1), "ada", "guess", wrong) // counts as of an hour, too
	login(t, g, time.Hour+time.Second, ip(1), "ada", "guess", later)
	login(t, g, 0, ip(1), "ada", "guess", later)
	login(t, g, time.Hour+time.Minute-1, ip(1), "ada", "guess", later)
	login(t, g, time.Hour+time.Minute, ip(1), "ada", "guess", wrong)
	login(t, g, 0, ip(1), "ada", "guess", wrong)
	login(t, g, 0, ip(1), "ada", "guess", later)
}

// A botnet has a name and an address for every attempt.
func TestMemory(t *testing.T) {
	g := build(t, config{PerAddress: 5, PerAccount: 5, Window: time.Second, Trust: time.Second},
		func(account string) (string, bool) { return "hash", len(account) > 5 },
		func(string, string) bool { return false })
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	pad := strings.Repeat("x", 300)
	before := heap()
	for i := range 20_000 {
		if got := g.Login(time.Duration(i)*10*time.Millisecond, ip(i), pad+strconv.Itoa(i), "guess"); got != wrong {
			t.Fatalf("attempt %d of a botnet: Login = %s, want Wrong: each has a name and an address of its own", i, name(got))
		}
	}
	grown := heap() - before
	tell(t, 200*time.Second, "Login of 20,000 names from as many addresses, one each 10 ms: %d KiB more in use", grown>>10)
	if grown > 3<<20 {
		t.Errorf("after 20 000 failures, of which 100 are within the window, the heap grew by %d KiB, want at most 3072", grown>>10)
	}
	runtime.KeepAlive(g)
}

func TestBadSettings(t *testing.T) {
	find, verify := func(string) (string, bool) { return "", false }, func(string, string) bool { return false }
	for _, c := range []struct {
		name string
		edit func(*config, *loginlimiter.Deps)
	}{
		{"no limit for an address", func(c *config, _ *loginlimiter.Deps) { c.PerAddress = 0 }},
		{"negative limit for an address", func(c *config, _ *loginlimiter.Deps) { c.PerAddress = -1 }},
		{"no limit for an account", func(c *config, _ *loginlimiter.Deps) { c.PerAccount = 0 }},
		{"no window", func(c *config, _ *loginlimiter.Deps) { c.Window = 0 }},
		{"negative window", func(c *config, _ *loginlimiter.Deps) { c.Window = -1 }},
		{"negative trust", func(c *config, _ *loginlimiter.Deps) { c.Trust = -1 }},
		{"no Find", func(_ *config, d *loginlimiter.Deps) { d.Find = nil }},
		{"no Verify", func(_ *config, d *loginlimiter.Deps) { d.Verify = nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf, deps := config{PerAddress: 1, PerAccount: 1, Window: 1}, loginlimiter.Deps{Find: find, Verify: verify, Dummy: dummy}
			open(t, conf, deps)
			c.edit(&conf, &deps)
			if g, err := loginlimiter.New(conf, deps); err == nil || g != nil {
				t.Errorf("New(%+v) = %v, %v; want no guard and an error", conf, g, err)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	g, _ := guard(t, config{PerAddress: 2, PerAccount: 2, Window: time.Hour})
	for range 3 {
		g.Login(0, ip(1), "ada", "guess")
	}
	now := time.Duration(0)
	for _, c := range []struct {
		name string
		from netip.Addr
	}{{"by its address", ip(1)}, {"by the account", ip(2)}} {
		if n := testing.AllocsPerRun(500, func() {
			now++
			g.Login(now, c.from, "ada", "guess")
		}); n > 0 {
			t.Errorf("Later, %s, allocates %v times, want 0: it is what an attack gets most", c.name, n)
		}
	}
}

func BenchmarkLater(b *testing.B) {
	g, _ := guard(b, config{PerAddress: 5, PerAccount: 5, Window: time.Minute})
	now := time.Duration(0)
	for i := 0; b.Loop(); i++ {
		now += 100 * time.Microsecond
		g.Login(now, ip(i%1000), "ada", "guess")
	}
}
