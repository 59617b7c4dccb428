package population_test

import (
	"math"
	"strings"
	"testing"

	"workbench/sim/dist"
	"workbench/sim/population"
)

var ops = []string{"read", "write", "report"}

func newPopulation(t testing.TB, s population.Spec) *population.Population {
	t.Helper()
	p, err := population.New(s, ops)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// share returns the part of n picks, drawn from seed 1, that f accepts.
func share(p *population.Population, n int, f func(population.Pick) bool) float64 {
	r := dist.New(1, "picks")
	hits := 0
	for range n {
		if f(p.Pick(r)) {
			hits++
		}
	}
	return float64(hits) / float64(n)
}

// Each overlay must draw the share it was given: 100,000 picks, tolerance four
// standard deviations of the binomial law, at most 0.0064.
func TestShares(t *testing.T) {
	full := population.Spec{
		Users: 1000, Keys: 500, KeySkew: 0.99, Fresh: 0.1, Premium: 0.2,
		Mix:    []population.Weight{{Op: "report", Weight: 1}, {Op: "read", Weight: 6}, {Op: "write", Weight: 0}},
		Hot:    population.Hot{Share: 0.3, Key: 42},
		Abuser: population.Abuser{Share: 0.25, User: 7},
	}
	cases := []struct {
		name string
		spec population.Spec
		hit  func(population.Pick) bool
		want float64
	}{
		{"default mix is the first operation", population.Spec{}, func(p population.Pick) bool { return p.Op == 0 }, 1},
		{"default users", population.Spec{}, func(p population.Pick) bool { return p.User >= 1 && p.User <= 10_000 }, 1},
		{"default keys", population.Spec{}, func(p population.Pick) bool { return p.Key >= 1 && p.Key <= 1000 }, 1},
		{"no premium users", population.Spec{}, func(p population.Pick) bool { return p.High }, 0},
		{"one user", population.Spec{Users: 1, Keys: 1}, func(p population.Pick) bool { return p.User == 1 && p.IP == 1 && p.Token == 1 && p.Key == 1 }, 1},
		{"mix: read", full, func(p population.Pick) bool { return p.Op == 0 }, 6.0 / 7},
		{"mix: write has no weight", full, func(p population.Pick) bool { return p.Op == 1 }, 0},
		{"mix: report", full, func(p population.Pick) bool { return p.Op == 2 }, 1.0 / 7},
		{"fresh", full, func(p population.Pick) bool { return p.Key > 500 }, 0.1},
		{"hot", full, func(p population.Pick) bool { return p.Key == 42 }, 0.3 + 0.6*zipfShare(42, 500, 0.99)},
		{"abuser", full, func(p population.Pick) bool { return p.User == 7 }, 0.25 + 0.75/1000},
		{"half of the users alike", population.Spec{Users: 1000}, func(p population.Pick) bool { return p.User <= 500 }, 0.5},
		{"all fresh", population.Spec{Fresh: 1}, func(p population.Pick) bool { return p.Key > 1000 }, 1},
	}
	for _, c := range cases {
		got := share(newPopulation(t, c.spec), 100_000, c.hit)
		if tolerance := 4 * math.Sqrt(c.want*(1-c.want)/100_000); math.Abs(got-c.want) > tolerance+1e-12 {
			t.Errorf("%s: share = %.4f, want %.4f ± %.4f", c.name, got, c.want, tolerance)
		}
	}
}

// zipfShare returns the share of the rank that scrambles to key.
func zipfShare(key, keys uint64, skew float64) float64 {
	var sum, own float64
	for rank := uint64(1); rank <= keys; rank++ {
		p := math.Pow(float64(rank), -skew)
		sum += p
		if 1+dist.Scramble(rank-1, keys) == key {
			own = p
		}
	}
	return own / sum
}

// The share of premium users, not of requests, is what the spec gives; the
// users are the same in every run.
func TestPremiumUsers(t *testing.T) {
	p := newPopulation(t, population.Spec{Users: 100_000, Premium: 0.05})
	again := newPopulation(t, population.Spec{Users: 100_000, Premium: 0.05})
	n := 0
	for user := uint64(1); user <= 100_000; user++ {
		if p.Premium(user) != again.Premium(user) {
			t.Fatalf("user %d is premium in one population and not in the other", user)
		}
		if p.Premium(user) {
			n++
		}
	}
	if n < 4700 || n > 5300 {
		t.Errorf("premium users = %d of 100000, want 5000 ± 300", n)
	}
}

func TestSeveralUsersShareAnAddress(t *testing.T) {
	for _, users := range []uint64{1, 3, 4, 5, 1000} {
		p := newPopulation(t, population.Spec{Users: users})
		sharing := map[uint64]int{}
		for user := uint64(1); user <= users; user++ {
			sharing[p.Address(user)]++
		}
		if got, want := uint64(len(sharing)), min(users/4+1, users); got != want {
			t.Errorf("%d users have %d addresses, want %d", users, got, want)
		}
		for address, n := range sharing {
			if n > 4 || address < 1 || address > users/4+1 {
				t.Errorf("%d users: address %d is shared by %d, want at most 4", users, address, n)
			}
		}
	}
	r := dist.New(1, "x")
	p := newPopulation(t, population.Spec{})
	for range 1000 {
		if k := p.Pick(r); k.IP != p.Address(k.User) || k.Token != k.User || k.High != p.Premium(k.User) {
			t.Fatalf("Pick = %+v, want the address, token and priority of its user", k)
		}
	}
}

func TestValidate(t *testing.T) {
	cases := []struct {
		name string
		spec population.Spec
		ops  []string
		want []string
	}{
		{"defaults", population.Spec{}, ops, nil},
		{"no operations", population.Spec{}, nil, []string{"0 operations, want 1 to 256"}},
		{"too many operations", population.Spec{}, make([]string, 257), []string{"257 operations"}},
		{"skews", population.Spec{UserSkew: -1, KeySkew: math.NaN()}, ops, []string{"user_skew is -1", "key_skew is NaN"}},
		{"too many", population.Spec{Users: 1 << 60, Keys: 1 << 60}, ops, []string{"users is 1152921504606846976", "keys is 1152921504606846976"}},
		{"shares", population.Spec{Fresh: 1.1, Premium: -0.1}, ops, []string{"fresh is 1.1", "premium is -0.1"}},
		{"overlays", population.Spec{Hot: population.Hot{Share: math.Inf(1)}, Abuser: population.Abuser{Share: 2}}, ops, []string{"hot.share is +Inf", "abuser.share is 2"}},
		{"more than all", population.Spec{Fresh: 0.6, Hot: population.Hot{Share: 0.6}}, ops, []string{"hot.share and fresh are 1.2 together"}},
		{"hot key that does not exist", population.Spec{Keys: 10, Hot: population.Hot{Key: 11}}, ops, []string{"hot.key is 11, want 1 to keys (10)"}},
		{"abuser that does not exist", population.Spec{Users: 10, Abuser: population.Abuser{User: 11}}, ops, []string{"abuser.user is 11, want 1 to users (10)"}},
		{
			"mix", population.Spec{Mix: []population.Weight{{Op: "read", Weight: -1}, {Op: "fly", Weight: 1}, {Op: "read", Weight: 1}}}, ops,
			[]string{"mix[0]: weight is -1", `mix[1]: op is "fly", want one of [read write report]`, `mix[2]: op "read" is listed twice`},
		},
		{"mix of nothing", population.Spec{Mix: []population.Weight{{Op: "read"}}}, ops, []string{"all weights are 0"}},
	}
	for _, c := range cases {
		err := c.spec.Validate(c.ops)
		if (err != nil) != (len(c.want) > 0) {
			t.Errorf("%s: Validate = %v, want %q", c.name, err, c.want)
		}
		for _, want := range c.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Validate = %q, want it to hold %q", c.name, err, want)
			}
		}
		if p, e := population.New(c.spec, c.ops); (e != nil) != (err != nil) || (p == nil) != (e != nil) {
			t.Errorf("%s: New = %v, %v, want it to agree with Validate = %v", c.name, p, e, err)
		}
	}
}

func TestWithDefaults(t *testing.T) {
	got := population.Spec{}.WithDefaults()
	if got.Users != 10_000 || got.Keys != 1000 || got.Hot.Key != 1 || got.Abuser.User != 1 {
		t.Errorf("WithDefaults = %+v, want 10,000 users, 1,000 keys, key 1, user 1", got)
	}
	set := population.Spec{Users: 3, Keys: 4, Hot: population.Hot{Key: 2}, Abuser: population.Abuser{User: 3}}
	if got := set.WithDefaults(); got.Users != 3 || got.Keys != 4 || got.Hot.Key != 2 || got.Abuser.User != 3 {
		t.Errorf("WithDefaults = %+v, want what was set", got)
	}
	if got := newPopulation(t, population.Spec{}).Spec(); got.Users != 10_000 {
		t.Errorf("Spec().Users = %d, want 10000", got.Users)
	}
}

// The first picks of a seed are part of the contract between live lab, virtual
// time and graded tests.
func TestGolden(t *testing.T) {
	p := newPopulation(t, population.Spec{
		UserSkew: 0.8, KeySkew: 0.99, Fresh: 0.2, Premium: 0.5,
		Mix: []population.Weight{{Op: "read", Weight: 1}, {Op: "write", Weight: 1}},
	})
	r := dist.New(42, "picks")
	want := [3]population.Pick{
		{User: 6119, IP: 1117, Token: 6119, Key: 789, Op: 1},
		{User: 4134, IP: 1633, Token: 4134, Key: 400, Op: 1, High: true},
		{User: 63, IP: 63, Token: 63, Key: 0x10000088d0d5224b, Op: 1},
	}
	if got := [3]population.Pick{p.Pick(r), p.Pick(r), p.Pick(r)}; got != want {
		t.Errorf("first picks of seed 42 = %#v, want %#v", got, want)
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	p := newPopulation(t, population.Spec{UserSkew: 1, KeySkew: 0.99, Fresh: 0.1})
	r := dist.New(1, "allocs")
	if n := testing.AllocsPerRun(1000, func() { p.Pick(r) }); n != 0 {
		t.Errorf("Pick allocates %v times, want 0", n)
	}
}

func FuzzPickStaysInRange(f *testing.F) {
	f.Add(uint64(1), uint64(10), 0.9, uint64(5), 1.1, 0.1, 0.2, 0.3)
	f.Add(uint64(2), uint64(1), 0.0, uint64(1), 0.0, 1.0, 0.0, 1.0)
	f.Fuzz(func(t *testing.T, seed, users uint64, userSkew float64, keys uint64, keySkew, fresh, hot, abuser float64) {
		p, err := population.New(population.Spec{
			Users: users, UserSkew: userSkew, Keys: keys, KeySkew: keySkew, Fresh: fresh,
			Hot: population.Hot{Share: hot}, Abuser: population.Abuser{Share: abuser},
		}, ops)
		if err != nil {
			t.Skip()
		}
		s := p.Spec()
		r := dist.New(seed, "fuzz")
		for range 50 {
			k := p.Pick(r)
			if k.User < 1 || k.User > s.Users || k.Key < 1 || k.Key > s.Keys && fresh == 0 || int(k.Op) >= len(ops) || k.IP < 1 {
				t.Fatalf("%+v: Pick = %+v is out of range", s, k)
			}
		}
	})
}

func BenchmarkPick(b *testing.B) {
	p := newPopulation(b, population.Spec{Users: 1_000_000, UserSkew: 0.8, Keys: 1_000_000, KeySkew: 0.99})
	r := dist.New(1, "bench")
	b.ReportAllocs()
	for b.Loop() {
		p.Pick(r)
	}
}
