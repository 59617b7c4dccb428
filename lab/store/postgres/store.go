package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"workbench/lab/store"
)

// mark is the comment by which a schema is known to be ours.
const mark = "Traffic Workbench: demo data, made and removed by it"

// tables brings the tables into being in the schema of the search path.
const tables = `
CREATE TABLE profiles (
	id      bigint  PRIMARY KEY,
	name    text    NOT NULL,
	city    text    NOT NULL,
	bio     text    NOT NULL,
	posts   bigint  NOT NULL,
	version bigint  NOT NULL DEFAULT 1
) WITH (fillfactor = 80); -- room for an update beside the old row, so that no index has to change
CREATE TABLE jobs (
	id     bigint PRIMARY KEY,
	key    bigint NOT NULL,
	result bytea  NOT NULL
);`

const (
	selectProfile = `SELECT id, name, city, bio, posts, version FROM profiles WHERE id = $1`
	updateProfile = `UPDATE profiles SET bio = $1, version = version + 1 WHERE id = $2 RETURNING version`
	selectExists  = `SELECT 1 FROM profiles WHERE id = $1`
	selectReport  = `
SELECT city, count(*), sum(posts)::bigint, max(posts), avg(length(bio))::float8, sum(version - 1)::bigint
FROM profiles WHERE id BETWEEN $1 AND $2 GROUP BY city ORDER BY city COLLATE "C"`
	selectJob = `SELECT key, result FROM jobs WHERE id = $1`
	finishJob = `INSERT INTO jobs (id, key, result) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`

	// A commit is answered once it is flushed (synchronous_commit is on), so this
	// is at or past it. What is inserted and not flushed would be too far: it may
	// stay so for many seconds, and no replica gets it before.
	selectPosition = `SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint`
)

// lockKey names the advisory lock by which a workbench knows that another one
// has the database.
const lockKey = 0x776f726b62656e63

// Store is the primary. It is safe for concurrent use. Use Open; Close it.
type Store struct{ *server }

// Open reaches the server at url and makes the schema anew. ctx limits the
// opening alone. The error is one line and names no password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	s := &Store{}
	opened := false
	var err error
	s.server, err = connect(ctx, "PostgreSQL", url, o, func(ctx context.Context, c *pgx.Conn) error {
		var mine bool
		if err := c.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", int64(lockKey)).Scan(&mine); err != nil {
			return fmt.Errorf("lock the database: %w", err)
		}
		if mine || opened { // after a cut the server may take its time to miss our old connection
			opened = true
			return nil
		}
		return errors.New("postgres: another workbench uses this database: end it, or name another database in the URL")
	})
	if err != nil {
		return nil, err
	}
	if err := s.create(ctx); err != nil {
		return nil, errors.Join(err, s.server.close(nil))
	}
	return s, nil
}

// create makes the schema anew, if what is there is ours.
func (s *Store) create(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	name := pgx.Identifier{s.schema}.Sanitize()
	return s.admin(limited, func(c *pgx.Conn) error {
		var readOnly, replica bool
		err := c.QueryRow(limited, "SELECT current_setting('transaction_read_only')::bool, pg_is_in_recovery()").Scan(&readOnly, &replica)
		if err == nil && (readOnly || replica) {
			return fmt.Errorf("PostgreSQL at %s cannot be used: it takes no writes (a replica, or read only): give the primary as --postgres and this one as --postgres-replica", s.Address())
		}
		if err == nil {
			err = dropMarked(limited, c, s.schema)
		}
		if err == nil {
			_, err = c.Exec(limited, "CREATE SCHEMA "+name+"; COMMENT ON SCHEMA "+name+" IS '"+mark+"';"+tables)
		}
		if err != nil && !errors.Is(err, errForeign) {
			err = s.refused(err)
		}
		return err
	})
}

var errForeign = errors.New("is not the workbench's")

// dropMarked removes a schema with all that is in it, if it has our mark.
func dropMarked(ctx context.Context, c *pgx.Conn, schema string) error {
	var comment string
	err := c.QueryRow(ctx, "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1", schema).Scan(&comment)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	case comment != mark:
		return fmt.Errorf("the schema %q in this database %w, so it is left alone: rename it, or name another database in the URL", schema, errForeign)
	}
	_, err = c.Exec(ctx, "DROP SCHEMA "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
	return err
}

// admin runs f on a connection of its own, without a limit on statements.
func (s *server) admin(ctx context.Context, f func(*pgx.Conn) error) (err error) {
	c, err := s.direct(ctx)
	if err != nil {
		return Explain(ctx, err)
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	return f(c)
}

// Close removes the schema and closes the connections. A server that is gone
// keeps the schema until the next Open.
func (s *Store) Close() error {
	return s.server.close(func(ctx context.Context, c *pgx.Conn) error {
		err := dropMarked(ctx, c, s.schema)
		// The server takes a moment to miss a closed connection; the next workbench
		// need not wait for that.
		_, unlock := c.Exec(ctx, "SELECT pg_advisory_unlock($1)", int64(lockKey))
		return errors.Join(err, unlock)
	})
}

// Position is how far the server's log reaches: a replica that has applied it
// has everything that is committed by now.
func (s *Store) Position(ctx context.Context) (uint64, error) {
	var n int64
	err := s.call(ctx, func(ctx context.Context) error { return s.pool.QueryRow(ctx, selectPosition).Scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("position of %s: %w", s.Label(), err)
	}
	return uint64(n), nil
}

// UpdateProfile replaces a profile's text and returns its new version, or
// ErrMissing.
func (s *Store) UpdateProfile(ctx context.Context, id uint64, bio string) (version int64, err error) {
	if id > math.MaxInt64 {
		return 0, fmt.Errorf("update profile %d: %w", id, store.ErrMissing)
	}
	err = s.call(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, updateProfile, bio, int64(id)).Scan(&version)
	})
	if err != nil {
		return 0, fmt.Errorf("update profile %d: %w", id, err)
	}
	return version, nil
}

// FinishJob records the result of job id for the item key. When it is finished
// again first is false and the first result stands.
func (s *Store) FinishJob(ctx context.Context, id, key uint64, result []byte) (first bool, err error) {
	if result == nil {
		result = []byte{}
	}
	err = s.call(ctx, func(ctx context.Context) error {
		// The cast keeps every bit; ids above the greatest int64 read back as they were.
		tag, err := s.pool.Exec(ctx, finishJob, int64(id), int64(key), result)
		first = tag.RowsAffected() == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("finish job %d: %w", id, err)
	}
	return first, nil
}

// Job returns the item and the result of a finished job, or ErrMissing.
func (s *Store) Job(ctx context.Context, id uint64) (key uint64, result []byte, err error) {
	var k int64
	err = s.call(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, selectJob, int64(id)).Scan(&k, &result)
	})
	if err != nil {
		return 0, nil, fmt.Errorf("job %d: %w", id, err)
	}
	return uint64(k), result, nil
}

// Profile returns one profile, or ErrMissing.
func (s *server) Profile(ctx context.Context, id uint64) (store.Profile, error) {
	if id > math.MaxInt64 {
		return store.Profile{}, fmt.Errorf("profile %d: %w", id, store.ErrMissing)
	}
	var p store.Profile
	err := s.call(ctx, func(ctx context.Context) error {
		return s.pool.QueryRow(ctx, selectProfile, int64(id)).Scan(&p.ID, &p.Name, &p.City, &p.Bio, &p.Posts, &p.Version)
	})
	if err != nil {
		return store.Profile{}, fmt.Errorf("profile %d: %w", id, err)
	}
	return p, nil
}

// reach is how many profiles on each side of one its report counts.
const reach = 100

// Report sums up the profiles around one, as JSON, or returns ErrMissing. Both
// queries go in one round trip.
func (s *server) Report(ctx context.Context, id uint64) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("report on %d: %w", id, err) }
	if id > math.MaxInt64-reach {
		return fail(store.ErrMissing)
	}
	r := store.Report{Profile: id, From: max(id, reach+1) - reach, To: id + reach}
	err := s.call(ctx, func(ctx context.Context) error {
		var both pgx.Batch
		both.Queue(selectExists, int64(id)).QueryRow(func(row pgx.Row) error {
			var one int
			return row.Scan(&one)
		})
		both.Queue(selectReport, int64(r.From), int64(r.To)).Query(func(rows pgx.Rows) (err error) {
			r.Cities, err = pgx.CollectRows(rows, pgx.RowToStructByPos[store.City])
			return err
		})
		return s.pool.SendBatch(ctx, &both).Close()
	})
	if err != nil {
		return fail(err)
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fail(err)
	}
	return body, nil
}
