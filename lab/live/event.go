package live

import (
	"context"
	"fmt"
	"time"

	"workbench/lab/scenario"
	"workbench/sim/load"
	"workbench/sim/stat"
)

// event is a scenario's event under way: what follows its calm.
type event struct {
	from   time.Duration // when the scenario would have begun, on the page's time; may be negative
	cancel context.CancelFunc
}

// without is the event of a scenario that has none: a burst.
func without() load.Spike { return load.Spike{Factor: 10, For: 10 * time.Second} }

// settle is how long after an event its last frames may come.
const settle = time.Second

// play starts the scenario's event now: the rest of its schedule and its
// faults. One that is under way is given up for it; paused traffic goes on. The
// prediction is locked first: what comes gives the answer away.
func (r *run) play() (string, error) {
	if r.timed {
		return "", fmt.Errorf("%w: this run plays its event by itself", ErrConflict)
	}
	r.staging.Lock()
	defer r.staging.Unlock()
	at, ok := r.spec.EventAt()
	r.mu.Lock()
	change := load.Change{Factor: new(r.factor)}
	r.mu.Unlock()
	switch {
	case !ok:
		change.Spike = new(without())
	case len(r.spec.Traffic) > 1:
		change.Schedule = r.spec.Traffic[1:]
	}
	unlock := r.lock()
	if err := r.apply(change); err != nil {
		unlock()
		return "", err
	}
	ctx, cancel := context.WithCancel(r.ctx)
	e := &event{from: r.since() - at, cancel: cancel}
	r.tape.Begin()
	r.mu.Lock()
	last := r.playing
	r.playing = e
	if r.phase == paused {
		r.phase, r.why = running, ""
	}
	if change.Schedule != nil {
		r.plan.Schedule, r.shifted = change.Schedule, r.clock.Now()
	}
	if change.Spike != nil {
		r.spike, r.spikeEnd = *change.Spike, r.clock.Now()+change.Spike.For
	}
	r.mu.Unlock()
	if last != nil {
		r.giveUp(last)
	}
	r.armFaults(ctx, r.began+e.from)
	r.owned.Go(func() {
		defer cancel()
		r.conclude(ctx, e)
	})
	return r.eventText(), nil
}

// giveUp ends what a former event has left: its timers and its faults.
func (r *run) giveUp(e *event) {
	e.cancel()
	for _, f := range r.spec.Faults {
		if _, err := r.setFault(faultName(f), FaultChange{}); err != nil {
			r.lab.cfg.Log.Error("fault of the last event not ended", "fault", faultName(f), "error", err)
		}
	}
	r.resettle()
}

// lock closes the prediction card and returns how to open it again, if it was
// open.
func (r *run) lock() (unlock func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.predict
	if p == nil || p.Locked {
		return func() {}
	}
	p.Locked = true
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		p.Locked = false
	}
}

// eventText says in a few words what the event is.
func (r *run) eventText() string {
	before, peak := r.spec.Traffic[:1].At(0), r.spec.Traffic.Max()
	switch {
	case len(r.spec.Traffic) > 1 && float64(peak) > float64(before)*1.01:
		return fmt.Sprintf("event: traffic rises to %.0f/s", float64(peak))
	case len(r.spec.Faults) > 0:
		return "event: " + faultName(r.spec.Faults[0])
	case len(r.spec.Resize) > 0:
		return fmt.Sprintf("event: the number of instances changes to %d", r.spec.Resize[0].Instances)
	case len(r.spec.Traffic) > 1:
		return "event: the schedule goes on"
	}
	return "event: " + burstText(without())
}

// conclude waits for the end of an event, keeps its report, compares the
// prediction and brings the calm back.
func (r *run) conclude(ctx context.Context, e *event) {
	if r.clock.Wait(ctx, r.began+e.from+r.duration()+settle) != nil {
		return
	}
	r.staging.Lock()
	defer r.staging.Unlock()
	r.mu.Lock()
	current := r.playing == e
	r.playing = nil
	r.mu.Unlock()
	if !current {
		return // another was begun in the last moment
	}
	rep := r.report(&e.from)
	prediction := r.compare(rep)
	if err := r.lab.keep(ctx, rep, r.spec.Title, prediction); err != nil {
		r.lab.cfg.Log.Error("run not kept", "error", err)
	}
	before := calm(r.spec.Traffic)
	if err := r.traffic.Apply(load.Change{Schedule: before}); err != nil {
		r.lab.cfg.Log.Warn("traffic not calmed", "error", err)
	} else {
		r.mu.Lock()
		r.plan.Schedule, r.shifted = before, r.clock.Now()
		r.mu.Unlock()
	}
	r.resettle()
	r.note("event over: " + percent(rep.GoodputShare) + " goodput")
	r.lab.announce()
}

// compare measures what the card asked for and returns right, wrong or empty.
func (r *run) compare(rep scenario.Report) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.predict
	if p == nil {
		return ""
	}
	right, value, err := p.Predict.Answer(r.spec, rep)
	if err != nil {
		r.lab.cfg.Log.Warn("prediction not measured", "metric", p.Metric, "error", err)
		return ""
	}
	p.Value = &value
	p.Answer = fmt.Sprintf("Measured: %s.", inUnit(value, p.Unit))
	if right >= 0 {
		p.Answer = fmt.Sprintf("Measured: %s, which is “%s”.", inUnit(value, p.Unit), p.Options[right].Text)
	}
	if p.Chosen == nil {
		return ""
	}
	ok := *p.Chosen == right
	p.Right = &ok
	if ok {
		p.Answer = "You were right. " + p.Answer
		return "right"
	}
	p.Answer = fmt.Sprintf("You said “%s”. %s", p.Options[*p.Chosen].Text, p.Answer)
	return "wrong"
}

func percent(share float64) string { return stat.Percent(share, 0) }

func inUnit(v float64, unit string) string {
	if unit == "share" {
		return percent(v)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}
