// Package idempotencykey lets a request be sent twice and done once.
package idempotencykey

import (
	"errors"
	"time"
)

// Why Begin and Complete refuse.
var (
	ErrBadKey    = errors.New("idempotency key: want 1 to 255 bytes")                                // HTTP 400
	ErrInFlight  = errors.New("idempotency key: the first request with it is still being worked on") // HTTP 409
	ErrOtherBody = errors.New("idempotency key: it was used for another request")                    // HTTP 422
	ErrLost      = errors.New("idempotency key: the reservation is no longer this attempt's")
)

// Config says how long keys live.
type Config struct {
	Lease time.Duration // an attempt that has not completed for so long is taken for dead
	Keep  time.Duration // a key is forgotten so long after its last Begin that gave a ticket, or its Complete
}

// Response is what the first request was answered, and every repetition will be.
type Response struct {
	Status int
	Body   string
}

// Ticket is the right to do the work that belongs to a key. The fields are part
// of the contract; add what you need.
type Ticket struct {
	Who, Key string
	Attempt  int // 1, unless an earlier attempt died: it may have had its effect
}

// Store knows the keys. Use New. It is safe for concurrent use.
type Store struct {
	// What must be known of a key before, and after, its request is done?
}

// New returns an empty store.
func New(cfg Config) (*Store, error) {
	return &Store{}, nil
}

// Begin asks at now, counted from any fixed origin, for the right to work on a
// request. It returns a ticket; or the response, when the work is done; or why
// it gives neither.
func (s *Store) Begin(now time.Duration, who, key string, body []byte) (Ticket, *Response, error) {
	return Ticket{Who: who, Key: key, Attempt: 1}, nil, nil
}

// Complete stores the response of the ticket's request.
func (s *Store) Complete(now time.Duration, t Ticket, r Response) error {
	return nil
}

// Abandon gives the key back: the work had no effect and may be begun anew.
func (s *Store) Abandon(t Ticket) {}

// Len returns how many keys the store holds in memory.
func (s *Store) Len() int { return 0 }
