//go:build exercise

package idempotencykey_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	idempotencykey "workbench/exercises/11-idempotency-key/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

// usual is the configuration of most tests.
var usual = idempotencykey.Config{Lease: 30 * time.Second, Keep: 24 * time.Hour}

var (
	buyOne = []byte(`{"item":"book","count":1}`)
	buyTwo = []byte(`{"item":"book","count":2}`)
)

func store(t testing.TB, cfg idempotencykey.Config) *idempotencykey.Store {
	t.Helper()
	s, err := idempotencykey.New(cfg)
	if err != nil || s == nil {
		t.Fatalf("New = %v, %v; want a store", s, err)
	}
	return s
}

// ask begins an attempt and writes down what it was answered.
func ask(t testing.TB, s *idempotencykey.Store, now time.Duration, who, key string, body []byte) (idempotencykey.Ticket, *idempotencykey.Response, error) {
	t.Helper()
	ticket, r, err := s.Begin(now, who, key, body)
	answer := fmt.Sprint(err)
	switch {
	case err == nil && r != nil:
		answer = fmt.Sprintf("the response %v", *r)
	case err == nil:
		answer = fmt.Sprintf("a ticket for attempt %d", ticket.Attempt)
	}
	tell(t, now, "Begin(%.20s, %.20s, %.40s) = %s", who, key, body, answer)
	return ticket, r, err
}

// finish completes an attempt and writes down what it was answered.
func finish(t testing.TB, s *idempotencykey.Store, now time.Duration, ticket idempotencykey.Ticket, r idempotencykey.Response) error {
	t.Helper()
	err := s.Complete(now, ticket, r)
	tell(t, now, "Complete(%.20s, %.20s, attempt %d, %v) = %v", ticket.Who, ticket.Key, ticket.Attempt, r, err)
	return err
}

// abandon gives an attempt up.
func abandon(t testing.TB, s *idempotencykey.Store, now time.Duration, ticket idempotencykey.Ticket) {
	t.Helper()
	tell(t, now, "Abandon(%.20s, %.20s, attempt %d)", ticket.Who, ticket.Key, ticket.Attempt)
	s.Abandon(ticket)
}

// begin wants a ticket for an attempt.
func begin(t testing.TB, s *idempotencykey.Store, now time.Duration, who, key string, body []byte, attempt int) idempotencykey.Ticket {
	t.Helper()
	ticket, r, err := ask(t, s, now, who, key, body)
	if err != nil || r != nil || ticket.Who != who || ticket.Key != key || ticket.Attempt != attempt {
		t.Fatalf("at %v Begin(%s, %s) = ticket {%s %s %d}, response %v, %v; want a ticket for attempt %d", now, who, key, ticket.Who, ticket.Key, ticket.Attempt, r, err, attempt)
	}
	return ticket
}

// refused wants an error and nothing else.
func refused(t testing.TB, s *idempotencykey.Store, now time.Duration, who, key string, body []byte, want error) {
	t.Helper()
	ticket, r, err := ask(t, s, now, who, key, body)
	if !errors.Is(err, want) || r != nil || ticket.Attempt != 0 {
		t.Errorf("at %v Begin(%s, %.20s) = attempt %d, response %v, %v; want the error %v alone", now, who, key, ticket.Attempt, r, err, want)
	}
}

// replayed wants the stored response and nothing else.
func replayed(t testing.TB, s *idempotencykey.Store, now time.Duration, who, key string, body []byte, want idempotencykey.Response) {
	t.Helper()
	ticket, r, err := ask(t, s, now, who, key, body)
	if err != nil || r == nil || *r != want || ticket.Attempt != 0 {
		t.Errorf("at %v Begin(%s, %s) = attempt %d, response %v, %v; want the response %v alone", now, who, key, ticket.Attempt, r, err, want)
	}
}

func complete(t testing.TB, s *idempotencykey.Store, now time.Duration, ticket idempotencykey.Ticket, r idempotencykey.Response) {
	t.Helper()
	if err := finish(t, s, now, ticket, r); err != nil {
		t.Fatalf("at %v Complete = %v, want no error", now, err)
	}
}

var created = idempotencykey.Response{Status: 201, Body: "order 17"}

func TestReplay(t *testing.T) {
	s := store(t, usual)
	ticket := begin(t, s, 0, "ann", "k1", buyOne, 1)
	complete(t, s, time.Second, ticket, created)
	replayed(t, s, 2*time.Second, "ann", "k1", buyOne, created)
	replayed(t, s, time.Hour, "ann", "k1", buyOne, created)
	begin(t, s, time.Hour, "ann", "k2", buyOne, 1)
}

func TestInFlight(t *testing.T) {
	s := store(t, usual)
	ticket := begin(t, s, 0, "ann", "k1", buyOne, 1)
	refused(t, s, 0, "ann", "k1", buyOne, idempotencykey.ErrInFlight)
	refused(t, s, 29*time.Second, "ann", "k1", buyOne, idempotencykey.ErrInFlight)
	complete(t, s, 29*time.Second, ticket, created)
	replayed(t, s, 29*time.Second, "ann", "k1", buyOne, created)
}

func TestOtherBody(t *testing.T) {
	s := store(t, usual)
	ticket := begin(t, s, 0, "ann", "k1", buyOne, 1)
	refused(t, s, time.Second, "ann", "k1", buyTwo, idempotencykey.ErrOtherBody)
	complete(t, s, 2*time.Second, ticket, created)
	refused(t, s, 3*time.Second, "ann", "k1", buyTwo, idempotencykey.ErrOtherBody)
	replayed(t, s, 4*time.Second, "ann", "k1", buyOne, created)
}

func TestAbandon(t *testing.T) {
	s := store(t, usual)
	abandon(t, s, 0, begin(t, s, 0, "ann", "k1", buyOne, 1))
	begin(t, s, time.Second, "ann", "k1", buyTwo, 1)
}
