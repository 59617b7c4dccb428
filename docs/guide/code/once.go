package code

import (
	"context"
	"errors"
	"sync"
)

// Charge charges a customer and returns a receipt.
type Charge func(ctx context.Context) (receipt string, err error)

// Checked looks whether an order was charged, and charges it if not. Between
// the two there is time for another request.
type Checked struct {
	mu   sync.Mutex
	done map[string]string // guarded by mu
}

// guide:begin checked

// Do is check, then act: all who come before the first charge is done find
// nothing, and all of them charge. The gap is there for the test to stand in.
func (c *Checked) Do(ctx context.Context, key string, gap func(), charge Charge) (string, error) {
	c.mu.Lock()
	receipt, ok := c.done[key]
	c.mu.Unlock()
	if ok {
		return receipt, nil
	}
	gap()
	receipt, err := charge(ctx)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	if c.done == nil {
		c.done = map[string]string{}
	}
	c.done[key] = receipt
	c.mu.Unlock()
	return receipt, nil
}

// guide:end

// ErrOther means that a key came back with another request.
var ErrOther = errors.New("this key was used for another request")

// Reserved takes a key before it charges.
type Reserved struct {
	mu   sync.Mutex
	keys map[string]*reservation // guarded by mu
}

type reservation struct {
	body    string
	done    chan struct{} // closed when receipt and err are there
	receipt string
	err     error
}

// guide:begin reserved

// Do takes the key first; whoever comes later waits for the first one's
// receipt and gets the same. A failed charge frees its key, so that it can be
// tried again.
func (r *Reserved) Do(ctx context.Context, key, body string, charge Charge) (string, error) {
	r.mu.Lock()
	v, taken := r.keys[key]
	if !taken {
		v = &reservation{body: body, done: make(chan struct{})}
		if r.keys == nil {
			r.keys = map[string]*reservation{}
		}
		r.keys[key] = v
	}
	r.mu.Unlock()
	if taken {
		return v.wait(ctx, body)
	}
	finished := false
	defer func() { // also when charge panics: waiters must not hang
		if !finished {
			v.err = errors.New("the charge panicked")
		}
		if v.err != nil {
			r.mu.Lock()
			delete(r.keys, key)
			r.mu.Unlock()
		}
		close(v.done)
	}()
	v.receipt, v.err = charge(ctx)
	finished = true
	return v.receipt, v.err
}

func (v *reservation) wait(ctx context.Context, body string) (string, error) {
	if v.body != body {
		return "", ErrOther // a mistake of the caller: 422, never somebody else's receipt
	}
	select {
	case <-v.done:
		return v.receipt, v.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// guide:end
