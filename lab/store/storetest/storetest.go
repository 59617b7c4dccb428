// Package storetest is the contract of a demo service's store. Every
// implementation passes it: the SQLite file, and any engine put in its place.
package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"workbench/lab/store"
)

// Store is what a demo service needs of a store.
type Store interface {
	Profile(ctx context.Context, id uint64) (store.Profile, error)
	UpdateProfile(ctx context.Context, id uint64, bio string) (version int64, err error)
	Report(ctx context.Context, id uint64) ([]byte, error)
	FinishJob(ctx context.Context, id, key uint64, result []byte) (first bool, err error)
	Job(ctx context.Context, id uint64) (key uint64, result []byte, err error)
}

// Profiles is how many profiles the stores under test hold, with ids from 1.
const Profiles = 2000

// Run tests the stores that open returns, a fresh one for each test.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Run("profiles", func(t *testing.T) { profiles(t, open(t)) })
	t.Run("updates", func(t *testing.T) { updates(t, open(t)) })
	t.Run("missing items", func(t *testing.T) { missing(t, open(t)) })
	t.Run("reports", func(t *testing.T) { reports(t, open(t)) })
	t.Run("jobs are applied once", func(t *testing.T) { jobs(t, open(t)) })
	t.Run("no update is lost", func(t *testing.T) { concurrent(t, open(t)) })
	t.Run("an ended context ends the call", func(t *testing.T) { ended(t, open(t)) })
}

func profiles(t *testing.T, s Store) {
	for _, id := range []uint64{1, 2, Profiles} {
		p, err := s.Profile(t.Context(), id)
		if err != nil || p.ID != id || p.Version != 1 || p.Name == "" || p.City == "" || p.Bio == "" {
			t.Errorf("Profile(%d) = %+v, %v; want that profile, complete, at version 1", id, p, err)
		}
	}
}

func updates(t *testing.T, s Store) {
	for want := int64(2); want <= 3; want++ {
		got, err := s.UpdateProfile(t.Context(), 7, "it's “new”; DROP TABLE profiles")
		if err != nil || got != want {
			t.Errorf("UpdateProfile(7) = %d, %v; want version %d", got, err, want)
		}
	}
	if p, err := s.Profile(t.Context(), 7); err != nil || p.Bio != "it's “new”; DROP TABLE profiles" || p.Version != 3 {
		t.Errorf("Profile(7) after two updates = %+v, %v; want the new text at version 3", p, err)
	}
	if p, err := s.Profile(t.Context(), 8); err != nil || p.Version != 1 {
		t.Errorf("Profile(8) = %+v, %v; want it untouched at version 1", p, err)
	}
}

func missing(t *testing.T, s Store) {
	for _, id := range []uint64{0, Profiles + 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		_, read := s.Profile(t.Context(), id)
		_, updated := s.UpdateProfile(t.Context(), id, "x")
		_, reported := s.Report(t.Context(), id)
		_, _, job := s.Job(t.Context(), id)
		for name, err := range map[string]error{"Profile": read, "UpdateProfile": updated, "Report": reported, "Job": job} {
			if !errors.Is(err, store.ErrMissing) {
				t.Errorf("%s(%d) = %v, want ErrMissing", name, id, err)
			}
		}
	}
}

func reports(t *testing.T, s Store) {
	if _, err := s.UpdateProfile(t.Context(), 1, "four"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id, from, to uint64
		members      int64
		updates      int64
	}{
		{1, 1, 101, 101, 1},
		{101, 1, 201, 201, 1},
		{102, 2, 202, 201, 0},
		{Profiles, Profiles - 100, Profiles + 100, 101, 0},
	} {
		body, err := s.Report(t.Context(), c.id)
		var r store.Report
		if err == nil {
			err = json.Unmarshal(body, &r)
		}
		if err != nil {
			t.Fatalf("Report(%d): %v", c.id, err)
		}
		var members, updates int64
		for _, city := range r.Cities {
			members, updates = members+city.Members, updates+city.Updates
		}
		if r.Profile != c.id || r.From != c.from || r.To != c.to || members != c.members || updates != c.updates {
			t.Errorf("Report(%d) covers %d to %d with %d members and %d updates, want %d to %d, %d and %d",
				c.id, r.From, r.To, members, updates, c.from, c.to, c.members, c.updates)
		}
		if !slices.IsSortedFunc(r.Cities, func(a, b store.City) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) }) {
			t.Errorf("Report(%d) lists its cities out of order: %+v", c.id, r.Cities)
		}
	}
}

func jobs(t *testing.T, s Store) {
	for _, id := range []uint64{5, math.MaxUint64} {
		if first, err := s.FinishJob(t.Context(), id, id-1, []byte("one")); err != nil || !first {
			t.Errorf("FinishJob(%d) = %v, %v; want true, nil", id, first, err)
		}
		if first, err := s.FinishJob(t.Context(), id, id-1, []byte("two")); err != nil || first {
			t.Errorf("FinishJob(%d) again = %v, %v; want false, nil", id, first, err)
		}
		if key, result, err := s.Job(t.Context(), id); err != nil || key != id-1 || string(result) != "one" {
			t.Errorf("Job(%d) = %d, %q, %v; want %d and the first result, one", id, key, result, err, id-1)
		}
	}
}

func concurrent(t *testing.T, s Store) {
	const writers, each = 8, 25
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				if _, err := s.UpdateProfile(t.Context(), 3, "again"); err != nil {
					t.Errorf("UpdateProfile(3) = %v, want nil", err)
				}
				if _, err := s.Report(t.Context(), 3); err != nil {
					t.Errorf("Report(3) beside writers = %v, want nil", err)
				}
			}
		})
	}
	all.Wait()
	if p, err := s.Profile(t.Context(), 3); err != nil || p.Version != 1+writers*each {
		t.Errorf("Profile(3).Version = %d, %v; want %d after %d updates", p.Version, err, 1+writers*each, writers*each)
	}
}

func ended(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, read := s.Profile(ctx, 1)
	_, updated := s.UpdateProfile(ctx, 1, "x")
	_, reported := s.Report(ctx, 1)
	_, finished := s.FinishJob(ctx, 1, 1, nil)
	for name, err := range map[string]error{"Profile": read, "UpdateProfile": updated, "Report": reported, "FinishJob": finished} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with an ended context = %v, want context.Canceled", name, err)
		}
	}
	if p, err := s.Profile(t.Context(), 1); err != nil || p.Version != 1 {
		t.Errorf("Profile(1) after a cancelled update = %+v, %v; want version 1", p, err)
	}
}
