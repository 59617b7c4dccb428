// Package fallback says what a reader gets when the real answer cannot be had,
// in which order, and counts which step it was.
//
// # Idea
//
// A failed call need not be a failed page. There may be a copy, which is the
// real answer of a while ago; a simpler answer, which needs nothing and is the
// same for all: an empty list, a name without a picture; and an error, which is
// at least honest. Which of them is best depends on the age of the copy: one of
// a minute ago is better than a default, one of yesterday may be worse. So the
// steps are: a copy that is young enough, the default, an older copy, the error.
// Each can be switched off, and none passes as fresh: copies and defaults go out
// as stale, a copy with its age, a default marked as such.
//
// # When
//
// For reads whose readers can do something with less: profiles, feeds, catalogs.
// Not where a default is a lie that somebody acts on: a balance of zero, no
// permissions, an empty order book. Only operations for which their service has a
// simpler answer get one; login, orders and notifications have none.
//
// # Knobs
//
// copy_age is the oldest copy that comes before the default; 0s: none does.
// default switches the simpler answer, old_copy whether an older copy is given
// before an error. refused says whether a request that was refused (shed, open)
// is answered too, or only one that failed or came late.
//
// Copies are kept by the pattern stale and by no other: fallback stands above it,
// lets its answers through by their age, and has a copy only where stale is on.
//
// # Cost
//
// A look at each answer, and one short critical section for the share of
// fallbacks. Nothing is kept or looked up.
//
// # How it fails
//
// It hides an outage from everybody, those on call included: watch the share of
// fallbacks. Defaults look well in every chart and are worth little to the
// reader. A path that is never taken rots: it must be rehearsed. A default that
// calls something moves the outage there; this one calls nothing. It comes after
// the failure, so a dependency that hangs costs each reader the whole timeout. A
// reader who has left gets none.
//
// # Source
//
// Michael Nygard, Release It!, second edition (2018), on failing over to partial
// or default answers; Netflix, "Making the Netflix API More Resilient" (2011), for
// the order of fallbacks: a custom one, silent, or fast failure.
package fallback
