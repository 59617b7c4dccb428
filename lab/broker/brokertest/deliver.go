package brokertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"workbench/lab/broker"
)

func delivered(t *testing.T, s Suite) {
	r := open(t, s, nil)
	const n = 50
	three := func(i int) string { return []string{"", "käy", "other"}[i%3] }
	r.publish(n, three)
	r.consume(broker.Options{Workers: 3, Prefetch: 6}, nil)
	r.until("all are delivered", func() bool { return len(r.times()) == n })
	for _, m := range r.messages() {
		i, err := strconv.Atoi(strings.TrimPrefix(m.ID, "id-"))
		want := sample(i, three)
		want.Attempt = 1
		if err != nil || m.Key != want.Key || !bytes.Equal(m.Body, want.Body) || !maps.Equal(m.Headers, want.Headers) || m.Attempt != 1 {
			t.Errorf("delivered %+v, want %+v", m, want)
		}
	}
	r.depth(broker.Depth{})
}

func fifo(t *testing.T, s Suite) {
	r := open(t, s, nil)
	const n = 40
	r.publish(n, nil)
	r.consume(broker.Options{Prefetch: 5}, nil)
	r.until("all are delivered", func() bool { return len(r.messages()) >= n })
	if r.caps.PerKeyOrder { // without a key there is no order across lanes or partitions
		return
	}
	for i, m := range r.messages() {
		if want := "id-" + strconv.Itoa(i); m.ID != want {
			t.Fatalf("message %d delivered is %s, want %s", i, m.ID, want)
		}
	}
}

func keyOrder(t *testing.T, s Suite) {
	r := open(t, s, nil)
	if !r.caps.PerKeyOrder {
		return // it does not claim it
	}
	const n, keys = 150, 5
	r.publish(n, func(i int) string { return "key-" + strconv.Itoa(i%keys) })
	var mu sync.Mutex
	busy, done := map[string]bool{}, map[string][]string{}
	handle := func(_ context.Context, m broker.Message) error {
		mu.Lock()
		if busy[m.Key] {
			t.Errorf("%s of %s is delivered while another of that key is being handled", m.ID, m.Key)
		}
		busy[m.Key] = true
		mu.Unlock()
		mu.Lock()
		defer mu.Unlock()
		busy[m.Key] = false
		if i, _ := strconv.Atoi(m.ID[3:]); i%7 == 0 && m.Attempt == 1 {
			return errors.New("once more")
		}
		done[m.Key] = append(done[m.Key], m.ID)
		return nil
	}
	r.consume(broker.Options{Workers: 4, Prefetch: 8}, handle)
	r.consume(broker.Options{Workers: 2, Prefetch: 4}, handle)
	count := func() (all int) {
		mu.Lock()
		defer mu.Unlock()
		for _, ids := range done {
			all += len(ids)
		}
		return all
	}
	r.until("all are handled", func() bool { return count() >= n })
	mu.Lock()
	defer mu.Unlock()
	for key, ids := range done {
		// A broker may deliver again what it could not know to be done; the first
		// time counts.
		var first []string
		for _, id := range ids {
			if !slices.Contains(first, id) {
				first = append(first, id)
			}
		}
		var want []string
		for i := range n {
			if key == "key-"+strconv.Itoa(i%keys) {
				want = append(want, "id-"+strconv.Itoa(i))
			}
		}
		if !slices.Equal(first, want) {
			t.Errorf("%s was handled in the order %v, want %v", key, first, want)
		}
	}
}

func prefetch(t *testing.T, s Suite) {
	r := open(t, s, nil)
	const held, n = 3, 12
	key := func(i int) string { return "key-" + strconv.Itoa(i) }
	r.publish(n, key)
	var inside, most atomic.Int64
	gate := make(chan struct{})
	r.consume(broker.Options{Workers: 10, Prefetch: held}, func(ctx context.Context, _ broker.Message) error {
		now := inside.Add(1)
		defer inside.Add(-1)
		for {
			was := most.Load()
			if now <= was || most.CompareAndSwap(was, now) {
				break
			}
		}
		select {
		case <-gate:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	r.until("something is held", func() bool { return inside.Load() > 0 })
	for range 20 { // it has every chance to take more
		if d, err := r.Broker.Depth(r.ctx); err != nil || d.Unacked > held {
			t.Fatalf("Depth() = %+v, %v; want at most %d unacknowledged", d, err, held)
		}
	}
	close(gate)
	r.until("all are delivered", func() bool { return len(r.times()) == n })
	if got := most.Load(); got > held {
		t.Errorf("%d handlers ran at once, want at most the prefetch of %d", got, held)
	}
}

func replay(t *testing.T, s Suite) {
	r := open(t, s, nil)
	if !r.caps.Replay {
		err := r.Consume(r.ctx, broker.Options{Group: "audit"}, func(context.Context, broker.Message) error { return nil })
		if !errors.Is(err, broker.ErrUnsupported) {
			t.Errorf("Consume by another group = %v, want ErrUnsupported", err)
		}
		return
	}
	const n = 20
	r.publish(n, nil)
	end, _ := r.consume(broker.Options{}, nil)
	r.until("all are delivered", func() bool { return len(r.times()) == n })
	if err := end(); !errors.Is(err, context.Canceled) {
		t.Fatalf("Consume() = %v, want context.Canceled", err)
	}
	r.depth(broker.Depth{})
	r.mu.Lock()
	r.got = nil
	r.mu.Unlock()
	r.consume(broker.Options{Group: "audit"}, nil)
	r.until("all are delivered again", func() bool { return len(r.times()) == n })
}

func refused(t *testing.T, s Suite) {
	r := open(t, s, nil)
	long := strings.Repeat("x", broker.MaxName+1)
	many := map[string]string{}
	for i := range broker.MaxHeaders + 1 {
		many[strconv.Itoa(i)] = ""
	}
	for _, c := range []struct {
		name, field string
		message     broker.Message
	}{
		{"no ID", "ID", broker.Message{}},
		{"a long ID", "ID", broker.Message{ID: long}},
		{"an ID with NUL", "ID", broker.Message{ID: "a\x00b"}},
		{"a long key", "Key", broker.Message{ID: "a", Key: long}},
		{"a key that is no text", "Key", broker.Message{ID: "a", Key: "\xff"}},
		{"a large body", "Body", broker.Message{ID: "a", Body: make([]byte, broker.MaxBody+1)}},
		{"many headers", "Headers", broker.Message{ID: "a", Headers: many}},
		{"a nameless header", "Headers", broker.Message{ID: "a", Headers: map[string]string{"": "x"}}},
		{"a long value", "Headers[x]", broker.Message{ID: "a", Headers: map[string]string{"x": strings.Repeat("x", broker.MaxValue+1)}}},
	} {
		err := r.Publish(r.ctx, c.message)
		if !errors.Is(err, broker.ErrBad) || !strings.Contains(err.Error(), strings.Split(c.field, "[")[0]) {
			t.Errorf("%s: Publish() = %.200v, want an ErrBad that names %s", c.name, err, c.field)
		}
	}
	for _, o := range []broker.Options{{Workers: -1}, {Prefetch: -1}, {Workers: 1 << 20}, {Group: "no spaces"}} {
		if err := r.Consume(r.ctx, o, nil); err == nil {
			t.Errorf("Consume(%+v) = nil, want an error that names the field", o)
		}
	}
	r.depth(broker.Depth{})
}

func concurrent(t *testing.T, s Suite) {
	const publishers, each = 8, 25
	r := open(t, s, nil)
	for range 3 {
		r.consume(broker.Options{Workers: 2, Prefetch: 4}, nil)
	}
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range each {
				m := broker.Message{ID: fmt.Sprintf("%d-%d", p, i), Key: strconv.Itoa(p)}
				if err := r.Publish(r.ctx, m); err != nil {
					t.Errorf("Publish(%s) = %v, want nil", m.ID, err)
				}
				if _, err := r.Broker.Depth(r.ctx); err != nil {
					t.Errorf("Depth() = %v, want nil", err)
				}
			}
		})
	}
	all.Wait()
	r.until("all are delivered", func() bool { return len(r.times()) == publishers*each })
	r.depth(broker.Depth{})
}
