package interview_test

import (
	"slices"
	"testing"
)

// What a sentence works out in words is worked out again.
func TestSums(t *testing.T) {
	c := load(t)
	for _, x := range []struct {
		name, text string
		wrong      bool
	}{
		{"a quotient", "The 30,000 jobs divided by 8 a second are 3,750 seconds.", false},
		{"in another unit", "The 30,000 jobs divided by 5 a second is 100 minutes.", false},
		{"a wrong quotient", "The 30,000 jobs divided by 8 a second are 500 seconds.", true},
		{"a product in milliseconds", "The 500 queries a second times 10 ms is 5 connections.", false},
		{"a wrong product", "The 500 queries a second times 10 ms is 17 connections.", true},
		{"others say so", "Some say that 30,000 jobs divided by 8 a second are 500 seconds.", false},
		{"no sum", "It was done 3 times, and 20 % of the 7 layers failed.", false},
	} {
		found := names(score(t, c, "backlog-math", x.text).Faults)
		if slices.Contains(found, "sum") != x.wrong {
			t.Errorf("%s: %q has the mistakes %v, want a wrong sum: %v", x.name, x.text, found, x.wrong)
		}
	}
}
