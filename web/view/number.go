package view

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"workbench/sim/stat"
)

// Rate writes a rate or count with no more digits than one reads at a glance.
func Rate(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case v >= 99_950:
		return strconv.FormatFloat(v/1000, 'f', 0, 64) + "k"
	case v >= 9_995:
		return strconv.FormatFloat(v/1000, 'f', 1, 64) + "k"
	case v >= 10 || v == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// Percent writes a share. Only all is 100 %, and only nothing is 0 %: 99.97 % is
// written 99.9 %, and 0.053 % as it is.
func Percent(share float64) string {
	if p := share * 100; p > 99 && p < 100 {
		return strconv.FormatFloat(math.Floor(p*10)/10, 'f', 1, 64) + " %"
	}
	return stat.Percent(share, 0)
}

// Millis writes a latency given in milliseconds.
func Millis(ms float64) string {
	switch {
	case math.IsNaN(ms) || ms <= 0:
		return "–"
	case ms >= 10_000:
		return strconv.FormatFloat(ms/1000, 'f', 0, 64) + " s"
	case ms >= 1000:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
	case ms >= 10:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
}

// Clock writes a duration as minutes and seconds, "1:05".
func Clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Words writes a snake_case name as words: "queue_depth" becomes "queue depth".
func Words(name string) string { return strings.ReplaceAll(name, "_", " ") }
