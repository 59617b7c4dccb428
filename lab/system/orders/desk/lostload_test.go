package desk_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/kind"
	"workbench/lab/system/orders/desk"
)

// busy is a broker that says that something always waits.
type busy struct{ broker.Broker }

func (b busy) Depth(ctx context.Context) (broker.Depth, error) {
	d, err := b.Broker.Depth(ctx)
	d.Ready++
	return d, err
}

// Under a load that never ends, what is lost is waited for no longer than half a
// minute.
func TestLostEventsUnderALoadThatNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, k := t.TempDir(), durable("memory")
		life := func(wrap func(broker.Broker) broker.Broker) rig {
			return with(t, dir, func(d *desk.Deps) {
				d.Broker = k
				d.Open = func(ctx context.Context, name, queue string) (broker.Broker, error) {
					b, err := kind.Open(ctx, name, kind.Places{}, broker.Default(queue))
					return wrap(b), err
				}
			})
		}
		first := life(func(b broker.Broker) broker.Broker { return &held{Broker: b, let: make(chan struct{})} })
		for i := range 5 {
			req := submit(fmt.Sprint(i), buy)
			req.Choices = all(k)
			first.do(t, req)
		}
		first.until(t, "all has left the outbox", func() bool { return first.Status(t.Context()).Waiting == 0 })
		dropped, now := context.WithCancel(context.Background())
		now()
		_ = first.Close(dropped)
		second := life(func(b broker.Broker) broker.Broker { return busy{b} })
		begun := second.clock.Now()
		for second.counts.Applied.Load() < 5 && second.clock.Now()-begun < time.Minute {
			if err := second.clock.Wait(t.Context(), second.clock.Now()+50*time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		if n, took := second.counts.Applied.Load(), second.clock.Now()-begun; n != 5 || took < 29*time.Second || took > 32*time.Second {
			t.Errorf("%d settled after %v, want 5 after half a minute", n, took)
		}
		second.end(t)
	})
}
