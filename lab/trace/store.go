package trace

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"
)

// The bounds of a store. Together they hold it below about 40 MB.
const (
	MaxOpen  = 4096 // traces under way
	MaxSpans = 128  // of one trace
	MaxKept  = 4096 // of each ring
)

// Counts is what a store has seen and done, since it was made.
type Counts struct {
	Ended     uint64 `json:"ended"`     // traces that ended
	Kept      uint64 `json:"kept"`      // of these, by either rule
	Dropped   uint64 `json:"dropped"`   // of these, by both: neither drawn nor slow nor failed
	Pushed    uint64 `json:"pushed"`    // kept once, and pushed out by newer ones
	Overflow  uint64 `json:"overflow"`  // spans of traces that found too many under way
	Cut       uint64 `json:"cut"`       // spans of traces that had too many
	Exported  uint64 `json:"exported"`  // traces handed to the exporter
	Unclaimed uint64 `json:"unclaimed"` // the users' own spans whose trace was not kept
	Away      uint64 `json:"away"`      // spans that other processes have sent
	Lost      uint64 `json:"lost"`      // spans that other processes had no room for
	Stray     uint64 `json:"stray"`     // of those that were sent, spans whose trace was not kept
	Missing   uint64 `json:"missing"`   // parts of traces that another process should have sent, and has not
	Open      int    `json:"open"`      // traces under way now
	Held      int    `json:"held"`      // traces kept now
}

// Store keeps finished traces in two rings, one for what the head drew and one
// for what was slow or failed, so that neither pushes the other out. It is safe
// for concurrent use. Use New of a Tracer.
type Store struct {
	export func(Trace) // gets every trace that is kept; nil: nobody does

	mu     sync.Mutex
	open   map[otel.TraceID]*entry // guarded by mu
	kept   map[otel.TraceID]*Trace // guarded by mu
	rings  [2]ring                 // guarded by mu; the ordinary and the notable
	slow   time.Duration           // guarded by mu
	tail   bool                    // guarded by mu
	counts Counts                  // guarded by mu
	spare  []*entry                // guarded by mu; entries to use again
	loose  map[otel.TraceID][]Span // guarded by mu; users' spans of traces still under way
	away   map[string]*away        // guarded by mu; other processes that report, by instance
}

// entry is a trace under way.
type entry struct {
	live    int // spans begun and not ended, and parts that other processes have not sent
	cut     int
	missing int // parts that were given up
	failed  bool
	head    bool
	spans   []sdk.ReadOnlySpan
	others  []Span    // of other processes
	parts   []awaited // that have not come
}

// ring holds the last traces of one kind, the oldest first once it is full.
type ring struct {
	at   []otel.TraceID
	next int
}

func newStore(size int) *Store {
	s := &Store{open: map[otel.TraceID]*entry{}, kept: map[otel.TraceID]*Trace{}, loose: map[otel.TraceID][]Span{}, away: map[string]*away{}}
	for i := range s.rings {
		s.rings[i].at = make([]otel.TraceID, size)
	}
	return s
}

// rule sets what the tail keeps from now on.
func (s *Store) rule(tail bool, slow time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tail, s.slow = tail, slow
}

// begin notes that a span has begun.
func (s *Store) begin(id otel.TraceID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.open[id]
	if e == nil {
		if len(s.open) >= MaxOpen {
			return // its end is counted
		}
		if n := len(s.spare); n > 0 {
			e, s.spare = s.spare[n-1], s.spare[:n-1]
		} else {
			e = &entry{}
		}
		s.open[id] = e
	}
	e.live++
}

// end takes a finished span, and settles its trace when it was the last.
func (s *Store) end(span sdk.ReadOnlySpan) {
	c := span.SpanContext()
	id := c.TraceID()
	s.mu.Lock()
	e := s.open[id]
	if e == nil {
		s.counts.Overflow++
		s.mu.Unlock()
		return
	}
	e.live--
	e.failed = e.failed || failed(span)
	e.head = e.head || c.IsSampled()
	if len(e.spans)+len(e.others) < MaxSpans {
		e.spans = append(e.spans, span)
	} else {
		e.cut++
		s.counts.Cut++
	}
	if e.live > 0 {
		s.mu.Unlock()
		return
	}
	done := s.settle(id, e)
	s.mu.Unlock()
	s.hand(done)
}

// hand gives a trace that was kept to the exporter, outside of any lock.
func (s *Store) hand(t *Trace) {
	if t != nil && s.export != nil {
		s.export(*t)
	}
}

func failed(s sdk.ReadOnlySpan) bool { return s.Status().Code == codes.Error }

// settle decides about a trace that has ended, and returns a copy for the
// exporter if it is kept. The caller holds mu.
func (s *Store) settle(id otel.TraceID, e *entry) *Trace {
	delete(s.open, id)
	loose := s.loose[id]
	delete(s.loose, id)
	s.counts.Ended++
	why := s.judge(e)
	old := s.kept[id]
	if why == "" && old == nil {
		s.counts.Dropped++
		s.counts.Unclaimed += uint64(len(loose))
		s.recycle(e)
		return nil
	}
	fresh := make([]Span, 0, len(e.spans)+len(e.others)+len(loose))
	for _, span := range e.spans {
		fresh = append(fresh, spanOf(span))
	}
	fresh = append(append(fresh, e.others...), loose...)
	cut, missing := e.cut, e.missing
	s.recycle(e)
	if old != nil { // a later try of the same user
		align(old.Spans, fresh)
		s.add(old, fresh)
		old.Cut += cut
		old.Missing += missing
		if why != "" {
			old.Why = stronger(old.Why, why)
		}
		old.sum()
		return &Trace{ID: id, Spans: fresh}
	}
	align(nil, fresh)
	t := &Trace{ID: id, Why: why, Spans: fresh, Cut: cut, Missing: missing}
	t.sum()
	s.keep(t)
	return &Trace{ID: id, Spans: fresh}
}

// judge says by which rule a trace that has ended is kept; "": by none. The
// caller holds mu.
func (s *Store) judge(e *entry) Why {
	var began, ended time.Time
	note := func(from, to time.Time) {
		if began.IsZero() || from.Before(began) {
			began = from
		}
		if to.After(ended) {
			ended = to
		}
	}
	for _, span := range e.spans {
		note(span.StartTime(), span.EndTime())
	}
	for _, span := range e.others {
		if len(e.spans) == 0 {
			note(span.Start, span.End) // else its clock may be another, and its caller was measured here
		}
	}
	switch {
	case s.tail && e.failed:
		return Failed
	case s.tail && s.slow > 0 && ended.Sub(began) >= s.slow:
		return Slow
	case e.head:
		return Sampled
	}
	return ""
}

// recycle empties an entry for its next trace. The caller holds mu.
func (s *Store) recycle(e *entry) {
	clear(e.spans)
	clear(e.others)
	*e = entry{spans: e.spans[:0], others: e.others[:0], parts: e.parts[:0]}
	if len(s.spare) < 64 {
		s.spare = append(s.spare, e)
	}
}

// add appends spans to a kept trace, as far as there is room. The slice is made
// anew: readers may hold the old one.
func (s *Store) add(t *Trace, more []Span) {
	room := max(0, MaxSpans-len(t.Spans))
	if len(more) > room {
		t.Cut += len(more) - room
		s.counts.Cut += uint64(len(more) - room)
		more = more[:room]
	}
	t.Spans = append(slices.Clip(slices.Clone(t.Spans)), more...)
}

func stronger(a, b Why) Why {
	for _, w := range []Why{Failed, Slow} {
		if a == w || b == w {
			return w
		}
	}
	return a
}

// keep puts a trace into its ring and pushes the oldest out. The caller holds mu.
func (s *Store) keep(t *Trace) {
	r := &s.rings[0]
	if t.Why != Sampled {
		r = &s.rings[1]
	}
	if old := r.at[r.next]; old.IsValid() {
		delete(s.kept, old)
		s.counts.Pushed++
	}
	r.at[r.next] = t.ID
	r.next = (r.next + 1) % len(r.at)
	s.kept[t.ID] = t
	s.counts.Kept++
}

// Client takes a span that the users' own process measured. It belongs to a
// trace that was kept, or that is still under way; otherwise nobody wants it.
func (s *Store) Client(span Span) {
	s.mu.Lock()
	t := s.kept[span.Trace]
	switch {
	case t != nil:
		s.add(t, []Span{span})
		t.sum()
	case s.open[span.Trace] != nil && len(s.loose[span.Trace]) < 8:
		s.loose[span.Trace] = append(s.loose[span.Trace], span)
	default:
		s.counts.Unclaimed++
	}
	s.mu.Unlock()
	if t != nil {
		s.hand(&Trace{ID: span.Trace, Spans: []Span{span}})
	}
}

// Counts returns what the store has seen and done.
func (s *Store) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Open, c.Held = len(s.open), len(s.kept)
	return c
}

// Get returns a kept trace.
func (s *Store) Get(id otel.TraceID) (Trace, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.kept[id]
	if t == nil {
		return Trace{}, false
	}
	return *t, true
}

// Order is what comes first in a list.
type Order string

// The orders of a list.
const (
	Latest  Order = "latest"
	Slowest Order = "slowest"
)

// Query chooses traces.
type Query struct {
	Order  Order
	Failed bool   // only what failed
	Op     string // only this operation; empty: all
	Where  string // only what this instance had a part in; empty: all
	About  string // only what says that it is about the order with this number; empty: all
	Limit  int    // 0: 50
}

// List returns the traces that a query chooses. Their spans are shared and must
// not be changed.
func (s *Store) List(q Query) []Trace {
	s.mu.Lock()
	out := make([]Trace, 0, len(s.kept))
	for _, t := range s.kept {
		if q.Failed && t.Why != Failed || q.Op != "" && t.Name != q.Op || q.Where != "" && !t.at(q.Where) || q.About != "" && !t.About(q.About) {
			continue
		}
		out = append(out, *t)
	}
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b Trace) int {
		if q.Order == Slowest && a.Took != b.Took {
			return cmp.Compare(b.Took, a.Took)
		}
		if !a.Start.Equal(b.Start) {
			return b.Start.Compare(a.Start)
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	return out[:min(len(out), cmp.Or(q.Limit, 50))]
}

func (t *Trace) at(where string) bool {
	return slices.ContainsFunc(t.Spans, func(s Span) bool { return s.Where == where })
}

// Linked returns the ids of kept traces that one caused: whose spans name one of
// its spans as their cause.
func (s *Store) Linked(id otel.TraceID) []otel.TraceID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []otel.TraceID
	for other, t := range s.kept {
		if slices.ContainsFunc(t.Spans, func(sp Span) bool {
			return slices.ContainsFunc(sp.Links, func(l Link) bool { return l.Trace == id })
		}) {
			out = append(out, other)
		}
	}
	slices.SortFunc(out, func(a, b otel.TraceID) int { return slices.Compare(a[:], b[:]) })
	return out
}

// Clear forgets what is kept: another run begins.
func (s *Store) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.kept)
	for i := range s.rings {
		clear(s.rings[i].at)
		s.rings[i].next = 0
	}
}
