package sandbox

import (
	"bytes"
	"io"
	"slices"
	"sync"
)

// output keeps what a process prints, up to a limit for both streams together.
type output struct {
	limit int64  // 0: none
	full  func() // called when there is more

	mu       sync.Mutex
	used     int64        // guarded by mu
	out, err bytes.Buffer // guarded by mu
}

func newOutput(limit int64, full func()) *output { return &output{limit: limit, full: full} }

// stream is one of the two.
type stream struct {
	o  *output
	to *bytes.Buffer
}

func (o *output) stdout() io.Writer { return stream{o, &o.out} }
func (o *output) stderr() io.Writer { return stream{o, &o.err} }

// Write keeps what fits and takes the rest without an error, so that the pipe
// stays open until the process has been ended.
func (s stream) Write(p []byte) (int, error) {
	s.o.mu.Lock()
	keep := int64(len(p))
	if s.o.limit > 0 {
		keep = min(keep, s.o.limit-s.o.used)
	}
	s.o.used += keep
	s.to.Write(p[:keep])
	s.o.mu.Unlock()
	if keep < int64(len(p)) {
		s.o.full()
	}
	return len(p), nil
}

func (o *output) texts() (out, err []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.out.Bytes()), slices.Clone(o.err.Bytes())
}
