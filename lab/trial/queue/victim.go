package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/kind"
	"workbench/lab/outbox"
	"workbench/lab/store/sqlite"
	"workbench/lab/trial"
	"workbench/sim/clock"
)

// The ways to store an order and tell of it.
const (
	viaOutbox    = "outbox"
	storeFirst   = "store-first"
	publishFirst = "publish-first"
)

// victim is what a process that is going to be killed is told.
type victim struct {
	Way    string `json:"way"`
	Broker string `json:"broker"`
	Queue  string `json:"queue"`
	Dir    string `json:"dir"`
	From   int    `json:"from"` // number of its first order
	Stop   int    `json:"stop"` // of the order at which it is killed
	// After has the outbox's relay be killed after it has published the message
	// and before it has noted so.
	After    bool   `json:"after,omitempty"`
	Redis    string `json:"redis,omitempty"`
	RabbitMQ string `json:"rabbitmq,omitempty"`
	Kafka    string `json:"kafka,omitempty"`
}

// between is what a victim says when it has come to where it is to be killed.
const between = "between"

// Victim is the process of the dual-write trial that takes orders until it is
// killed. Its orders to do so come on in, as a line of JSON; it ends with in, so
// that it does not outlive a parent that could not kill it.
func Victim(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read := json.NewDecoder(in)
	var v victim
	if err := read.Decode(&v); err != nil {
		return fmt.Errorf("what to do, on the input: %w", err)
	}
	go func() { // ends with in, which ends with this process or its parent
		_ = read.Decode(&struct{}{})
		cancel()
	}()
	shop, err := openShop(ctx, v.Dir)
	if err != nil {
		return err
	}
	b, end, err := openDual(ctx, trial.Env{Redis: v.Redis, RabbitMQ: v.RabbitMQ, Kafka: v.Kafka}, v.Broker, v.Queue, v.Dir)
	if err != nil {
		return errors.Join(err, shop.db.Close())
	}
	err = shop.take(ctx, v, b, func() error {
		if _, err := fmt.Fprintln(out, between); err != nil {
			return err
		}
		<-ctx.Done() // here it is killed
		return ctx.Err()
	})
	return errors.Join(err, end(context.WithoutCancel(ctx)), shop.db.Close())
}

// openDual opens the queue of the dual-write trial, also as the victim does.
func openDual(ctx context.Context, env trial.Env, name, queue, dir string) (broker.Broker, func(context.Context) error, error) {
	places, end, err := place(env)
	if err != nil {
		return nil, nil, err
	}
	places.Dir = dir
	b, err := kind.Open(ctx, name, places, broker.Default(queue))
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return b, func(ctx context.Context) error { return errors.Join(shut(ctx, b), end()) }, nil
}

// shop keeps orders, and an outbox beside them.
type shop struct {
	db  *sql.DB
	box *outbox.Box
}

func openShop(ctx context.Context, dir string) (*shop, error) {
	db, err := sql.Open("sqlite", sqlite.Source(filepath.Join(dir, "shop.db"), "journal_mode(WAL)", "synchronous(FULL)")+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err = db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY)"); err == nil {
		c := outbox.Default()
		c.Poll = time.Millisecond
		var box *outbox.Box
		if box, err = outbox.New(ctx, db, c); err == nil {
			return &shop{db, box}, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("open the shop: %w", err), db.Close())
}

// store keeps an order, and a message for the outbox if there is one.
func (s *shop) store(ctx context.Context, id string, m *broker.Message) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES (?)", id); err != nil {
		return err
	}
	if m != nil {
		wall := clock.NewWall()
		if err := s.box.Add(ctx, tx, *m, wall.Date(wall.Now())); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// take takes orders up to the one at which it is killed: die is called there,
// and does not come back.
func (s *shop) take(ctx context.Context, v victim, p outbox.Publisher, die func() error) error {
	for i := v.From; i <= v.Stop; i++ {
		m := broker.Message{ID: fmt.Sprintf("order-%d", i), Body: []byte("{}")}
		write := func() error { return s.store(ctx, m.ID, nil) }
		tell := func() error { return p.Publish(ctx, m) }
		steps := []func() error{write, tell}
		switch v.Way {
		case publishFirst:
			steps = []func() error{tell, write}
		case viaOutbox:
			steps = []func() error{func() error { return s.store(ctx, m.ID, &m) }}
		}
		for n, step := range steps {
			if i == v.Stop && n == 1 {
				return die()
			}
			if err := step(); err != nil {
				return err
			}
		}
	}
	last := fmt.Sprintf("order-%d", v.Stop)
	return s.box.Relay(ctx, publisher(func(ctx context.Context, m broker.Message) error {
		if m.ID == last && !v.After {
			return die()
		}
		if err := p.Publish(ctx, m); err != nil || m.ID != last {
			return err
		}
		return die()
	}))
}

// publisher is a function as an outbox.Publisher.
type publisher func(context.Context, broker.Message) error

// Publish implements outbox.Publisher.
func (p publisher) Publish(ctx context.Context, m broker.Message) error { return p(ctx, m) }
