// Package code is the Go of the guide's chapters: short, complete, and tested.
//
// A chapter prints what stands between "// guide:begin NAME" and "// guide:end",
// and a test holds the two to each other. docs/guide/measure runs the same
// functions for the figures beside them.
package code
