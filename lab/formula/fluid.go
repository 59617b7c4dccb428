package formula

import (
	"context"
	"math"
	"time"

	"workbench/lab/scenario"
)

// step is the length of a step in which rates are taken as constant.
const step = 50 * time.Millisecond

// tally sums what becomes of the users.
type tally struct {
	offered, sent, good, late, shed float64
	points                          []scenario.Point
	parts                           []part // of the latency of those served
}

// second sums one second of the series.
type second struct {
	offered, sent, good, calls, queue, busy float64
	shown                                   state // at its end
}

// state is how it stands for those who come now.
type state struct {
	busy  bool    // a fluid backlog, not a steady state
	wait  float64 // s; of a backlog
	rate  float64 // tries a second; of a steady state
	fails float64 // share of tries let in that outlast the users' patience
}

// flow is the run so far.
type flow struct {
	*plan
	backlog float64     // requests that wait
	reserve float64     // retries left in the budget
	tries   [][]float64 // by try, rates of those that are to come: a ring of steps
	ends    []float64   // good answers to come, by step: a ring
	at      int         // the present step in both
	tally   tally
	second  second
}

// run takes the schedule step by step.
func (p *plan) run(ctx context.Context, o Options) (scenario.Report, error) {
	lag := p.steps(p.clients.Timeout) + p.steps(max(p.waits.most, p.waits.told)) + 2
	f := &flow{plan: p, reserve: burst, tries: make([][]float64, p.clients.Retries+1), ends: make([]float64, lag)}
	for k := range f.tries {
		f.tries[k] = make([]float64, lag)
	}
	for now := time.Duration(0); now < p.end; now += step {
		if now%time.Second == 0 && ctx.Err() != nil {
			p.end = now
			return p.report(o, &f.tally), ctx.Err()
		}
		f.step(now)
		if next := now + step; next%time.Second == 0 {
			f.close(next)
			if next <= o.From {
				f.tally = tally{points: f.tally.points}
			}
		}
	}
	return p.report(o, &f.tally), nil
}

// steps returns how many steps a time takes, at least one.
func (p *plan) steps(d time.Duration) int { return max(1, int((d+step/2)/step)) }

// waits is how long users wait before they ask again.
type waits struct {
	base, most time.Duration // base 0: they do not
	jitter     bool
	told       time.Duration // the least wait of those turned away, who were told to
}

// steps returns the mean wait after try k, in steps.
func (w waits) steps(p *flow, k int) int {
	if w.base == 0 {
		return 0
	}
	d := min(w.most, w.base<<min(k, 30))
	if w.jitter {
		d /= 2
	}
	return p.steps(d)
}

// step lets one step pass. Users who come find the backlog as it stands, so
// whether they will be late is decided at once; that they ask again is not
// before their patience ends.
func (f *flow) step(now time.Duration) {
	const dt = float64(step) / float64(time.Second)
	rate := f.spec.Traffic.At(now)
	f.tries[0][f.at] = rate
	f.tally.offered += rate * dt
	f.second.offered += rate * dt
	f.reserve = math.Min(f.reserve+f.budget(rate)*dt, math.Max(burst, f.budget(rate)*dt))
	demand := 0.0
	for k := range f.tries {
		demand += f.tries[k][f.at]
	}
	s := f.look(demand)
	turned := f.turned(demand, dt)
	for k := range f.tries {
		f.try(k, s, turned, dt)
	}
	admitted := 0.0
	for k := range f.tries {
		admitted += f.tries[k][f.at]
	}
	f.tally.sent += admitted * dt
	f.second.sent += admitted * dt
	f.second.calls += admitted * dt * (1 - turned)
	f.backlog = math.Max(0, math.Min(f.room, f.backlog+(admitted*(1-turned)-f.speed)*dt))
	f.second.queue += f.backlog * dt
	f.second.busy += math.Min(1, demand/f.speed) * dt
	f.second.shown = s
	f.finish()
}

// turned returns the share of this step's tries that find no room.
func (f *flow) turned(demand, dt float64) float64 {
	fit := (f.room - f.backlog) + f.speed*dt // tries that find room in this step
	if demand*dt <= fit {
		return 0
	}
	return 1 - fit/(demand*dt)
}

// try decides what becomes of the users who make try k now.
func (f *flow) try(k int, s state, turned, dt float64) {
	n := f.tries[k][f.at]
	good := n * (1 - turned) * (1 - s.fails)
	f.pay(good*dt, s)
	if f.waits.base == 0 {
		f.insist(k, n*turned, dt)
	} else {
		f.again(k, n*turned, max(f.waits.steps(f, k), f.steps(f.waits.told)), dt, &f.tally.shed)
	}
	f.again(k, n*(1-turned)*s.fails, f.steps(f.clients.Timeout)+f.waits.steps(f, k), dt, &f.tally.late)
}

// insist lets users who were turned away at try k ask again at once, as often as
// they may: it is the same instant, so they are turned away each time.
func (f *flow) insist(k int, rate, dt float64) {
	more := rate * dt * float64(len(f.tries)-1-k)
	if f.budgeted {
		more = math.Min(more, f.reserve)
		f.reserve -= more
	}
	f.tally.sent += more
	f.second.sent += more
	f.tally.shed += rate * dt
}

// again lets users whose try k failed ask once more after so many steps, as far
// as their tries and the budget reach; the others leave.
func (f *flow) again(k int, rate float64, after int, dt float64, left *float64) {
	if rate <= 0 {
		return
	}
	pass := 0.0
	if k+1 < len(f.tries) {
		pass = 1
		if f.budgeted {
			pass = math.Min(1, f.reserve/(rate*dt))
			f.reserve -= pass * rate * dt
		}
		f.tries[k+1][(f.at+after)%len(f.tries[k+1])] += rate * pass
	}
	*left += rate * (1 - pass) * dt
}

// pay counts good answers, which come when their wait is over.
func (f *flow) pay(good float64, s state) {
	if good <= 0 {
		return
	}
	f.tally.good += good
	after := 0
	if s.busy {
		after = f.steps(time.Duration((s.wait + f.spec.Gate.Service.Seconds()) * float64(time.Second)))
	}
	f.ends[(f.at+min(after, len(f.ends)-1))%len(f.ends)] += good
	f.tally.serve(f.plan, good, s)
}

// look returns how it stands for those who come now.
func (f *flow) look(demand float64) state {
	if f.backlog > 0 || demand >= steadyBelow*f.speed {
		s := state{busy: true, wait: f.backlog / f.speed}
		s.fails = f.law(s)(f.clients.Timeout.Seconds())
		return s
	}
	s := state{rate: demand}
	if demand > 0 {
		s.fails = f.law(s)(f.clients.Timeout.Seconds())
	}
	return s
}

// finish goes on to the next step.
func (f *flow) finish() {
	f.second.good += f.ends[f.at]
	f.ends[f.at] = 0
	for k := range f.tries {
		f.tries[k][f.at] = 0
	}
	f.at = (f.at + 1) % len(f.ends)
}

// close ends a second of the series.
func (f *flow) close(end time.Duration) {
	s := f.second
	p50, p99 := f.shown(s.shown)
	f.tally.points = append(f.tally.points, scenario.Point{
		T: end.Seconds(), Offered: s.offered, Tries: s.sent, Good: s.good, P50MS: p50, P99MS: p99, ServiceP99: p99,
		Queue: s.queue, Saturation: s.busy, Calls: s.calls, VictimGood: math.Min(1, s.good/math.Max(s.offered, 1e-9)),
		Inflight: s.sent * math.Min(f.clients.Timeout.Seconds(), s.shown.wait+f.spec.Gate.Service.Seconds()),
	})
	f.second = second{}
}
