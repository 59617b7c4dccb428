package stat

import "time"

// Window is a histogram over the last few slots of time, such as the last 25
// tenths of a second: what a live quantile is read from. Slots are merged by
// their counters, never by averaging quantiles. It is not safe for concurrent
// use. Use NewWindow.
type Window struct {
	slots []Hist // a ring
	head  int    // the slot being recorded into
	total Hist   // the sum of slots; its peak is stale after Advance
	stale bool
}

// NewWindow returns an empty window of n slots, at least 1; each takes 8 KB.
func NewWindow(n int) *Window { return &Window{slots: make([]Hist, max(n, 1))} }

// Record counts one duration in the current slot.
func (w *Window) Record(d time.Duration) {
	w.slots[w.head].Record(d)
	w.total.Record(d)
}

// Add counts a delta in the current slot.
func (w *Window) Add(d Delta) {
	w.slots[w.head].Add(d)
	w.total.Add(d)
}

// Advance closes the current slot and forgets the oldest one.
func (w *Window) Advance() {
	w.head = (w.head + 1) % len(w.slots)
	old := &w.slots[w.head]
	if old.all > 0 || old.sum != 0 {
		w.total.remove(old)
		w.stale = true
		old.Reset()
	}
}

// Hist returns the histogram over all slots. It is valid until the window is
// used again.
func (w *Window) Hist() *Hist {
	if w.stale {
		w.stale = false
		w.total.peak = 0
		for i := range w.slots {
			w.total.peak = max(w.total.peak, w.slots[i].peak)
		}
	}
	return &w.total
}

// remove takes away counts that were merged before. The peak stays.
func (h *Hist) remove(other *Hist) {
	for i, n := range other.n {
		h.n[i] -= n
	}
	h.all -= other.all
	h.sum -= other.sum
}
