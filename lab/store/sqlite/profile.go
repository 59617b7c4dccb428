package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"workbench/lab/store"
)

// schema brings the tables into being; it changes nothing in a file that has them.
const schema = `
CREATE TABLE IF NOT EXISTS profiles (
	id      INTEGER PRIMARY KEY,
	name    TEXT    NOT NULL,
	city    TEXT    NOT NULL,
	bio     TEXT    NOT NULL,
	posts   INTEGER NOT NULL,
	version INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS jobs (
	id     INTEGER PRIMARY KEY,
	key    INTEGER NOT NULL,
	result BLOB    NOT NULL
);`

// seed adds the profiles from the first missing id to a given one. Multiplying
// by an odd number spreads cities and posts over the ids without chance, so
// that every file is the same.
const seed = `
WITH RECURSIVE n(id) AS (
	SELECT coalesce(max(id), 0) + 1 FROM profiles
	UNION ALL
	SELECT id + 1 FROM n WHERE id < ?1
)
INSERT INTO profiles (id, name, city, bio, posts)
SELECT id, 'Member ' || id,
	CASE id * 2654435761 % 5 WHEN 0 THEN 'Accra' WHEN 1 THEN 'Bergen' WHEN 2 THEN 'Cusco' WHEN 3 THEN 'Dhaka' ELSE 'Elche' END,
	'` + seededBio + `', id * 2654435761 % 1009
FROM n WHERE id <= ?1`

// seededBio is the text with which every profile begins.
const seededBio = "Here since the beginning."

const (
	deleteJobs      = `DELETE FROM jobs`
	restoreProfiles = `UPDATE profiles SET bio = '` + seededBio + `', version = 1 WHERE version > 1`

	selectProfile = `SELECT id, name, city, bio, posts, version FROM profiles WHERE id = ?`
	selectExists  = `SELECT 1 FROM profiles WHERE id = ?`
	updateProfile = `UPDATE profiles SET bio = ?, version = version + 1 WHERE id = ? RETURNING version`
	selectReport  = `
SELECT city, count(*), sum(posts), max(posts), avg(length(bio)), sum(version - 1)
FROM profiles WHERE id BETWEEN ? AND ? GROUP BY city ORDER BY city`
)

// Seed adds what is missing of the profiles 1 to n. It is all or nothing, and
// takes about a second for a million.
func (s *Store) Seed(ctx context.Context, n int) error {
	if n < 0 {
		return fmt.Errorf("seed store: %d profiles (want 0 or more)", n)
	}
	if _, err := s.write.ExecContext(ctx, seed, n); err != nil {
		return fmt.Errorf("seed store with %d profiles: %w", n, explain(ctx, err))
	}
	return nil
}

// Reset takes back what requests have written: finished jobs are forgotten, and
// every changed profile is as it was seeded. Jobs are known by numbers that
// begin anew with each run, so a run that is not reset finds its work done.
func (s *Store) Reset(ctx context.Context) error {
	for _, query := range []string{deleteJobs, restoreProfiles} {
		if _, err := s.write.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("reset store: %w", explain(ctx, err))
		}
	}
	return nil
}

// Profile returns one profile, or ErrMissing.
func (s *Store) Profile(ctx context.Context, id uint64) (store.Profile, error) {
	if id > math.MaxInt64 {
		return store.Profile{}, fmt.Errorf("profile %d: %w", id, store.ErrMissing)
	}
	var p store.Profile
	err := s.profile.QueryRowContext(ctx, int64(id)).Scan(&p.ID, &p.Name, &p.City, &p.Bio, &p.Posts, &p.Version)
	if err != nil {
		return store.Profile{}, fmt.Errorf("profile %d: %w", id, explain(ctx, err))
	}
	return p, nil
}

// UpdateProfile replaces a profile's text and returns its new version, or
// ErrMissing.
func (s *Store) UpdateProfile(ctx context.Context, id uint64, bio string) (version int64, err error) {
	if id > math.MaxInt64 {
		return 0, fmt.Errorf("update profile %d: %w", id, store.ErrMissing)
	}
	if err := s.update.QueryRowContext(ctx, bio, int64(id)).Scan(&version); err != nil {
		return 0, fmt.Errorf("update profile %d: %w", id, explain(ctx, err))
	}
	return version, nil
}

// reach is how many profiles on each side of one its report counts: enough to
// make the query about ten times dearer than reading the profile.
const reach = 100

// Report sums up the profiles around one, as JSON, or returns ErrMissing.
func (s *Store) Report(ctx context.Context, id uint64) ([]byte, error) {
	fail := func(err error) ([]byte, error) {
		return nil, fmt.Errorf("report on %d: %w", id, explain(ctx, err))
	}
	if id > math.MaxInt64-reach {
		return fail(store.ErrMissing)
	}
	var one int
	if err := s.exists.QueryRowContext(ctx, int64(id)).Scan(&one); err != nil {
		return fail(err)
	}
	r := store.Report{Profile: id, From: max(id, reach+1) - reach, To: id + reach}
	rows, err := s.report.QueryContext(ctx, int64(r.From), int64(r.To))
	if err != nil {
		return fail(err)
	}
	defer rows.Close() // its error is that of rows.Err
	for rows.Next() {
		var c store.City
		if err := rows.Scan(&c.Name, &c.Members, &c.Posts, &c.MostBy, &c.BioChars, &c.Updates); err != nil {
			return fail(err)
		}
		r.Cities = append(r.Cities, c)
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fail(err)
	}
	return body, nil
}
