// Package idempotencykey lets a request be sent twice and done once.
package idempotencykey

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
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

// Ticket is the right to do the work that belongs to a key. It knows its record.
type Ticket struct {
	Who, Key string
	Attempt  int // 1, unless an earlier attempt died: it may have had its effect
	record   *record
}

// record is one life of a key, with a lock of its own. Once dead it stays dead:
// the next life of the key is another record.
type record struct {
	mu       sync.Mutex
	dead     bool
	sum      [sha256.Size]byte
	attempt  int
	begun    time.Duration
	forget   time.Duration
	response *Response
}

// Store keeps records in a concurrent map. Use New.
type Store struct {
	cfg     Config
	records sync.Map // of *record, by [2]string{who, key}
	size    atomic.Int64
	begins  atomic.Int64 // since the last sweep
}

// New returns an empty store.
func New(cfg Config) (*Store, error) {
	if cfg.Lease <= 0 {
		return nil, fmt.Errorf("idempotency key: a lease of %v", cfg.Lease)
	}
	if cfg.Keep < cfg.Lease {
		return nil, fmt.Errorf("idempotency key: keys kept for %v, less than the lease of %v", cfg.Keep, cfg.Lease)
	}
	return &Store{cfg: cfg}, nil
}

// Begin asks at now, counted from any fixed origin, for the right to work on a
// request. It returns a ticket; or the response, when the work is done; or why
// it gives neither.
func (s *Store) Begin(now time.Duration, who, key string, body []byte) (Ticket, *Response, error) {
	if len(key) < 1 || len(key) > 255 {
		return Ticket{}, nil, ErrBadKey
	}
	if s.begins.Add(1) > s.size.Load()/2 {
		s.begins.Store(0)
		s.sweep(now)
	}
	sum := sha256.Sum256(body)
	for {
		var r *record
		if v, ok := s.records.Load([2]string{who, key}); ok {
			r = v.(*record)
		} else {
			fresh := &record{sum: sum, forget: now + s.cfg.Keep}
			v, loaded := s.records.LoadOrStore([2]string{who, key}, fresh)
			r = v.(*record)
			if !loaded {
				s.size.Add(1)
			}
		}
		r.mu.Lock()
		if !r.dead && r.attempt > 0 && now >= r.forget {
			s.kill(who, key, r)
		}
		if r.dead {
			r.mu.Unlock()
			continue
		}
		t, response, err := s.begin(now, r, sum)
		r.mu.Unlock()
		if err == nil && response == nil {
			t.Who, t.Key = who, key
		}
		return t, response, err
	}
}

// begin decides about a living record. The caller holds its lock.
func (s *Store) begin(now time.Duration, r *record, sum [sha256.Size]byte) (Ticket, *Response, error) {
	if r.sum != sum {
		return Ticket{}, nil, ErrOtherBody
	}
	if r.response != nil {
		c := *r.response
		return Ticket{}, &c, nil
	}
	if r.attempt > 0 && now-r.begun < s.cfg.Lease {
		return Ticket{}, nil, ErrInFlight
	}
	r.attempt++
	r.begun = now
	r.forget = now + s.cfg.Keep
	return Ticket{Attempt: r.attempt, record: r}, nil, nil
}

// kill takes a record out. The caller holds its lock.
func (s *Store) kill(who, key string, r *record) {
	r.dead = true
	if s.records.CompareAndDelete([2]string{who, key}, r) {
		s.size.Add(-1)
	}
}

// Complete stores the response of the ticket's request. The first response
// counts, and only that of the latest attempt.
func (s *Store) Complete(now time.Duration, t Ticket, response Response) error {
	r := t.record
	if r == nil {
		return ErrLost
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead || r.attempt != t.Attempt || r.response != nil {
		return ErrLost
	}
	r.response = &response
	r.forget = now + s.cfg.Keep
	return nil
}

// Abandon gives the key back: the work had no effect and may be begun anew.
func (s *Store) Abandon(t Ticket) {
	r := t.record
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.dead && r.attempt == t.Attempt && r.response == nil {
		s.kill(t.Who, t.Key, r)
	}
}

// Len returns how many keys the store holds in memory.
func (s *Store) Len() int { return int(s.size.Load()) }

// sweep looks at every record, once for half as many calls as there are records.
func (s *Store) sweep(now time.Duration) {
	s.records.Range(func(k, v any) bool {
		r := v.(*record)
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.dead && r.attempt > 0 && now >= r.forget {
			s.kill(k.([2]string)[0], k.([2]string)[1], r)
		}
		return true
	})
}
