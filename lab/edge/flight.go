package edge

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"
)

// flights are the requests to the origin that others may wait for.
type flights struct {
	mu       sync.Mutex
	under    map[string]*flight   // guarded by mu
	unshared map[string]time.Time // guarded by mu; keys whose answers cannot be shared, until when
}

// flight is one request to the origin. What it came to is written before known is
// closed and read after.
type flight struct {
	key   string
	known chan struct{}

	answer *entry // whose body is in body; nil: there is nothing to share
	body   *fill
	failed *failure // the origin did not answer, or answered that it is in trouble
}

// join returns the flight for a key, and whether the caller has to make it. nil:
// answers for this key cannot be shared, so nobody is to wait for one.
func (f *flights) join(key string, now time.Time) (on *flight, leader bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if until, ok := f.unshared[key]; ok {
		if now.Before(until) {
			return nil, false
		}
		delete(f.unshared, key)
	}
	if on = f.under[key]; on != nil {
		return on, false
	}
	if f.under == nil {
		f.under = map[string]*flight{}
	}
	on = &flight{key: key, known: make(chan struct{})}
	f.under[key] = on
	return on, true
}

// land says what a flight came to. With an answer it stays, so that those who come
// while the body is on its way join it, until done is called.
func (f *flights) land(on *flight, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if on.answer == nil {
		f.remove(on)
		if on.failed == nil {
			if f.unshared == nil || len(f.unshared) >= unsharedMost {
				f.unshared = map[string]time.Time{}
			}
			f.unshared[on.key] = now.Add(unsharedFor)
		}
	}
	close(on.known)
}

// done ends a flight: whoever comes later finds the copy in the store.
func (f *flights) done(on *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(on)
}

// forget lets nobody join the flights for a resource any more: it was written to,
// and what they bring may be from before that.
func (f *flights) forget(resource string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, on := range f.under {
		if strings.HasPrefix(key, resource+"\n") {
			f.remove(on)
		}
	}
}

func (f *flights) remove(on *flight) {
	if f.under[on.key] == on {
		delete(f.under, on.key)
	}
}

// errTooLong ends a fill whose body is longer than may be kept.
var errTooLong = errors.New("longer than may be kept")

// fill is a body on its way into the cache, which several clients read meanwhile.
type fill struct {
	mu    sync.Mutex
	bytes []byte        // guarded by mu; only ever appended to, so that prefixes may be read without it
	err   error         // guarded by mu; io.EOF: whole
	wake  chan struct{} // guarded by mu; closed at the next change

	source io.ReadCloser // the origin's; after errTooLong it belongs to the leader
	known  bool          // the length was announced and is within the bounds
	left   bool          // guarded by mu; the leader is gone, so nobody will take the source
}

func newFill(source io.ReadCloser, known bool) *fill {
	return &fill{source: source, known: known, wake: make(chan struct{})}
}

// wholeFill is a body that is there already.
func wholeFill(body []byte) *fill {
	return &fill{bytes: body, err: io.EOF, known: true, wake: make(chan struct{})}
}

// run reads the origin's body to its end, which is io.EOF, or to the limit. It
// closes it, unless the limit ended it and the leader takes the rest.
func (f *fill) run(limit int64) (body []byte, taken bool, err error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := f.source.Read(buf)
		f.mu.Lock()
		f.bytes = append(f.bytes, buf[:n]...)
		if err == nil && int64(len(f.bytes)) > limit {
			err = errTooLong
		}
		f.err = err
		close(f.wake)
		f.wake = make(chan struct{})
		taken := errors.Is(err, errTooLong) && !f.left
		f.mu.Unlock()
		if err == nil {
			continue
		}
		if !taken {
			_ = f.source.Close() // nothing more is read from it
		}
		return f.bytes, taken, err // nothing is appended any more
	}
}

// leave is called by the leader when it has no more use for the body. If the
// source had become its own, it closes it and reports that.
func (f *fill) leave() (taken bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = true
	if taken = errors.Is(f.err, errTooLong); taken {
		_ = f.source.Close() // whatever is left is not wanted
	}
	return taken
}

// next returns the bytes after the first from, waiting for some. err is io.EOF
// after the last of a whole body.
func (f *fill) next(ctx context.Context, from int) ([]byte, error) {
	for {
		f.mu.Lock()
		bytes, err, wake := f.bytes, f.err, f.wake
		f.mu.Unlock()
		if len(bytes) > from {
			return bytes[from:], nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// whole waits for the end and returns the body.
func (f *fill) whole(ctx context.Context) ([]byte, error) {
	for {
		f.mu.Lock()
		bytes, err, wake := f.bytes, f.err, f.wake
		f.mu.Unlock()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return bytes, err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
