package virtual

import (
	"context"
	"fmt"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/lab/tape"
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
	evShadow                // an answer for the shadow at port Arg is due
	evCPU                   // the slots of instance Arg have something to do
	evReady                 // instance Arg has started
	evResize                // change Arg of the number of instances, by hand
)

const frame = 100 * time.Millisecond

// plan schedules what is known from the start.
func (w *world) plan() {
	for i, f := range w.spec.Faults {
		w.queue.Schedule(f.At, evFault, int32(i), 0)
		if f.For > 0 {
			w.queue.Schedule(f.At+f.For, evMend, int32(i), 0)
		}
	}
	for i, r := range w.spec.Resize {
		w.queue.Schedule(r.At, evResize, int32(i), 0)
	}
	w.queue.Schedule(frame, evFrame, 0, 0)
	if first := w.process.Next(0); first < w.end {
		w.queue.Schedule(first, evArrive, 0, 0)
	}
}

// run takes events until the traffic's end, and then until everybody who is
// inside has been answered or has lost patience, as the live generator does.
func (w *world) run(ctx context.Context, o Options) error {
	const look = 1 << 14 // events between two looks at ctx
	for n := uint64(1); ; n++ {
		if w.over() {
			w.last(o)
			return nil
		}
		if n%look == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		e, _ := w.queue.Take() // while somebody is inside there is a next event
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
		case evShadow:
			w.ports[e.Arg].stage.(*shadow).due(e.Token)
		case evFault:
			if err := w.fault(w.spec.Faults[e.Arg], true); err != nil {
				return err
			}
		case evMend:
			if err := w.fault(w.spec.Faults[e.Arg], false); err != nil {
				return err
			}
		case evCPU:
			w.cpus[e.Arg].wake(e.At)
		case evReady:
			if err := w.ready(w.born[e.Arg]); err != nil {
				return err
			}
		case evResize:
			if err := w.resize(w.spec.Resize[e.Arg].Instances); err != nil {
				return err
			}
		case evFrame:
			if err := w.tend(e.At); err != nil {
				return err
			}
			w.frame(e.At, o)
		}
	}
}

// over reports whether nobody is inside and nobody will come. Only then is the
// next event looked at.
func (w *world) over() bool {
	if w.window.inflight > 0 {
		return false
	}
	at, ok := w.queue.Peek()
	return !ok || at > w.end
}

// frame closes a tenth of a second.
func (w *world) frame(at time.Duration, o Options) {
	w.tape.Add(w.window.frame(at), w.read(at), w.names())
	if at <= o.From {
		w.tape.Begin()
	}
	if at%time.Second == 0 && o.Progress != nil {
		o.Progress(at, w.end, w.tape.Latest())
	}
	w.queue.Schedule(at+frame, evFrame, 0, 0)
}

// last closes the frame that the end has cut.
func (w *world) last(o Options) {
	if now := w.queue.Now(); now%frame != 0 {
		w.frame(now, o)
	}
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
	out := tape.Reading{Busiest: w.fleet.Busiest()}
	for _, m := range w.members {
		if m.serves() {
			out.Instances++
		}
	}
	for _, d := range slices.Concat(w.gates, w.cpus) {
		s := d.model.Stats(now)
		out.Waiting += s.Waiting
		if !d.own {
			out.Calls += s.Entered - s.Refused
		}
		if span := float64(now-d.lastAt) * float64(s.Slots); span > 0 {
			d.share = min(1, max(0, float64(s.BusyTime-d.lastBusy)/span))
		}
		d.lastAt, d.lastBusy = now, s.BusyTime
		out.Saturation = max(out.Saturation, d.share)
	}
	for _, p := range w.ports {
		if p.member.dead {
			continue
		}
		for _, g := range p.stage.Gauges(now) {
			if g.Name == "depth" || g.Name == "waiting" {
				out.Waiting += int(g.Value)
			}
		}
	}
	return out
}

// counters returns a pattern's counters, shared by the instances.
func (w *world) counters(name string) *lab.Counters {
	if w.events[name] == nil {
		w.events[name] = lab.NewCounters()
	}
	return w.events[name]
}

// report builds the report of what has passed.
func (w *world) report(o Options) scenario.Report {
	rep := scenario.Report{
		Scenario: w.spec.Name, Engine: "virtual", Seed: o.Seed, Scale: o.Scale, Version: o.Version,
		DurationS: min(w.queue.Now(), w.end).Seconds(), Patterns: map[string]scenario.PatternRun{}, Changes: w.marks,
		EventsHash: fmt.Sprintf("%016x", w.queue.Hash()),
	}
	w.tape.FillEvent(&rep, 0)
	tape.Trim(&rep, w.end)
	rep.Balancer = fleet.Values(w.spec.Balancer.WithDefaults().Knobs())
	rep.Autoscaler = fleet.Values(w.spec.Autoscaler.WithDefaults().Knobs())
	for _, p := range w.placed {
		rep.Patterns[p.Pattern.Name] = scenario.PatternRun{State: p.State, Knobs: knob.Values(p.Knobs), Counters: w.counters(p.Pattern.Name).All()}
	}
	rep.Alert = w.spec.Alert.Values()
	rep.Claims = scenario.Judge(w.spec, rep)
	return rep
}
