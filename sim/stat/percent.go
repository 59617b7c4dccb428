package stat

import (
	"math"
	"strconv"
	"strings"
)

// leastPercent is the smallest share that is written out, in percent.
const leastPercent = 0.0001

// Percent writes a share as a percentage with so many decimals. Below 1 % it
// has two significant digits, however many decimals that takes, for 0.05 % is
// not the same as none: only nothing is written 0.
func Percent(share float64, decimals int) string {
	p := share * 100
	size := math.Abs(p)
	switch {
	case math.IsNaN(p) || math.IsInf(p, 0):
		return "–"
	case size == 0 || size >= 1:
		return strconv.FormatFloat(p, 'f', decimals, 64) + " %"
	case size < leastPercent:
		return "below " + strconv.FormatFloat(leastPercent, 'f', -1, 64) + " %"
	}
	text := strconv.FormatFloat(p, 'f', 1-int(math.Floor(math.Log10(size))), 64)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".") + " %"
}
