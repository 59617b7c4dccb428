package rabbit_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/rabbit"
	"workbench/sim/clock"
)

// silence is a server that accepts connections, hears everything and never says
// a word.
type silence struct{ dials atomic.Int64 }

func (s *silence) dial(context.Context, string, string) (net.Conn, error) {
	s.dials.Add(1)
	ours, theirs := net.Pipe()
	go func() { // ends when ours is closed
		_, _ = io.Copy(io.Discard, theirs)
	}()
	return ours, nil
}

func unconnected(s *silence) *rabbit.Broker {
	return rabbit.Unconnected("amqp://silent:5672/", broker.Default("q"), s.dial)
}

// Whoever asks a server that never answers leaves when its own time is over,
// all have asked with one dial, and Close waits for none of it.
func TestSilentServerKeepsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &silence{}
		b := unconnected(s)
		begun := time.Now()
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				if err := b.Publish(ctx, broker.Message{ID: "a"}); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Publish() = %v, want its deadline", err)
				}
				if _, err := b.Depth(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Depth() = %v, want its deadline", err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begun); took != 50*time.Millisecond || s.dials.Load() != 1 {
			t.Errorf("64 callers left after %v and %d dials, want 50ms and one", took, s.dials.Load())
		}
		ends := make(chan error, 1)
		go func() {
			ends <- b.Consume(t.Context(), broker.Options{}, func(context.Context, broker.Message) error { return nil })
		}()
		synctest.Wait()
		begun = time.Now()
		if err := b.Close(t.Context()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		if err := <-ends; err != nil {
			t.Errorf("Consume() = %v, want nil at Close", err)
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("Close took %v, want no time", took)
		}
	})
}

// After a dial that failed its error is the answer for a while; then the next
// caller dials again.
func TestPauseAfterAFailedDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &silence{}
		b := unconnected(s)
		defer func() { _ = b.Close(t.Context()) }()
		ask := func() (time.Duration, error) {
			begun := time.Now()
			_, err := b.Depth(t.Context())
			return time.Since(begun), err
		}
		for i, c := range []struct {
			name  string
			after time.Duration
			took  time.Duration
			dials int64
		}{
			{"the first waits for its dial", 0, rabbit.DialLimit, 1},
			{"the next learns the same at once", 0, 0, 1},
			{"also a little later", rabbit.DialPause - 1, 0, 1},
			{"then one dials again", 1, rabbit.DialLimit, 2},
		} {
			<-time.NewTimer(c.after).C
			took, err := ask()
			if took != c.took || s.dials.Load() != c.dials || !errors.Is(err, broker.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "did not answer") {
				t.Errorf("%d, %s: Depth() = %v after %v and %d dials; want ErrUnavailable after %v and %d", i, c.name, err, took, s.dials.Load(), c.took, c.dials)
			}
		}
	})
}

// The dialer's context ends with the broker.
func TestCloseEndsADial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := rabbit.Unconnected("amqp://nowhere:5672/", broker.Default("q"), func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		result := make(chan error, 1)
		go func() { result <- b.Publish(t.Context(), broker.Message{ID: "a"}) }()
		synctest.Wait()
		begun := time.Now()
		if err := b.Close(t.Context()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		if err := <-result; !errors.Is(err, broker.ErrClosed) || time.Since(begun) != 0 {
			t.Errorf("Publish() = %v after %v, want ErrClosed at once", err, time.Since(begun))
		}
	})
}

// The same over a real socket: a port that accepts and never answers.
func TestSilentListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := rabbit.Unconnected("amqp://"+l.Addr().String()+"/", broker.Default("q"), (&net.Dialer{}).DialContext)
	wall := clock.NewWall()
	within := func(what string, limit time.Duration, f func()) {
		begun := wall.Now()
		if f(); wall.Now()-begun > limit {
			t.Errorf("%s took %v, want %v at most", what, wall.Now()-begun, limit)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	within("Publish and Depth", time.Second, func() {
		if err := b.Publish(ctx, broker.Message{ID: "a"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Publish() = %v, want its deadline", err)
		}
		if _, err := b.Depth(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Depth() = %v, want its deadline", err)
		}
	})
	within("Close", time.Second, func() {
		if err := b.Close(t.Context()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	})
}
