package stat_test

import (
	"math"
	"testing"

	"workbench/sim/stat"
)

func TestPercentTellsALittleFromNothing(t *testing.T) {
	for _, c := range []struct {
		share    float64
		decimals int
		want     string
	}{
		{0, 0, "0 %"},
		{0, 1, "0.0 %"},
		{0.0005254, 0, "0.053 %"},
		{0.0005254, 1, "0.053 %"},
		{0.0005, 0, "0.05 %"},
		{0.0001, 0, "0.01 %"},
		{0.005, 0, "0.5 %"},
		{0.0094, 0, "0.94 %"},
		{0.00996, 0, "1 %"},
		{0.01, 0, "1 %"},
		{0.01, 1, "1.0 %"},
		{0.0149, 0, "1 %"},
		{0.5, 0, "50 %"},
		{0.1234, 1, "12.3 %"},
		{1, 0, "100 %"},
		{-0.002, 0, "-0.2 %"},
		{-0.5, 0, "-50 %"},
		{0.000002, 0, "0.0002 %"},
		{1e-9, 0, "below 0.0001 %"},
		{math.NaN(), 0, "–"},
		{math.Inf(1), 0, "–"},
	} {
		if got := stat.Percent(c.share, c.decimals); got != c.want {
			t.Errorf("Percent(%v, %d) = %q, want %q", c.share, c.decimals, got, c.want)
		}
	}
}
