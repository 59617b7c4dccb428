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
		{[]string{"priority"}, exitOK, "– Without protection the important changes are lost with everything else: not judged, engine theory has no such figure", ""},
		{[]string{"login-stolen-token"}, exitOK, "– Each stolen token is accepted, and everybody is served: not judged, engine theory has no such figure", ""},
		{[]string{"login-hashing"}, exitUsage, "", "operations that cost different amounts (calls of a dependency: login 11, guess-password 11, renew-token 1, check-session 1): there is no closed form; want --engine virtual"},
		{[]string{"slow-dependency"}, exitUsage, "", "there is no closed form"},
	} {
		var out, errs strings.Builder
		code := run(t.Context(), append([]string{"run", "--engine=theory"}, tt.args...), strings.NewReader(""), &out, &errs, func(string) string { return "" })
		if code != tt.code || !strings.Contains(out.String(), tt.stdout) || !strings.Contains(errs.String(), tt.stderr) {
			t.Errorf("run %v = %d with %q and %q, want %d, %q and %q", tt.args, code, out.String(), errs.String(), tt.code, tt.stdout, tt.stderr)
		}
	}
}

// TestACutRunFailsNoClaimThatItDoesNotReach: five seconds of metastable end before
// its spike, and 15 s in its midst.
func TestACutRunFailsNoClaimThatItDoesNotReach(t *testing.T) {
	const claim = "A minute after the spike the bare service still serves nobody in time: not judged, the run ends at "
	for length, want := range map[string][]string{
		"5s":  {"– Before the spike nearly everyone is served: not judged, the run ends at 5 s, before the 10 s", "– " + claim + "5 s, before the scenario's own end at 100 s"},
		"15s": {"✓ Before the spike nearly everyone is served: 1 (≥ 0.97)", "– " + claim + "15 s"},
	} {
		var out, errs strings.Builder
		code := run(t.Context(), []string{"run", "metastable", "--engine=virtual", "--duration=" + length}, strings.NewReader(""), &out, &errs, func(string) string { return "" })
		if code != exitOK {
			t.Errorf("--duration %s: exit code = %d, want 0; stderr:\n%s", length, code, errs.String())
		}
		inOrder(t, "--duration "+length, out.String(), want)
	}
}
