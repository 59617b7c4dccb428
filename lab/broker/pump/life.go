package pump

import (
	"context"
	"sync"

	"workbench/lab/broker"
)

// Life follows the calls inside a broker and its closing. Use NewLife.
type Life struct {
	stop, kill context.Context
	halt, cut  context.CancelFunc
	inside     sync.WaitGroup

	mu     sync.Mutex
	closed bool // guarded by mu
}

// NewLife returns the life of an open broker.
func NewLife() *Life {
	l := &Life{}
	l.stop, l.halt = context.WithCancel(context.Background())
	l.kill, l.cut = context.WithCancel(context.Background())
	return l
}

// Enter lets a call in, which is to leave when it is done. After Close it is
// ErrClosed.
func (l *Life) Enter() (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, broker.ErrClosed
	}
	l.inside.Add(1)
	return l.inside.Done, nil
}

// Stop ends when closing begins.
func (l *Life) Stop() context.Context { return l.stop }

// Kill ends when closing can wait no longer.
func (l *Life) Kill() context.Context { return l.kill }

// Close lets nobody in any more and waits until all have left. When ctx ends
// first it has them stop at once, waits for that, and returns ctx's error. Only
// the first call is first.
func (l *Life) Close(ctx context.Context) (first bool, err error) {
	l.mu.Lock()
	first, l.closed = !l.closed, true
	l.mu.Unlock()
	l.halt()
	defer l.cut()
	gone := make(chan struct{})
	go func() { // ends with the last call inside, for which both ways wait
		l.inside.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return first, nil
	case <-ctx.Done():
		l.cut()
		<-gone
		return first, ctx.Err()
	}
}
