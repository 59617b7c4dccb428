// kills: TestRush — between looking and reserving the second copy looks too, and the customer pays twice

// Package idempotencykey lets a request be sent twice and done once.
package idempotencykey

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
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

// Ticket is the right to do the work that belongs to a key.
type Ticket struct {
	Who, Key string
	Attempt  int    // 1, unless an earlier attempt died: it may have had its effect
	serial   uint64 // no two tickets of a store have the same
}

// id is a key; callers do not share theirs.
type id struct{ who, key string }

// entry is what is known of one key.
type entry struct {
	sum      [sha256.Size]byte // of the body
	serial   uint64            // of the latest ticket
	attempt  int
	lease    time.Duration // until then the latest ticket is taken for alive
	forget   time.Duration
	done     bool
	response Response
}

// deadline is when a key may be due to be forgotten.
type deadline struct {
	id id
	at time.Duration
}

// Store knows the keys. Use New. It is safe for concurrent use.
type Store struct {
	cfg Config

	mu      sync.Mutex
	entries map[id]*entry // guarded by mu
	queue   []deadline    // guarded by mu: in the order in which they come
	serial  uint64        // guarded by mu
}

// New returns an empty store.
func New(cfg Config) (*Store, error) {
	if cfg.Lease <= 0 || cfg.Keep < cfg.Lease {
		return nil, fmt.Errorf("idempotency key: lease %v, keep %v: want a positive lease and to keep keys at least as long", cfg.Lease, cfg.Keep)
	}
	return &Store{cfg: cfg, entries: map[id]*entry{}}, nil
}

// Begin asks at now, counted from any fixed origin, for the right to work on a
// request. It returns a ticket; or the response, when the work is done; or why
// it gives neither.
func (s *Store) Begin(now time.Duration, who, key string, body []byte) (Ticket, *Response, error) {
	if key == "" || len(key) > 255 {
		return Ticket{}, nil, ErrBadKey
	}
	sum := sha256.Sum256(body)
	k := id{who, key}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	_, known := s.entries[k]
	s.mu.Unlock()
	time.Sleep(time.Millisecond) // as any I/O would
	s.mu.Lock()
	e := s.entries[k]
	if !known {
		e = nil
	}
	if e != nil && now >= e.forget {
		delete(s.entries, k)
		e = nil
	}
	switch {
	case e == nil:
		e = &entry{sum: sum}
		s.entries[k] = e
	case e.sum != sum:
		return Ticket{}, nil, ErrOtherBody
	case e.done:
		response := e.response
		return Ticket{}, &response, nil
	case now < e.lease:
		return Ticket{}, nil, ErrInFlight
	}
	s.serial++
	e.serial = s.serial
	e.attempt++
	e.lease = now + s.cfg.Lease
	s.keep(now, k, e)
	return Ticket{Who: who, Key: key, Attempt: e.attempt, serial: e.serial}, nil, nil
}

// Complete stores the response of the ticket's request. The first response
// counts, and only that of the latest attempt.
func (s *Store) Complete(now time.Duration, t Ticket, r Response) error {
	k := id{t.Who, t.Key}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	if e == nil || e.serial != t.serial || e.done {
		return ErrLost
	}
	e.done, e.response = true, r
	s.keep(now, k, e)
	return nil
}

// Abandon gives the key back: the work had no effect and may be begun anew.
func (s *Store) Abandon(t Ticket) {
	k := id{t.Who, t.Key}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[k]; e != nil && e.serial == t.serial && !e.done {
		delete(s.entries, k)
	}
}

// Len returns how many keys the store holds in memory.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

// keep postpones the forgetting of a key. The caller holds mu.
func (s *Store) keep(now time.Duration, k id, e *entry) {
	e.forget = now + s.cfg.Keep
	s.queue = append(s.queue, deadline{k, e.forget})
}

// sweep forgets a few keys whose time has come: more than one call can add, so
// that the store shrinks, and so few that nobody waits. The caller holds mu.
func (s *Store) sweep(now time.Duration) {
	for range 4 {
		if len(s.queue) == 0 || now < s.queue[0].at {
			return
		}
		k := s.queue[0].id
		s.queue = s.queue[1:]
		if e := s.entries[k]; e != nil && now >= e.forget {
			delete(s.entries, k)
		}
	}
}
