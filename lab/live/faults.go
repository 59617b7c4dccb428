package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"workbench/lab/chain"
	"workbench/lab/gate"
	"workbench/lab/scenario"
)

// fault is one thing that can be made to go wrong.
type fault struct {
	state FaultState // guarded by the run's mu
	terms []begun    // guarded by the run's mu; what it was begun with, while it is on
	start func(FaultChange) error
	stop  func() error
	epoch uint64 // guarded by the run's switching; grows with each switch, so that an old timer does not end a new fault
}

// begun is one way in which a fault was begun: one of instances can strike
// several.
type begun struct {
	FaultChange
	at *member // that it strikes; nil: it is of no instance
}

// declareFaults lists what can go wrong in this run.
func (r *run) declareFaults() {
	add := func(name, title string, start func(FaultChange) error, stop func() error) {
		r.faults[name] = &fault{state: FaultState{Name: name, Title: title}, start: start, stop: stop}
	}
	for name, g := range r.gates() {
		if name == "second" {
			continue // it is what is left when the first is out
		}
		gateFaults(name, map[string]string{"gate": "Database", "provider": "Provider"}[name], g, add)
	}
	r.redisFault(add)
	add("cache-flush", "Caches emptied", func(FaultChange) error { return r.flush() }, nil)
	r.replicaFault(add)
	r.declareInstanceFaults(add)
	r.orderFaults(add)
	var dead []*member // guarded by switching
	add("instance-kill", "Instance "+r.victim("").name+" killed",
		func(c FaultChange) error {
			m := r.victim(c.Target)
			if !slices.Contains(dead, m) {
				dead = append(dead, m)
			}
			return r.kill(m)
		},
		func() error {
			var faults []error
			for _, m := range dead {
				faults = append(faults, r.revive(m))
			}
			dead = nil
			return errors.Join(faults...)
		})
}

func gateFaults(name, title string, g *gate.Gate, add func(string, string, func(FaultChange) error, func() error)) {
	add(name+"-slow", title+" slow", func(c FaultChange) error { return g.Slow(either(c.Factor, scenario.SlowBy)) }, func() error { return g.Slow(1) })
	add(name+"-error", title+" failing", func(c FaultChange) error { return g.Error(either(c.Share, scenario.ErrorIn)) }, func() error { return g.Error(0) })
	add(name+"-delay", title+" far away", func(c FaultChange) error { return g.Delay(either(c.By, scenario.DelayBy)) }, func() error { return g.Delay(0) })
	add(name+"-hang", title+" hung", func(FaultChange) error { g.Hang(true); return nil }, func() error { g.Hang(false); return nil })
}

func either[T float64 | time.Duration](given, otherwise T) T {
	if given == 0 {
		return otherwise
	}
	return given
}

// victim returns the instance to kill: the named one, or the last.
func (r *run) victim(name string) *member {
	all := r.members()
	if i := slices.IndexFunc(all, func(m *member) bool { return m.name == name }); i >= 0 {
		return all[i]
	}
	return all[len(all)-1]
}

// flush empties the caches in Redis and those of the instances, by starting the
// cache pattern afresh. What waits in a queue there is no copy, and stays.
func (r *run) flush() error {
	return errors.Join(r.lab.redis.Flush(r.ctx), r.setAll([]chain.Change{{Pattern: "cache"}}))
}

// setFault switches a fault and returns the marker's text; none when nothing
// has changed.
func (r *run) setFault(name string, c FaultChange) (string, error) {
	f := r.faults[name]
	if f == nil {
		return "", fmt.Errorf("%w: fault %q (this scenario has %s)", ErrUnknown, name, strings.Join(r.faultNames(), ", "))
	}
	if err := check(c); err != nil {
		return "", err
	}
	if g := r.lab.guest(c.Target); g != nil {
		return "", &FieldError{Field: "target", Got: g.name, Want: fmt.Sprintf("one of the lab's own instances: %s is process %d, which can be killed, stopped or slowed as any other", g.name, g.hello.PID)}
	}
	r.switching.Lock()
	defer r.switching.Unlock()
	if !c.On {
		return r.endFault(f)
	}
	f.epoch++
	one := begun{FaultChange: c}
	if strings.HasPrefix(name, "instance-") {
		one.at = r.victim(c.Target)
	}
	if err := f.start(c); err != nil {
		return "", fmt.Errorf("begin fault %s: %w", name, err)
	}
	if f.stop == nil {
		return name, nil // done in an instant
	}
	var until time.Duration
	if c.For > 0 {
		until = r.since() + c.For
		epoch := f.epoch
		r.owned.Go(func() { r.expire(f, epoch, r.began+until) })
	}
	r.mark(f, true, until, one)
	return name, nil
}

// endFault ends a fault and returns the marker's text. switching must be held.
func (r *run) endFault(f *fault) (string, error) {
	r.mu.Lock()
	name, on := f.state.Name, f.state.On
	r.mu.Unlock()
	if !on {
		return "", nil
	}
	f.epoch++
	if err := f.stop(); err != nil {
		return "", fmt.Errorf("end fault %s: %w", name, err)
	}
	r.mark(f, false, 0)
	return name + " ends", nil
}

func check(c FaultChange) error {
	switch {
	case c.For < 0 || c.For > time.Hour:
		return &FieldError{Field: "for", Got: c.For.String(), Want: "a duration from 0s (until switched off) to 1h"}
	case c.Factor != 0 && !(c.Factor >= 1 && c.Factor <= 1000):
		return &FieldError{Field: "factor", Got: strconv.FormatFloat(c.Factor, 'g', -1, 64), Want: "a number from 1 to 1000"}
	case !(c.Share >= 0 && c.Share <= 1):
		return &FieldError{Field: "share", Got: strconv.FormatFloat(c.Share, 'g', -1, 64), Want: "a share from 0 to 1"}
	case c.By < 0 || c.By > time.Minute:
		return &FieldError{Field: "by", Got: c.By.String(), Want: "a duration from 0s to 1m"}
	}
	return nil
}

func (r *run) mark(f *fault, on bool, until time.Duration, terms ...begun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.state.On, f.state.Until = on, until
	if !on {
		f.terms = nil
	}
	for _, one := range terms {
		f.terms = append(slices.DeleteFunc(slices.Clone(f.terms), func(o begun) bool { return o.at == one.at }), one)
	}
}

// expire ends a fault at an instant, unless it was switched since.
func (r *run) expire(f *fault, epoch uint64, at time.Duration) {
	if r.clock.Wait(r.ctx, at) != nil {
		return
	}
	r.switching.Lock()
	text, err := "", error(nil)
	if f.epoch == epoch {
		text, err = r.endFault(f)
	}
	r.switching.Unlock()
	r.noted(text, err)
}

// noted tells of a fault that was switched by a timer.
func (r *run) noted(text string, err error) {
	switch {
	case err != nil && r.ctx.Err() == nil:
		r.lab.cfg.Log.Error("fault not switched", "error", err)
	case err == nil && text != "":
		r.note(text)
		r.lab.announce()
	}
}

// armFaults lets each of the scenario's faults happen at its time after start,
// an instant of the run's clock, unless ctx ends before.
func (r *run) armFaults(ctx context.Context, start time.Duration) {
	r.armResizes(ctx, start)
	for _, f := range r.spec.Faults {
		r.owned.Go(func() {
			if r.clock.Wait(ctx, start+f.At) == nil {
				r.noted(r.setFault(faultName(f), FaultChange{On: true, For: f.For, Factor: f.Factor, Share: f.Share, By: f.By, Target: f.Target}))
			}
		})
	}
}

// faultName returns the switch that a scenario's fault stands for: its target
// and its name, "gate-slow".
func faultName(f scenario.Fault) string {
	switch f.Name {
	case "cache-down", "cache-flush":
		return f.Name
	case "kill":
		return "instance-kill"
	case "instance-slow", "instance-error":
		return f.Name
	}
	if f.Target == "" {
		return "gate-" + f.Name
	}
	return f.Target + "-" + f.Name
}

// faultNames returns the faults in the order of the page.
func (r *run) faultNames() []string {
	order := []string{
		"gate-slow", "gate-error", "gate-delay", "gate-hang", "provider-slow", "provider-error", "provider-delay", "provider-hang",
		"instance-slow", "instance-error", "replica-lag", "cache-down", "cache-flush", "instance-kill", "worker-crash", "poison", "broker-down",
	}
	return slices.DeleteFunc(order, func(name string) bool { return r.faults[name] == nil })
}
