package virtual

import (
	"context"
	"fmt"
	"maps"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/lab/tape"
	"workbench/sim/load"
	"workbench/sim/outcome"
	"workbench/sim/stat"
)

// The kinds of event.
const (
	evArrive   uint8 = iota // a user arrives
	evPatience              // user Arg gives up try Token
	evRetry                 // user Arg tries again
	evGate                  // gate Arg has something to do
	evWake                  // port Arg asked to be woken with Token
	evFault                 // fault Arg of the scenario begins
	evMend                  // it ends
	evFrame                 // a tenth of a second is over
)

const frame = 100 * time.Millisecond

// plan schedules what is known from the start.
func (w *world) plan() error {
	for i, f := range w.spec.Faults {
		if err := w.able(f); err != nil {
			return err
		}
		w.queue.Schedule(f.At, evFault, int32(i), 0)
		if f.For > 0 {
			w.queue.Schedule(f.At+f.For, evMend, int32(i), 0)
		}
	}
	w.queue.Schedule(frame, evFrame, 0, 0)
	if first := w.process.Next(0); first < w.end {
		w.queue.Schedule(first, evArrive, 0, 0)
	}
	return nil
}

// run takes events until the traffic's end.
func (w *world) run(ctx context.Context, o Options) error {
	const look = 1 << 14 // events between two looks at ctx
	for n := uint64(1); ; n++ {
		at, ok := w.queue.Peek()
		if !ok || at > w.end {
			return nil
		}
		if n%look == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		e, _ := w.queue.Take()
		w.clock.At = e.At
		switch e.Kind {
		case evArrive:
			w.arrive()
		case evPatience:
			w.impatient(e.Arg, e.Token)
		case evRetry:
			w.try(e.Arg)
		case evGate:
			w.gates[e.Arg].wake(e.At)
		case evWake:
			p := w.ports[e.Arg]
			p.stage.Wake(p, e.Token)
		case evFault:
			if err := w.fault(w.spec.Faults[e.Arg], true); err != nil {
				return err
			}
		case evMend:
			if err := w.fault(w.spec.Faults[e.Arg], false); err != nil {
				return err
			}
		case evFrame:
			w.frame(e.At, o)
		}
	}
}

// frame closes a tenth of a second.
func (w *world) frame(at time.Duration, o Options) {
	w.tape.Add(w.window.frame(at), w.read(at), w.names())
	if at%time.Second == 0 && o.Progress != nil {
		o.Progress(at, w.end, w.tape.Latest())
	}
	w.queue.Schedule(at+frame, evFrame, 0, 0)
}

func (w *world) names() []string {
	out := make([]string, len(w.ops))
	for i, op := range w.ops {
		out[i] = op.name
	}
	return out
}

// read collects what the service shows, as the live lab does.
func (w *world) read(now time.Duration) tape.Reading {
	var out tape.Reading
	for _, d := range w.gates {
		s := d.model.Stats(now)
		out.Waiting += s.Waiting
		out.Calls += s.Entered - s.Refused
		if span := float64(now-d.lastAt) * float64(s.Slots); span > 0 {
			d.share = min(1, max(0, float64(s.BusyTime-d.lastBusy)/span))
		}
		d.lastAt, d.lastBusy = now, s.BusyTime
		out.Saturation = max(out.Saturation, d.share)
	}
	for _, p := range w.ports {
		for _, g := range p.stage.Gauges(now) {
			if g.Name == "depth" || g.Name == "waiting" {
				out.Waiting += int(g.Value)
			}
		}
	}
	return out
}

// able reports whether virtual time knows a fault.
func (w *world) able(f scenario.Fault) error {
	switch f.Name {
	case "slow", "error", "hang", "delay", "kill":
	default:
		return fmt.Errorf("fault %s: virtual time knows slow, error, hang, delay and kill; run it with --engine live", f.Name)
	}
	if f.Target == "provider" && len(w.gates) < 2 {
		return fmt.Errorf("fault %s: the scenario has no provider", f.Name)
	}
	return nil
}

// fault begins or ends one of the scenario's faults.
func (w *world) fault(f scenario.Fault, on bool) error {
	now := w.queue.Now()
	d := w.gates[0]
	if f.Target == "provider" {
		d = w.gates[1]
	}
	w.marks = append(w.marks, scenario.Change{Version: uint64(len(w.marks) + 1), At: now, Text: f.Target + " " + f.Name + map[bool]string{true: "", false: " ends"}[on]})
	pick := func(with, without float64) float64 {
		if on {
			return with
		}
		return without
	}
	switch f.Name {
	case "slow":
		return d.model.Slow(pick(f.Factor, 1))
	case "error":
		return d.model.Error(pick(f.Share, 0))
	case "delay":
		return d.model.Delay(time.Duration(pick(float64(f.By), 0)))
	case "hang":
		d.tell(d.model.Hang(now, on, nil))
	case "kill":
		w.members[len(w.members)-1].up = !on
	}
	return nil
}

// counters returns a pattern's counters, shared by the instances.
func (w *world) counters(name string) *lab.Counters {
	if w.window.counters == nil {
		w.window.counters = map[string]*lab.Counters{}
	}
	if w.window.counters[name] == nil {
		w.window.counters[name] = lab.NewCounters()
	}
	return w.window.counters[name]
}

// report builds the report of what has passed.
func (w *world) report(o Options) scenario.Report {
	rep := scenario.Report{
		Scenario: w.spec.Name, Engine: "virtual", Seed: o.Seed, Scale: o.Scale, Version: o.Version,
		DurationS: w.queue.Now().Seconds(), Patterns: map[string]scenario.PatternRun{}, Changes: w.marks,
		EventsHash: fmt.Sprintf("%016x", w.queue.Hash()),
	}
	w.tape.Fill(&rep)
	if n := len(rep.Series); n > 0 {
		rep.DurationS = rep.Series[n-1].T
	}
	for _, p := range w.placed {
		rep.Patterns[p.Pattern.Name] = scenario.PatternRun{State: p.State, Knobs: knob.Values(p.Knobs), Counters: w.counters(p.Pattern.Name).All()}
	}
	rep.Claims = scenario.Judge(w.spec, rep)
	return rep
}

// tally counts the users of one group.
type tally struct{ offered, good uint64 }

// window is the tenth of a second being filled.
type window struct {
	offered, tries, retries, denied, cached uint64
	outcomes, byTry                         [outcome.Count]uint64
	reasons                                 map[string]uint64
	response                                stat.Hist
	ops                                     []tally
	victim, abuser                          tally
	inflight                                int
	counters                                map[string]*lab.Counters
}

// tally returns the group that a user counts in.
func (v *window) tally(w *world, u int32) *tally {
	if a := w.spec.Population.Abuser; a.Share > 0 && w.users[u].pick.User == max(1, a.User) {
		return &v.abuser
	}
	return &v.victim
}

// answered counts the answer to a try.
func (v *window) answered(res lab.Response) {
	v.byTry[res.Outcome]++
	if res.Cached {
		v.cached++
	}
	if res.Reason != "" {
		if v.reasons == nil {
			v.reasons = map[string]uint64{}
		}
		v.reasons[string(res.Reason)]++
	}
}

// frame returns the window as the generator would have sent it, and begins the
// next one.
func (v *window) frame(at time.Duration) load.Frame {
	f := load.Frame{
		T: at, Offered: v.offered, Tries: v.tries, Retries: v.retries, Denied: v.denied, Cached: v.cached,
		Outcomes: v.outcomes, ByTry: v.byTry, Reasons: maps.Clone(v.reasons), Inflight: v.inflight,
		Victim: load.OpCount{Offered: v.victim.offered, Good: v.victim.good}, Verdict: load.Unlimited,
	}
	for _, o := range v.ops {
		f.ByOp = append(f.ByOp, load.OpCount{Offered: o.offered, Good: o.good})
	}
	f.Response = v.response.Delta(nil)
	v.offered, v.tries, v.retries, v.denied, v.cached = 0, 0, 0, 0, 0
	v.outcomes, v.byTry = [outcome.Count]uint64{}, [outcome.Count]uint64{}
	clear(v.reasons)
	clear(v.ops)
	v.victim, v.abuser = tally{}, tally{}
	v.response.Reset()
	return f
}
