package desk_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"workbench/lab/broker"
	"workbench/lab/broker/memory"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/desk"
)

// held is a broker whose workers stop before the effect of each event until
// they are let go.
type held struct {
	broker.Broker
	let chan struct{}

	mu           sync.Mutex
	inside, most int // guarded by mu
}

// enter counts a worker that comes, or leaves when by is -1.
func (h *held) enter(by int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.inside += by
	h.most = max(h.most, h.inside)
}

func (h *held) counts() (inside, most int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.inside, h.most
}

func (h *held) Consume(ctx context.Context, o broker.Options, work broker.Handler) error {
	return h.Broker.Consume(ctx, o, func(ctx context.Context, m broker.Message) error {
		h.enter(1)
		defer h.enter(-1)
		select {
		case <-h.let:
		case <-ctx.Done():
			return ctx.Err()
		}
		return work(ctx, m)
	})
}

// No more events are out than the knob says, whatever the number of workers.
func TestPrefetchBoundsWhatIsOut(t *testing.T) {
	for _, c := range []struct{ workers, prefetch, inside, out int }{{4, 1, 1, 1}, {4, 2, 2, 2}, {4, 4, 4, 4}, {2, 6, 2, 6}} {
		t.Run(fmt.Sprintf("%d workers, prefetch %d", c.workers, c.prefetch), func(t *testing.T) {
			h := &held{let: make(chan struct{})}
			k := orders.Broker{Kind: "memory", Workers: c.workers, Prefetch: c.prefetch, Dedupe: true}
			r := with(t, t.TempDir(), func(d *desk.Deps) {
				d.Broker = k
				d.Open = func(context.Context, string, string) (broker.Broker, error) {
					q, err := memory.New(broker.Default("q"))
					h.Broker = q
					return h, err
				}
			})
			const orders = 10
			for i := range orders {
				req := submit(fmt.Sprint(i), fmt.Sprintf(`{"symbol":%d,"side":"buy","price":1000,"qty":10}`, 1+i)) // of a key each, which nothing holds up
				req.Choices = all(k)
				r.do(t, req)
			}
			r.until(t, "as many are out as may be", func() bool {
				s := r.Status(t.Context())
				inside, _ := h.counts()
				return s.Waiting == 0 && int(s.Depth.Unacked) >= c.out && inside >= c.inside
			})
			if s := r.Status(t.Context()); int(s.Depth.Unacked) != c.out || int(s.Depth.Ready) != orders-c.out || s.Workers != c.inside {
				t.Errorf("out %d, ready %d, %d workers; want %d, %d and %d", s.Depth.Unacked, s.Depth.Ready, s.Workers, c.out, orders-c.out, c.inside)
			}
			close(h.let)
			r.until(t, "all are settled", func() bool { return r.counts.Applied.Load() == orders })
			if _, got := h.counts(); got > c.inside {
				t.Errorf("%d were worked on at once, want at most %d", got, c.inside)
			}
		})
	}
}
