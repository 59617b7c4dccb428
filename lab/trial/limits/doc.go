// Package limits holds the trials of the guide's chapter on backpressure: what
// a limit lets through, in one instance and over several.
package limits
