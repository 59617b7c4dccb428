package load

import (
	"time"

	"workbench/sim/stat"
)

// The thresholds of a verdict.
const (
	lagFloor   = 2 * time.Millisecond  // lag below this is never the generator's shame
	lagShare   = 0.10                  // of the median service time
	lagPatient = 0.05                  // of the clients' patience: what is small against the limit that decides between served and late
	lagCeiling = 25 * time.Millisecond // of what patience excuses, which is never more than the median service time either
	cpuLimit   = 0.85                  // of one core
	sentLimit  = 0.99                  // of the offered, while a connection is free
	faultShare = 0.01                  // of the tries, unanswered or refused
	swollen    = 2.0                   // service time under pressure over service time in calm
)

// second gathers what one second's verdict is judged by.
type second struct {
	lag, service         stat.Hist
	offered, tries       uint64
	firsts               uint64 // first tries begun
	answered, waited     uint64
	unanswered, refused  uint64
	hurried              uint64
	silent               bool          // the service has not answered once in the whole run
	stalled              bool          // a window in which every connection was held and nothing came back
	free                 bool          // at its end
	overdue              time.Duration // greatest of its windows
	cpu                  float64       // mean of its windows
	windows, grew        int           // windows in which inflight rose
	first, last, pending int           // inflight at the first and last window's end; pending at the last's
	began                int           // pending at the first window's end
	calm                 time.Duration // median service time in calm so far; 0: unknown
	patience             time.Duration // how long users wait
}

// add takes in a window.
func (s *second) add(w *window, g *gauges, cpu float64) {
	s.lag.Merge(&w.lag)
	s.service.Merge(&w.service)
	s.offered += w.offered
	s.tries += w.tries
	s.firsts += w.tries - w.retries
	s.answered += w.answered
	s.waited += w.waited
	s.unanswered += w.unanswered
	s.refused += w.refused
	s.hurried += w.hurried
	s.stalled = s.stalled || w.waited > 0 && w.answered+w.hurried == 0 && s.calm > 0 && s.calm < period/4
	s.free = g.free
	s.overdue = max(s.overdue, g.overdue)
	if s.windows == 0 {
		s.first, s.began = g.inflight, g.pending
	} else if g.inflight > s.last {
		s.grew++
	}
	s.last, s.pending = g.inflight, g.pending
	s.cpu += (cpu - s.cpu) / float64(s.windows+1)
	s.windows++
}

// judge says what limited the second.
func (s *second) judge() Verdict {
	pinned := s.waited > 0
	switch {
	case s.starved():
		return GeneratorLimited
	case float64(s.unanswered+s.refused) > faultShare*float64(s.tries-s.hurried):
		return ServiceLimited
	case s.stalled, pinned && s.silent, pinned && s.answered+s.hurried == 0 && s.calm < time.Second/2:
		return ServiceLimited
	case pinned && s.calm > 0 && float64(s.service.Quantile(0.5)) > swollen*float64(s.calm):
		return ServiceLimited // the same request takes longer the more there are: it queues inside
	case pinned:
		return ConnectionLimited
	case s.grew >= s.windows-2 && s.windows > 2 && s.last > s.first+max(8, s.first/2):
		return ServiceLimited
	}
	return Unlimited
}

// starved reports whether the generator itself fell behind.
func (s *second) starved() bool {
	median := max(s.service.Quantile(0.5), s.calm) // a service that refuses in no time has not become a faster one
	excused := min(lagCeiling, median, time.Duration(lagPatient*float64(s.patience)))
	bound := max(lagFloor, excused, time.Duration(lagShare*float64(median)))
	if max(s.lag.Quantile(0.99), s.overdue) > bound || s.cpu > cpuLimit {
		return true
	}
	return s.free && s.pending > s.began && float64(s.firsts) < sentLimit*float64(s.offered)
}
