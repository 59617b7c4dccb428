package trace

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	otel "go.opentelemetry.io/otel/trace"
)

// Spans of other processes come later than the request, with the process's next
// report. A trace that has a part there is open until that part has come, so
// that the tail's rule judges the whole. It is known to have been lost, without
// a clock, when two reports later it is still missing: the process measures a
// request before it answers, and the second of the two reports was written after
// the first had come in.

// keyProcess says which instance measured a span in a process of its own.
const keyProcess = "process"

// awaited is a part of a trace that another process measures: the span with this
// id, or one below it.
type awaited struct {
	span  otel.SpanID
	where string
}

// part names an awaited part of a trace.
type part struct {
	trace otel.TraceID
	span  otel.SpanID
}

// away is another process that sends its spans.
type away struct {
	fresh []part // answered since its last report
	stale []part // answered before: its next report has them, or they are lost
}

// await notes that another process measures a part of a trace that is open, and
// reports whether one that reports has this name.
func (s *Store) await(id otel.TraceID, span otel.SpanID, where string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.open[id]
	if e == nil || s.away[where] == nil {
		return false
	}
	e.live++
	e.parts = append(e.parts, awaited{span, where})
	return true
}

// answered notes that the other process has ended its part: it is on its way.
func (s *Store) answered(id otel.TraceID, span otel.SpanID, where string) {
	s.mu.Lock()
	if a := s.away[where]; a != nil {
		a.fresh = append(a.fresh, part{id, span})
		s.mu.Unlock()
		return
	}
	done := s.miss(part{id, span}, where)
	s.mu.Unlock()
	s.hand(done)
}

// forgo takes back an await: there is no such part, or nobody waits for it.
func (s *Store) forgo(id otel.TraceID, span otel.SpanID, where string) {
	s.mu.Lock()
	var done *Trace
	if e := s.open[id]; e != nil && e.came(Span{ID: span}, where) {
		done = s.less(id, e)
	}
	s.mu.Unlock()
	s.hand(done)
}

// came strikes the awaited part that a span is, or stands at the top of.
func (e *entry) came(sp Span, where string) bool {
	for i, p := range e.parts {
		if p.where == where && (p.span == sp.ID || p.span == sp.Parent) {
			e.parts = append(e.parts[:i], e.parts[i+1:]...)
			return true
		}
	}
	return false
}

// less counts one out that a trace waits for, and settles the trace when that
// was the last. The caller holds mu.
func (s *Store) less(id otel.TraceID, e *entry) *Trace {
	if e.live--; e.live > 0 {
		return nil
	}
	return s.settle(id, e)
}

// miss gives a part up. The caller holds mu.
func (s *Store) miss(p part, where string) *Trace {
	e := s.open[p.trace]
	if e == nil || !e.came(Span{ID: p.span}, where) {
		return nil // it has come
	}
	e.missing++
	s.counts.Missing++
	return s.less(p.trace, e)
}

// Report takes the spans that another process has measured since its last
// report, with the number of those that it had no room for. Spans over MaxSent
// are counted as lost too.
func (s *Store) Report(where string, spans []Finished, lost uint64) {
	if n := len(spans); n > MaxSent {
		spans, lost = spans[:MaxSent], lost+uint64(n-MaxSent)
	}
	var out []*Trace
	s.mu.Lock()
	s.counts.Lost += lost
	s.counts.Away += uint64(len(spans))
	a := s.away[where]
	if a == nil {
		a = &away{}
		s.away[where] = a
	}
	alone := map[otel.TraceID]*entry{}
	for i := range spans {
		if t := s.take(spans[i].from(where), spans[i].Sampled, where, alone); t != nil {
			out = append(out, t)
		}
	}
	for id, e := range alone {
		if t := s.alone(id, e); t != nil {
			out = append(out, t)
		}
	}
	for _, p := range a.stale {
		if t := s.miss(p, where); t != nil {
			out = append(out, t)
		}
	}
	a.fresh, a.stale = a.stale[:0], a.fresh
	s.mu.Unlock()
	for _, t := range out {
		s.hand(t)
	}
}

// take puts a span of another process where it belongs. The caller holds mu.
func (s *Store) take(sp Span, sampled bool, where string, alone map[otel.TraceID]*entry) *Trace {
	e, old := s.open[sp.Trace], s.kept[sp.Trace]
	switch {
	case !sp.Trace.IsValid() || !sp.ID.IsValid():
		s.counts.Stray++
	case e != nil:
		s.far(e, sp, sampled)
		if e.came(sp, where) {
			return s.less(sp.Trace, e)
		}
	case old != nil: // a part that took longer than the request
		s.join(old, []Span{sp})
		return &Trace{ID: old.ID, Spans: []Span{sp}}
	default:
		e = alone[sp.Trace]
		if e == nil {
			e = &entry{}
			alone[sp.Trace] = e
		}
		s.far(e, sp, sampled)
	}
	return nil
}

// far adds a span of another process to a trace under way. The caller holds mu.
func (s *Store) far(e *entry, sp Span, sampled bool) {
	e.failed = e.failed || sp.Failed
	e.head = e.head || sampled
	if len(e.spans)+len(e.others) >= MaxSpans {
		e.cut++
		s.counts.Cut++
		return
	}
	e.others = append(e.others, sp)
}

// alone judges spans whose trace is neither open nor kept. If the first one of a
// trace is among them, the trace was the other process's alone; the others
// belong to one that was dropped. The caller holds mu.
func (s *Store) alone(id otel.TraceID, e *entry) *Trace {
	for _, sp := range e.others {
		if !sp.Parent.IsValid() {
			return s.settle(id, e)
		}
	}
	s.counts.Stray += uint64(len(e.others) + e.cut)
	return nil
}

// join adds late spans to a kept trace. The caller holds mu.
func (s *Store) join(t *Trace, more []Span) {
	align(t.Spans, more)
	s.add(t, more)
	for _, sp := range more {
		if sp.Failed {
			t.Why = stronger(t.Why, Failed)
		}
		if t.Missing > 0 && slices.ContainsFunc(t.Spans, func(up Span) bool { return up.ID == sp.Parent && up.Attr(keyProcess) == "" }) {
			t.Missing-- // it had been given up
		}
	}
	t.sum()
}

// Gone gives up what a process that is gone has not sent. It may come back with
// a report.
func (s *Store) Gone(where string) {
	var out []*Trace
	s.mu.Lock()
	if a := s.away[where]; a != nil {
		delete(s.away, where)
		for _, p := range append(a.stale, a.fresh...) {
			if t := s.miss(p, where); t != nil {
				out = append(out, t)
			}
		}
	}
	s.mu.Unlock()
	for _, t := range out {
		s.hand(t)
	}
}

// The bounds of one span of another process, which are those of our own.
const (
	maxAttrs = 32
	maxLinks = 8
	maxText  = 256
)

// from is the span as it is kept: within the bounds whatever was sent, and with
// the name of the instance that measured it.
func (f *Finished) from(where string) Span {
	s := f.Span
	s.Name, s.Where, s.Kind = clip(s.Name), clip(s.Where), clip(s.Kind)
	if s.End.Before(s.Start) {
		s.End = s.Start
	}
	s.Links = s.Links[:min(len(s.Links), maxLinks)]
	attrs := make([]Attr, 0, min(len(s.Attrs), maxAttrs)+1)
	for _, a := range s.Attrs[:min(len(s.Attrs), maxAttrs)] {
		if a.Key != keyProcess {
			attrs = append(attrs, Attr{clip(a.Key), clip(a.Value)})
		}
	}
	s.Attrs = append(attrs, Attr{keyProcess, where})
	return s
}

// clip cuts a text that is too long, between two characters.
func clip(text string) string {
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// agree is how far the clocks of two processes may be apart before it shows.
const agree = time.Millisecond

// align moves spans of processes whose clock is another machine's: what they
// measured lies within the span that called them, in its middle, and keeps its
// length. A span that was moved says by how much.
func align(known, fresh []Span) {
	byID := make(map[otel.SpanID]*Span, len(known)+len(fresh))
	for i := range known {
		byID[known[i].ID] = &known[i]
	}
	for i := range fresh {
		byID[fresh[i].ID] = &fresh[i]
	}
	var moves map[string]time.Duration
	for i := range fresh {
		s := &fresh[i]
		up, who := byID[s.Parent], s.Attr(keyProcess)
		if up == nil || who == "" || up.Attr(keyProcess) == who {
			continue
		}
		if _, ok := moves[who]; ok || !s.Start.Before(up.Start.Add(-agree)) && !s.Start.After(up.End.Add(agree)) {
			continue
		}
		if moves == nil {
			moves = map[string]time.Duration{}
		}
		moves[who] = up.Start.Add(max(0, up.Took()-s.Took()) / 2).Sub(s.Start)
	}
	for i := range fresh {
		s := &fresh[i]
		if by := moves[s.Attr(keyProcess)]; by != 0 {
			s.Start, s.End = s.Start.Add(by), s.End.Add(by)
			s.Attrs = append(s.Attrs, Attr{"clock", "moved by " + strconv.FormatInt(by.Milliseconds(), 10) + " ms: another machine's clock"})
		}
	}
}

// first reports whether one span alone is under way in a trace.
func (s *Store) first(id otel.TraceID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.open[id]
	return e != nil && e.live == 1
}
