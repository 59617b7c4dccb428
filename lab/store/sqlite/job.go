package sqlite

import (
	"context"
	"fmt"
)

const (
	selectJob = `SELECT key, result FROM jobs WHERE id = ?`
	finishJob = `INSERT INTO jobs (id, key, result) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`
)

// FinishJob records the result of job id for the item key. A job is applied
// once: when it is finished again (a worker died after the effect and before it
// said so) first is false and the first result stands.
func (s *Store) FinishJob(ctx context.Context, id, key uint64, result []byte) (first bool, err error) {
	// The cast keeps every bit; ids above the greatest int64 read back as they were.
	res, err := s.finish.ExecContext(ctx, int64(id), int64(key), result)
	if err != nil {
		return false, fmt.Errorf("finish job %d: %w", id, explain(ctx, err))
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("finish job %d: %w", id, err)
	}
	return n == 1, nil
}

// Job returns the item and the result of a finished job, or ErrMissing.
func (s *Store) Job(ctx context.Context, id uint64) (key uint64, result []byte, err error) {
	var k int64
	if err := s.job.QueryRowContext(ctx, int64(id)).Scan(&k, &result); err != nil {
		return 0, nil, fmt.Errorf("job %d: %w", id, explain(ctx, err))
	}
	return uint64(k), result, nil
}
