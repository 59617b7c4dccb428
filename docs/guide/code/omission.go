package code

import (
	"time"

	"workbench/sim/stat"
)

// Stall is a service that answers in Quick, except that it stands still
// from From to To: who comes meanwhile is answered just after To.
type Stall struct {
	Quick    time.Duration
	From, To time.Duration
}

func (s Stall) answer(sent time.Duration) time.Duration {
	if sent >= s.From && sent < s.To {
		return s.To + s.Quick
	}
	return sent + s.Quick
}

// guide:begin omission

// Closed is a tester that sends the next request after the answer to the last
// one. While the service stalls it asks nothing, so it measures the stall once.
func Closed(s Stall, every, length time.Duration) *stat.Hist {
	seen := &stat.Hist{}
	for due := time.Duration(0); due < length; {
		answered := s.answer(due)
		seen.Record(answered - due)
		due = max(due+every, answered)
	}
	return seen
}

// Open is a tester that sends when a request is due, whatever has become of the
// others: users do not wait for one another. It counts from the instant that
// was due.
func Open(s Stall, every, length time.Duration) *stat.Hist {
	seen := &stat.Hist{}
	for due := time.Duration(0); due < length; due += every {
		seen.Record(s.answer(due) - due)
	}
	return seen
}

// guide:end
