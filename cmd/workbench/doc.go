// Command workbench serves the Traffic Workbench, and runs its scenarios from
// the command line.
//
// Results go to stdout, progress and logs to stderr. It exits 0 when all went
// well, 1 when a claim failed or something broke, and 2 for bad usage, whose
// message names the flag and what to write.
//
// Each subcommand has a file. wire.go is the one place that knows which engines
// and rooms there are.
package main
