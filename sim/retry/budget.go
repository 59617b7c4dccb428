package retry

import "math"

// DefaultBurst is the reserve of a budget whose maker names none: enough for a
// client that rarely asks to retry a few times in a row (gRPC's default number
// of tokens; Finagle reserves as many a second).
const DefaultBurst = 10

// unit is one retry in the budget's fixed-point count. Shares are whole
// multiples of a millionth, so that ten deposits of 0.1 are exactly one retry.
const unit = 1_000_000

// Budget lets retries through as a share of first tries, so that a persistent
// failure multiplies the load by 1 + share at most, whatever the number of
// tries each request may make (Beyer and others, "Site Reliability
// Engineering", 2016, chapter 21; Finagle's RetryBudget; gRPC's retry
// throttling).
//
// Each first try deposits share; each retry withdraws 1. The balance starts at
// burst, never exceeds it, and never falls below 0, so that over any number n
// of first tries at most share·n + burst retries pass. It is not safe for
// concurrent use. A nil Budget lets every retry through.
type Budget struct {
	share, burst, balance int64 // in millionths
}

// NewBudget returns a full budget. share is the retries allowed per first try,
// kept within [0, 1000]; with 0 only the reserve ever passes. burst is the
// reserve, at least 1; 0 or less means DefaultBurst.
func NewBudget(share, burst float64) *Budget {
	if !(share > 0) {
		share = 0
	}
	if !(burst > 0) {
		burst = DefaultBurst
	}
	b := &Budget{
		share: int64(math.Round(min(share, 1000) * unit)),
		burst: int64(math.Round(min(max(burst, 1), 1e9) * unit)),
	}
	b.balance = b.burst
	return b
}

// Request counts a first try.
func (b *Budget) Request() {
	if b != nil {
		b.balance = min(b.balance+b.share, b.burst)
	}
}

// Take reports whether a retry may be made now, and counts it if so.
func (b *Budget) Take() bool {
	if b == nil {
		return true
	}
	if b.balance < unit {
		return false
	}
	b.balance -= unit
	return true
}

// Balance returns how many retries could be made now.
func (b *Budget) Balance() float64 {
	if b == nil {
		return math.Inf(1)
	}
	return float64(b.balance) / unit
}
