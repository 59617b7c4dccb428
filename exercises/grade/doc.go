// Package grade judges an answer to an exercise.
//
// An attempt goes through a gate that reads the files, is staged beside our own
// copies of the tests under our own go.mod, built with the race detector, and
// run in the sandbox several times in a shuffled order. The tests report to the
// judge, who sits in this process, over a pipe and with a key that the answer
// cannot know; what the program prints, and the status with which it exits,
// count for nothing. A pass needs every expected test to have been seen to pass
// in every run.
//
// In-process tests alone cannot withstand an answer that patches them: the gate
// and the sandbox must both hold. What is found wrong with the machine is an
// error, never a verdict.
package grade
