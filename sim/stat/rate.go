package stat

import "time"

// Rate counts events over a sliding window of time. The window moves in steps
// of a slot, so a rate lags by at most one slot. It is not safe for concurrent
// use. Use NewRate.
type Rate struct {
	slot  time.Duration
	n     []uint64 // a ring of slots; the current one is number % len
	sum   uint64
	at    int64 // the current slot's number since 0
	begun time.Duration
	any   bool
}

// NewRate returns a counter over window, divided into slots; at least one slot
// of at least 1 ns.
func NewRate(window time.Duration, slots int) *Rate {
	slots = max(slots, 1)
	return &Rate{slot: max(window/time.Duration(slots), 1), n: make([]uint64, slots)}
}

// Add counts n events at now. Events older than the newest ones count as now.
func (r *Rate) Add(now time.Duration, n uint64) {
	r.move(now)
	r.n[r.at%int64(len(r.n))] += n
	r.sum += n
}

// Count returns how many events lie in the window that ends at now.
func (r *Rate) Count(now time.Duration) uint64 {
	r.move(now)
	return r.sum
}

// PerSecond returns the mean rate over the window that ends at now, or over
// the time since the first event or question while that is shorter, but at
// least over one slot.
func (r *Rate) PerSecond(now time.Duration) float64 {
	r.move(now)
	now = max(now, time.Duration(r.at)*r.slot)
	oldest := time.Duration(max(r.at-int64(len(r.n))+1, 0)) * r.slot
	span := max(now-max(oldest, r.begun), r.slot)
	return float64(r.sum) / span.Seconds()
}

// move empties the slots that time has passed since the last call.
func (r *Rate) move(now time.Duration) {
	now = max(now, 0)
	if !r.any {
		r.any, r.begun, r.at = true, now, int64(now/r.slot)
		return
	}
	to := int64(now / r.slot)
	if to-r.at >= int64(len(r.n)) {
		clear(r.n)
		r.sum = 0
		r.at = to
		return
	}
	for r.at < to {
		r.at++
		old := &r.n[r.at%int64(len(r.n))]
		r.sum -= *old
		*old = 0
	}
}
