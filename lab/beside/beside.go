// Package beside plays the same arrivals to a service without a pattern, with
// ours, and with a learner's solution in its place, all three at once and in
// real time, so that they can be compared on the machine at hand.
//
// The arrivals come from a seed and are the same list for each: the instant, who
// asks and for what. Each column has a dependency of its own, with the same
// capacity and the same stream of service times. Latency counts from the instant
// on the list, whatever was late. Nothing is computed from a model.
package beside

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/sim/arrival"
	"workbench/sim/clock"
	"workbench/sim/dist"
	"workbench/sim/stat"
)

// Column is what became of the arrivals with one of the three.
type Column struct {
	State    lab.State         `json:"state"`
	Offered  int               `json:"offered"`
	Good     int               `json:"good"`    // answered within the callers' patience
	Late     int               `json:"late"`    // answered after it
	Refused  int               `json:"refused"` // turned away by the pattern
	Failed   int               `json:"failed"`  // turned away or failed behind it
	Asked    int               `json:"asked"`   // calls that reached the dependency
	P50      time.Duration     `json:"p50"`     // of what was answered
	P99      time.Duration     `json:"p99"`
	Turned   time.Duration     `json:"turned"`          // 99th percentile of the time to a refusal
	Curve    []int             `json:"curve"`           // good answers by tenth of a second of arrival
	Counters map[string]uint64 `json:"counters"`        // the pattern's; empty without it
	Guard    string            `json:"guard,omitempty"` // of yours, when the guard was open at the end
}

// Result is one comparison.
type Result struct {
	Pattern  string        `json:"pattern"`
	Solution string        `json:"solution"`
	Seed     uint64        `json:"seed"`
	Duration time.Duration `json:"duration"`
	Setting  string        `json:"setting"` // what was played, in a sentence
	Patience time.Duration `json:"patience"`
	Columns  []Column      `json:"columns"` // off, on, yours
	Lag      time.Duration `json:"lag"`     // 99th percentile of how late arrivals were sent; large: distrust the figures
}

// ErrPattern is wrapped when there is no setting that shows a pattern at work.
var ErrPattern = errors.New("nothing to compare for this pattern")

// step is how long a point of a curve is.
const step = 100 * time.Millisecond

// Run compares. It takes a little longer than the setting lasts.
func Run(ctx context.Context, p lab.Pattern, s lab.Solution, seed uint64, log *slog.Logger) (Result, error) {
	set, ok := settingOf(p.Name)
	if !ok || p.Yours == nil {
		return Result{}, fmt.Errorf("%w: %s", ErrPattern, p.Name)
	}
	list, err := set.arrivals(seed)
	if err != nil {
		return Result{}, err
	}
	var columns []*column
	defer func() {
		for _, c := range columns {
			c.close(log)
		}
	}()
	wall := clock.NewWall()
	for _, state := range []lab.State{lab.Off, lab.On, lab.Yours} {
		c, err := set.open(p, s, state, seed, wall, log)
		if err != nil {
			return Result{}, err
		}
		columns = append(columns, c)
	}
	out := Result{Pattern: p.Name, Solution: s.Name(), Seed: seed, Duration: set.length, Setting: set.text, Patience: set.patience}
	lag, err := play(ctx, wall, list, columns, set)
	if err != nil {
		return Result{}, err
	}
	out.Lag = lag
	for _, c := range columns {
		out.Columns = append(out.Columns, c.result(wall.Now()))
	}
	return out, nil
}

// one is an arrival.
type one struct {
	at   time.Duration
	user uint64
	item uint64
	op   uint8
}

// arrivals draws the list.
func (s setting) arrivals(seed uint64) ([]one, error) {
	process, err := arrival.New("", dist.New(seed, "arrivals"), arrival.Schedule{{For: s.length, Shape: s.shape}})
	if err != nil {
		return nil, fmt.Errorf("draw the arrivals: %w", err)
	}
	who := dist.New(seed, "users")
	var out []one
	for at := process.Next(0); at < s.length; at = process.Next(at) {
		r := one{at: at, user: who.IntN(1000)}
		if who.Float64() < s.slow {
			r.op = 1
		}
		if s.items > 0 { // the cube of a draw: half of the reads are of an eighth of the items
			u := who.Float64()
			r.item = 1 + uint64(u*u*u*float64(s.items))
		}
		out = append(out, r)
	}
	return out, nil
}

// column is one of the three at work.
type column struct {
	state    lab.State
	set      setting
	gate     *gate.Gate
	live     lab.Live // nil without the pattern
	handler  lab.Handler
	counters *lab.Counters
	life     context.Context // of what the pattern starts
	end      context.CancelFunc
	own      sync.WaitGroup
	asked    atomic.Int64

	mu      sync.Mutex
	sums    Column    // guarded by mu
	answers stat.Hist // guarded by mu
	turned  stat.Hist // guarded by mu
}

func (s setting) open(p lab.Pattern, solution lab.Solution, state lab.State, seed uint64, wall *clock.Wall, log *slog.Logger) (*column, error) {
	g, err := gate.New(s.gate, wall, dist.New(seed, "service"))
	if err != nil {
		return nil, err
	}
	c := &column{state: state, set: s, gate: g, counters: lab.NewCounters()}
	c.life, c.end = context.WithCancel(context.Background())
	c.sums = Column{State: state, Curve: make([]int, s.length/step)}
	c.handler = lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		c.asked.Add(1)
		return lab.Answer(g.Do(ctx, r, s.work(wall, r.Op)))
	})
	if state == lab.Off {
		return c, nil
	}
	k, err := p.Settings(s.knobs)
	if err != nil {
		g.Close()
		return nil, err
	}
	env := lab.Env{
		Clock: wall, Uniform: (&draws{s: dist.New(seed, "pattern")}).next, Counters: c.counters, Slots: s.gate.Slots, Service: s.gate.Service, Instance: "a", Log: log,
		Go: func(f func(context.Context)) { c.own.Go(func() { f(c.life) }) },
	}
	if state == lab.Yours {
		c.live, err = p.Yours(env, k, solution)
	} else {
		c.live, err = p.New(env, k)
	}
	if err != nil {
		g.Close()
		return nil, err
	}
	c.handler = c.live.Wrap(c.handler, state)
	return c, nil
}

// work is what a slot is used for beside the gate's own service time.
func (s setting) work(wall *clock.Wall, op uint8) gate.Work {
	return func(ctx context.Context) ([]byte, error) {
		if op != 1 {
			return nil, nil
		}
		return nil, wall.Wait(ctx, wall.Now()+s.slowFor)
	}
}

func (c *column) close(log *slog.Logger) {
	if c.live != nil {
		if err := c.live.Close(); err != nil {
			log.Warn("a compared pattern did not close cleanly", "state", c.state, "error", err)
		}
	}
	c.gate.Close()
	c.end()
	c.own.Wait()
}

// play sends each arrival to every column at its instant and waits for the end
// of all.
func play(ctx context.Context, wall *clock.Wall, list []one, columns []*column, set setting) (time.Duration, error) {
	var lag stat.Hist
	var users sync.WaitGroup
	origin := wall.Now()
	ctx, cancel := context.WithTimeout(ctx, set.length+drain)
	defer cancel()
	broken := false
	for i, one := range list {
		if err := wall.Wait(ctx, origin+one.at); err != nil {
			users.Wait()
			return 0, fmt.Errorf("the comparison was broken off: %w", err)
		}
		if now := one.at; set.brokenFor > 0 && broken != (now >= set.brokenAt && now < set.brokenAt+set.brokenFor) {
			broken = !broken
			for _, c := range columns {
				if err := c.fault(broken); err != nil {
					return 0, err
				}
			}
		}
		lag.Record(wall.Now() - origin - one.at)
		for _, c := range columns {
			r := &lab.Request{ID: uint64(i + 1), At: origin + one.at, User: one.user, Key: one.item, Read: one.item > 0, Op: one.op, Patience: origin + one.at + set.patience}
			users.Go(func() { c.serve(ctx, wall, r, one.at) })
		}
	}
	users.Wait()
	return lag.Quantile(.99), nil
}

// drain is how long answers may take after the last arrival.
const drain = 5 * time.Second

// fault makes the dependency slow and failing, or well again.
func (c *column) fault(on bool) error {
	if !on {
		return errors.Join(c.gate.Slow(1), c.gate.Error(0))
	}
	return errors.Join(c.gate.Slow(c.set.slower), c.gate.Error(1))
}

func (c *column) serve(ctx context.Context, wall *clock.Wall, r *lab.Request, at time.Duration) {
	res := c.handler.Serve(ctx, r)
	took := wall.Now() - r.At
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sums.Offered++
	switch {
	case res.Outcome.Good() && took <= c.set.patience:
		c.sums.Good++
		c.sums.Curve[min(int(at/step), len(c.sums.Curve)-1)]++
		c.answers.Record(took)
	case res.Outcome.Good():
		c.sums.Late++
		c.answers.Record(took)
	case c.set.refusal(res.Reason):
		c.sums.Refused++
		c.turned.Record(took)
	default:
		c.sums.Failed++
	}
}

// result sums a column up.
func (c *column) result(now time.Duration) Column {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.sums
	out.P50, out.P99, out.Turned = c.answers.Quantile(.5), c.answers.Quantile(.99), c.turned.Quantile(.99)
	out.Counters, out.Asked = c.counters.All(), int(c.asked.Load())
	if c.live == nil {
		return out
	}
	for _, g := range c.live.Gauges(now) {
		if g.Name == lab.GaugeGuard && g.Value > 0 {
			out.Guard = g.Text
		}
	}
	return out
}

// draws is a stream for many goroutines.
type draws struct {
	mu sync.Mutex
	s  *dist.Stream // guarded by mu
}

func (d *draws) next() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.s.Float64()
}
