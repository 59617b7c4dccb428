package code

import "time"

// guide:begin breaker

// Breaker is the rule of a circuit breaker, without clock or lock: its owner has
// both. It opens when the failures in a row reach Trip, and after Rest lets one
// probe through.
type Breaker struct {
	Trip   int
	Rest   time.Duration
	inRow  int
	open   bool
	until  time.Duration // open: when the next probe may go
	period int           // a new one begins with each opening and each probe
}

// Allow says whether a call may go at the instant now, and gives it the period
// for Done. A probe of which nothing is heard is given up after another Rest.
func (b *Breaker) Allow(now time.Duration) (period int, ok bool) {
	if !b.open {
		return b.period, true
	}
	if now < b.until {
		return 0, false
	}
	b.period, b.until = b.period+1, now+b.Rest
	return b.period, true
}

// Done takes the result of a call that was allowed. What comes from an earlier
// period is old news. A caller who gave up says nothing about the service: do
// not report those.
func (b *Breaker) Done(now time.Duration, period int, ok bool) {
	switch {
	case period != b.period:
		return
	case ok:
		b.open, b.inRow = false, 0
		return
	}
	b.inRow++
	if b.open || b.inRow >= b.Trip {
		b.open, b.until, b.period = true, now+b.Rest, b.period+1
	}
}

// guide:end
