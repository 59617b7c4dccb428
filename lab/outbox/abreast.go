package outbox

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"workbench/lab/broker"
	"workbench/lab/store/sqlite"
)

// abreast publishes one batch, several keys at once and those of one key in
// order, each up to its first that fails. What was published is removed in one
// transaction: a kill before it has the whole batch published again.
func (b *Box) abreast(ctx context.Context, p Publisher, rows []row) (published int, err error) {
	byKey := map[string][]row{}
	var keys []string // in the order of their first messages
	for _, r := range rows {
		if byKey[r.message.Key] == nil {
			keys = append(keys, r.message.Key)
		}
		byKey[r.message.Key] = append(byKey[r.message.Key], r)
	}
	gone := make([]map[int64]error, len(keys)) // by key: the sequence numbers that need not wait, with why they never will be taken
	faults := make([]error, len(keys))
	places := make(chan struct{}, b.config.Keys)
	var wg sync.WaitGroup
	for i, key := range keys {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			gone[i] = map[int64]error{}
			for _, r := range byKey[key] {
				err := p.Publish(ctx, r.message)
				if err != nil && !errors.Is(err, broker.ErrBad) {
					faults[i] = err
					return
				}
				gone[i][r.seq] = err
			}
		})
	}
	wg.Wait()
	err = errors.Join(faults...)
	tx, failed := b.db.BeginTx(ctx, nil)
	if failed != nil {
		return 0, errors.Join(err, sqlite.Explain(ctx, failed))
	}
	defer tx.Rollback() // does nothing after Commit
	for _, of := range gone {
		for seq, why := range of {
			statement, args := remove, []any{seq}
			if why != nil {
				statement, args = refuse, []any{why.Error(), seq}
			}
			if _, failed := tx.ExecContext(ctx, statement, args...); failed != nil {
				return published, errors.Join(err, fmt.Errorf("outbox: remove %d: %w", seq, sqlite.Explain(ctx, failed)))
			}
			published++
		}
	}
	return published, errors.Join(err, sqlite.Explain(ctx, tx.Commit()))
}
