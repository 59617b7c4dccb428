package memory_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/memory"
)

func TestContract(t *testing.T) {
	brokertest.Run(t, brokertest.Suite{Open: func(t *testing.T, c broker.Config) broker.Broker { return open(t, c) }})
}

func open(t *testing.T, c broker.Config) *memory.Broker {
	t.Helper()
	b, err := memory.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWrongSettingsAreNamed(t *testing.T) {
	_, err := memory.New(broker.Config{Queue: "no spaces"})
	for _, field := range []string{"Queue", "Capacity", "DeadCapacity", "Attempts", "Lease"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("New of wrong settings = %v, want an error that names %s", err, field)
		}
	}
}

// TestCloseWorksOffTheQueue has no wall clock in it: a hundred messages of a
// second each take a hundred seconds of virtual time.
func TestCloseWorksOffTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := open(t, broker.Default("q"))
		for i := range 100 {
			if err := b.Publish(t.Context(), broker.Message{ID: string(rune('A' + i))}); err != nil {
				t.Fatal(err)
			}
		}
		handled := 0
		result := make(chan error, 1)
		go func() {
			result <- b.Consume(t.Context(), broker.Options{}, func(context.Context, broker.Message) error {
				<-time.NewTimer(time.Second).C
				handled++
				return nil
			})
		}()
		synctest.Wait()
		begun := time.Now()
		if err := b.Close(t.Context()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		if err := <-result; err != nil || handled != 100 || time.Since(begun) != 100*time.Second {
			t.Errorf("Consume() = %v after %d messages and %v, want nil, 100 and 100s", err, handled, time.Since(begun))
		}
	})
}

func TestCloseCountsWhatIsLost(t *testing.T) {
	b := open(t, broker.Default("q"))
	for _, id := range []string{"a", "b", "c"} {
		if err := b.Publish(t.Context(), broker.Message{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(t.Context()); !errors.Is(err, broker.ErrLost) || !strings.Contains(err.Error(), "3") {
		t.Errorf("Close() of a queue that nobody consumes = %v, want an ErrLost with 3", err)
	}
}

func TestForgottenDeadLettersAreCounted(t *testing.T) {
	c := broker.Default("q")
	c.DeadCapacity = 2
	b := open(t, c)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		if err := b.Publish(t.Context(), broker.Message{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	if err := b.Consume(ctx, broker.Options{}, func(context.Context, broker.Message) error {
		if seen++; seen == 5 {
			cancel()
		}
		return broker.ErrPoison
	}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if d, err := b.Depth(t.Context()); err != nil || (d != broker.Depth{Dead: 2, Lost: 3}) {
		t.Errorf("Depth() = %+v, %v; want 2 dead letters and 3 forgotten", d, err)
	}
	if dead, err := b.Dead(t.Context(), 9); err != nil || len(dead) != 2 || dead[0].ID != "d" || dead[1].ID != "e" {
		t.Errorf("Dead() = %+v, %v; want the latest two, d and e", dead, err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A message that always fails holds up its own key and nobody else.
func TestPoisonHoldsUpItsKeyAlone(t *testing.T) {
	c := broker.Default("q")
	c.Attempts = 4
	b := open(t, c)
	for _, m := range []broker.Message{{ID: "bad", Key: "k"}, {ID: "behind", Key: "k"}, {ID: "free"}} {
		if err := b.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var order []string
	_ = b.Consume(ctx, broker.Options{}, func(_ context.Context, m broker.Message) error {
		order = append(order, m.ID)
		if m.ID == "behind" {
			cancel()
		}
		if m.ID == "bad" {
			return errors.New("always")
		}
		return nil
	})
	if got, want := strings.Join(order, " "), "bad free bad bad bad behind"; got != want {
		t.Errorf("delivered %s, want %s", got, want)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
