// Package tape turns what a run measures, tenth of a second by tenth, into the
// charts' frames and the report's series and sums. Both engines record on it,
// so a live and a virtual figure of one name are computed alike.
package tape

import (
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"workbench/lab/fleet"
	"workbench/lab/scenario"
	"workbench/sim/load"
	"workbench/sim/outcome"
	"workbench/sim/stat"
)

const (
	frameRate    = 10             // frames a second
	framesKept   = 60 * frameRate // what a page that opens is shown
	secondsKept  = 3600           // points of a run; the oldest go first
	smoothWindow = 2500 * time.Millisecond
)

// Reading is what the service shows at the end of a frame.
type Reading struct {
	Waiting    int                // in patterns' queues and for the gates
	Saturation float64            // share of the busiest gate's slots in use since the last reading
	Calls      uint64             // entries into the gates so far
	Gauges     map[string]float64 // by "pattern.gauge"
	Version    uint64             // of the lab's state
	Instances  int                // that serve
	Busiest    int                // most requests inside one of them
}

// Frame is one tenth of a second for the charts: rates a second, latencies in
// milliseconds over the last second. It is sent to every open page.
type Frame struct {
	T          float64            `json:"t"` // seconds since the run's start
	Run        uint64             `json:"run"`
	Version    uint64             `json:"v"` // of the State the frame was measured under
	Offered    float64            `json:"offered"`
	Tries      float64            `json:"tries"`
	Good       float64            `json:"good"`
	Outcomes   [7]float64         `json:"outcomes"` // users a second by outcome
	Reasons    map[string]float64 `json:"reasons,omitempty"`
	P50        float64            `json:"p50"`
	P99        float64            `json:"p99"`
	Service99  float64            `json:"service99"` // what a naive tool would show
	Queue      float64            `json:"queue"`
	Inflight   float64            `json:"inflight"`
	Pending    float64            `json:"pending"`
	Saturation float64            `json:"sat"`
	Calls      float64            `json:"calls"`
	Instances  float64            `json:"instances"`
	Busiest    float64            `json:"busiest"` // most requests inside one instance
	HitShare   float64            `json:"hit"`
	Lag99      float64            `json:"lag99"`
	CPU        float64            `json:"cpu"`
	Verdict    load.Verdict       `json:"verdict"`
	Gauges     map[string]float64 `json:"gauges,omitempty"` // "breaker.state": 2.5 s moving averages for the diagram
	Dropped    uint64             `json:"dropped"`          // frames this reader missed so far
}

// Tape records one run. It is safe for concurrent use. Use New.
type Tape struct {
	mu     sync.Mutex
	run    uint64
	recent []load.Frame          // guarded by mu; the last second
	second second                // guarded by mu; the one being filled
	points []scenario.Point      // guarded by mu
	closed time.Duration         // guarded by mu; the end of the last whole second
	at     time.Duration         // guarded by mu; of the last frame
	frames []Frame               // guarded by mu
	total  totals                // guarded by mu; of the whole run
	event  totals                // guarded by mu; since the event began
	smooth map[string]*stat.EWMA // guarded by mu
	calls  uint64                // guarded by mu; at the last frame
}

// totals are a run's sums.
type totals struct {
	offered, tries, first, late uint64
	outcomes                    [outcome.Count]uint64
	reasons                     map[string]uint64
	response                    stat.Hist
	limited, seconds            int // seconds in which the generator was the bottleneck, of all
	worst                       load.Verdict
}

// second sums the frames of one second.
type second struct {
	span                             time.Duration
	offered, tries, cached, answered uint64
	outcomes                         [outcome.Count]uint64
	response, service, lag           stat.Hist
	victim                           load.OpCount
	ops                              []load.OpCount
	calls, sessions                  uint64
	// Sums weighted by time, in seconds.
	queue, inflight, saturation, instances, busiest float64
}

// New returns an empty tape of the run with this number.
func New(run uint64) *Tape {
	return &Tape{run: run, total: empty(), event: empty(), smooth: map[string]*stat.EWMA{}}
}

// Add takes a frame and what was read at its end, and returns the chart's
// frame. A second's point is finished with the frame in which the second ends.
func (t *Tape) Add(f load.Frame, r Reading, ops []string) Frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recent = append(t.recent, f)
	if len(t.recent) > frameRate {
		t.recent = append(t.recent[:0], t.recent[1:]...)
	}
	calls := r.Calls - t.calls
	t.calls = r.Calls
	t.total.add(f)
	t.event.add(f)
	span := max(f.T-t.at, time.Millisecond)
	t.at = f.T
	t.second.add(f, r, calls, span)
	if now := f.T.Truncate(time.Second); now > t.closed { // a frame that is late ends its second all the same
		t.closed = now
		t.points = append(t.points, t.second.point(now, ops))
		if len(t.points) > secondsKept {
			t.points = append(t.points[:0], t.points[1:]...)
		}
		t.total.close(f.Verdict)
		t.event.close(f.Verdict)
		t.second = second{}
	}
	out := t.chart(f, r, calls, span)
	t.frames = append(t.frames, out)
	if len(t.frames) > framesKept {
		t.frames = append(t.frames[:0], t.frames[1:]...)
	}
	return out
}

// chart builds the frame for the page: rates over the time since the last one,
// a tenth of a second unless frames were late and merged; quantiles over the
// last second.
func (t *Tape) chart(f load.Frame, r Reading, calls uint64, span time.Duration) Frame {
	rate := func(n uint64) float64 { return round(float64(n) / span.Seconds()) }
	out := Frame{
		T: round(f.T.Seconds()), Run: t.run, Version: r.Version, Offered: rate(f.Offered), Tries: rate(f.Tries),
		Queue: float64(r.Waiting), Inflight: float64(f.Inflight), Pending: float64(f.Pending),
		Saturation: round(r.Saturation), Calls: rate(calls), Instances: float64(r.Instances), Busiest: float64(r.Busiest), CPU: round(f.CPU), Verdict: f.Verdict,
		Gauges: make(map[string]float64, len(r.Gauges)),
	}
	for i, n := range f.Outcomes {
		out.Outcomes[i] = rate(n)
		if outcome.Outcome(i).Good() {
			out.Good += rate(n)
		}
	}
	if len(f.Reasons) > 0 {
		out.Reasons = make(map[string]float64, len(f.Reasons))
		for name, n := range f.Reasons {
			out.Reasons[name] = rate(n)
		}
	}
	var response, service, lag stat.Hist
	var cached, answered uint64
	for i := range t.recent {
		response.Add(t.recent[i].Response)
		service.Add(t.recent[i].Service)
		lag.Add(t.recent[i].Lag)
		cached += t.recent[i].Cached
		answered += good(t.recent[i].ByTry)
	}
	out.P50, out.P99 = ms(response.Quantile(.5)), ms(response.Quantile(.99))
	out.Service99, out.Lag99 = ms(service.Quantile(.99)), ms(lag.Quantile(.99))
	out.HitShare = round(share(cached, answered))
	for name, v := range r.Gauges {
		e := t.smooth[name]
		if e == nil {
			e = stat.NewEWMA(smoothWindow)
			t.smooth[name] = e
		}
		e.Add(f.T, v)
		out.Gauges[name] = round(e.Value())
	}
	return out
}

func empty() totals { return totals{reasons: map[string]uint64{}, worst: load.Unlimited} }

func (t *totals) add(f load.Frame) {
	t.offered += f.Offered
	t.tries += f.Tries
	t.first += f.Tries - f.Retries
	t.late += f.Late
	for i, n := range f.Outcomes {
		t.outcomes[i] += n
	}
	for name, n := range f.Reasons {
		t.reasons[name] += n
	}
	t.response.Add(f.Response)
}

// close ends a second under the generator's verdict.
func (t *totals) close(v load.Verdict) {
	t.seconds++
	if v == load.GeneratorLimited {
		t.limited++
	}
	if severity(v) > severity(t.worst) {
		t.worst = v
	}
}

// verdict returns the run's: the generator's only if it spoiled more than one
// second in ten, since a hiccup does not spoil a run.
func (t *totals) verdict() load.Verdict {
	if t.limited*10 > t.seconds {
		return load.GeneratorLimited
	}
	if t.worst == load.GeneratorLimited {
		return load.ServiceLimited
	}
	return t.worst
}

func severity(v load.Verdict) int {
	switch v {
	case load.GeneratorLimited:
		return 3
	case load.ConnectionLimited:
		return 2
	case load.ServiceLimited:
		return 1
	}
	return 0
}

func (s *second) add(f load.Frame, r Reading, calls uint64, span time.Duration) {
	s.span += span
	s.offered += f.Offered
	s.tries += f.Tries
	s.cached += f.Cached
	s.answered += good(f.ByTry)
	for i, n := range f.Outcomes {
		s.outcomes[i] += n
	}
	s.response.Add(f.Response)
	s.service.Add(f.Service)
	s.lag.Add(f.Lag)
	s.victim.Offered += f.Victim.Offered
	s.victim.Good += f.Victim.Good
	for len(s.ops) < len(f.ByOp) {
		s.ops = append(s.ops, load.OpCount{})
	}
	for i, o := range f.ByOp {
		s.ops[i].Offered += o.Offered
		s.ops[i].Good += o.Good
	}
	s.queue += float64(r.Waiting) * span.Seconds()
	s.inflight += float64(f.Inflight) * span.Seconds()
	s.saturation += r.Saturation * span.Seconds()
	s.calls += calls
	s.sessions += f.Reasons[fleet.ReasonSession]
	s.instances += float64(r.Instances) * span.Seconds()
	s.busiest += float64(r.Busiest) * span.Seconds()
}

func (s *second) point(end time.Duration, ops []string) scenario.Point {
	seconds := s.span.Seconds()
	rate := func(n uint64) float64 { return round(float64(n) / seconds) }
	p := scenario.Point{
		T: end.Seconds(), Offered: rate(s.offered), Tries: rate(s.tries), Outcomes: map[string]uint64{},
		P50MS: ms(s.response.Quantile(.5)), P99MS: ms(s.response.Quantile(.99)), ServiceP99: ms(s.service.Quantile(.99)),
		Queue: round(s.queue / seconds), Inflight: round(s.inflight / seconds), Saturation: round(s.saturation / seconds),
		HitShare: round(share(s.cached, s.answered)), Calls: rate(s.calls),
		VictimGood: round(share(s.victim.Good, s.victim.Offered)), LagP99MS: ms(s.lag.Quantile(.99)),
		Instances: round(s.instances / seconds), Busiest: round(s.busiest / seconds), Sessions: rate(s.sessions),
	}
	served := uint64(0)
	for i, n := range s.outcomes {
		if o := outcome.Outcome(i); n > 0 {
			p.Outcomes[o.String()] = n
			if o.Good() {
				served += n
			}
		}
	}
	p.Good = rate(served)
	for i, o := range s.ops {
		if i < len(ops) && o.Offered > 0 {
			if p.ByOp == nil {
				p.ByOp = map[string]float64{}
			}
			p.ByOp[ops[i]] = round(share(o.Good, o.Offered))
		}
	}
	return p
}

// History returns the last minute's frames.
func (t *Tape) History() []Frame {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]Frame(nil), t.frames...)
}

// Begin forgets the event's sums: it starts now.
func (t *Tape) Begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.event = empty()
}

// Fill writes what the tape knows of the whole run into a report.
func (t *Tape) Fill(r *scenario.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total.fill(r)
	r.Series = append([]scenario.Point(nil), t.points...)
}

// FillEvent writes the event's part into a report: the points after from, with
// their time counted from it, and the sums since Begin.
func (t *Tape) FillEvent(r *scenario.Report, from time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.event.fill(r)
	for _, p := range t.points {
		if p.T -= math.Round(from.Seconds()*10) / 10; p.T > 0 {
			r.Series = append(r.Series, p)
		}
	}
}

func (t *totals) fill(r *scenario.Report) {
	r.Offered, r.Sent = t.offered, t.tries
	r.LateShare = share(t.late, t.first)
	r.GoodputShare = share(good(t.outcomes), t.offered)
	r.Outcomes = make(map[string]uint64, outcome.Count)
	for i, name := range outcome.Names() {
		r.Outcomes[name] = t.outcomes[i]
	}
	r.Reasons = maps.Clone(t.reasons)
	h := &t.response
	r.LatencyMS = scenario.Latency{P50: ms(h.Quantile(.5)), P90: ms(h.Quantile(.9)), P95: ms(h.Quantile(.95)), P99: ms(h.Quantile(.99)), P999: ms(h.Quantile(.999)), Max: ms(h.Max())}
	r.Verdict = t.verdict()
}

// Trim cuts a report's series at the end of the run: the users of the last
// moment are waited for, and nobody comes meanwhile.
func Trim(r *scenario.Report, run time.Duration) {
	const slack = 0.5 // of a second: frames end when they end
	r.Series = slices.DeleteFunc(r.Series, func(p scenario.Point) bool { return p.T > run.Seconds()+slack })
	if n := len(r.Series); n > 0 {
		r.DurationS = r.Series[n-1].T
	}
}

// Last returns the latest chart frame; false before the first.
func (t *Tape) Last() (Frame, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.frames) == 0 {
		return Frame{}, false
	}
	return t.frames[len(t.frames)-1], true
}

// good returns how many of the outcomes are of use to the caller.
func good(by [outcome.Count]uint64) uint64 {
	return by[outcome.OK] + by[outcome.Stale]
}

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// ms returns milliseconds to the microsecond.
func ms(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// round keeps four decimals: more would only be noise on the wire.
func round(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// Latest returns the last whole second; the zero Point before the first.
func (t *Tape) Latest() scenario.Point {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.points) == 0 {
		return scenario.Point{}
	}
	return t.points[len(t.points)-1]
}
