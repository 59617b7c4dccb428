// Package observing holds the trials of the guide's chapter on observability:
// what a figure, a trace, a line and an alert tell, and what each costs.
package observing

import "workbench/lab/trial"

// claim makes a claim of what was found.
func claim(ok bool, text, got string) trial.Claim { return trial.Claim{Text: text, OK: ok, Got: got} }
