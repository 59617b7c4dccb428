package trial

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// AtLeast returns the claim that a measured value is no less than want.
func AtLeast(what string, got, want float64, unit string) Claim {
	return Claim{Text: what + ": at least " + Number(want, unit), OK: got >= want, Got: Number(got, unit)}
}

// AtMost returns the claim that a measured value is no more than want.
func AtMost(what string, got, want float64, unit string) Claim {
	return Claim{Text: what + ": at most " + Number(want, unit), OK: got <= want, Got: Number(got, unit)}
}

// Exactly returns the claim that something was counted so many times.
func Exactly(what string, got, want int) Claim {
	return Claim{Text: what + ": " + Count(want), OK: got == want, Got: Count(got)}
}

// OnThisMachine marks a claim as one that a busy machine can spoil.
func OnThisMachine(c Claim) Claim {
	c.Timed = true
	return c
}

// Number writes a measured value: three digits that mean something, a comma
// before each third digit, and its unit.
func Number(v float64, unit string) string {
	digits := 0
	if abs := math.Abs(v); abs > 0 && abs < 100 && v != math.Trunc(v) {
		digits = min(4, 2-int(math.Floor(math.Log10(abs))))
	}
	text := grouped(strconv.FormatFloat(v, 'f', digits, 64))
	if unit != "" {
		text += " " + unit
	}
	return text
}

// Count writes a number of things.
func Count(n int) string { return grouped(strconv.Itoa(n)) }

// Took writes a duration with three digits.
func Took(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		if d >= u.size {
			return Number(float64(d)/float64(u.size), u.name)
		}
	}
	return Number(float64(d), "ns")
}

// Share writes a part of a whole as a percentage; a whole of nothing has no
// parts.
func Share(part, whole int) string { return Number(Percent(part, whole), "%") }

// Percent returns a part of a whole as a percentage, 0 of nothing.
func Percent(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// grouped puts a comma before each third digit of a number's whole part.
func grouped(text string) string {
	whole, rest, found := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if found {
		whole += "." + rest
	}
	return sign + whole
}
