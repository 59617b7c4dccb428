// Package singleflight lets concurrent reads of one item share one call.
//
// # Idea
//
// When a popular entry leaves the cache, every request for it misses until the
// first has loaded it again: at 500 requests a second and a load of 200 ms, a
// hundred loads of the same thing. Here the first request starts a flight, the
// others wait for its answer, and the database is asked once.
//
// # When
//
// Behind a cache, for reads that are dear or that hit one hot key. It needs no
// cache to be right, but without one it only joins what overlaps in time.
//
// # Knobs
//
// timeout is a flight's own deadline. A flight belongs to no request: it does
// not end when the one that began it gives up, and it does not outlive timeout.
// share_errors says whether those who waited get a failed flight's answer;
// without it each of them asks by itself.
//
// # Cost
//
// One goroutine, one channel and one timer for each request that waits, about
// 2 µs. Only misses should come here, so put it below the cache.
//
// # How it fails
//
// Everybody shares the flight's fate: one slow call delays all who joined, up
// to their own deadline, and one unlucky error is given to all of them. Without
// share_errors the cure is worse under load: a failing dependency gets all the
// waiting calls at once, just when it is weakest.
//
// A flight works on after its last waiter has left, until timeout, because it
// does not know the patience of those who may still join; below it, a request
// no longer says when its caller leaves. A write ends the joining: who comes
// after the write starts a new flight.
//
// It joins within one instance. M instances make M calls for one key, which is
// seldom worth a lease in Redis: that would bind a miss to a second dependency.
//
// A panic below is answered as failed to everybody who waits, with the reason
// flight_panic, and logged; it does not strand the others or end the service.
//
// # Source
//
// golang.org/x/sync/singleflight, whose Do lets the first caller's context end
// the call of all; Nishtala and others, "Scaling Memcache at Facebook", NSDI
// 2013, section 3.2.1, for the stampede.
package singleflight
