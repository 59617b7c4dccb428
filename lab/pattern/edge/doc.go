// Package edge answers reads before the balancer, from copies whose lifetime the
// service gives.
//
// # Idea
//
// A content delivery network stands between the users and everything that is
// ours. Each answer says for how long any cache may use it (s-maxage), for how
// long beyond that while it is fetched anew (stale-while-revalidate) and while
// the service fails (stale-if-error). What the edge answers costs the service
// nothing at all: no connection, no balancer, no instance.
//
// # When
//
// For answers that are the same for many users and may be a little old: pages,
// pictures, catalogs, public profiles. Not for what belongs to one user, and not
// where a reader must see their own write somewhere else at once.
//
// # Knobs
//
// s_maxage is for how long an answer is fresh; stale_while_revalidate for how long
// after that a copy answers at once while one request fetches a new one;
// stale_if_error for how long it answers when the service fails or cannot be
// reached. All three are whole seconds, as in HTTP, and count for answers given
// from then on. collapse lets one request to the service answer all that want
// the same meanwhile. capacity bounds the answers that are kept.
//
// # Cost
//
// One hop more for what is not in a copy. Readers may see what is up to s_maxage
// plus stale_while_revalidate old, wherever else it was changed.
//
// # How it fails
//
// It starts empty, and after a restart the service meets all of the traffic. It
// protects what many ask for and nothing else: a crowd that asks for other things
// each time goes right through. With a lifetime of 0 it saves bytes and no
// requests. A write through it drops the copy of what was written; one past it is
// not seen until the lifetime is over. A failure is an answer to nobody else: all
// who waited for it ask for themselves, unless a copy may stand in.
//
// # Source
//
// RFC 9111, HTTP Caching (2022); RFC 5861, stale-while-revalidate and
// stale-if-error (2010).
package edge
