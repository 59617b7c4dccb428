package desk

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"workbench/lab"
	"workbench/lab/store"
	"workbench/lab/store/sqlite"
)

// mostTasks is how many tasks one transaction holds at most.
const mostTasks = 256

// task is one thing to be committed: an order, a cancellation, a settlement.
type task struct {
	do    func(ctx context.Context, tx *sql.Tx) error // writes; an error takes back what it wrote, and only that
	after func() error                                // called once all is on the disk, in the order of the tasks; may be nil
	err   error
	done  chan struct{} // closed when err stands
}

// run has a task committed. It returns when the task is on the disk or has
// failed; when ctx ends first it is its error, and the task may still be done.
func (d *Desk) run(ctx context.Context, t *task) error {
	t.done = make(chan struct{})
	select {
	case d.tasks <- t:
	case <-d.ctx.Done():
		return lab.ErrStop
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
		return ctx.Err()
	case <-d.ended:
		return lab.ErrStop
	}
}

// commit takes what waits, as much as there is, and commits it at once, until
// the desk is closed. One sync serves all who have come meanwhile.
func (d *Desk) commit() {
	defer close(d.ended)
	for {
		select {
		case <-d.ctx.Done():
			return
		case t := <-d.tasks:
			d.together(d.gather(t))
		}
	}
}

func (d *Desk) gather(first *task) []*task {
	batch := []*task{first}
	for len(batch) < mostTasks {
		select {
		case t := <-d.tasks:
			batch = append(batch, t)
		default:
			return batch
		}
	}
	return batch
}

// together commits a batch in one transaction. Each task has a savepoint, so
// that one that fails does not take the others with it.
func (d *Desk) together(batch []*task) {
	ctx := d.ctx
	err := d.transact(ctx, batch)
	for _, t := range batch {
		if err != nil {
			t.err = err
		}
		if t.err == nil && t.after != nil {
			t.err = t.after()
		}
		close(t.done)
	}
	d.box.Nudge()
}

func (d *Desk) transact(ctx context.Context, batch []*task) error {
	tx, err := d.tables.Write.BeginTx(ctx, nil)
	if err != nil {
		return full(sqlite.Explain(ctx, err))
	}
	defer tx.Rollback() // does nothing after Commit
	begun := d.seq
	for _, t := range batch {
		if _, err := tx.ExecContext(ctx, "SAVEPOINT task"); err != nil {
			d.seq = begun
			return full(sqlite.Explain(ctx, err))
		}
		before := d.seq
		end := "RELEASE task"
		if t.err = full(t.do(ctx, tx)); t.err != nil {
			end, d.seq = "ROLLBACK TO task; RELEASE task", before
		}
		if _, err := tx.ExecContext(ctx, end); err != nil { // a full disk has ended the transaction
			d.seq = begun
			return full(errors.Join(t.err, sqlite.Explain(ctx, err)))
		}
	}
	if err := tx.Commit(); err != nil {
		d.seq = begun
		return full(sqlite.Explain(ctx, err))
	}
	return nil
}

// full says of a write that found no room what a caller is to be told.
func full(err error) error {
	if errors.Is(err, store.ErrSpace) || errors.Is(err, store.ErrReadOnly) {
		return fmt.Errorf("%w: %w", lab.ErrSpace, err)
	}
	return err
}
