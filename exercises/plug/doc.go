// Package plug lets a learner's accepted answer decide in the running lab, from
// a confined process of its own.
//
// An answer is compiled together with its exercise's plug/main.go and package
// host, and started once for each service instance in exercises/sandbox. The
// service asks it over a socket pair: questions gather while the frame before
// them is written, so that one frame holds many under load. Each decision has a
// deadline. A cache among them has the lab load what it lacks, over the same pair,
// and a queue says who may come in and who is next. A process that ends, hangs, is
// too slow or talks nonsense opens the guard: the pattern's own core decides until
// another process has been started, after a pause that doubles, and not for ever.
// What is plugged in is remembered, and compiled and plugged in again by the next
// workbench.
package plug
