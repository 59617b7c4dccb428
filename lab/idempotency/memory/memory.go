// Package memory keeps idempotency keys in this process: for tests, for virtual
// time, and for effects that end with the process as well.
package memory

import (
	"container/list"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"workbench/lab/idempotency"
)

// Store keeps keys in memory. Use New.
type Store struct {
	config idempotency.Config

	mu      sync.Mutex
	entries map[idempotency.Key]*entry // guarded by mu
	order   *list.List                 // guarded by mu: of *entry as they were reserved, so the first expire first
	tokens  uint64                     // guarded by mu
}

type entry struct {
	place   *list.Element
	key     idempotency.Key
	hash    idempotency.Hash
	token   string
	until   time.Time             // when the reservation runs out
	expires time.Time             // when it is forgotten
	kept    *idempotency.Response // nil while at work
}

// New returns an empty store.
func New(c idempotency.Config) (*Store, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Store{config: c, entries: map[idempotency.Key]*entry{}, order: list.New()}, nil
}

// Begin implements idempotency.Store.
func (s *Store) Begin(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time) (idempotency.Claim, *idempotency.Response, error) {
	if err := k.Validate(); err != nil {
		return idempotency.Claim{}, nil, err
	}
	if err := ctx.Err(); err != nil {
		return idempotency.Claim{}, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prune(now)
	e := s.entries[k]
	switch {
	case e == nil:
		if len(s.entries) >= s.config.Capacity {
			return idempotency.Claim{}, nil, idempotency.ErrFull
		}
		e = &entry{key: k}
		s.entries[k] = e
		e.place = s.order.PushBack(e)
	case !now.Before(e.expires): // its time came out of order
	case e.hash != h:
		return idempotency.Claim{}, nil, idempotency.ErrMismatch
	case e.kept != nil:
		return idempotency.Claim{}, copied(e.kept), nil
	case now.Before(e.until):
		return idempotency.Claim{}, nil, idempotency.ErrInFlight
	}
	s.tokens++
	e.hash, e.kept, e.token = h, nil, strconv.FormatUint(s.tokens, 10)
	e.until, e.expires = now.Add(s.config.Lease), now.Add(s.config.Kept)
	s.order.MoveToBack(e.place)
	return idempotency.Claim{Key: k, Token: e.token}, nil, nil
}

// prune forgets what has expired, from the oldest on; mu is held.
func (s *Store) prune(now time.Time) {
	for front := s.order.Front(); front != nil; front = s.order.Front() {
		e := front.Value.(*entry)
		if now.Before(e.expires) {
			return
		}
		s.remove(e)
	}
}

// remove forgets an entry; mu is held.
func (s *Store) remove(e *entry) {
	s.order.Remove(e.place)
	delete(s.entries, e.key)
}

func copied(r *idempotency.Response) *idempotency.Response {
	return &idempotency.Response{Status: r.Status, Headers: maps.Clone(r.Headers), Body: slices.Clone(r.Body)}
}

// Finish implements idempotency.Store.
func (s *Store) Finish(_ context.Context, c idempotency.Claim, r idempotency.Response) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[c.Key]
	if e == nil || e.token != c.Token {
		return idempotency.ErrLate
	}
	e.kept = copied(&r)
	return nil
}

// Abandon implements idempotency.Store.
func (s *Store) Abandon(_ context.Context, c idempotency.Claim) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[c.Key]; e != nil && e.token == c.Token && e.kept == nil {
		s.remove(e)
	}
	return nil
}

// Len returns how many keys are kept or reserved.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

var _ idempotency.Store = (*Store)(nil)
