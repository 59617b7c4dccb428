package desk_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"workbench/lab"
	"workbench/lab/broker"
	"workbench/lab/broker/kind"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/desk"
)

// An accepted order is settled, and once, also when whatever carried its event
// has ended with the process or was emptied.
func TestEveryAcceptedOrderIsSettledAfterAStart(t *testing.T) {
	const accepted = 300 // more than are put back in one transaction
	for _, c := range []struct {
		name, broker string
		between      func(dir string) error // two starts
		outbox       bool
		again        uint64 // events that the second start publishes
	}{
		{"a queue that ends with the process", "memory", nil, true, accepted},
		{"a server that ends with the process", "kafka", nil, true, accepted},
		{"nothing that keeps messages", "zeromq", nil, true, accepted},
		{"a queue that is kept", "sqlite", nil, true, 0},
		{"a queue that somebody has deleted", "sqlite", func(dir string) error { return os.Remove(filepath.Join(dir, "queue.db")) }, true, accepted},
		{"an event that was handed to nobody", "memory", nil, false, accepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, k := t.TempDir(), durable(c.broker)
			first := with(t, dir, func(d *desk.Deps) {
				d.Broker = k
				d.Open = func(ctx context.Context, name, queue string) (broker.Broker, error) {
					b, err := kind.Open(ctx, name, kind.Places{Dir: dir}, broker.Default(queue))
					return &held{Broker: b, let: make(chan struct{})}, err
				}
			})
			if !c.outbox {
				if err := first.Down(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for i := range accepted {
				req := submit(fmt.Sprint(i), fmt.Sprintf(`{"symbol":%d,"side":"buy","price":1000,"qty":10}`, 1+i%50))
				if req.Choices = all(k); !c.outbox {
					req.Choices[orders.PlaceOutbox] = nil
				}
				if res := first.do(t, req); res.Status != 202 && c.outbox || res.Outcome == lab.Shed {
					t.Fatalf("submit = %+v %s", res, res.Body)
				}
			}
			first.until(t, "all has left the outbox", func() bool { return first.Status(t.Context()).Waiting == 0 })
			dropped, now := context.WithCancel(context.Background())
			now() // as a kill would, it lets nobody finish
			_ = first.Close(dropped)
			if n := first.counts.Applied.Load(); n != 0 {
				t.Fatalf("%d were settled before the end, want none", n)
			}
			if c.between != nil {
				if err := c.between(dir); err != nil {
					t.Fatal(err)
				}
			}
			second := with(t, dir, func(d *desk.Deps) { d.Broker = k })
			second.until(t, "all are settled", func() bool { return second.counts.Applied.Load() == accepted })
			for _, l := range second.list(t) {
				if l.Applied != 1 {
					t.Errorf("order %d was settled %d times, want once", l.Seq, l.Applied)
				}
			}
			if got := second.counts.Published.Load(); got != c.again || second.counts.Repeated.Load() != 0 {
				t.Errorf("%d events published by the second start, %d effects repeated; want %d and none", got, second.counts.Repeated.Load(), c.again)
			}
		})
	}
}
