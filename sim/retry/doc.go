// Package retry decides how long to wait before asking again, and whether to
// ask at all.
//
// The simulated users and the server-side retry pattern share these
// primitives. They hold no clock, lock or chance of their own: the caller
// passes a uniform draw and waits.
package retry
