// Package phrase recognises what a person says in plain sentences: words in any
// form, small groups of words near one another, negations and their reach, and
// quantities with their units.
//
// A pattern is a line of terms that must all be heard in one sentence, close
// together and in any order:
//
//	retry|reattempt @limit     one of the alternatives, then a class of words
//	circuit_breaker            words that stand side by side
//	~queue unbounded           the queue must be denied ("we never queue without bound")
//	retry budget !hedge        the sentence may not also hold this
//	=once                      this very form, not its stem
//	#                          any number
//
// Everything here is a pure function of its arguments; a Book is read only once
// it is sealed and then safe for concurrent use.
package phrase
