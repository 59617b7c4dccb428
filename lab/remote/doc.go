// Package remote gives the lab its Redis: one that the learner names, else a
// private redis-server of our own, else an embedded stand-in. Whoever uses it
// sees one client with short limits and is told in words which Redis it is.
//
// # Which Redis
//
// Open tries in this order and Label says what it found:
//
//  1. the address in Options.URL, if there is one. It is the learner's own and
//     may hold other data: a fault refuses connections here instead of touching
//     the server.
//  2. redis-server, if it is on PATH, as a child of this process on a free
//     loopback port, with a random password, no persistence and 64 MB.
//  3. miniredis inside this process. It speaks the protocol and runs Lua, but
//     behind one lock and without eviction: right for what is true, wrong for
//     how much a Redis can bear.
//
// Whichever it is, Flush and Reset remove keys under their prefixes alone, since
// others may be let into it: caches, and between two runs quotas. A queue is what
// somebody was promised, and removed by whoever has opened it.
//
// # Limits
//
// The client library's defaults wait seconds on a server that does not answer.
// Here every step has a limit (see the constants in client.go), so that a call
// ends with an error in less than one second whatever Redis does.
//
// # Faults
//
// Kill makes Redis unreachable and Revive brings it back, empty unless it is
// the learner's own. Up follows both, and every other failure, by asking twice
// a second.
package remote
