package zmq_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/zmq"
	"workbench/sim/clock"
)

func open(t *testing.T, c broker.Config) *zmq.Broker {
	t.Helper()
	b, err := zmq.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestContract(t *testing.T) {
	brokertest.Run(t, brokertest.Suite{Open: func(t *testing.T, c broker.Config) broker.Broker { return open(t, c) }})
}

// Whatever is published is handled, or counted lost: over a slow consumer, one
// that crashes, and what is left behind.
func TestLossIsCounted(t *testing.T) {
	c := broker.Default("q")
	c.Capacity = 10
	b := open(t, c)
	const n = 500
	var mu sync.Mutex
	handled := 0
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	result := make(chan error, 1)
	go func() {
		result <- b.Consume(ctx, broker.Options{Prefetch: 4}, func(_ context.Context, m broker.Message) error {
			mu.Lock()
			defer mu.Unlock()
			if handled++; handled == 5 {
				handled--
				return broker.ErrCrash
			}
			return nil
		})
	}()
	for i := range n {
		if err := b.Publish(ctx, broker.Message{ID: strconv.Itoa(i), Body: make([]byte, 10_000)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-result; !errors.Is(err, broker.ErrCrash) {
		t.Fatalf("Consume() = %v, want ErrCrash", err)
	}
	d, err := b.Depth(ctx)
	if err != nil || int(d.Ready+d.Lost)+handled != n || d.Unacked != 0 || d.Lost == 0 {
		t.Errorf("of %d messages %d were handled and Depth() = %+v, %v; want the others there or lost", n, handled, d, err)
	}
	if err := b.Close(ctx); d.Ready > 0 && !errors.Is(err, broker.ErrLost) || d.Ready == 0 && err != nil {
		t.Errorf("Close() = %v with %d left, want it an ErrLost if any", err, d.Ready)
	}
}

// Each message goes to one of several consumers, not to all of them.
func TestConsumersShareTheWork(t *testing.T) {
	b := open(t, broker.Default("q"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	times := map[string]int{}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			_ = b.Consume(ctx, broker.Options{}, func(_ context.Context, m broker.Message) error {
				mu.Lock()
				defer mu.Unlock()
				times[m.ID]++
				return nil
			})
		})
	}
	for i := range 300 {
		if err := b.Publish(ctx, broker.Message{ID: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(times)
	}
	for wall := clock.NewWall(); count() < 300; {
		if err := wall.Wait(ctx, wall.Now()+time.Millisecond); err != nil {
			t.Fatalf("%d of 300 arrived", count())
		}
	}
	if err := b.Close(ctx); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	all.Wait()
	for id, n := range times {
		if n != 1 {
			t.Errorf("%s was delivered %d times, want once", id, n)
		}
	}
}

func TestCloseCountsWhatWasNotSent(t *testing.T) {
	b := open(t, broker.Default("q"))
	for _, id := range []string{"a", "b"} {
		if err := b.Publish(t.Context(), broker.Message{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(t.Context()); !errors.Is(err, broker.ErrLost) || !strings.Contains(err.Error(), "2 were") {
		t.Errorf("Close() without a consumer = %v, want an ErrLost with 2", err)
	}
}
