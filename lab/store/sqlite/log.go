package sqlite

import (
	"context"
	"fmt"
)

// logSchema has each change of a profile written down in the transaction that
// makes it, as a server's write-ahead log has. AUTOINCREMENT keeps the last
// number also when the log is empty.
const logSchema = `
CREATE TABLE IF NOT EXISTS log (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	profile INTEGER NOT NULL,
	bio     TEXT    NOT NULL,
	version INTEGER NOT NULL,
	at      INTEGER NOT NULL -- Unix milliseconds
);
CREATE TRIGGER IF NOT EXISTS log_update AFTER UPDATE ON profiles BEGIN
	INSERT INTO log (profile, bio, version, at) VALUES (new.id, new.bio, new.version, CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;`

const (
	dropLog        = `DROP TRIGGER IF EXISTS log_update; DROP TABLE IF EXISTS log`
	pruneLog       = `DELETE FROM log WHERE seq <= ?`
	selectPosition = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'log'), 0)`
	selectLog      = `
SELECT seq, profile, bio, version FROM log
WHERE seq > ?1 AND at <= CAST(unixepoch('subsec') * 1000 AS INTEGER) - ?2 ORDER BY seq LIMIT 500`
)

// Log has each change of a profile written down from now on, for Followers; or
// ends that.
func (s *Store) Log(ctx context.Context, on bool) error {
	query := dropLog
	if on {
		query = logSchema
	}
	if _, err := s.write.ExecContext(ctx, query); err != nil {
		return fmt.Errorf("log of the store: %w", explain(ctx, err))
	}
	return nil
}

// Position is the number of the last change in the log. It needs Log.
func (s *Store) Position(ctx context.Context) (uint64, error) {
	var n uint64
	if err := s.read.QueryRowContext(ctx, selectPosition).Scan(&n); err != nil {
		return 0, fmt.Errorf("position of the store: %w", explain(ctx, err))
	}
	return n, nil
}

// Prune forgets the changes up to a position, which every follower has applied.
func (s *Store) Prune(ctx context.Context, upTo uint64) error {
	if _, err := s.write.ExecContext(ctx, pruneLog, upTo); err != nil {
		return fmt.Errorf("prune the log of the store: %w", explain(ctx, err))
	}
	return nil
}
