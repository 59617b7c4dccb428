package brokertest

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"
	"testing"

	"workbench/lab/broker"
)

func ended(t *testing.T, s Suite) {
	r := open(t, s, nil)
	over, cancel := context.WithCancel(r.ctx)
	cancel()
	if err := r.Publish(over, broker.Message{ID: "never"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish with an ended context = %v, want context.Canceled", err)
	}
	if err := r.Consume(over, broker.Options{}, func(context.Context, broker.Message) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Consume with an ended context = %v, want context.Canceled", err)
	}
	r.publish(1, nil)
	inside := make(chan struct{})
	end, _ := r.consume(broker.Options{}, func(ctx context.Context, m broker.Message) error {
		close(inside)
		<-ctx.Done()
		return ctx.Err()
	})
	<-inside
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("Consume() = %v, want context.Canceled", err)
	}
	if !r.caps.Redelivery {
		return
	}
	r.consume(broker.Options{}, nil)
	r.until("what was given back is delivered again", func() bool { return len(r.messages()) == 2 })
	r.depth(broker.Depth{})
}

func closing(t *testing.T, s Suite) {
	r := open(t, s, nil)
	r.publish(2, nil)
	inside, gate := make(chan struct{}, 2), make(chan struct{})
	var finished atomic.Int64
	_, out := r.consume(broker.Options{}, func(ctx context.Context, m broker.Message) error {
		inside <- struct{}{}
		<-gate
		finished.Add(1)
		return ctx.Err()
	})
	<-inside
	closed := make(chan error, 1)
	go func() { closed <- r.Close(r.ctx) }()
	r.until("messages are refused", func() bool { return errors.Is(r.Publish(r.ctx, broker.Message{ID: "late"}), broker.ErrClosed) })
	select {
	case err := <-closed:
		t.Fatalf("Close() = %v while a handler is at work, want it to wait", err)
	default:
	}
	close(gate)
	if err := r.await(out); err != nil {
		t.Errorf("Consume() = %v, want nil at Close", err)
	}
	if err := r.await(closed); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if finished.Load() == 0 {
		t.Error("the handler at work did not finish")
	}
	_, depth := r.Broker.Depth(r.ctx)
	_, dead := r.Dead(r.ctx, 1)
	for name, err := range map[string]error{
		"Publish": r.Publish(r.ctx, broker.Message{ID: "late"}),
		"Consume": r.Consume(r.ctx, broker.Options{}, func(context.Context, broker.Message) error { return nil }),
		"Depth":   depth,
		"Dead":    dead,
	} {
		if !errors.Is(err, broker.ErrClosed) && !(name == "Dead" && errors.Is(err, broker.ErrUnsupported)) {
			t.Errorf("%s after Close = %v, want ErrClosed", name, err)
		}
	}
	if err := r.Close(r.ctx); err != nil {
		t.Errorf("a second Close() = %v, want nil", err)
	}
}

func closingInHaste(t *testing.T, s Suite) {
	r := open(t, s, nil)
	r.publish(1, nil)
	inside := make(chan struct{})
	_, out := r.consume(broker.Options{}, func(ctx context.Context, m broker.Message) error {
		close(inside)
		<-ctx.Done()
		return ctx.Err()
	})
	<-inside
	over, cancel := context.WithCancel(r.ctx)
	cancel()
	if err := r.Close(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Close with an ended context = %v, want context.Canceled", err)
	}
	if err := r.await(out); err != nil {
		t.Errorf("Consume() = %v, want nil at Close", err)
	}
}

func durable(t *testing.T, s Suite) {
	c := config(nil)
	b := s.Open(t, c)
	if !b.Caps().Durable {
		start(t, b)
		return // it does not claim it
	}
	if s.Reopen == nil {
		t.Fatal("it claims Durable, and the suite has no Reopen to see it")
	}
	first := start(t, b)
	const n = 30
	first.publish(n, nil)
	handled := make(chan string, n)
	_, out := first.consume(broker.Options{Prefetch: 3}, func(_ context.Context, m broker.Message) error {
		if len(handled) == 10 {
			return broker.ErrCrash
		}
		handled <- m.ID
		return nil
	})
	if err := first.await(out); !errors.Is(err, broker.ErrCrash) {
		t.Fatalf("Consume() = %v, want ErrCrash", err)
	}
	close(handled)
	second := start(t, s.Reopen(t, b, c))
	second.consume(broker.Options{Workers: 2}, nil)
	before := map[string]bool{}
	for id := range handled {
		before[id] = true
	}
	second.until("every accepted message was handled before or after the restart", func() bool {
		all := maps.Clone(before)
		for id := range second.times() {
			all[id] = true
		}
		return len(all) == n
	})
	second.depth(broker.Depth{})
}
