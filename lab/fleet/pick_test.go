package fleet_test

import (
	"fmt"
	"math"
	"testing"

	"workbench/lab/fleet"
	"workbench/sim/dist"
)

func TestPickers(t *testing.T) {
	for _, c := range []struct {
		picker   string
		inflight []int
		want     string // the first six picks
	}{
		{"", []int{0, 9, 0}, "[0 1 2 0 1 2]"},
		{fleet.RoundRobin, []int{5}, "[0 0 0 0 0 0]"},
		{fleet.LeastConnections, []int{3, 1, 2}, "[1 1 1 1 1 1]"},
		{fleet.LeastConnections, []int{1, 0, 0}, "[1 2 1 2 1 2]"},
		{fleet.LeastConnections, []int{0, 0, 0}, "[0 1 2 0 1 2]"},
		{fleet.TwoChoices, []int{4}, "[0 0 0 0 0 0]"},
		{fleet.TwoChoices, []int{7, 0}, "[1 1 1 1 1 1]"},
	} {
		t.Run(fmt.Sprint(c.picker, c.inflight), func(t *testing.T) {
			p, err := fleet.NewPicker(c.picker, dist.New(1, "pick"))
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for range 6 {
				got = append(got, p.Pick(c.inflight))
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("picks are %v, want %s", got, c.want)
			}
		})
	}
}

// Two distinct choices among n leave the busiest out always, and give each
// rank the share 2(n−rank)/(n(n−1)).
func TestTwoChoicesShares(t *testing.T) {
	const n, draws, seed = 5, 100_000, 4
	p, err := fleet.NewPicker(fleet.TwoChoices, dist.New(seed, "pick"))
	if err != nil {
		t.Fatal(err)
	}
	var got [n]float64
	for range draws {
		got[p.Pick([]int{0, 1, 2, 3, 4})] += 1.0 / draws
	}
	for i, share := range got {
		if want := 2 * float64(n-1-i) / (n * (n - 1)); math.Abs(share-want) > 0.006 {
			t.Errorf("seed %d: the instance with %d inside got %.4f of the picks, want %.2f ± 0.006", seed, i, share, want)
		}
	}
}

func FuzzPickers(f *testing.F) {
	f.Add(uint64(1), []byte{3, 1, 2})
	f.Add(uint64(2), []byte{0})
	f.Fuzz(func(t *testing.T, seed uint64, loads []byte) {
		if len(loads) == 0 {
			return
		}
		for _, name := range fleet.Pickers()[:3] {
			p, err := fleet.NewPicker(name, dist.New(seed, "pick"))
			if err != nil {
				t.Fatal(err)
			}
			for cut := len(loads); cut > 0; cut-- { // instances leave between picks
				inflight := make([]int, cut)
				for i := range inflight {
					inflight[i] = int(loads[i])
				}
				if got := p.Pick(inflight); got < 0 || got >= cut {
					t.Fatalf("%s picked %d of %d", name, got, cut)
				}
			}
		}
	})
}
