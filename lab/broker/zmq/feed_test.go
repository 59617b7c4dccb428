package zmq_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/zmq"
)

func feed(t *testing.T, mark int, full broker.Policy) *zmq.Feed {
	t.Helper()
	f, err := zmq.NewFeed(mark, full)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
	return f
}

func subscribe(t *testing.T, f *zmq.Feed, topic string) *zmq.Subscription {
	t.Helper()
	s, err := f.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each subscriber gets the messages of its topic, numbered without a gap.
func TestFeedByTopic(t *testing.T) {
	f := feed(t, 10, zmq.Wait)
	all, gold := subscribe(t, f, ""), subscribe(t, f, "gold")
	for i, topic := range []string{"gold.1", "oil.1", "gold.2"} {
		if err := f.Publish(t.Context(), topic, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		from *zmq.Subscription
		want []string
	}{{all, []string{"1 gold.1 0", "2 oil.1 1", "3 gold.2 2"}}, {gold, []string{"1 gold.1 0", "2 gold.2 2"}}} {
		for _, want := range c.want {
			n, err := c.from.Next(t.Context())
			if got := fmt.Sprintf("%d %s %s", n.Number, n.Topic, n.Body); err != nil || got != want {
				t.Errorf("Next() = %q, %v; want %q", got, err, want)
			}
		}
		if c.from.Lost() != 0 || c.from.Sent() != uint64(len(c.want)) {
			t.Errorf("%d lost of %d, want none of %d", c.from.Lost(), c.from.Sent(), len(c.want))
		}
	}
}

// One that does not read loses what comes above the mark, sees the numbers that
// are missing, and costs the other nothing.
func TestFeedDrops(t *testing.T) {
	const n, mark = 1000, 10
	f := feed(t, mark, broker.Drop)
	slow, quick := subscribe(t, f, ""), subscribe(t, f, "")
	most := 0 // that waited; the connection may take what waits at any time
	for i := range n {
		if err := f.Publish(t.Context(), "", make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		most = max(most, slow.Waiting())
		if got, err := quick.Next(t.Context()); err != nil || got.Number != uint64(i+1) {
			t.Fatalf("the quick one got %d, %v; want %d", got.Number, err, i+1)
		}
	}
	lost := slow.Lost()
	if slow.Sent() != n || lost < n/2 || most != mark || quick.Lost() != 0 {
		t.Errorf("of %d the slow one lost %d with %d waiting at most, the quick one %d; want more than half with %d, and none", slow.Sent(), lost, most, quick.Lost(), mark)
	}
	var last, missing, got uint64
	for got < n-lost {
		news, err := slow.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got++
		missing += news.Number - last - 1
		last = news.Number
	}
	if missing+n-last != lost {
		t.Errorf("%d numbers are missing and %d after the last, want the %d that were lost", missing, n-last, lost)
	}
}

// A publisher that is to wait does, and loses nothing.
func TestFeedWaits(t *testing.T) {
	f := feed(t, 2, zmq.Wait)
	s := subscribe(t, f, "")
	sent, full := 0, error(nil)
	for ; full == nil; sent++ {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		full = f.Publish(ctx, "", make([]byte, 4096))
		cancel()
	}
	if !errors.Is(full, context.DeadlineExceeded) || sent > 500 {
		t.Fatalf("after %d messages that nobody took Publish() = %v, want it to wait", sent, full)
	}
	for i := range uint64(sent - 1) {
		if n, err := s.Next(t.Context()); err != nil || n.Number != i+1 {
			t.Fatalf("Next() = %d, %v; want %d", n.Number, err, i+1)
		}
	}
	if s.Lost() != 0 || s.Sent() != uint64(sent-1) {
		t.Errorf("%d lost of %d, want none of %d", s.Lost(), s.Sent(), sent-1)
	}
}

// A subscription that ends frees a publisher that waits for it.
func TestFeedEnds(t *testing.T) {
	f := feed(t, 1, zmq.Wait)
	s := subscribe(t, f, "")
	done := make(chan error, 1)
	go func() {
		for range 500 {
			if err := f.Publish(t.Context(), "", make([]byte, 4096)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	if _, err := s.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if err := <-done; err != nil {
		t.Errorf("Publish() without a subscriber = %v, want nil", err)
	}
	if _, err := s.Next(t.Context()); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Next() of a closed subscription = %v, want ErrClosed", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if err := f.Publish(t.Context(), "", nil); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Publish() to a closed feed = %v, want ErrClosed", err)
	}
	if _, err := f.Subscribe(t.Context(), ""); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Subscribe() to a closed feed = %v, want ErrClosed", err)
	}
}

func TestFeedSettings(t *testing.T) {
	for _, c := range []struct {
		mark int
		full broker.Policy
	}{{0, broker.Drop}, {1, broker.Expire}, {2_000_000, zmq.Wait}} {
		if f, err := zmq.NewFeed(c.mark, c.full); err == nil {
			t.Errorf("NewFeed(%d, %s) = %v, want an error", c.mark, c.full, f)
		}
	}
	f := feed(t, 1, broker.Drop)
	if err := f.Publish(t.Context(), "", make([]byte, broker.MaxBody+1)); !errors.Is(err, broker.ErrBad) {
		t.Errorf("Publish() of a body that is too long = %v, want ErrBad", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Subscribe(ctx, ""); err == nil {
		t.Error("Subscribe() with an ended context = nil, want an error")
	}
}
