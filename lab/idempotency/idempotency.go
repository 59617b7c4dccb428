// Package idempotency makes repeating a request harmless: the caller sends a
// key of its own with each intent, the first request of a key has the effect,
// and every other gets the answer of the first.
//
// A key is its caller's and its route's: nobody can read another's answer by
// guessing a key. With the key the request's fingerprint is kept, so a key that
// is used again for something else is an error and not a wrong answer. A
// request that failed is not kept: it had no effect, and may be put right and
// sent again under the same key.
//
// Where the effect is in the same database as the key, one transaction holds
// both, and no kill can part them (package sqlite, Store.Do). Where it is not,
// Do reserves the key, has the effect, and keeps the answer; a process that is
// killed in between leaves a reservation that runs out after Config.Lease, and
// then the effect is had again: it has to be idempotent there by the same key.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Errors that a caller may act on; what they mean in HTTP stands beside them.
var (
	ErrKey      = errors.New("the idempotency key is wrong")                                                         // 400
	ErrMismatch = errors.New("the idempotency key was used for another request: use a new key for a new intent")     // 422
	ErrInFlight = errors.New("a request with this idempotency key is being worked on: ask again in a moment")        // 409
	ErrFull     = errors.New("no more idempotency keys can be kept: ask again later")                                // 503
	ErrLate     = errors.New("the request took longer than its reservation, and another may have done it meanwhile") // 500
	ErrUnkept   = errors.New("the request was carried out, but its answer could not be kept")                        // 500
)

// MaxKey is the longest key in bytes, and the longest caller and route.
const MaxKey = 255

// Key says whose intent a request is.
type Key struct {
	Caller string // who asks, as authenticated
	Route  string // method and pattern of the path
	Key    string // what the caller sent
}

// Validate reports everything that is wrong with k. Its error is an ErrKey.
func (k Key) Validate() error {
	var faults []error
	for _, part := range []struct{ name, value string }{{"caller", k.Caller}, {"route", k.Route}, {"key", k.Key}} {
		if n := len(part.value); n < 1 || n > MaxKey || !utf8.ValidString(part.value) {
			faults = append(faults, fmt.Errorf("%s has %d bytes (want 1 to %d, of UTF-8)", part.name, n, MaxKey))
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %w", ErrKey, errors.Join(faults...))
	}
	return nil
}

// Hash is a fingerprint of what a request asks for.
type Hash [sha256.Size]byte

// Fingerprint returns the fingerprint of a request's parts, such as its query
// and its body. Parts do not run into one another.
func Fingerprint(parts ...[]byte) Hash {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	return Hash(h.Sum(nil))
}

// Response is an answer as it is kept and given again.
type Response struct {
	Status  int
	Headers map[string]string // those that belong to the answer, such as Location
	Body    []byte            // shared: it is not to be changed
}

// Config says how long and how much is kept.
type Config struct {
	Kept     time.Duration // how long an answer is given again; at least 24 hours
	Lease    time.Duration // how long a request may be at work before another may have a try
	Capacity int           // keys kept at once: of more, new ones are refused, since forgetting one breaks its promise
}

// Default returns the usual settings.
func Default() Config {
	return Config{Kept: 24 * time.Hour, Lease: time.Minute, Capacity: 1_000_000}
}

const minKept = 24 * time.Hour

// Validate reports everything that is wrong with c.
func (c Config) Validate() error {
	var faults []error
	if c.Kept < minKept {
		faults = append(faults, fmt.Errorf("%s is %v (want at least %v: callers repeat for that long)", "Kept", c.Kept, minKept))
	}
	if c.Lease <= 0 || c.Lease > c.Kept {
		faults = append(faults, fmt.Errorf("%s is %v (want more than 0 and at most Kept)", "Lease", c.Lease))
	}
	if c.Capacity < 1 {
		faults = append(faults, fmt.Errorf("%s is %d (want 1 or more)", "Capacity", c.Capacity))
	}
	if len(faults) > 0 {
		return fmt.Errorf("idempotency settings: %w", errors.Join(faults...))
	}
	return nil
}

// Claim is a reservation of a key.
type Claim struct {
	Key   Key
	Token string // tells this reservation from a later one of the same key
}

// Store keeps keys with their answers. It is safe for concurrent use.
type Store interface {
	// Begin reserves a key, or returns the answer that is kept for it, or
	// ErrInFlight, ErrMismatch, ErrFull or ErrKey.
	Begin(ctx context.Context, k Key, h Hash, now time.Time) (c Claim, kept *Response, err error)
	// Finish keeps the answer. It is ErrLate when the reservation has run out
	// and somebody else has taken the key.
	Finish(ctx context.Context, c Claim, r Response) error
	// Abandon frees the key again.
	Abandon(ctx context.Context, c Claim) error
}

// settleLimit is how long keeping an answer may take after the effect.
const settleLimit = 10 * time.Second

// Do has the effect of a request once. A first request of its key calls effect
// and keeps what that returns; a repetition gets the same again, and is
// replayed. If effect returns an error or panics, nothing is kept.
func Do(ctx context.Context, s Store, k Key, h Hash, now time.Time, effect func(context.Context) (Response, error)) (r Response, replayed bool, err error) {
	claim, kept, err := s.Begin(ctx, k, h, now)
	if err != nil {
		return Response{}, false, err
	}
	if kept != nil {
		return *kept, true, nil
	}
	// What is to be said of the effect is said also when the caller has left.
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleLimit)
	defer cancel()
	done := false
	defer func() {
		if !done { // an error, or a panic, which goes on
			err = errors.Join(err, s.Abandon(settle, claim))
		}
	}()
	if r, err = effect(ctx); err != nil {
		return Response{}, false, err
	}
	done = true
	if err := s.Finish(settle, claim, r); err != nil {
		return Response{}, false, fmt.Errorf("%w: %w", ErrUnkept, err)
	}
	return r, false, nil
}
