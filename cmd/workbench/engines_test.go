package main

import (
	"strings"
	"testing"
)

// TestTheoryFromTheCommandLine works scenarios out on paper, and says what has
// no closed form as a matter of usage.
func TestTheoryFromTheCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"metastable"}, exitOK, "✓ A minute after the spike the bare service still serves nobody in time: 0", ""},
		{[]string{"metastable", "--on=client-budget"}, exitOK, "✓ A retry budget of a tenth brings it back", ""},
		{[]string{"metastable", "--on=breaker"}, exitUsage, "", "pattern breaker: there is no closed form; want --engine virtual"},
		{[]string{"slow-dependency"}, exitUsage, "", "there is no closed form"},
	} {
		var out, errs strings.Builder
		code := run(t.Context(), append([]string{"run", "--engine=theory"}, tt.args...), strings.NewReader(""), &out, &errs, func(string) string { return "" })
		if code != tt.code || !strings.Contains(out.String(), tt.stdout) || !strings.Contains(errs.String(), tt.stderr) {
			t.Errorf("run %v = %d with %q and %q, want %d, %q and %q", tt.args, code, out.String(), errs.String(), tt.code, tt.stdout, tt.stderr)
		}
	}
}
