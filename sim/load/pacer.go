package load

import "time"

// pacer waits for short times. It is used by one goroutine.
type pacer interface {
	wait(d time.Duration) error
	close() error
}

// The pacer sleeps no less than minWait, so that many arrivals share one
// wake-up at high rates; their instants stay their own. It sleeps no more than
// maxWait, which bounds how late a retry or a change is noticed.
const (
	minWait = 100 * time.Microsecond
	maxWait = time.Millisecond
)
