package kind_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/kind"
)

// full opens a broker and publishes n messages.
func full(t *testing.T, name string, n int) broker.Broker {
	t.Helper()
	b, err := kind.Open(t.Context(), name, kind.Places{}, broker.Default("q"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := b.Publish(t.Context(), broker.Message{ID: fmt.Sprint(i), Key: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// What ends with the process and was not handled is an ErrLost with its number.
func TestCloseCountsWhatIsLost(t *testing.T) {
	for _, name := range []string{"memory", "kafka", "zeromq"} {
		t.Run(name, func(t *testing.T) {
			const n = 23
			b := full(t, name, n)
			if err := b.Close(t.Context()); !errors.Is(err, broker.ErrLost) || broker.LostAt(err) != n {
				t.Errorf("Close() = %v with %d lost, want an ErrLost with %d", err, broker.LostAt(err), n)
			}
		})
	}
}

// Consumers that are there work the queue off, and nothing is lost.
func TestCloseHasTheQueueWorkedOff(t *testing.T) {
	for _, name := range []string{"memory", "kafka"} {
		t.Run(name, func(t *testing.T) {
			const n = 23
			b := full(t, name, n)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			begun, goOn, ended := make(chan struct{}, n), make(chan struct{}), make(chan error, 1)
			go func() {
				ended <- b.Consume(ctx, broker.Options{}, func(context.Context, broker.Message) error {
					begun <- struct{}{}
					<-goOn
					return nil
				})
			}()
			<-begun
			close(goOn)
			if err := b.Close(ctx); err != nil {
				t.Errorf("Close() = %v, want nil", err)
			}
			if err := <-ended; err != nil || len(begun) != n-1 {
				t.Errorf("Consume() = %v after %d messages, want nil after all %d", err, len(begun)+1, n)
			}
		})
	}
}
