package load

import (
	"encoding/binary"
	"errors"
	"time"

	"workbench/sim/outcome"
)

// Tracing says which tries the generator names in a traceparent header (W3C
// Trace Context) and reports as spans of its own. All tries of one user share a
// trace, whose id follows from Salt and the user's place in the run.
type Tracing struct {
	On    bool    `json:"on"`
	Salt  uint64  `json:"salt"`  // sets the traces of one run apart from another's
	Share float64 `json:"share"` // of the users, whose traces are marked as drawn
}

// TrySpan is one try as its user measured it. Start and End are calendar time in
// nanoseconds, since the service that it belongs to is another process.
type TrySpan struct {
	Seq     uint64          `json:"seq"`
	Start   int64           `json:"start"`
	End     int64           `json:"end"`
	Try     uint8           `json:"try"`
	Op      uint8           `json:"op"`
	Outcome outcome.Outcome `json:"outcome"`
}

// maxSpans bounds the spans of one frame; users beyond have none of their own.
const maxSpans = 64

// notable is how long a served try takes to be worth a span of its own.
const notable = 50 * time.Millisecond

func (t Tracing) check() error {
	if !(t.Share >= 0 && t.Share <= 1) {
		return errors.New("trace.share: want a share from 0 to 1")
	}
	return nil
}

// mix spreads x over all 64 bits (the finaliser of MurmurHash3).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// TraceID returns the trace of a user.
func TraceID(salt, seq uint64) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:8], mix(salt)|1) // never zero, which the standard forbids
	binary.BigEndian.PutUint64(id[8:], mix(salt+seq*0x9e3779b97f4a7c15))
	return id
}

// SpanID returns the span of a user's n-th try.
func SpanID(salt, seq uint64, try uint8) (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], mix(mix(salt)+seq*maxTries+uint64(try))|1)
	return id
}

// drawn reports whether a trace is marked, by the last half of its id.
func (t Tracing) drawn(id [16]byte) bool {
	return t.Share >= 1 || float64(binary.BigEndian.Uint64(id[8:])>>11)/(1<<53) < t.Share
}

// header appends a try's traceparent.
func (t Tracing) header(out []byte, seq uint64, try uint8) []byte {
	const digits = "0123456789abcdef"
	id, span := TraceID(t.Salt, seq), SpanID(t.Salt, seq, try)
	out = append(out, "00-"...)
	for _, b := range id {
		out = append(out, digits[b>>4], digits[b&15])
	}
	out = append(out, '-')
	for _, b := range span {
		out = append(out, digits[b>>4], digits[b&15])
	}
	if t.drawn(id) {
		return append(out, "-01"...)
	}
	return append(out, "-00"...)
}

// trace notes a finished try as a span: what was drawn, and whatever its user
// was not served by. The caller holds mu.
func (e *engine) trace(t *try, a *answer) {
	if !e.tracing.On || a.fate == fateCut || len(e.win.spans) >= maxSpans {
		return
	}
	if a.outcome.Good() && t.n == 0 && !e.tracing.drawn(TraceID(e.tracing.Salt, t.seq)) && a.done-a.begun < notable {
		return
	}
	e.win.spans = append(e.win.spans, TrySpan{
		Seq: t.seq, Try: t.n, Op: t.pick.Op, Outcome: a.outcome,
		Start: e.clk.Date(a.begun).UnixNano(), End: e.clk.Date(a.done).UnixNano(),
	})
}

// trail changes what is traced from the next try on. The caller holds mu.
func (e *engine) trail(t Tracing) {
	e.tracing = t
	e.behave(e.habit.Load().Client)
}
