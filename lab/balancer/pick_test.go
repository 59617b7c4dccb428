package balancer_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"workbench/lab/balancer"
	"workbench/sim/dist"
)

func TestPickers(t *testing.T) {
	for _, c := range []struct {
		picker   string
		inflight []int
		want     string // the first six picks
	}{
		{"", []int{0, 9, 0}, "[0 1 2 0 1 2]"},
		{balancer.RoundRobin, []int{5}, "[0 0 0 0 0 0]"},
		{balancer.LeastInflight, []int{3, 1, 2}, "[1 1 1 1 1 1]"},
		{balancer.LeastInflight, []int{1, 0, 0}, "[1 2 1 2 1 2]"},
		{balancer.LeastInflight, []int{0, 0, 0}, "[0 1 2 0 1 2]"},
		{balancer.TwoChoices, []int{4}, "[0 0 0 0 0 0]"},
		{balancer.TwoChoices, []int{7, 0}, "[1 1 1 1 1 1]"},
	} {
		t.Run(fmt.Sprint(c.picker, c.inflight), func(t *testing.T) {
			p, err := balancer.NewPicker(c.picker, dist.New(1, "pick"))
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
	p, err := balancer.NewPicker(balancer.TwoChoices, dist.New(seed, "pick"))
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

func TestManyAtOnce(t *testing.T) {
	ups := []*upstream{newUpstream(t, "a", nil), newUpstream(t, "b", nil), newUpstream(t, "c", nil)}
	for _, picker := range balancer.Pickers() {
		t.Run(picker, func(t *testing.T) {
			r := start(t, picker, ups...)
			var all sync.WaitGroup
			for range 16 {
				all.Go(func() {
					for range 50 {
						if res, body := r.get(t, "/"); res.StatusCode != 200 || !strings.Contains("abc", body) {
							t.Errorf("answer %d %q, want 200 from a, b or c", res.StatusCode, body)
						}
					}
				})
			}
			all.Wait()
			var sent uint64
			for _, s := range r.Stats() {
				if sent += s.Sent; s.Inflight != 0 || s.Sent < 100 {
					t.Errorf("stats are %+v, want none inside and a fair part of 800", s)
				}
			}
			if sent != 800 {
				t.Errorf("sent %d, want 800", sent)
			}
		})
	}
}

func FuzzPickers(f *testing.F) {
	f.Add(uint64(1), []byte{3, 1, 2})
	f.Add(uint64(2), []byte{0})
	f.Fuzz(func(t *testing.T, seed uint64, loads []byte) {
		if len(loads) == 0 {
			return
		}
		for _, name := range balancer.Pickers() {
			p, err := balancer.NewPicker(name, dist.New(seed, "pick"))
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
