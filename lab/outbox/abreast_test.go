package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/outbox"
)

// fails is a publisher that fails every fourth time, and notes what it took.
type fails struct {
	mu    sync.Mutex
	calls int
	took  map[string][]string
	all   int
	done  context.CancelFunc
	want  int
}

func (f *fails) Publish(_ context.Context, m broker.Message) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls++; f.calls%4 == 0 {
		return errors.New("away for a moment")
	}
	f.took[m.Key] = append(f.took[m.Key], m.ID)
	if f.all++; f.all == f.want {
		f.done()
	}
	return nil
}

// Several keys leave at once, and those of one key in their order, also past
// failures.
func TestSeveralKeysAtOnce(t *testing.T) {
	s := openShop(t, filepath.Join(t.TempDir(), "o.db"))
	c := outbox.Default()
	c.Poll, c.Most, c.Keys = time.Millisecond, 4*time.Millisecond, 8
	box, err := outbox.New(t.Context(), s.db, c)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for i := range 60 {
		m := broker.Message{ID: fmt.Sprintf("m%02d", i), Key: fmt.Sprint(i % 5)}
		want[m.Key] = append(want[m.Key], m.ID)
		if err := s.order(m, nil); err != nil {
			t.Fatal(err)
		}
	}
	ctx, done := context.WithCancel(t.Context())
	p := &fails{took: map[string][]string{}, done: done, want: 60}
	if err := box.Relay(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("Relay() = %v, want its context's error", err)
	}
	for key, ids := range want {
		if !slices.Equal(p.took[key], ids) {
			t.Errorf("key %s left as %v, want %v", key, p.took[key], ids)
		}
	}
}
