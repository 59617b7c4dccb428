package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"
)

const (
	seededBio = "Here since the beginning."

	truncateJobs    = `TRUNCATE jobs`
	restoreProfiles = `UPDATE profiles SET bio = '` + seededBio + `', version = 1 WHERE version > 1`
)

// Seed adds what is missing of the profiles 1 to n, by COPY. It is all or
// nothing, and takes about two seconds for a million.
func (s *Store) Seed(ctx context.Context, n int) error {
	return s.SeedTold(ctx, n, func(int, int) {})
}

// SeedTold is Seed, and tells how many rows of all have been sent.
func (s *Store) SeedTold(ctx context.Context, n int, tell func(done, total int)) error {
	if n < 0 {
		return fmt.Errorf("seed store: %d profiles (want 0 or more)", n)
	}
	err := s.admin(ctx, func(c *pgx.Conn) error {
		var have int
		if err := c.QueryRow(ctx, "SELECT coalesce(max(id), 0) FROM profiles").Scan(&have); err != nil || have >= n {
			return err
		}
		rows := &seeding{next: have + 1, first: have + 1, last: n, tell: tell}
		if _, err := c.CopyFrom(ctx, pgx.Identifier{s.schema, "profiles"}, []string{"id", "name", "city", "bio", "posts"}, rows); err != nil {
			return err
		}
		tell(n-have, n-have)
		// Else the planner guesses until the next autovacuum.
		_, err := c.Exec(ctx, "ANALYZE profiles")
		return err
	})
	if err != nil {
		return fmt.Errorf("seed store with %d profiles: %w", n, Explain(ctx, err))
	}
	return nil
}

// Reset takes back what requests have written: finished jobs are forgotten, and
// every changed profile is as it was seeded.
func (s *Store) Reset(ctx context.Context) error {
	err := s.admin(ctx, func(c *pgx.Conn) error {
		for _, query := range []string{truncateJobs, restoreProfiles} {
			if _, err := c.Exec(ctx, query); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reset store: %w", Explain(ctx, err))
	}
	return nil
}

// seeding makes up profiles for COPY. They are those of the SQLite store:
// multiplying by an odd number spreads cities and posts over the ids without
// chance.
type seeding struct {
	next, first, last int
	tell              func(done, total int)
}

const tellEach = 1 << 14

// Next implements pgx.CopyFromSource.
func (s *seeding) Next() bool {
	if (s.next-s.first)%tellEach == 0 {
		s.tell(s.next-s.first, s.last-s.first+1)
	}
	s.next++
	return s.next <= s.last+1
}

// Values implements pgx.CopyFromSource.
func (s *seeding) Values() ([]any, error) {
	id := uint64(s.next - 1)
	spread := id * 2654435761
	city := [...]string{"Accra", "Bergen", "Cusco", "Dhaka", "Elche"}[spread%5]
	return []any{int64(id), "Member " + strconv.FormatUint(id, 10), city, seededBio, int64(spread % 1009)}, nil
}

// Err implements pgx.CopyFromSource.
func (s *seeding) Err() error { return nil }
