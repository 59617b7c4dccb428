//go:build exercise

package consistenthash_test

import (
	"fmt"
	"math"
	"testing"

	consistenthash "workbench/exercises/16-consistent-hash/start"
)

// tell writes down what happened, for the verdict to list. There is no time in
// this exercise.
func tell(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf("@- %s", fmt.Sprintf(format, args...))
}

const keys = 8_000

// acquire places one unit of load and writes down where.
func acquire(t testing.TB, r *consistenthash.Ring, key string) (string, bool) {
	t.Helper()
	node, ok := r.Acquire(key)
	tell(t, "Acquire(%.20s) = %q, %v; loads %v", key, node, ok, r.Loads())
	return node, ok
}

// ring has 160 points for each of the nodes.
func ring(t testing.TB, nodes ...string) *consistenthash.Ring {
	t.Helper()
	tell(t, "Add %q", nodes)
	r := consistenthash.New(160, 0.25)
	for _, n := range nodes {
		r.Add(n)
	}
	return r
}

func names(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint("node-", i))
	}
	return all
}

// owners asks the ring for all keys.
func owners(t *testing.T, r *consistenthash.Ring) []string {
	t.Helper()
	all := make([]string, keys)
	for i := range all {
		node, ok := r.Owner(fmt.Sprint("user:", i))
		if !ok {
			t.Fatalf("Owner(user:%d) = %q, false; want a node", i, node)
		}
		all[i] = node
	}
	count := map[string]int{}
	for _, node := range all {
		count[node]++
	}
	tell(t, "Owner of %d keys: %v", keys, count)
	return all
}

func TestOwner(t *testing.T) {
	if node, ok := ring(t).Owner("a"); ok || node != "" {
		t.Errorf("Owner on an empty ring = %q, %v; want nothing", node, ok)
	}
	r := consistenthash.New(1, 0) // one point each: most keys lie past the last one
	r.Add("x")
	r.Add("y")
	for i, node := range owners(t, r) {
		if node != "x" && node != "y" {
			t.Fatalf("key %d belongs to %q, which is no node", i, node)
		}
	}
	one, two := owners(t, r), owners(t, r)
	for i := range one {
		if one[i] != two[i] {
			t.Fatalf("key %d belongs to %s and a moment later to %s", i, one[i], two[i])
		}
	}
}

func TestOrderOfNodes(t *testing.T) {
	a, b := owners(t, ring(t, "red", "green", "blue")), owners(t, ring(t, "blue", "red", "green"))
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("key %d belongs to %s or to %s, by the order in which nodes were added", i, a[i], b[i])
		}
	}
}

func TestAddMovesLittle(t *testing.T) {
	r := ring(t, names(9)...)
	before := owners(t, r)
	tell(t, "Add(new)")
	if !r.Add("new") {
		t.Fatal("Add of a new node = false, want true")
	}
	moved := 0
	for i, node := range owners(t, r) {
		if node == before[i] {
			continue
		}
		moved++
		if node != "new" {
			t.Fatalf("key %d moved from %s to %s: only the new node may gain keys", i, before[i], node)
		}
	}
	if share := float64(moved) / keys; share < 0.05 || share > 0.16 {
		t.Errorf("a tenth node took %.1f %% of the keys, want about 10 %%", share*100)
	}
}

func TestRemove(t *testing.T) {
	r := ring(t, names(10)...)
	before := owners(t, r)
	tell(t, "Remove(node-3), twice")
	if !r.Remove("node-3") || r.Remove("node-3") {
		t.Error("Remove must say true the first time and false the second")
	}
	for i, node := range owners(t, r) {
		if node == "node-3" {
			t.Fatalf("key %d still belongs to the node that is gone", i)
		}
		if before[i] != "node-3" && node != before[i] {
			t.Fatalf("key %d moved from %s to %s though its node stayed", i, before[i], node)
		}
	}
}

func TestHotKey(t *testing.T) {
	r := ring(t, names(10)...)
	owner, _ := r.Owner("celebrity")
	if first, ok := acquire(t, r, "celebrity"); !ok || first != owner {
		t.Fatalf("the first Acquire = %q, %v; want the owner %q, which is idle", first, ok, owner)
	}
	for i := range 999 {
		if _, ok := r.Acquire("celebrity"); !ok {
			tell(t, "Acquire(celebrity) = false; loads %v", r.Loads())
			t.Fatalf("Acquire %d is refused: some node always has room", i+2)
		}
	}
	tell(t, "Acquire(celebrity), 999 times more; loads %v", r.Loads())
	total := 0
	most := int(math.Ceil(1.25 * 1000 / 10))
	for node, load := range r.Loads() {
		total += load
		if load > most {
			t.Errorf("%s carries %d of 1000, want at most %d", node, load, most)
		}
	}
	if total != 1000 {
		t.Errorf("the loads sum to %d, want 1000", total)
	}
	if got := r.Loads()[owner]; got != most {
		t.Errorf("the owner carries %d, want %d: it is first choice while it has room", got, most)
	}
}
