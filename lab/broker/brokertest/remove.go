package brokertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"workbench/lab/broker"
)

// Removed holds a broker to Remove. open opens the same queue again and again,
// which nobody else uses.
func Removed(t *testing.T, open func() broker.Remover) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b := open()
	r := &rig{T: t, Broker: b, ctx: ctx}
	r.publish(3, nil)
	end, _ := r.consume(broker.Options{}, func(_ context.Context, m broker.Message) error { return broker.ErrPoison })
	r.depth(broker.Depth{Dead: 3})
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Errorf("Consume() = %v, want context.Canceled", err)
	}
	r.publish(2, nil)
	r.depth(broker.Depth{Ready: 2, Dead: 3})
	if err := b.Remove(ctx); err != nil {
		t.Fatalf("Remove() = %v, want nil", err)
	}
	if err := b.Publish(ctx, broker.Message{ID: "late"}); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Publish() after Remove = %v, want ErrClosed", err)
	}
	again := open()
	r = &rig{T: t, Broker: again, ctx: ctx}
	r.depth(broker.Depth{})
	if err := again.Remove(ctx); err != nil {
		t.Errorf("Remove() of an empty queue = %v, want nil", err)
	}
	if err := again.Remove(ctx); err != nil {
		t.Errorf("Remove() again = %v, want nil", err)
	}
}
