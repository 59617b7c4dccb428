package code

import "time"

// guide:begin breaker

// Breaker is the rule of a circuit breaker, without clock or lock. It opens
// when the failures in a row reach Trip, and after Rest lets one probe through.
type Breaker struct {
	Trip    int
	Rest    time.Duration
	inRow   int
	open    bool
	until   time.Duration // open: when a probe may go
	probing bool
}

// Allow says whether a call may go at the instant now.
func (b *Breaker) Allow(now time.Duration) bool {
	switch {
	case !b.open:
		return true
	case b.probing || now < b.until:
		return false
	}
	b.probing = true // the only one, until Done
	return true
}

// Done takes the result of a call that was allowed. A caller who gave up says
// nothing about the service: do not report those.
func (b *Breaker) Done(now time.Duration, ok bool) {
	if ok {
		b.open, b.probing, b.inRow = false, false, 0
		return
	}
	b.inRow++
	if b.probing || b.inRow >= b.Trip {
		b.open, b.probing, b.until = true, false, now+b.Rest
	}
}

// guide:end
