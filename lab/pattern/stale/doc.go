// Package stale answers with the last good copy when a fresh answer fails or
// takes too long.
//
// # Idea
//
// For most reads an answer from five minutes ago is worth far more than an
// error. The pattern keeps the last good answer for each item and gives it out,
// marked stale and with its age, when the call below fails, is late, is refused
// or is shed. Availability then depends on what was asked for before, not on
// the dependency.
//
// # When
//
// For reads whose readers prefer old to nothing: feeds, profiles, catalogs. Not
// for prices at the moment of buying, balances, permissions, stock.
//
// # Knobs
//
// capacity bounds the items whose answers are kept, max_age the age of an answer
// that is given out: no reader ever sees an older one. after is a soft wait:
// if the call takes longer, the copy is given out at once and the call goes on
// behind; 0 waits for the call's own end. refresh answers at once with any copy
// up to this age and renews it behind; 0: off. Within fresh_for a copy counts
// as fresh: it is given out as ok and not renewed; 0: off. background bounds the
// calls that go on behind; when they are used up, requests wait for their call.
//
// # Cost
//
// A look-up and a store for each read, under one lock, about 150 ns each; with
// after one goroutine, or with refresh one for each renewal. Each copy holds
// about 200 bytes and its body.
//
// # How it fails
//
// It hides an outage: everything looks well until the copies grow too old, all
// at once. Watch the share of stale answers, not of errors. It does not take
// load off the dependency unless refresh is on; an outage still costs each
// request the time in which the call fails, unless after is set.
//
// A write that succeeds drops the copies of its item, so that nobody is shown
// what they just changed; one that failed or came late leaves them as a last
// resort, but they are no longer given out at once, and what was loaded before
// it ended is not kept. Writes past the service are not seen: max_age is the
// promise.
//
// A renewal that fails extends the copy instead of deleting it: up to max_age
// it is still given out at once, and the next renewal is tried a second later,
// one at a time. Items that nobody asked for before have no copy. State is lost
// when the pattern is switched off.
//
// # Source
//
// RFC 5861, HTTP Cache-Control Extensions for Stale Content (2010):
// stale-while-revalidate and stale-if-error.
package stale
