package code

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// guide:begin keylock

// Locked is what the lock for each key amounts to: callers take turns, and each
// looks again when it is its turn. While loads succeed, the first one loads for
// all. When they fail there is nothing to find, and everyone loads, one after
// the other.
type Locked struct {
	mu    sync.Mutex // one key is enough to see it
	found bool
	value string
}

// Get returns the value, by load when there is none yet.
func (l *Locked) Get(load func() (string, error)) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.found {
		return l.value, nil
	}
	v, err := load()
	if err == nil {
		l.value, l.found = v, true
	}
	return v, err
}

// guide:end

// guide:begin flight

// Flight lets all who ask for a key at the same time share one load: its
// answer, and its error too.
type Flight struct {
	Limit time.Duration // of a load
	mu    sync.Mutex
	loads map[string]*load // guarded by mu
}

type load struct {
	done    chan struct{} // closed when value and err are there
	value   string
	err     error
	waiting int // guarded by the flight's mu
}

// Get joins the load of a key, or begins one. The load belongs to all who wait
// and not to the one who came first, so that one's leaving does not end it.
func (f *Flight) Get(ctx context.Context, key string, from func(context.Context) (string, error)) (string, error) {
	f.mu.Lock()
	l, ok := f.loads[key]
	if !ok {
		l = &load{done: make(chan struct{})}
		if f.loads == nil {
			f.loads = map[string]*load{}
		}
		f.loads[key] = l
		go f.run(context.WithoutCancel(ctx), key, l, from)
	}
	l.waiting++
	f.mu.Unlock()
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (f *Flight) run(ctx context.Context, key string, l *load, from func(context.Context) (string, error)) {
	ctx, cancel := context.WithTimeout(ctx, f.Limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			l.err = fmt.Errorf("load %s: panic: %v", key, p) // the waiters must not hang
		}
		f.mu.Lock()
		delete(f.loads, key)
		f.mu.Unlock()
		close(l.done)
	}()
	l.value, l.err = from(ctx)
}

// guide:end

// Waiting returns how many have joined the load of a key.
func (f *Flight) Waiting(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.loads[key]; ok {
		return l.waiting
	}
	return 0
}

// guide:begin ttl

// TTL returns a lifetime around ttl: up to the share jitter shorter or longer.
// The draw u lies between 0 and 1.
func TTL(ttl time.Duration, jitter, u float64) time.Duration {
	return time.Duration(float64(ttl) * (1 + jitter*(2*u-1)))
}

// guide:end
