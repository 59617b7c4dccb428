// Package shelf finds exercises and checks that they are whole.
//
// An exercise is a folder NN-slug; exercises/00-layout.md says what is in it.
// Open reads the metadata of all of them, Files the text of one part, and
// Validate reports everything that is wrong with an exercise, so that a learner
// never meets one with a hidden demand, a test that no task owns, or a mutant
// that nobody has to kill.
package shelf
