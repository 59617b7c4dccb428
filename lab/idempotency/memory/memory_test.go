package memory_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab/idempotency"
	"workbench/lab/idempotency/idempotencytest"
	"workbench/lab/idempotency/memory"
)

func TestContract(t *testing.T) {
	idempotencytest.Run(t, func(t *testing.T, c idempotency.Config) idempotencytest.Do {
		s, err := memory.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context) (idempotency.Response, error)) (idempotency.Response, bool, error) {
			return idempotency.Do(ctx, s, k, h, now, effect)
		}
	})
}

// TestCheckThenActIsFound holds the suite to a store that looks first and writes
// afterwards, as one writes it without thinking: all twenty look before the
// first writes, and each has its effect.
func TestCheckThenActIsFound(t *testing.T) {
	const copies = 20
	var mu sync.Mutex
	kept := map[idempotency.Key]idempotency.Response{}
	var looked sync.WaitGroup
	looked.Add(copies)
	naive := func(ctx context.Context, k idempotency.Key, _ idempotency.Hash, _ time.Time, effect func(context.Context) (idempotency.Response, error)) (idempotency.Response, bool, error) {
		mu.Lock()
		r, ok := kept[k]
		mu.Unlock()
		looked.Done()
		looked.Wait() // the worst order of events, which otherwise comes by chance
		if ok {
			return r, true, nil
		}
		r, err := effect(ctx)
		mu.Lock()
		defer mu.Unlock()
		kept[k] = r
		return r, false, err
	}
	faults := idempotencytest.Duplicates(t.Context(), naive, time.Unix(0, 0), 1, copies)
	if len(faults) == 0 || !strings.Contains(faults[0], "20 effects, want 1") {
		t.Errorf("faults of check-then-act = %q, want 20 effects of one order", faults)
	}
}

func TestSettings(t *testing.T) {
	_, err := memory.New(idempotency.Config{Kept: 23 * time.Hour, Capacity: -1})
	for _, field := range []string{"Kept is 23h", "Lease", "Capacity is -1"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("New of wrong settings = %v, want all faults at once, with %q", err, field)
		}
	}
}

func TestReservationRunsOut(t *testing.T) {
	c := idempotency.Default()
	s, err := memory.New(c)
	if err != nil {
		t.Fatal(err)
	}
	k, h, now := idempotency.Key{Caller: "a", Route: "r", Key: "k"}, idempotency.Fingerprint(), time.Unix(1000, 0)
	first, _, err := s.Begin(t.Context(), k, h, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Begin(t.Context(), k, h, now.Add(c.Lease-1)); !errors.Is(err, idempotency.ErrInFlight) {
		t.Errorf("Begin within the lease = %v, want ErrInFlight", err)
	}
	second, kept, err := s.Begin(t.Context(), k, h, now.Add(c.Lease))
	if err != nil || kept != nil {
		t.Fatalf("Begin after the lease = %v, %v; want a reservation", kept, err)
	}
	if err := s.Finish(t.Context(), first, idempotency.Response{Status: 1}); !errors.Is(err, idempotency.ErrLate) {
		t.Errorf("Finish of the first = %v, want ErrLate", err)
	}
	if err := errors.Join(s.Abandon(t.Context(), first), s.Finish(t.Context(), second, idempotency.Response{Status: 2})); err != nil {
		t.Errorf("Abandon of the first and Finish of the second = %v, want nil", err)
	}
	if _, kept, err := s.Begin(t.Context(), k, h, now.Add(c.Lease)); err != nil || kept == nil || kept.Status != 2 {
		t.Errorf("kept %+v, %v; want the answer of the second", kept, err)
	}
	if s.Len() != 1 {
		t.Errorf("Len() = %d, want 1", s.Len())
	}
}
