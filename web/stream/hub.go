package stream

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is a sort of message. A newer message replaces an unread one of its
// kind, so a message must say all that the ones before it said.
type Kind uint8

// The kinds, in the order in which a reader receives what waits.
const (
	State Kind = iota // the whole state
	Pulse             // the figures of a state, once a second
	Frame             // a tenth of a second for the charts; may be missed
	kinds
)

var names = [kinds]string{"state", "pulse", "frame"}

// String returns the kind's word, which is the event's name on the wire.
func (k Kind) String() string { return names[k] }

// Errors of a hub.
var (
	ErrFull   = errors.New("too many event streams are open")
	ErrClosed = errors.New("event streams have ended")
)

// Hub sends messages to readers. It is safe for concurrent use. Use New.
type Hub struct {
	limit    int
	patience time.Duration // with a pending write

	mu      sync.Mutex
	readers map[*Reader]struct{} // guarded by mu
	closed  bool                 // guarded by mu
	seq     uint64               // guarded by mu; id of the last message

	sent    atomic.Uint64
	frames  atomic.Uint64
	dropped atomic.Uint64
	cut     atomic.Uint64
}

// Counts are a hub's figures.
type Counts struct {
	Readers int    `json:"readers"`
	Sent    uint64 `json:"sent"`    // messages encoded
	Frames  uint64 `json:"frames"`  // frames offered to readers, once for each
	Dropped uint64 `json:"dropped"` // frames that slow readers missed
	Cut     uint64 `json:"cut"`     // readers cut off because they did not read
}

// New returns a hub for at most limit readers at once. patience is how long a
// reader may leave a write pending before it is cut off, usually WriteTimeout.
func New(limit int, patience time.Duration) *Hub {
	return &Hub{limit: limit, patience: patience, readers: make(map[*Reader]struct{}, limit)}
}

// Reader is one open stream. Next is for one goroutine; Leave may be called
// from any, and more than once.
type Reader struct {
	hub  *Hub
	wake chan struct{} // holds at most one token: something waits
	done chan struct{} // closed when the hub ends the stream

	mu      sync.Mutex
	slots   [kinds][]byte // guarded by mu; nil: nothing waits
	dropped uint64        // guarded by mu; frames missed so far
	told    uint64        // guarded by mu; of these, how many the reader was told
}

// Join opens a stream. It returns ErrFull at the limit and ErrClosed after
// Close. The caller must Leave.
func (h *Hub) Join() (*Reader, error) {
	r := &Reader{hub: h, wake: make(chan struct{}, 1), done: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, ErrClosed
	case len(h.readers) >= h.limit:
		return nil, ErrFull
	}
	h.readers[r] = struct{}{}
	return r, nil
}

// Leave closes the stream and frees its place.
func (r *Reader) Leave() {
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	delete(r.hub.readers, r)
}

// Send hands a message to every reader; data is JSON on one line. It encodes
// once, allocates once, and never waits for a reader.
func (h *Hub) Send(kind Kind, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.seq++
	h.sent.Add(1)
	if kind == Frame {
		h.frames.Add(uint64(len(h.readers)))
	}
	message := Encode(make([]byte, 0, len(data)+48), kind.String(), h.seq, data)
	for r := range h.readers {
		if r.put(kind, message) {
			h.dropped.Add(1)
		}
	}
}

// put places a message and reports whether a frame gave way to it.
func (r *Reader) put(kind Kind, message []byte) (missed bool) {
	r.mu.Lock()
	missed = kind == Frame && r.slots[kind] != nil
	if missed {
		r.dropped++
	}
	r.slots[kind] = message
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // a token lies there already
	}
	return missed
}

// Next waits for messages and appends what waits to buf, in the order of the
// kinds. A reader that missed frames since is told so first, by an event
// "dropped". It returns ErrClosed when the hub closed, or ctx's error.
func (r *Reader) Next(ctx context.Context, buf []byte) ([]byte, error) {
	select {
	case <-r.done:
		return buf, ErrClosed
	case <-ctx.Done():
		return buf, ctx.Err()
	case <-r.wake:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped != r.told {
		r.told = r.dropped
		buf = append(buf, "event: dropped\ndata: "...)
		buf = strconv.AppendUint(buf, r.dropped, 10)
		buf = append(buf, "\n\n"...)
	}
	for k, message := range r.slots {
		buf = append(buf, message...)
		r.slots[k] = nil
	}
	return buf, nil
}

// Close ends every stream and refuses new ones.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	for r := range h.readers {
		close(r.done)
	}
}

// Counts returns the hub's figures.
func (h *Hub) Counts() Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Counts{Readers: len(h.readers), Sent: h.sent.Load(), Frames: h.frames.Load(), Dropped: h.dropped.Load(), Cut: h.cut.Load()}
}

// Encode appends one event in the notation of Server-Sent Events. data must
// not hold a line feed; JSON from encoding/json never does.
func Encode(dst []byte, event string, id uint64, data []byte) []byte {
	dst = append(dst, "id: "...)
	dst = strconv.AppendUint(dst, id, 10)
	dst = append(dst, "\nevent: "...)
	dst = append(dst, event...)
	dst = append(dst, "\ndata: "...)
	dst = append(dst, data...)
	return append(dst, "\n\n"...)
}
