package sqlite

import "context"

// Exec runs a statement on the writing connection.
func (s *Store) Exec(ctx context.Context, query string) error {
	_, err := s.write.ExecContext(ctx, query)
	return explain(ctx, err)
}

// Slow reads for a long time: it counts n rows that it makes up.
func (s *Store) Slow(ctx context.Context, n int) error {
	var count int
	err := s.read.QueryRowContext(ctx, `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x < ?) SELECT count(*) FROM c`, n).Scan(&count)
	return explain(ctx, err)
}

// ReadExec runs a statement on a reading connection.
func (s *Store) ReadExec(ctx context.Context, query string) error {
	_, err := s.read.ExecContext(ctx, query)
	return explain(ctx, err)
}
