// Package store has the words in which the demo services and what keeps their
// data understand each other: what is kept, and what can go wrong. Package
// storetest says what an implementation promises; package sqlite is the one
// that needs nothing installed.
package store

import (
	"context"
	"errors"
)

// Errors that a caller may act on.
var (
	ErrMissing  = errors.New("there is no such item")
	ErrSpace    = errors.New("the disk is full: free some space; reading still works")
	ErrReadOnly = errors.New("the database file cannot be written: check its permissions and the disk; reading still works")
	ErrBusy     = errors.New("another process holds the database file: end it, or use another data directory")
	// ErrDown: the call may or may not have had its effect.
	ErrDown = errors.New("the database does not answer: check that it runs and can be reached; the service asks again by itself")
)

// Profile is one member.
type Profile struct {
	ID      uint64 `json:"id"`
	Name    string `json:"name"`
	City    string `json:"city"`
	Bio     string `json:"bio"`
	Posts   int64  `json:"posts"`
	Version int64  `json:"version"` // grows by one with each update, from 1
}

// Report sums up the profiles around one.
type Report struct {
	Profile uint64 `json:"profile"`
	From    uint64 `json:"from"` // the first profile that counts
	To      uint64 `json:"to"`   // the last
	Cities  []City `json:"cities"`
}

// City is one row of a Report.
type City struct {
	Name     string  `json:"name"`
	Members  int64   `json:"members"`
	Posts    int64   `json:"posts"`
	MostBy   int64   `json:"most_by_one"`
	BioChars float64 `json:"bio_chars_mean"`
	Updates  int64   `json:"updates"`
}

// callerKey is the key of a context's caller.
type callerKey struct{}

// WithCaller returns a context that says who asks, for stores that promise
// something to each caller, such as to read what it has written.
func WithCaller(ctx context.Context, user uint64) context.Context {
	return context.WithValue(ctx, callerKey{}, user)
}

// Caller returns who asks; false when the context does not say.
func Caller(ctx context.Context) (user uint64, ok bool) {
	user, ok = ctx.Value(callerKey{}).(uint64)
	return user, ok
}
