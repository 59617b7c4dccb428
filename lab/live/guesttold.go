package live

import (
	"time"

	"workbench/lab"
	"workbench/lab/join"
	"workbench/lab/journal"
	"workbench/lab/meter"
)

// tally is what instances of one name have sent of single requests, and what
// they had no room for.
type tally struct {
	answers, spans, lines             uint64
	lostAnswers, lostSpans, lostLines uint64
}

// add counts a batch that was not there before.
func (t *tally) add(b join.Batch) {
	t.answers += uint64(len(b.Answers))
	t.spans += uint64(len(b.Spans))
	t.lines += uint64(len(b.Lines))
	t.lostAnswers += b.Missed
	t.lostSpans += b.LostSpans
	t.lostLines += b.LostLines
}

// tallies are the figures of all that have joined, also of those that have left.
func (h *house) tallies() []meter.JoinedFigures {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []meter.JoinedFigures
	for name, t := range h.names {
		out = append(out,
			meter.JoinedFigures{Instance: name, Kind: "answer", Taken: t.answers, Lost: t.lostAnswers},
			meter.JoinedFigures{Instance: name, Kind: "span", Taken: t.spans, Lost: t.lostSpans},
			meter.JoinedFigures{Instance: name, Kind: "line", Taken: t.lines, Lost: t.lostLines},
		)
	}
	return out
}

// otherClock is how far the clock of a process must be from ours to be another
// machine's: on one machine the difference is how long a report took.
const otherClock = time.Second

// replay counts, logs and keeps what a guest has told of single requests, as if
// it had happened here.
func (l *Lab) replay(g *guest, b join.Batch) {
	ahead := b.Sent.Sub(l.clock.Date(l.clock.Now()))
	if b.Sent.IsZero() || ahead.Abs() < otherClock {
		ahead = 0
	}
	l.observe.tracer.Store().Report(g.name, b.Spans, b.LostSpans)
	l.observe.journal.Carry(g.name, ahead, b.Lines, b.LostLines)
	r, err := l.current()
	if err != nil {
		return
	}
	for _, a := range b.Answers[:min(len(b.Answers), join.MaxAnswers)] {
		q, res := &lab.Request{Op: a.Op, User: a.User, ID: a.ID, Try: a.Try}, lab.Response{Outcome: a.Outcome, Reason: a.Reason}
		g.answered(q, res, max(0, a.Took))
		l.observe.series.Count(a.User)
		l.observe.journal.Answered(journal.Away{Instance: g.name, Trace: a.Trace, Ago: max(0, a.Ago)}, r.ops, q, res, max(0, a.Took))
	}
}
