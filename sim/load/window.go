package load

import (
	"time"

	"workbench/sim/outcome"
	"workbench/sim/stat"
)

// opWindow counts one operation's users, or one group's.
type opWindow struct {
	offered, good uint64
	latency       stat.Hist
}

func (o *opWindow) count() OpCount {
	return OpCount{Offered: o.offered, Good: o.good, Latency: o.latency.Delta(nil)}
}

// window is what was counted since the last frame. The engine fills one while
// the other is read, so a frame never holds up a request.
type window struct {
	offered, tries, retries, denied uint64
	abandoned, late, cached         uint64
	expired, cut                    uint64
	outcomes, byTry                 [outcome.Count]uint64
	reasons                         [maxReasons + 1]uint64
	response, service, lag, wait    stat.Hist
	ops                             []opWindow
	spans                           []TrySpan
	victim                          opWindow

	// For the verdict alone.
	calm       stat.Hist // service times of tries sent while few others were on the wire
	answered   uint64    // tries with any answer
	unanswered uint64    // tries that timed out on the wire, or whose connection broke
	hurried    uint64    // tries that had no fair chance of an answer
	refused    uint64    // tries the service turned away for want of capacity
	waited     uint64    // tries that found every connection busy
}

func newWindow(ops int) *window { return &window{ops: make([]opWindow, ops)} }

// reset empties w and keeps its memory.
func (w *window) reset() {
	ops, spans := w.ops, w.spans[:0]
	clear(ops)
	*w = window{ops: ops, spans: spans}
}

// gauges are read at the end of a window.
type gauges struct {
	at                       time.Duration
	inflight, pending, conns int
	free                     bool          // a connection is idle or may be opened
	overdue                  time.Duration // how late the next arrival, not yet dispatched, is
	words                    []string      // of the reasons counted so far
}

// frame turns a window into what is sent.
func (w *window) frame(g *gauges) Frame {
	f := Frame{
		T: g.at, Offered: w.offered, Tries: w.tries, Retries: w.retries, Denied: w.denied,
		Abandoned: w.abandoned, Late: w.late, Cached: w.cached, Expired: w.expired, Cut: w.cut,
		Outcomes: w.outcomes, ByTry: w.byTry, Victim: w.victim.count(),
		Response: w.response.Delta(nil), Service: w.service.Delta(nil), Lag: w.lag.Delta(nil), Wait: w.wait.Delta(nil),
		Inflight: g.inflight, Pending: g.pending, Conns: g.conns,
		ByOp: make([]OpCount, len(w.ops)),
	}
	for i := range w.ops {
		f.ByOp[i] = w.ops[i].count()
	}
	if len(w.spans) > 0 {
		f.Spans = append([]TrySpan(nil), w.spans...)
	}
	known := words{g.words}
	for i, n := range w.reasons {
		if n > 0 {
			if f.Reasons == nil {
				f.Reasons = make(map[string]uint64)
			}
			f.Reasons[known.name(i)] += n
		}
	}
	return f
}

// Add adds the counts of g, the frame after f, to f and takes g's gauges, so
// that f covers both windows.
func (f *Frame) Add(g Frame) {
	sum := g
	for _, c := range []struct{ to, from *uint64 }{
		{&sum.Offered, &f.Offered}, {&sum.Tries, &f.Tries}, {&sum.Retries, &f.Retries}, {&sum.Denied, &f.Denied},
		{&sum.Abandoned, &f.Abandoned}, {&sum.Late, &f.Late}, {&sum.Cached, &f.Cached}, {&sum.Expired, &f.Expired},
		{&sum.Cut, &f.Cut}, {&sum.Merged, &f.Merged},
	} {
		*c.to += *c.from
	}
	sum.Merged++
	sum.Spans = append(append([]TrySpan(nil), f.Spans...), g.Spans...)
	if len(sum.Spans) > maxSpans {
		sum.Spans = sum.Spans[len(sum.Spans)-maxSpans:] // the latest: the reader is slow anyway
	}
	for i := range sum.Outcomes {
		sum.Outcomes[i] += f.Outcomes[i]
		sum.ByTry[i] += f.ByTry[i]
	}
	sum.Reasons = nil
	for _, m := range []map[string]uint64{f.Reasons, g.Reasons} {
		for word, n := range m {
			if sum.Reasons == nil {
				sum.Reasons = make(map[string]uint64)
			}
			sum.Reasons[word] += n
		}
	}
	sum.ByOp = make([]OpCount, max(len(f.ByOp), len(g.ByOp)))
	for i := range sum.ByOp {
		if i < len(f.ByOp) {
			sum.ByOp[i].add(f.ByOp[i])
		}
		if i < len(g.ByOp) {
			sum.ByOp[i].add(g.ByOp[i])
		}
	}
	sum.Victim = OpCount{}
	sum.Victim.add(f.Victim)
	sum.Victim.add(g.Victim)
	sum.Response = mergeDelta(f.Response, g.Response)
	sum.Service = mergeDelta(f.Service, g.Service)
	sum.Lag = mergeDelta(f.Lag, g.Lag)
	sum.Wait = mergeDelta(f.Wait, g.Wait)
	*f = sum
}

func (o *OpCount) add(p OpCount) {
	o.Offered += p.Offered
	o.Good += p.Good
	o.Latency = mergeDelta(o.Latency, p.Latency)
}

// mergeDelta adds two deltas, whose cells are in ascending order.
func mergeDelta(a, b stat.Delta) stat.Delta {
	out := stat.Delta{Sum: a.Sum + b.Sum, Max: max(a.Max, b.Max)}
	if len(a.Cells)+len(b.Cells) == 0 {
		return out
	}
	out.Cells = make([]stat.Cell, 0, len(a.Cells)+len(b.Cells))
	i, j := 0, 0
	for i < len(a.Cells) || j < len(b.Cells) {
		switch {
		case j == len(b.Cells) || i < len(a.Cells) && a.Cells[i].Index < b.Cells[j].Index:
			out.Cells = append(out.Cells, a.Cells[i])
			i++
		case i == len(a.Cells) || b.Cells[j].Index < a.Cells[i].Index:
			out.Cells = append(out.Cells, b.Cells[j])
			j++
		default:
			out.Cells = append(out.Cells, stat.Cell{Index: a.Cells[i].Index, Count: a.Cells[i].Count + b.Cells[j].Count})
			i++
			j++
		}
	}
	return out
}
