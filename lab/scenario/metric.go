package scenario

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"workbench/lab/alert"
	"workbench/sim/outcome"
)

// ErrNoData means that a run has nothing to say about a metric in a window: it
// was over before, or nobody asked.
var ErrNoData = errors.New("no data")

// Metric is one word of the claims' language: a number read from a report's
// series in a window. The set is closed.
type Metric struct {
	Name   string
	Unit   string // share, ms, s, req/s, requests, pages or calls/user
	Help   string // what it is, in one sentence
	Scales bool   // grows with the scenario's scale, so that bounds on it do too
	PerOp  bool   // written with an operation: "op_good_share:report"
	Event  bool   // written with a pattern and what it counts: "event_share:cache.hit"
	Whole  bool   // always over the whole run: takes no window
	Played bool   // only a played run has it; theory does not

	measure func(view) (float64, error)
}

// view is the part of a report that a metric looks at.
type view struct {
	points   []Point // of the window
	all      []Point
	report   *Report
	whole    bool          // the window is the whole run
	length   time.Duration // of the window
	duration time.Duration // of the run
	calm     time.Duration // when the last disturbance ends; negative: there is none
	op       string        // or the event

	alert     Alert
	incidents []alert.Span
}

// Metrics returns the metrics that claims, predictions and ablations may name.
func Metrics() []Metric {
	return []Metric{
		{Name: "goodput_share", Unit: "share", Help: "users answered in time, of those who came", measure: userShare(func(p Point) float64 { return p.Good })},
		{Name: "offered_rate", Unit: "req/s", Scales: true, Help: "users who came, a second", measure: mean(func(p Point) float64 { return p.Offered })},
		{Name: "good_rate", Unit: "req/s", Scales: true, Help: "goodput: users answered in time, a second", measure: mean(func(p Point) float64 { return p.Good })},
		{Name: "p50_ms", Unit: "ms", Help: "median latency of the served; in a window, of its median second", measure: latency(func(l Latency) float64 { return l.P50 }, func(p Point) float64 { return p.P50MS })},
		{Name: "p99_ms", Unit: "ms", Help: "99th percentile of the latency of the served; in a window, of its median second", measure: latency(func(l Latency) float64 { return l.P99 }, func(p Point) float64 { return p.P99MS })},
		{Name: "max_p99_ms", Unit: "ms", Help: "99th percentile of the latency of the served in the worst second", measure: maxP99},
		{Name: "shed_share", Played: true, Unit: "share", Help: "users refused because the service was saturated", measure: ended(outcome.Shed)},
		{Name: "limited_share", Played: true, Unit: "share", Help: "users refused because they were over their quota", measure: ended(outcome.Limited)},
		{Name: "open_share", Played: true, Unit: "share", Help: "users refused by an open circuit breaker", measure: ended(outcome.Open)},
		{Name: "late_share", Played: true, Unit: "share", Help: "users who got no answer in time", measure: ended(outcome.Late)},
		{Name: "failed_share", Played: true, Unit: "share", Help: "users who got an error", measure: ended(outcome.Failed)},
		{Name: "stale_share", Played: true, Unit: "share", Help: "users answered with an older copy", measure: ended(outcome.Stale)},
		{Name: "hit_share", Played: true, Unit: "share", Help: "answers that came from a cache, of all good answers", measure: weighted(func(p Point) float64 { return p.HitShare }, func(p Point) float64 { return p.Good })},
		{Name: "calls_rate", Unit: "req/s", Scales: true, Help: "requests that reached the dependencies' gates, a second", measure: mean(func(p Point) float64 { return p.Calls })},
		{Name: "calls_share", Unit: "calls/user", Help: "requests that reached the dependencies' gates, for each user who came", measure: perUser(func(p Point) float64 { return p.Calls })},
		{Name: "tries_ratio", Unit: "calls/user", Help: "requests sent for each user who came: 1 without retries", measure: perUser(func(p Point) float64 { return p.Tries })},
		{Name: "victim_good_share", Unit: "share", Help: "users other than the abuser answered in time, of those who came", measure: weighted(func(p Point) float64 { return min(1, p.VictimGood) }, func(p Point) float64 { return p.Offered })},
		{Name: "queue_max", Unit: "requests", Scales: true, Help: "most requests waiting in patterns and for the gates, of the seconds' means", measure: largest(func(p Point) float64 { return p.Queue })},
		{Name: "op_good_share", Played: true, Unit: "share", PerOp: true, Help: "users of one operation answered in time, of those who came: op_good_share:report", measure: opGood},
		{Name: "event_share", Played: true, Unit: "share", Event: true, Whole: true, Help: "how often a pattern counted something, for each user who came: event_share:cache.hit", measure: eventShare},
		{Name: "busiest_max", Played: true, Unit: "requests", Scales: true, Help: "most requests inside one instance, of the seconds' means", measure: largest(func(p Point) float64 { return p.Busiest })},
		{Name: "busiest_mean", Played: true, Unit: "requests", Scales: true, Help: "requests inside the fullest instance, the mean over the seconds", measure: mean(func(p Point) float64 { return p.Busiest })},
		{Name: "instances_max", Played: true, Unit: "instances", Help: "most instances that served at once", measure: largest(func(p Point) float64 { return p.Instances })},
		{Name: "instances_mean", Played: true, Unit: "instances", Help: "instances that served, the mean: what they cost", measure: mean(func(p Point) float64 { return p.Instances })},
		{Name: "sessions_lost_share", Played: true, Unit: "share", Help: "tries answered with: sign in again, for each user who came", measure: perUser(func(p Point) float64 { return p.Sessions })},
		{Name: "recovered_after_s", Unit: "s", Whole: true, Help: "from the end of the phase named spike, or of the last fault, until goodput_share is at least 0.95 in every 5 s to come; the run's length when it never is", measure: recovered},
		{Name: "wrong_pages", Unit: "pages", Whole: true, Help: "how often the scenario's alert was wrong: it woke somebody outside an incident, or did not within one", measure: wrongPages},
		{Name: "detected_after_s", Unit: "s", Whole: true, Help: "from an incident's begin until the scenario's alert woke somebody, the mean; the run's length when one was missed", measure: detected},
	}
}

// metric returns the metric that text names, and its operation if it takes one.
func metric(text string) (Metric, string, bool) {
	name, op, colon := strings.Cut(text, ":")
	for _, m := range Metrics() {
		if m.Name == name && (m.PerOp || m.Event) == colon && (op != "") == colon {
			return m, op, true
		}
	}
	return Metric{}, "", false
}

// Window is a part of a run: its last so much, or from an instant to another.
// The zero Window is the whole run.
type Window struct{ Last, From, To time.Duration }

// span returns the window's bounds in a run of the given length.
func (w Window) span(run time.Duration) (from, to time.Duration) {
	if w.Last > 0 {
		return max(0, run-w.Last), run
	}
	to = w.To
	if to == 0 || to > run {
		to = run
	}
	return w.From, to
}

// theoryName is the engine that works a scenario out without playing it.
const theoryName = "theory"

// Measure returns a metric over the whole of a run.
func Measure(metric string, spec Spec, r Report) (float64, error) {
	return MeasureIn(Window{}, metric, spec, r)
}

// MeasureIn returns a metric over a window of a run. Its error wraps ErrNoData
// when there is nothing to measure, and names the metric when it is unknown.
func MeasureIn(w Window, name string, spec Spec, r Report) (float64, error) {
	m, op, ok := metric(name)
	if !ok {
		return 0, fmt.Errorf("metric %q: unknown, want %s", name, unknown(name, metricNames()))
	}
	if m.Played && r.Engine == theoryName {
		return 0, fmt.Errorf("metric %s: %w: engine %s has no such figure", name, ErrNoData, r.Engine)
	}
	spec = spec.alerted(r)
	run := time.Duration(r.DurationS * float64(time.Second))
	from, to := w.span(run)
	v := view{report: &r, all: r.Series, whole: w == Window{}, length: to - from, duration: run, calm: spec.calmAfter(), op: op, alert: spec.Alert, incidents: spec.incidents()}
	for _, p := range r.Series {
		// A point belongs to the window that holds its end; half a tenth of a
		// second forgives the rounding of both.
		const slack = 0.05
		if p.T > from.Seconds()+slack && p.T <= to.Seconds()+slack {
			v.points = append(v.points, p)
		}
	}
	if len(v.points) == 0 {
		return 0, fmt.Errorf("metric %s: %w between %v and %v", name, ErrNoData, from, to)
	}
	out, err := m.measure(v)
	if err != nil {
		return 0, fmt.Errorf("metric %s: %w", name, err)
	}
	return out, nil
}

func metricNames() []string {
	var out []string
	for _, m := range Metrics() {
		out = append(out, m.Name)
	}
	return out
}

// EventAt returns when the scenario's event begins: with its second phase, or
// with its first fault or resizing when there is one phase only. false: it has
// none.
func (s Spec) EventAt() (time.Duration, bool) {
	if len(s.Traffic) > 1 {
		return s.Traffic[0].For, true
	}
	var starts []time.Duration
	for _, f := range s.Faults {
		if !f.Standing {
			starts = append(starts, f.At)
		}
	}
	for _, r := range s.Resize {
		starts = append(starts, r.At)
	}
	if len(starts) == 0 {
		return 0, false
	}
	return slices.Min(starts), true
}

// calmAfter returns when the last disturbance of the scenario ends: the phase
// named spike or the last fault, whichever is later. Negative: there is none.
func (s Spec) calmAfter() time.Duration {
	end, at := time.Duration(-1), time.Duration(0)
	for _, p := range s.Traffic {
		at += p.For
		if p.Name == "spike" {
			end = max(end, at)
		}
	}
	for _, f := range s.Faults {
		if !f.Standing {
			end = max(end, f.At+f.For)
		}
	}
	return end
}

// perUser divides a rate by the users who came.
func perUser(f func(Point) float64) func(view) (float64, error) {
	return func(v view) (float64, error) {
		var part, whole float64
		for _, p := range v.points {
			part += f(p)
			whole += p.Offered
		}
		if whole == 0 {
			return 0, fmt.Errorf("%w: nobody came", ErrNoData)
		}
		return part / whole, nil
	}
}

// userShare counts users among those who came. It is at most 1, although users
// who came before the window may end in it.
func userShare(f func(Point) float64) func(view) (float64, error) {
	each := perUser(f)
	return func(v view) (float64, error) {
		share, err := each(v)
		return min(1, share), err
	}
}

func ended(o outcome.Outcome) func(view) (float64, error) {
	return userShare(func(p Point) float64 { return float64(p.Outcomes[o.String()]) })
}

func mean(f func(Point) float64) func(view) (float64, error) {
	return weighted(f, func(Point) float64 { return 1 })
}

// weighted returns the mean of f over the seconds, each with its weight.
func weighted(f, weight func(Point) float64) func(view) (float64, error) {
	return func(v view) (float64, error) {
		var sum, total float64
		for _, p := range v.points {
			sum += f(p) * weight(p)
			total += weight(p)
		}
		if total == 0 {
			return 0, nil // no good answer: none of them came from a cache
		}
		return sum / total, nil
	}
}

func largest(f func(Point) float64) func(view) (float64, error) {
	return func(v view) (float64, error) {
		top := 0.0
		for _, p := range v.points {
			top = max(top, f(p))
		}
		return top, nil
	}
}

// latency returns the run's own quantile over the whole run, which is exact,
// and over a window that of its median second: quantiles cannot be averaged.
// Seconds in which nobody was served have none. When that is all of them the
// answer is the window's length, which every latency would have exceeded.
func latency(whole func(Latency) float64, second func(Point) float64) func(view) (float64, error) {
	return func(v view) (float64, error) {
		var seconds []float64
		for _, p := range v.points {
			if p.Good > 0 {
				seconds = append(seconds, second(p))
			}
		}
		switch {
		case len(seconds) == 0:
			return float64(v.length) / float64(time.Millisecond), nil
		case v.whole:
			return whole(v.report.LatencyMS), nil
		}
		slices.Sort(seconds)
		return seconds[(len(seconds)-1)/2], nil
	}
}

func maxP99(v view) (float64, error) {
	served := func(p Point) bool { return p.Good > 0 }
	if !slices.ContainsFunc(v.points, served) {
		return float64(v.length) / float64(time.Millisecond), nil
	}
	return largest(func(p Point) float64 { return p.P99MS })(v)
}

func opGood(v view) (float64, error) {
	var sum, total float64
	for _, p := range v.points {
		if share, ok := p.ByOp[v.op]; ok {
			sum += min(1, share) * p.Offered
			total += p.Offered
		}
	}
	if total == 0 {
		return 0, fmt.Errorf("%w: nobody asked for %s", ErrNoData, v.op)
	}
	return sum / total, nil
}

// eventShare reads a pattern's counter. It is counted over the whole run, so it
// takes no window.
func eventShare(v view) (float64, error) {
	pattern, event, _ := strings.Cut(v.op, ".")
	p, ok := v.report.Patterns[pattern]
	if !ok {
		return 0, fmt.Errorf("%w: the run has no pattern %s", ErrNoData, pattern)
	}
	if p.Counters == nil {
		return 0, fmt.Errorf("%w: this engine does not count what pattern %s does", ErrNoData, pattern)
	}
	if v.report.Offered == 0 {
		return 0, fmt.Errorf("%w: nobody came", ErrNoData)
	}
	return float64(p.Counters[event]) / float64(v.report.Offered), nil
}

// What counts as recovered.
const (
	recoveredShare  = 0.95
	recoveredWindow = 5 // seconds
)

// recovered looks backwards from the end for the last 5 s in which the service
// was not well: it has recovered when no such stretch is to come.
func recovered(v view) (float64, error) {
	if v.calm < 0 {
		return 0, fmt.Errorf("%w: the scenario has neither a phase named spike nor a fault", ErrNoData)
	}
	first := slices.IndexFunc(v.all, func(p Point) bool { return p.T > v.calm.Seconds()+0.05 })
	if first < 0 || len(v.all)-first < recoveredWindow {
		return v.duration.Seconds(), nil
	}
	after := v.all[first:]
	for i := len(after) - recoveredWindow; i >= 0; i-- {
		var good, offered float64
		for _, p := range after[i : i+recoveredWindow] {
			good += p.Good
			offered += p.Offered
		}
		if good >= recoveredShare*offered {
			continue
		}
		if i == len(after)-recoveredWindow {
			return v.duration.Seconds(), nil
		}
		return math.Round((after[i].T-v.calm.Seconds())*10) / 10, nil
	}
	return 0, nil
}
