// Package idempotencykey lets a request be sent twice and done once.
package idempotencykey

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
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
	Attempt  int // 1, unless an earlier attempt died: it may have had its effect
	number   int
}

// phase is where a key stands.
type phase int

const (
	working phase = iota
	finished
)

// fact is what is known of a key. It is a value: a change replaces it.
type fact struct {
	phase    phase
	print    string // of the body
	number   int    // of the latest ticket
	attempts int
	changed  time.Duration
	response Response
}

// memory is all that a store knows.
type memory struct {
	facts   map[string]fact
	tickets int
	calls   int // of Begin since the last clean-up
}

// Store passes its memory around in a channel of one: who holds it may change it.
type Store struct {
	lease, keep time.Duration
	memory      chan *memory
}

// New returns an empty store.
func New(cfg Config) (*Store, error) {
	if cfg.Lease < 1 || cfg.Keep < cfg.Lease {
		return nil, errors.New("idempotency key: want 0 < Lease <= Keep")
	}
	s := &Store{lease: cfg.Lease, keep: cfg.Keep, memory: make(chan *memory, 1)}
	s.memory <- &memory{facts: map[string]fact{}}
	return s, nil
}

// name makes one string of two, so that no two pairs give the same.
func name(who, key string) string { return fmt.Sprintf("%d:%s%s", len(who), who, key) }

// with runs f on the memory.
func (s *Store) with(f func(m *memory)) {
	m := <-s.memory
	defer func() { s.memory <- m }()
	f(m)
}

// Begin asks at now, counted from any fixed origin, for the right to work on a
// request. It returns a ticket; or the response, when the work is done; or why
// it gives neither.
func (s *Store) Begin(now time.Duration, who, key string, body []byte) (t Ticket, response *Response, err error) {
	if key == "" || len(key) > 255 {
		return Ticket{}, nil, ErrBadKey
	}
	sum := sha256.Sum256(body)
	s.with(func(m *memory) {
		if m.calls++; m.calls > len(m.facts)/2 {
			m.calls = 0
			maps.DeleteFunc(m.facts, func(_ string, f fact) bool { return now-f.changed >= s.keep })
		}
		f, known := m.facts[name(who, key)]
		if known && now-f.changed >= s.keep {
			f, known = fact{}, false
		}
		switch {
		case known && f.print != string(sum[:]):
			err = ErrOtherBody
		case known && f.phase == finished:
			response = &f.response // f is a copy
		case known && now-f.changed < s.lease:
			err = ErrInFlight
		default:
			m.tickets++
			f = fact{print: string(sum[:]), number: m.tickets, attempts: f.attempts + 1, changed: now}
			m.facts[name(who, key)] = f
			t = Ticket{Who: who, Key: key, Attempt: f.attempts, number: f.number}
		}
	})
	return t, response, err
}

// Complete stores the response of the ticket's request. The first response
// counts, and only that of the latest attempt.
func (s *Store) Complete(now time.Duration, t Ticket, r Response) (err error) {
	s.with(func(m *memory) {
		f, known := m.facts[name(t.Who, t.Key)]
		if !known || f.number != t.number || f.phase != working {
			err = ErrLost
			return
		}
		f.phase, f.response, f.changed = finished, r, now
		m.facts[name(t.Who, t.Key)] = f
	})
	return err
}

// Abandon gives the key back: the work had no effect and may be begun anew.
func (s *Store) Abandon(t Ticket) {
	s.with(func(m *memory) {
		if f := m.facts[name(t.Who, t.Key)]; f.number == t.number && f.phase == working {
			delete(m.facts, name(t.Who, t.Key))
		}
	})
}

// Len returns how many keys the store holds in memory.
func (s *Store) Len() (n int) {
	s.with(func(m *memory) { n = len(m.facts) })
	return n
}
