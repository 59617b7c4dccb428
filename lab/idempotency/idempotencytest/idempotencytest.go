// Package idempotencytest is the contract of whatever makes requests
// idempotent.
package idempotencytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"workbench/lab/idempotency"
)

// Do is how an implementation has the effect of a request.
type Do func(ctx context.Context, k idempotency.Key, h idempotency.Hash, now time.Time, effect func(context.Context) (idempotency.Response, error)) (idempotency.Response, bool, error)

// Run holds to the contract what open returns: an implementation with these
// settings and without any key.
func Run(t *testing.T, open func(t *testing.T, c idempotency.Config) Do) {
	for _, c := range []struct {
		name string
		test func(*rig)
	}{
		{"the first answer is given again", replayed},
		{"another request under the same key is refused", mismatch},
		{"a request that is being worked on is refused", inFlight},
		{"a failure is not kept", failure},
		{"a panic is not kept", panicked},
		{"a key is its caller's and its route's", scoped},
		{"wrong keys are refused", wrongKeys},
		{"an answer is kept for its time", retention},
		{"when full, new keys are refused and old ones answered", full},
		{"an ended context has no effect", ended},
		{"concurrent duplicates are linearizable", linearizable},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := idempotency.Default()
			config.Capacity = 1000
			c.test(&rig{T: t, do: open(t, config), open: open})
		})
	}
}

type rig struct {
	*testing.T
	do   Do
	open func(*testing.T, idempotency.Config) Do
}

func (r *rig) now() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC) }

func key(k string) idempotency.Key {
	return idempotency.Key{Caller: "alice", Route: "POST /orders", Key: k}
}

// hash is the fingerprint of the body that every test sends.
func hash() idempotency.Hash { return idempotency.Fingerprint([]byte("buy 3")) }

// answering returns an effect that counts itself and answers with its number.
func answering(effects *atomic.Int64) func(context.Context) (idempotency.Response, error) {
	return func(context.Context) (idempotency.Response, error) {
		n := effects.Add(1)
		return idempotency.Response{
			Status: 201, Headers: map[string]string{"Location": "/orders/" + strconv.FormatInt(n, 10)}, Body: fmt.Appendf(nil, "order %d \x00\xff", n),
		}, nil
	}
}

func same(a, b idempotency.Response) bool {
	return a.Status == b.Status && bytes.Equal(a.Body, b.Body) && maps.Equal(a.Headers, b.Headers)
}

func replayed(r *rig) {
	var effects atomic.Int64
	first, again, err := r.do(r.Context(), key("k"), hash(), r.now(), answering(&effects))
	if err != nil || again || first.Status != 201 || len(first.Body) == 0 {
		r.Fatalf("the first request = %+v, %v, %v; want its answer", first, again, err)
	}
	for range 3 {
		got, again, err := r.do(r.Context(), key("k"), hash(), r.now(), answering(&effects))
		if err != nil || !again || !same(got, first) {
			r.Errorf("a repetition = %+v, %v, %v; want %+v, replayed", got, again, err, first)
		}
	}
	if n := effects.Load(); n != 1 {
		r.Errorf("%d effects, want 1", n)
	}
}

func mismatch(r *rig) {
	var effects atomic.Int64
	first, _, err := r.do(r.Context(), key("k"), hash(), r.now(), answering(&effects))
	if err != nil {
		r.Fatal(err)
	}
	other := idempotency.Fingerprint([]byte("buy 4"))
	if _, _, err := r.do(r.Context(), key("k"), other, r.now(), answering(&effects)); !errors.Is(err, idempotency.ErrMismatch) {
		r.Errorf("another body under the same key = %v, want ErrMismatch", err)
	}
	if got, _, err := r.do(r.Context(), key("k"), hash(), r.now(), answering(&effects)); err != nil || !same(got, first) {
		r.Errorf("a repetition after that = %+v, %v; want the first answer", got, err)
	}
	if n := effects.Load(); n != 1 {
		r.Errorf("%d effects, want 1", n)
	}
}

func inFlight(r *rig) {
	var effects atomic.Int64
	inside, gate, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, _, err := r.do(r.Context(), key("k"), hash(), r.now(), func(ctx context.Context) (idempotency.Response, error) {
			close(inside)
			<-gate
			return answering(&effects)(ctx)
		})
		result <- err
	}()
	<-inside
	if _, _, err := r.do(r.Context(), key("k"), hash(), r.now(), answering(&effects)); !errors.Is(err, idempotency.ErrInFlight) {
		r.Errorf("a repetition meanwhile = %v, want ErrInFlight", err)
	}
	if _, _, err := r.do(r.Context(), key("k"), idempotency.Fingerprint(), r.now(), answering(&effects)); !errors.Is(err, idempotency.ErrMismatch) {
		r.Errorf("another body meanwhile = %v, want ErrMismatch", err)
	}
	close(gate)
	if err := <-result; err != nil {
		r.Errorf("the first request = %v, want nil", err)
	}
	if n := effects.Load(); n != 1 {
		r.Errorf("%d effects, want 1", n)
	}
}

func failure(r *rig) {
	var effects atomic.Int64
	invalid := errors.New("the amount is negative")
	for range 2 {
		_, _, err := r.do(r.Context(), key("k"), hash(), r.now(), func(context.Context) (idempotency.Response, error) {
			return idempotency.Response{Status: 400}, invalid
		})
		if !errors.Is(err, invalid) {
			r.Errorf("a wrong request = %v, want its own error", err)
		}
	}
	right := idempotency.Fingerprint([]byte("put right"))
	if got, again, err := r.do(r.Context(), key("k"), right, r.now(), answering(&effects)); err != nil || again || got.Status != 201 {
		r.Errorf("put right under the same key = %+v, %v, %v; want it to be done", got, again, err)
	}
}

func panicked(r *rig) {
	func() {
		defer func() {
			if p := recover(); p != "broken" {
				r.Errorf("recovered %v, want the panic to go on", p)
			}
		}()
		_, _, _ = r.do(r.Context(), key("k"), hash(), r.now(), func(context.Context) (idempotency.Response, error) { panic("broken") })
	}()
	var effects atomic.Int64
	if _, again, err := r.do(r.Context(), key("k"), hash(), r.now(), answering(&effects)); err != nil || again {
		r.Errorf("the next request = %v, %v; want it to be done", again, err)
	}
}

func scoped(r *rig) {
	var effects atomic.Int64
	for i, k := range []idempotency.Key{
		{Caller: "alice", Route: "POST /orders", Key: "k"},
		{Caller: "bob", Route: "POST /orders", Key: "k"},
		{Caller: "alice", Route: "POST /refunds", Key: "k"},
		{Caller: "alice", Route: "POST /orders", Key: "k2"},
		{Caller: "aliceP", Route: "OST /orders", Key: "k"},
	} {
		if _, again, err := r.do(r.Context(), k, hash(), r.now(), answering(&effects)); err != nil || again || effects.Load() != int64(i+1) {
			r.Errorf("%+v = %v, %v after %d effects; want a request of its own", k, again, err, effects.Load())
		}
	}
}

func wrongKeys(r *rig) {
	var effects atomic.Int64
	long := strings.Repeat("x", idempotency.MaxKey)
	for name, k := range map[string]idempotency.Key{
		"no key":       key(""),
		"a long key":   key(long + "x"),
		"no text":      key("\xff"),
		"no caller":    {Route: "r", Key: "k"},
		"no route":     {Caller: "c", Key: "k"},
		"a long route": {Caller: "c", Route: long + "x", Key: "k"},
	} {
		if _, _, err := r.do(r.Context(), k, hash(), r.now(), answering(&effects)); !errors.Is(err, idempotency.ErrKey) {
			r.Errorf("%s = %v, want ErrKey", name, err)
		}
	}
	if n := effects.Load(); n != 0 {
		r.Errorf("%d effects, want 0", n)
	}
	if _, _, err := r.do(r.Context(), key(long), hash(), r.now(), answering(&effects)); err != nil {
		r.Errorf("a key of %d bytes = %v, want nil", idempotency.MaxKey, err)
	}
}

func retention(r *rig) {
	var effects atomic.Int64
	kept := idempotency.Default().Kept
	for _, c := range []struct {
		after time.Duration
		want  int64 // effects so far
	}{{0, 1}, {kept - 1, 1}, {kept, 2}, {kept + time.Hour, 2}, {2*kept - 1, 2}, {2 * kept, 3}} {
		_, again, err := r.do(r.Context(), key("k"), hash(), r.now().Add(c.after), answering(&effects))
		if n := effects.Load(); err != nil || n != c.want {
			r.Errorf("after %v: replayed %v, %v and %d effects; want %d", c.after, again, err, n, c.want)
		}
	}
}

func full(r *rig) {
	c := idempotency.Default()
	c.Capacity = 3
	r.do = r.open(r.T, c)
	var effects atomic.Int64
	for i := range 5 {
		_, _, err := r.do(r.Context(), key(strconv.Itoa(i)), hash(), r.now(), answering(&effects))
		if i < 3 && err != nil || i >= 3 && !errors.Is(err, idempotency.ErrFull) {
			r.Errorf("key %d of 3 = %v, want ErrFull from the fourth on", i, err)
		}
	}
	if _, again, err := r.do(r.Context(), key("0"), hash(), r.now(), answering(&effects)); err != nil || !again {
		r.Errorf("a repetition when full = %v, %v; want it replayed", again, err)
	}
	for i := range 3 {
		if _, again, err := r.do(r.Context(), key("later"+strconv.Itoa(i)), hash(), r.now().Add(c.Kept), answering(&effects)); err != nil || again {
			r.Errorf("a new key once the others expired = %v, %v; want nil", again, err)
		}
	}
}

func ended(r *rig) {
	var effects atomic.Int64
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	if _, _, err := r.do(ctx, key("k"), hash(), r.now(), answering(&effects)); !errors.Is(err, context.Canceled) || effects.Load() != 0 {
		r.Errorf("with an ended context = %v and %d effects, want context.Canceled and 0", err, effects.Load())
	}
	if _, again, err := r.do(r.Context(), key("k"), hash(), r.now(), answering(&effects)); err != nil || again {
		r.Errorf("the next request = %v, %v; want it to be done", again, err)
	}
}

// linearizable sends 20 duplicates of each of 20 orders at once. Of each order
// there is one effect, every answer is that of the effect, and whoever asks
// after an answer was given gets that answer and nothing else.
func linearizable(r *rig) {
	if faults := Duplicates(r.Context(), r.do, r.now(), 20, 20); len(faults) > 0 {
		r.Errorf("%d faults, such as: %s", len(faults), faults[0])
	}
}

// call is one request in a history.
type call struct {
	begun, done int64 // instants of a logical clock
	body        string
	err         error
}

// history is what happened to one key.
type history struct {
	clock   atomic.Int64
	effects atomic.Int64
	effect  atomic.Int64 // the instant of the latest effect

	mu    sync.Mutex
	calls []call // guarded by mu
}

// Duplicates sends copies of each of a number of orders at once and returns
// what contradicts a store in which each key changes once, at one instant.
func Duplicates(ctx context.Context, do Do, now time.Time, orders, copies int) (faults []string) {
	for o := range orders {
		h := &history{}
		var all sync.WaitGroup
		for range copies {
			all.Go(func() {
				for errors.Is(h.ask(ctx, do, key("order-"+strconv.Itoa(o)), now), idempotency.ErrInFlight) {
					runtime.Gosched() // who is told to ask again does
				}
			})
		}
		all.Wait()
		for _, f := range h.contradictions() {
			faults = append(faults, fmt.Sprintf("order %d: %s", o, f))
		}
	}
	return faults
}

// ask sends one request and writes down what came of it.
func (h *history) ask(ctx context.Context, do Do, k idempotency.Key, now time.Time) error {
	c := call{begun: h.clock.Add(1)}
	r, _, err := do(ctx, k, hash(), now, func(ctx context.Context) (idempotency.Response, error) {
		runtime.Gosched() // let others in between
		r, err := answering(&h.effects)(ctx)
		h.effect.Store(h.clock.Add(1))
		return r, err
	})
	c.done, c.body, c.err = h.clock.Add(1), string(r.Body), err
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, c)
	return err
}

func (h *history) contradictions() (faults []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := h.effects.Load(); n != 1 {
		faults = append(faults, fmt.Sprintf("%d effects, want 1", n))
	}
	var first *call // of those that were answered, the one that was first
	for i, c := range h.calls {
		if c.err == nil && (first == nil || c.done < first.done) {
			first = &h.calls[i]
		}
	}
	if first == nil {
		return append(faults, "nobody was answered")
	}
	for _, c := range h.calls {
		switch {
		case c.err == nil && c.body != first.body:
			faults = append(faults, fmt.Sprintf("answered %q and %q", c.body, first.body))
		case c.err == nil && c.done < h.effect.Load():
			faults = append(faults, "answered before the effect")
		case c.err != nil && !errors.Is(c.err, idempotency.ErrInFlight):
			faults = append(faults, "refused: "+c.err.Error())
		case c.err != nil && c.begun > first.done:
			faults = append(faults, "said to be at work after it was answered")
		}
	}
	return faults
}
