// Package signal turns the metrics of a lab into the two lists that a person on
// call looks at first: of each operation its rate, errors and duration (RED), and
// of each resource its utilisation, saturation and errors (USE).
//
// It reads nothing but what Prometheus would scrape, so that what the page shows
// can be had by a query, and it shows what a query gets wrong: percentiles
// cannot be averaged.
package signal

import (
	"math"
	"slices"
	"time"

	"workbench/sim/outcome"
)

// Hist is a histogram with exponential buckets, as Prometheus keeps native
// ones: bucket i holds what is above base^(i-1) and at most base^i seconds,
// where base is 2^(2^-Schema).
type Hist struct {
	Schema  int32
	Buckets map[int32]uint64
	Zero    uint64 // at most the zero bucket's bound: instantaneous
	Sum     float64
	Count   uint64
}

// bound returns the upper bound of a bucket in seconds.
func (h Hist) bound(i int32) float64 {
	return math.Exp2(float64(i) * math.Exp2(-float64(h.Schema)))
}

// Sub returns what came into h since before. Of histograms with different
// schemas, h's alone: Prometheus has widened the buckets between.
func (h Hist) Sub(before Hist) Hist {
	out := Hist{Schema: h.Schema, Buckets: map[int32]uint64{}, Zero: h.Zero, Sum: h.Sum, Count: h.Count}
	same := before.Schema == h.Schema && before.Count <= h.Count
	for i, n := range h.Buckets {
		if same {
			n -= min(n, before.Buckets[i])
		}
		if n > 0 {
			out.Buckets[i] = n
		}
	}
	if same {
		out.Zero -= before.Zero
		out.Sum -= before.Sum
		out.Count -= before.Count
	}
	return out
}

// Merge returns the sum of two histograms of one schema. Of two schemas it
// returns the one with more in it.
func (h Hist) Merge(o Hist) Hist {
	switch {
	case h.Count == 0:
		return o
	case o.Count == 0:
		return h
	case h.Schema != o.Schema:
		if o.Count > h.Count {
			return o
		}
		return h
	}
	out := Hist{Schema: h.Schema, Buckets: map[int32]uint64{}, Zero: h.Zero + o.Zero, Sum: h.Sum + o.Sum, Count: h.Count + o.Count}
	for i, n := range h.Buckets {
		out.Buckets[i] = n
	}
	for i, n := range o.Buckets {
		out.Buckets[i] += n
	}
	return out
}

// Quantile returns the value below which a share q of all lies, in milliseconds,
// within the width of a bucket. It is 0 of an empty histogram.
func (h Hist) Quantile(q float64) float64 {
	if h.Count == 0 {
		return 0
	}
	rank := q * float64(h.Count)
	seen := float64(h.Zero)
	if rank <= seen {
		return 0
	}
	keys := make([]int32, 0, len(h.Buckets))
	for i := range h.Buckets {
		keys = append(keys, i)
	}
	slices.Sort(keys)
	for _, i := range keys {
		n := float64(h.Buckets[i])
		if seen+n >= rank {
			low, high := h.bound(i-1), h.bound(i)
			return 1e3 * low * math.Pow(high/low, (rank-seen)/n) // within a bucket, evenly on its logarithmic scale
		}
		seen += n
	}
	if len(keys) == 0 {
		return 0
	}
	return 1e3 * h.bound(keys[len(keys)-1])
}

// Mean returns the mean in milliseconds.
func (h Hist) Mean() float64 {
	if h.Count == 0 {
		return 0
	}
	return 1e3 * h.Sum / float64(h.Count)
}

// Call counts the requests of an operation, or of an instance.
type Call struct {
	Name     string
	Outcomes [outcome.Count]uint64
	Took     Hist
}

// Good and Bad count those that were of use to the caller and the others.
func (c Call) Good() uint64 { return c.Outcomes[outcome.OK] + c.Outcomes[outcome.Stale] }

// Bad counts the requests that were of no use to the caller.
func (c Call) Bad() uint64 {
	var n uint64
	for _, k := range c.Outcomes {
		n += k
	}
	return n - c.Good()
}

// sub returns what happened since before.
func (c Call) sub(before Call) Call {
	out := Call{Name: c.Name, Took: c.Took.Sub(before.Took)}
	for i, n := range c.Outcomes {
		out.Outcomes[i] = n - min(n, before.Outcomes[i])
	}
	return out
}

func (c Call) merge(o Call) Call {
	c.Took = c.Took.Merge(o.Took)
	for i, n := range o.Outcomes {
		c.Outcomes[i] += n
	}
	return c
}

// Resource is something that requests need and that can run out.
type Resource struct {
	Name    string
	Kind    string  // gate, pool, queue, instance, cache
	Used    float64 // share of it in use; negative: it has no bound to be a share of
	Waiting float64 // requests that wait for it now
	Errors  uint64  // so far
}

// Sample is what a scrape says at an instant. Counts are since the lab began.
type Sample struct {
	At        time.Duration
	Ops       []Call
	Instances []Call
	Resources []Resource
}

// Window is what happened between two samples.
type Window struct {
	At, Span  time.Duration
	Ops       []Call
	Instances []Call
	Resources []Resource // Errors are those of the window
}

// All returns all operations as one.
func (w Window) All() Call {
	all := Call{Name: "all"}
	for _, c := range w.Ops {
		all = all.merge(c)
	}
	return all
}

// Since returns what happened between two samples.
func (s Sample) Since(before Sample) Window {
	w := Window{At: s.At, Span: s.At - before.At, Ops: since(s.Ops, before.Ops), Instances: since(s.Instances, before.Instances)}
	for _, r := range s.Resources {
		i := slices.IndexFunc(before.Resources, func(b Resource) bool { return b.Name == r.Name })
		if i >= 0 {
			r.Errors -= min(r.Errors, before.Resources[i].Errors)
		}
		w.Resources = append(w.Resources, r)
	}
	return w
}

func since(now, before []Call) []Call {
	var out []Call
	for _, c := range now {
		if i := slices.IndexFunc(before, func(b Call) bool { return b.Name == c.Name }); i >= 0 {
			c = c.sub(before[i])
		}
		out = append(out, c)
	}
	return out
}

// Sum merges windows, the oldest first, into one: counts add up, and of a
// resource the last state counts with the highest use.
func Sum(all []Window) Window {
	var out Window
	for _, w := range all {
		out.At = w.At
		out.Span += w.Span
		out.Ops = sum(out.Ops, w.Ops)
		out.Instances = sum(out.Instances, w.Instances)
		for _, r := range w.Resources {
			i := slices.IndexFunc(out.Resources, func(o Resource) bool { return o.Name == r.Name })
			if i < 0 {
				out.Resources = append(out.Resources, r)
				continue
			}
			o := &out.Resources[i]
			o.Errors += r.Errors
			o.Waiting = r.Waiting
			o.Used = max(o.Used, r.Used)
		}
	}
	return out
}

func sum(into, more []Call) []Call {
	for _, c := range more {
		if i := slices.IndexFunc(into, func(o Call) bool { return o.Name == c.Name }); i >= 0 {
			into[i] = into[i].merge(c)
		} else {
			into = append(into, c)
		}
	}
	return into
}

// Spread sets side by side what is called "the latency" of the same requests, in
// milliseconds.
type Spread struct {
	Mean      float64 // of all
	P99       float64 // of all together: the only one that users feel
	MeanOfP99 float64 // the mean of the windows' own 99th percentiles
	MaxOfP99  float64 // the worst window's
	Windows   int     // that had a request
}

// SpreadOf works out the spread of the windows' requests.
func SpreadOf(all []Window) Spread {
	var s Spread
	var whole Hist
	for _, w := range all {
		h := w.All().Took
		if h.Count == 0 {
			continue
		}
		whole = whole.Merge(h)
		p := h.Quantile(.99)
		s.MeanOfP99 += p
		s.MaxOfP99 = max(s.MaxOfP99, p)
		s.Windows++
	}
	if s.Windows > 0 {
		s.MeanOfP99 /= float64(s.Windows)
	}
	s.Mean, s.P99 = whole.Mean(), whole.Quantile(.99)
	return s
}

// Spread counts h by bounds in milliseconds, ascending: up to the first, up to
// the second, and so on, and at last beyond them all. A bucket counts where its
// middle lies.
func (h Hist) Spread(bounds []float64) []uint64 {
	out := make([]uint64, len(bounds)+1)
	out[0] = h.Zero
	for i, n := range h.Buckets {
		middle := 1e3 * math.Sqrt(h.bound(i-1)*h.bound(i))
		at, _ := slices.BinarySearch(bounds, middle)
		out[at] += n
	}
	return out
}
