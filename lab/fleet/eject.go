package fleet

import (
	"slices"
	"time"
)

// outlier is what comparison with its peers says of an instance.
type outlier struct {
	until  time.Duration // when its ejection ends; 0: it is in
	times  int           // how often it was ejected lately: the next is longer
	row    int           // failures in a row
	seen   int           // answers in this interval
	failed int
	took   time.Duration // sum over them
	why    string
}

// out reports whether it is ejected at now.
func (o *outlier) out(now time.Duration) bool { return now < o.until }

// observe takes an answer into account, and ejects at once who fails in a row.
func (f *Fleet) observe(now time.Duration, m *Member, r Result) {
	o := &m.outlier
	o.seen++
	o.took += r.Took
	switch {
	case r.Failed:
		o.failed++
		o.row++
	case !r.Left:
		o.row = 0
	}
	if s := f.settings.Ejection; s.Failures > 0 && o.row >= s.Failures && !o.out(now) {
		f.eject(now, m, "failures in a row")
	}
}

// Tick compares the instances when an interval is over, and lets those return
// whose time is up. It may be called as often as one likes.
func (f *Fleet) Tick(now time.Duration) {
	s := f.settings.Ejection
	if !s.On {
		return
	}
	for _, m := range f.members {
		if o := &m.outlier; o.until > 0 && now >= o.until {
			m.entered = o.until // its weight grows from here, when slow start is on
			*o = outlier{times: o.times}
		}
	}
	if now < f.compare {
		return
	}
	f.compare = now + s.Interval
	median := f.medians(now)
	for i, m := range f.members {
		o := &m.outlier
		switch mean := o.mean(); {
		case o.out(now), o.seen == 0:
		case o.failed == 0 && o.seen < s.Least:
			o.times = max(0, o.times-1)
		case o.seen < s.Least:
		case s.Share > 0 && float64(o.failed) >= s.Share*float64(o.seen):
			f.eject(now, m, "share of failures")
		case s.Latency > 0 && median[i] > 0 && float64(mean) >= s.Latency*float64(median[i]):
			f.eject(now, m, "slower than its peers")
		case o.failed == 0:
			o.times = max(0, o.times-1) // a good interval earns back some trust
		}
	}
	for _, m := range f.members {
		o := &m.outlier
		o.seen, o.failed, o.took = 0, 0, 0
	}
}

// mean returns the mean latency of the interval; 0 without an answer.
func (o *outlier) mean() time.Duration {
	if o.seen == 0 {
		return 0
	}
	return o.took / time.Duration(o.seen)
}

// medians returns for each instance the median of its peers' mean latencies;
// 0 when it has no peer with enough answers.
func (f *Fleet) medians(now time.Duration) []time.Duration {
	out := make([]time.Duration, len(f.members))
	for i, m := range f.members {
		var peers []time.Duration
		for _, p := range f.members {
			if o := &p.outlier; p != m && !o.out(now) && o.seen >= f.settings.Ejection.Least {
				peers = append(peers, o.mean())
			}
		}
		if n := len(peers); n > 0 {
			slices.Sort(peers)
			out[i] = (peers[(n-1)/2] + peers[n/2]) / 2
		}
	}
	return out
}

// eject leaves an instance out for a while, unless too many are out.
func (f *Fleet) eject(now time.Duration, m *Member, why string) {
	s := f.settings.Ejection
	out := 0
	for _, p := range f.members {
		if p.outlier.out(now) {
			out++
		}
	}
	m.outlier.row = 0
	if out+1 >= len(f.members) || float64(out+1) > s.Most*float64(len(f.members)) {
		return // the rest could not carry the load, however ill this one is
	}
	m.outlier.times++
	m.outlier.until = now + min(s.Cap, s.Time*time.Duration(m.outlier.times))
	m.outlier.why = why
}
