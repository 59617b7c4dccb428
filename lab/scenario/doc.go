// Package scenario reads, checks and judges scenario files.
//
// A scenario is one YAML file: a system with its capacity, a population, the
// traffic phase by phase, faults, the patterns that start on, and claims about
// what comes of it. Parse reads one, Validate holds it against the patterns and
// operations that exist, and Judge decides the claims from a run's report. Both
// engines take the same Spec, so what is decided here holds for each of them.
//
// Nothing here runs anything. The files in scenarios/ are part of the program;
// docs/reference/scenario.md describes every field and metric.
package scenario
