package retry

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Backoff is exponential: each wait is twice the one before, up to a cap. The
// zero value never waits.
type Backoff struct {
	Base   time.Duration // the wait before the first retry; 0: every retry at once
	Cap    time.Duration // the longest wait; 0: no cap
	Jitter bool          // full jitter: a uniform share of the wait, so that clients that failed together do not return together
}

// Validate returns an error that names each field in the wrong.
func (b Backoff) Validate() error {
	var faults []error
	if b.Base < 0 {
		faults = append(faults, fmt.Errorf("backoff base is %v, want 0 or more", b.Base))
	}
	if b.Cap < 0 {
		faults = append(faults, fmt.Errorf("backoff cap is %v, want 0 (no cap) or more", b.Cap))
	}
	if b.Cap > 0 && b.Base > b.Cap {
		faults = append(faults, fmt.Errorf("backoff base is %v, want at most its cap %v", b.Base, b.Cap))
	}
	return errors.Join(faults...)
}

// Wait returns how long to wait before retry number try, the first being 1. u
// is a uniform draw from [0, 1), which only a Backoff with Jitter uses (M.
// Brooker, "Exponential backoff and jitter", AWS Architecture Blog 2015). The
// wait is 0 for a try below 1 and never overflows.
func (b Backoff) Wait(try int, u float64) time.Duration {
	if try < 1 || b.Base <= 0 {
		return 0
	}
	limit := b.Cap
	if limit <= 0 {
		limit = math.MaxInt64
	}
	wait := limit
	if doublings := try - 1; doublings < 63 && b.Base <= limit>>doublings {
		wait = b.Base << doublings
	}
	if !b.Jitter {
		return wait
	}
	if !(u > 0) {
		return 0
	}
	// The largest float64 below 1 times the wait may round up to the wait.
	return min(time.Duration(float64(wait)*min(u, 1-0x1p-53)), wait-1)
}
