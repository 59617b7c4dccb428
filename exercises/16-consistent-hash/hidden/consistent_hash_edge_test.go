//go:build exercise

package consistenthash_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	consistenthash "workbench/exercises/16-consistent-hash/start"
)

func of(t testing.TB, replicas int, slack float64, nodes ...string) *consistenthash.Ring {
	t.Helper()
	tell(t, "New(%d, %v), Add %q", replicas, slack, nodes)
	r := consistenthash.New(replicas, slack)
	for _, n := range nodes {
		r.Add(n)
	}
	return r
}

func TestBalance(t *testing.T) {
	for _, pattern := range []string{"cache-%d", "10.0.0.%d", "%d"} {
		r := of(t, 200, 0)
		for i := range 10 {
			r.Add(fmt.Sprintf(pattern, i))
		}
		counts := map[string]int{}
		const n = 15_000
		for i := range n {
			node, _ := r.Owner(fmt.Sprint("k", i))
			counts[node]++
		}
		tell(t, "Owner of %d keys: %v", n, counts)
		for node, got := range counts {
			if share := float64(got) * 10 / n; share < 0.6 || share > 1.5 {
				t.Errorf("nodes like %q: %s owns %.2f times the mean, want 0.6 to 1.5", pattern, node, share)
			}
		}
		if len(counts) != 10 {
			t.Errorf("nodes like %q: only %d of 10 own keys", pattern, len(counts))
		}
	}
}

// TestBounded plays random traffic against the formula of the contract.
func TestBounded(t *testing.T) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 16))
		slack := []float64{0, 0.25, 1}[seed%3]
		r := of(t, 40, slack, "a", "b", "c", "d")
		var held, did []string // what happened, for whoever complains
		complain := func(format string, args ...any) {
			t.Helper()
			for _, text := range did[max(0, len(did)-15):] {
				tell(t, "%s", text)
			}
			t.Fatalf(format, args...)
		}
		for step := range 1500 {
			if rnd.IntN(3) == 0 && len(held) > 0 {
				i := rnd.IntN(len(held))
				did = append(did, fmt.Sprintf("Release(%s)", held[i]))
				if !r.Release(held[i]) {
					complain("seed %d step %d: Release(%s) = false, it carries load", seed, step, held[i])
				}
				held = slices.Delete(held, i, i+1)
				continue
			}
			key := fmt.Sprint("k", rnd.IntN(6))
			loads := r.Loads()
			room := int(math.Ceil((1 + slack) * float64(len(held)+1) / 4))
			owner, _ := r.Owner(key)
			node, ok := r.Acquire(key)
			did = append(did, fmt.Sprintf("Acquire(%s) = %q, %v; loads %v", key, node, ok, r.Loads()))
			if !ok || loads[node]+1 > room {
				complain("seed %d step %d: Acquire(%s) = %q, %v with loads %v; a node may carry %d", seed, step, key, node, ok, loads, room)
			}
			if node != owner && loads[owner]+1 <= room {
				complain("seed %d step %d: Acquire(%s) = %s though the owner %s has room: %v, at most %d", seed, step, key, node, owner, loads, room)
			}
			held = append(held, node)
		}
		sum := 0
		for _, n := range r.Loads() {
			sum += n
		}
		if sum != len(held) {
			complain("seed %d: loads sum to %d, held are %d", seed, sum, len(held))
		}
	}
}

// TestAgree plays one history on two instances that learned of the nodes in other orders.
func TestAgree(t *testing.T) {
	a, b := of(t, 50, 0.1, "x", "y", "z", "w"), of(t, 50, 0.1, "w", "z", "x", "y")
	for i := range 500 {
		key := fmt.Sprint("k", i%7)
		na, _ := a.Acquire(key)
		nb, _ := b.Acquire(key)
		if i < 5 || na != nb {
			tell(t, "Acquire(%s) = %s on one and %s on the other; loads %v and %v", key, na, nb, a.Loads(), b.Loads())
		}
		if na != nb {
			t.Fatalf("Acquire %d of %s = %s on one instance and %s on the other", i, key, na, nb)
		}
		if i%3 == 0 {
			a.Release(na)
			b.Release(nb)
		}
	}
}

func TestTwice(t *testing.T) {
	r := of(t, 20, 0, "a", "b")
	for range 10 {
		acquire(t, r, "k")
	}
	before := r.Loads()
	tell(t, "Add(a), which is there")
	if r.Add("a") {
		t.Error("Add of a node that is there = true, want false")
	}
	tell(t, "loads %v", r.Loads())
	if after := r.Loads(); !maps.Equal(before, after) {
		t.Errorf("a second Add changed the loads from %v to %v", before, after)
	}
	mine := r.Loads()
	clear(mine)
	if len(r.Loads()) != 2 {
		t.Error("Loads hands out its own map: a caller can change the ring")
	}
	r.Remove("a")
	tell(t, "Remove(a); loads %v", r.Loads())
	for i := range 500 {
		if node, ok := r.Owner(fmt.Sprint(i)); !ok || node != "b" {
			t.Fatalf("after Add twice and Remove once key %d belongs to %q", i, node)
		}
	}
}

func TestRemoveForgets(t *testing.T) {
	r := of(t, 20, 0, "a", "b")
	for range 100 {
		r.Acquire("k")
	}
	tell(t, "Acquire(k), 100 times; loads %v", r.Loads())
	r.Remove("a")
	tell(t, "Remove(a); loads %v", r.Loads())
	if got := r.Loads(); !maps.Equal(got, map[string]int{"b": 50}) {
		t.Fatalf("Loads after a is gone = %v, want b alone with 50", got)
	}
	if r.Release("a") {
		t.Error("Release of a node that is gone = true, want false")
	}
	r.Add("c")
	for range 10 { // 50 on b and none on c: with no slack all go to c
		if node, _ := acquire(t, r, "k"); node != "c" {
			t.Errorf("Acquire = %s, want c: b already carries more than ⌈total/2⌉ once the load of a is forgotten", node)
		}
	}
	r.Add("a")
	tell(t, "Add(a); loads %v", r.Loads())
	if got := r.Loads()["a"]; got != 0 {
		t.Errorf("a comes back with load %d, want 0", got)
	}
}

func TestOddInput(t *testing.T) {
	for _, c := range []struct {
		replicas int
		slack    float64
	}{{0, 0}, {-5, -1}, {3, math.NaN()}, {1, math.Inf(-1)}} {
		r := of(t, c.replicas, c.slack, "a", "b")
		for i := range 40 {
			if _, ok := acquire(t, r, strings.Repeat("k", i*100)); !ok {
				t.Fatalf("New(%d, %v): Acquire is refused", c.replicas, c.slack)
			}
		}
		if got := r.Loads(); got["a"] != 20 || got["b"] != 20 {
			t.Errorf("New(%d, %v): loads of 40 = %v, want 20 and 20 with no slack", c.replicas, c.slack, got)
		}
	}
	r := of(t, 5, 0)
	if _, ok := r.Acquire("k"); ok || r.Release("x") || r.Remove("x") || len(r.Loads()) > 0 {
		t.Error("an empty ring must refuse Acquire, Release and Remove and have no loads")
	}
	r.Add("")
	if node, ok := r.Owner(""); !ok || node != "" {
		t.Errorf("a node with an empty name must own the key: %q, %v", node, ok)
	}
}

// TestNamesThatCollide has names that run into one another when a number is glued to them.
func TestNamesThatCollide(t *testing.T) {
	all := []string{"n", "n1", "n11", "n111"}
	r := of(t, 150, 0, all...)
	r.Remove("n1")
	r.Remove("n111")
	tell(t, "Remove(n1), Remove(n111)")
	fresh := of(t, 150, 0, "n11", "n")
	counts := map[string]int{}
	for i := range 5_000 {
		key := fmt.Sprint("k", i)
		got, _ := r.Owner(key)
		want, _ := fresh.Owner(key)
		if got != want {
			t.Fatalf("%s belongs to %q after n1 and n111 came and went, to %q on a ring that never had them", key, got, want)
		}
		counts[got]++
	}
	if counts["n"] < 1500 || counts["n11"] < 1500 {
		t.Errorf("two nodes share 5000 keys %v, want each at least 1500", counts)
	}
}

func TestConcurrent(t *testing.T) {
	r := of(t, 30, 0.25, "a", "b", "c", "d")
	tell(t, "8 goroutines begin to Acquire, 100 times each")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if _, ok := r.Acquire(fmt.Sprint("k", (g+i)%3)); !ok {
					t.Error("Acquire is refused")
				}
				r.Owner("k")
			}
		})
	}
	wg.Wait()
	tell(t, "Acquire by 8 goroutines, 100 times each; loads %v", r.Loads())
	sum := 0
	for node, load := range r.Loads() {
		sum += load
		if load > 250 {
			t.Errorf("%s carries %d of 800, want at most 250", node, load)
		}
	}
	if sum != 800 {
		t.Errorf("800 Acquires left the loads at %d", sum)
	}
	for g := range 8 {
		wg.Go(func() {
			name := fmt.Sprint("temp", g)
			for range 15 {
				r.Add(name)
				if node, ok := r.Acquire(name); ok {
					r.Release(node)
				}
				r.Loads()
				r.Remove(name)
			}
		})
	}
	wg.Wait()
	if n := len(r.Loads()); n != 4 {
		t.Errorf("%d nodes are left, want 4", n)
	}
}

func TestLookupAllocates(t *testing.T) {
	r := of(t, 100, 0.25)
	for i := range 40 {
		r.Add(fmt.Sprint("n", i))
	}
	if n := testing.AllocsPerRun(100, func() { r.Owner("some user") }); n > 3 {
		t.Errorf("Owner allocates %.0f times with 40 nodes, want at most 3: do the sorting when nodes change", n)
	}
}
