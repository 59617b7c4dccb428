package desk

import (
	"context"
	"errors"
	"slices"
	"sync"

	"workbench/lab"
	"workbench/lab/store/sqlite"
	"workbench/lab/system/orders"
)

// errRing means that too many wait for a symbol's writer.
var errRing = errors.New("too many orders wait for this symbol")

// lines are the places in which submissions wait for their symbol's turn. Those
// for a lock and those for a writer are apart, so that the choice may be changed
// while both are used.
type lines struct {
	mu      sync.Mutex
	all     map[uint64]*line // guarded by mu: those with somebody in them
	writing sync.WaitGroup   // writers
}

// line is one symbol's: either somebody holds its lock, or a writer is at work.
type line struct {
	wait []*waiter
}

// waiter is a submission in a line.
type waiter struct {
	request *lab.Request
	task    *task
	turn    chan struct{} // closed when it holds the lock, or its writer is done with it
	err     error         // from the writer
}

func (l *lines) wait() { l.writing.Wait() }

// takeTurn has a submission committed when it is its turn among those on its
// symbol.
func (d *Desk) takeTurn(ctx context.Context, r *lab.Request, s *submission, t *task) error {
	if k := lab.Chosen[orders.Sequencer](r, orders.PlaceSequencer); k != nil {
		return d.throughWriter(ctx, r, s.order.Symbol, t, *k)
	}
	return d.underLock(ctx, r, s.order.Symbol, t)
}

// patience returns a context that ends at the request's deadline.
func (d *Desk) patience(ctx context.Context, r *lab.Request) (context.Context, context.CancelFunc) {
	if r.Deadline == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, r.Deadline-d.deps.Clock.Now())
}

// underLock takes the symbol's lock, reads the book from the database, and
// writes: the lock is held over both calls, and whoever wants the same symbol
// waits.
func (d *Desk) underLock(ctx context.Context, r *lab.Request, symbol uint64, t *task) error {
	w := &waiter{request: r, turn: make(chan struct{})}
	if first, _ := d.locks.join(symbol, w, 0); !first {
		waiting, cancel := d.patience(ctx, r)
		defer cancel()
		select {
		case <-w.turn:
		case <-waiting.Done():
			if d.locks.leave(symbol, w) {
				return waiting.Err()
			}
			<-w.turn // it came in the same moment
		}
	}
	defer d.locks.pass(symbol)
	if _, err := d.deps.Gate.Do(ctx, r, func(ctx context.Context) ([]byte, error) {
		var last int64
		err := d.tables.Read.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM sequence`).Scan(&last)
		return nil, sqlite.Explain(ctx, err)
	}); err != nil {
		return err
	}
	_, err := d.deps.Gate.Do(ctx, r, func(ctx context.Context) ([]byte, error) { return nil, d.run(ctx, t) })
	return err
}

// throughWriter leaves a submission to the symbol's one writer, unless too many
// wait for it. The writer is the service's: it does not end with a request.
func (d *Desk) throughWriter(ctx context.Context, r *lab.Request, symbol uint64, t *task, k orders.Sequencer) error {
	w := &waiter{request: r, task: t, turn: make(chan struct{})}
	first, ok := d.rings.join(symbol, w, k.Ring)
	if !ok {
		return errRing
	}
	if first {
		go d.writeOf(symbol, w, k.Batch)
	}
	waiting, cancel := d.patience(ctx, r)
	defer cancel()
	select {
	case <-w.turn:
		return w.err
	case <-waiting.Done():
		d.rings.leave(symbol, w)
		return waiting.Err() // what the writer has taken is written all the same
	}
}

// writeOf is a symbol's writer: it takes those who wait, so many at once, into
// one call of the database, until nobody waits.
func (d *Desk) writeOf(symbol uint64, first *waiter, most int) {
	defer d.rings.writing.Done()
	for batch := []*waiter{first}; len(batch) > 0; batch = d.rings.take(symbol, most) {
		batch = slices.DeleteFunc(batch, func(w *waiter) bool {
			late := w.request.Expired(d.deps.Clock.Now())
			if late {
				w.err = lab.ErrLate
				close(w.turn)
			}
			return late
		})
		if len(batch) == 0 {
			continue
		}
		d.deps.Counts.Batches.Add(1)
		_, err := d.deps.Gate.Do(d.ctx, &lab.Request{ID: batch[0].request.ID}, func(ctx context.Context) ([]byte, error) {
			d.runAll(ctx, batch)
			return nil, nil
		})
		for _, w := range batch {
			if err != nil && w.err == nil {
				w.err = err
			}
			if w.err == nil {
				d.deps.Counts.Ordered.Add(1)
			}
			close(w.turn)
		}
	}
}

// runAll has the tasks of a batch committed, side by side and in their order.
func (d *Desk) runAll(ctx context.Context, batch []*waiter) {
	for _, w := range batch {
		w.task.done = make(chan struct{})
		select {
		case d.tasks <- w.task:
		case <-d.ctx.Done():
			w.err = lab.ErrStop
		}
	}
	for _, w := range batch {
		if w.err != nil {
			continue
		}
		select {
		case <-w.task.done:
			w.err = w.task.err
		case <-d.ended:
			w.err = lab.ErrStop
		}
	}
}

// join takes a place in a symbol's line. first: nobody was in it, so it is the
// caller's turn. Not ok: so many wait already.
func (l *lines) join(symbol uint64, w *waiter, most int) (first, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.all[symbol]
	switch {
	case ln == nil:
		l.all[symbol] = &line{}
		if w.task != nil {
			l.writing.Add(1)
		}
		return true, true
	case most > 0 && len(ln.wait) >= most:
		return false, false
	}
	ln.wait = append(ln.wait, w)
	return false, true
}

// leave gives a place up; false: its turn has come already.
func (l *lines) leave(symbol uint64, w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.all[symbol]
	if ln == nil {
		return false
	}
	i := slices.Index(ln.wait, w)
	if i < 0 {
		return false
	}
	ln.wait = slices.Delete(ln.wait, i, i+1)
	return true
}

// take returns the next of a line, and ends it when nobody waits.
func (l *lines) take(symbol uint64, most int) []*waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	ln := l.all[symbol]
	n := min(most, len(ln.wait))
	if n == 0 {
		delete(l.all, symbol)
		return nil
	}
	out := slices.Clone(ln.wait[:n])
	ln.wait = slices.Delete(ln.wait, 0, n)
	return out
}

// pass hands the lock on.
func (l *lines) pass(symbol uint64) {
	for _, w := range l.take(symbol, 1) {
		close(w.turn)
	}
}
