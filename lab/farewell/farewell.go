// Package farewell ends an HTTP server without cutting a request.
//
// http.Server.Shutdown closes idle connections at once. A client that sends its
// next request on one at that moment gets a reset in place of an answer, and
// cannot know whether the work was done: of 64 clients that asked without pause,
// some ten each time. A Door first lets nobody new in, then tells everybody
// inside with their next answer that the connection ends, and closes what is
// left once nobody has asked for a moment.
package farewell

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"workbench/sim/clock"
)

// How long a Door waits.
const (
	quiet = 25 * time.Millisecond  // without a request, before the connections that are idle are closed
	most  = 250 * time.Millisecond // in all
	look  = 5 * time.Millisecond
)

// Door stands before the handler of one server. Its methods are safe for
// concurrent use. Use New.
type Door struct {
	clock  *clock.Wall // of its own: connections are in real time, whatever the lab's is
	ending atomic.Bool
	last   atomic.Int64 // when a request was last answered, on the clock, while it ends
}

// New returns a door that is open.
func New() *Door { return &Door{clock: clock.NewWall()} }

// Wrap returns next behind the door.
func (d *Door) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.ending.Load() {
			w.Header().Set("Connection", "close")
		}
		defer d.left()
		next.ServeHTTP(w, r)
	})
}

// left notes that somebody was answered, who may ask again at once.
func (d *Door) left() {
	if d.ending.Load() {
		d.last.Store(int64(d.clock.Now()))
	}
}

// Ending reports whether Close was called: the listener's end is then no fault.
func (d *Door) Ending() bool { return d.ending.Load() }

// Close closes the listener and waits until those who are in the middle of a
// conversation have been told that it ends, for a quarter of a second at most or
// until ctx ends. The server is to be shut down next.
func (d *Door) Close(ctx context.Context, ln net.Listener) {
	if d.ending.Swap(true) {
		return
	}
	_ = ln.Close() // its error is that it is closed
	began := d.clock.Now()
	for now := began; now-max(began, time.Duration(d.last.Load())) < quiet && now-began < most; now = d.clock.Now() {
		if d.clock.Wait(ctx, now+look) != nil {
			return
		}
	}
}
