// Package fuse keeps requests from waiting for a Redis that does not answer.
package fuse

import (
	"sync"
	"time"
)

// After Limit failures in a row Redis is left alone, and one request each Pause
// asks whether it is back.
const (
	Limit = 3
	Pause = time.Second
)

// Fuse stands before a Redis. It is safe for concurrent use; the zero value lets
// everything through.
type Fuse struct {
	mu     sync.Mutex
	failed int           // guarded by mu: failures in a row
	next   time.Duration // guarded by mu: when to ask again, while failed >= Limit
}

// Admit reports whether Redis may be asked at now. While it is away the next
// ask moves on with each, so that one which never reports cannot bar the way.
func (f *Fuse) Admit(now time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed < Limit {
		return true
	}
	if now < f.next {
		return false
	}
	f.next = now + Pause
	return true
}

// Report takes a call's result and returns whether it changed what Up reports.
func (f *Fuse) Report(now time.Duration, err error) (turned bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.failed < Limit
	if err == nil {
		f.failed = 0
		return !was
	}
	f.failed = min(f.failed+1, Limit)
	f.next = now + Pause
	return was && f.failed == Limit
}

// Up reports whether Redis is taken to answer.
func (f *Fuse) Up() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed < Limit
}
