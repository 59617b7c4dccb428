package shed_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/patterntest"
	"workbench/lab/pattern/shed"
)

func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		name  string
		knobs shed.Knobs
		want  [3]int64
	}{
		{"defaults", shed.Defaults(), [3]int64{30, 48, 60}},
		{"a part of a request counts whole", shed.Knobs{Capacity: 5, Low: 0.5, Normal: 0.5, High: 1}, [3]int64{3, 3, 5}},
		{"rounding of floats adds no place", shed.Knobs{Capacity: 100, Low: 0.07, Normal: 0.14, High: 0.28}, [3]int64{7, 14, 28}},
		{"nothing of low priority", shed.Knobs{Capacity: 10, Low: 0, Normal: 1, High: 1}, [3]int64{0, 10, 10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := shed.New(c.knobs)
			if err != nil {
				t.Fatal(err)
			}
			for p, want := range c.want {
				p := lab.Priority(p)
				if s.Admits(want, p) || want > 0 && !s.Admits(want-1, p) {
					t.Errorf("priority %d is refused from %d in flight, want %d", p, s.Limit(p), want)
				}
			}
		})
	}
}

func TestReasons(t *testing.T) {
	s, err := shed.New(shed.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range []lab.Reason{shed.ReasonLow, shed.ReasonNormal, shed.ReasonHigh, shed.ReasonHigh} {
		if got := s.Refuse(lab.Priority(p)); got.Outcome != lab.Shed || got.Reason != want || got.RetryAfter != time.Second {
			t.Errorf("Refuse(%d) = %+v, want shed for %s after 1s", p, got, want)
		}
	}
}

func TestKnobsAreChecked(t *testing.T) {
	for name, k := range map[string]shed.Knobs{
		"no capacity":             {Capacity: 0, Low: 0.5, Normal: 0.8, High: 1},
		"low above normal":        {Capacity: 9, Low: 0.9, Normal: 0.8, High: 1},
		"normal above high":       {Capacity: 9, Low: 0.5, Normal: 0.8, High: 0.7},
		"a share above one":       {Capacity: 9, Low: 0.5, Normal: 0.8, High: 1.1},
		"a share that is not one": {Capacity: 9, Low: math.NaN(), Normal: 0.8, High: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := shed.New(k); err == nil {
				t.Errorf("New(%+v) = nil error, want one", k)
			}
		})
	}
}

// FuzzOrder holds the shedder to its word: what is refused at some load is
// refused at every higher load and to everybody less important.
func FuzzOrder(f *testing.F) {
	f.Add(uint16(60), 0.5, 0.8, 1.0)
	f.Add(uint16(1), 0.0, 0.0, 0.0)
	f.Add(uint16(977), 0.3, 0.3, 0.9)
	f.Fuzz(func(t *testing.T, capacity uint16, low, normal, high float64) {
		s, err := shed.New(shed.Knobs{Capacity: int(capacity), Low: low, Normal: normal, High: high})
		if err != nil {
			t.Skip()
		}
		for n := range int64(capacity) + 2 {
			for p := lab.Low; p <= lab.High; p++ {
				ok := s.Admits(n, p)
				if ok && n > 0 && !s.Admits(n-1, p) {
					t.Fatalf("priority %d is admitted at %d in flight and refused at %d", p, n, n-1)
				}
				if ok && p < lab.High && !s.Admits(n, p+1) {
					t.Fatalf("at %d in flight priority %d is admitted and %d refused", n, p, p+1)
				}
				if share := []float64{low, normal, high}[p]; ok != (float64(n) < share*float64(capacity)-1e-9) {
					t.Fatalf("Admits(%d, %d) = %v with a share of %g of %d", n, p, ok, share, capacity)
				}
			}
		}
	})
}

func TestConformance(t *testing.T) { patterntest.Run(t, shed.Pattern()) }

func TestTwins(t *testing.T) {
	for _, capacity := range []int{1, 20, 60} {
		t.Run(fmt.Sprintf("capacity %d", capacity), func(t *testing.T) {
			// 2000 a second of 40 ms each would hold 80 in flight.
			results := patterntest.Twin(t, shed.Pattern(), map[string]any{"capacity": capacity}, patterntest.Poisson(3, 2000, 2000, 40*time.Millisecond))
			refused := map[lab.Reason]int{}
			for _, r := range results {
				refused[r.Response.Reason]++
			}
			// In a single place the shares come to the same: all or nobody.
			if low, high := refused[shed.ReasonLow], refused[shed.ReasonHigh]; low == 0 || capacity > 1 && low <= high {
				t.Errorf("refused by reason: %v, want more of low priority than of high", refused)
			}
		})
	}
}
