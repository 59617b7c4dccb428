package dist_test

import (
	"testing"

	"workbench/sim/dist"
)

func TestScrambleIsABijection(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 4, 5, 7, 8, 9, 100, 1000, 1023, 1024, 1025, 99_999} {
		seen := make([]bool, n)
		for x := range n {
			y := dist.Scramble(x, n)
			if y >= n {
				t.Fatalf("Scramble(%d, %d) = %d, want below %d", x, n, y, n)
			}
			if seen[y] {
				t.Fatalf("Scramble(%d, %d) = %d, which another number has too", x, n, y)
			}
			seen[y] = true
		}
	}
}

func TestScrambleSpreadsNeighbours(t *testing.T) {
	const n = 1_000_000
	near := 0
	for x := range uint64(1000) {
		a, b := dist.Scramble(x, n), dist.Scramble(x+1, n)
		if max(a, b)-min(a, b) < n/100 {
			near++
		}
	}
	// Two independent places lie within 1 % of each other with a chance of 2 %.
	if near > 60 {
		t.Errorf("%d of 1000 neighbours stay within 1 %% of each other, want about 20", near)
	}
}

// The hottest thousand ranks must fall evenly into the parts of the range, as
// shards that split it do.
func TestScrambleSpreadsTheHottest(t *testing.T) {
	const n, parts = 1_000_000, 10
	var count [parts]int
	for x := range uint64(1000) {
		count[dist.Scramble(x, n)*parts/n]++
	}
	for i, c := range count {
		if c < 60 || c > 140 {
			t.Errorf("part %d of %d holds %d of the hottest 1000, want 100 ± 40", i, parts, c)
		}
	}
}

func FuzzScramble(f *testing.F) {
	f.Add(uint64(0), uint64(0))
	f.Add(uint64(5), uint64(3))
	f.Add(uint64(1)<<63, ^uint64(0))
	f.Fuzz(func(t *testing.T, x, n uint64) {
		y := dist.Scramble(x, n)
		if n > 0 && y >= n {
			t.Errorf("Scramble(%d, %d) = %d, want below %d", x, n, y, n)
		}
		if n > 1 && dist.Scramble(x%n, n) != y {
			t.Errorf("Scramble(%d, %d) differs from that of its remainder", x, n)
		}
	})
}
