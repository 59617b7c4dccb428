package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"workbench/lab/broker"
	"workbench/lab/store/sqlite"
)

// batch is how many messages one commit takes at most.
const batch = 256

// publication is a message that waits for a commit.
type publication struct {
	message broker.Message
	headers string
	done    chan error // buffered: whoever published may have left
}

// Publish implements broker.Broker. Nil means that the message is on the disk.
func (b *Broker) Publish(ctx context.Context, m broker.Message) error {
	if err := errors.Join(ctx.Err(), m.Validate()); err != nil {
		return err
	}
	headers, err := json.Marshal(m.Headers)
	if err != nil {
		return fmt.Errorf("publish %s: %w", m.ID, err)
	}
	leave, err := b.life.Enter()
	if err != nil {
		return err
	}
	p := &publication{message: m, headers: string(headers), done: make(chan error, 1)}
	if err := b.enqueue(p); err != nil {
		leave()
		return err
	}
	go func() { // ends with the commit, for which Close waits
		defer leave()
		b.commit(context.WithoutCancel(ctx))
	}()
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done(): // it may be accepted all the same
		return ctx.Err()
	}
}

// enqueue has a message wait for a commit. Of those more than the queue may
// hold could never be accepted, however slow the disk is.
func (b *Broker) enqueue(p *publication) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.pending) >= b.config.Capacity {
		return fmt.Errorf("%w (%d messages wait for the disk)", broker.ErrFull, len(b.pending))
	}
	b.pending = append(b.pending, p)
	return nil
}

// commit writes messages that wait, if an earlier commit has not taken them.
// Each publisher calls it once, so none is left behind.
func (b *Broker) commit(ctx context.Context) {
	b.write.Lock()
	defer b.write.Unlock()
	b.mu.Lock()
	n := min(len(b.pending), batch)
	taken := b.pending[:n:n]
	b.pending = b.pending[n:]
	b.mu.Unlock()
	if n == 0 {
		return
	}
	results, err := b.store(ctx, taken)
	for i, p := range taken {
		if err != nil {
			p.done <- fmt.Errorf("publish %s: %w", p.message.ID, sqlite.Explain(ctx, err))
			continue
		}
		p.done <- results[i]
	}
	if err == nil {
		b.signal()
	}
}

// store inserts messages in one transaction and returns what became of each.
func (b *Broker) store(ctx context.Context, taken []*publication) (results []error, err error) {
	tx, err := b.synced.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	results = make([]error, len(taken))
	for i, p := range taken {
		m := p.message
		body := m.Body
		if body == nil {
			body = []byte{}
		}
		res, err := tx.ExecContext(ctx, insert, b.config.Queue, m.ID, m.Key, body, p.headers, b.config.Capacity)
		var n int64
		if err == nil {
			n, err = res.RowsAffected()
		}
		if err != nil {
			return nil, errors.Join(err, tx.Rollback())
		}
		if n == 0 {
			results[i] = fmt.Errorf("%w (%d messages)", broker.ErrFull, b.config.Capacity)
		}
	}
	return results, tx.Commit()
}
