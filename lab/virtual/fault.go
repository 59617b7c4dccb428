package virtual

import (
	"fmt"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/lab/scenario"
)

// able reports whether virtual time knows a fault.
func (w *world) able(f scenario.Fault) error {
	switch f.Name {
	case "slow", "error", "hang", "delay", "kill", "cache-flush", "cache-down":
	case "instance-slow", "instance-error":
		if !w.spec.Instance.Limited() {
			return fmt.Errorf("fault %s: the instances have no capacity of their own", f.Name)
		}
	default:
		return fmt.Errorf("fault %q: unknown (want slow, error, hang, delay, kill, instance-slow, instance-error, cache-down or cache-flush)", f.Name)
	}
	if f.Target == "provider" && len(w.gates) < 2 {
		return fmt.Errorf("fault %s: the scenario has no provider", f.Name)
	}
	return nil
}

// fault begins or ends one of the scenario's faults.
func (w *world) fault(f scenario.Fault, on bool) error {
	w.mark(f, on)
	now := w.queue.Now()
	d := w.gates[0]
	if f.Target == "provider" {
		d = w.gates[1]
	}
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
	case "cache-flush":
		w.flush()
	case "cache-down":
		w.gone = on
		w.redis()
	case "kill":
		i := w.victim(f.Target)
		if on {
			w.kill(w.members[i])
			return nil
		}
		return w.revive(i)
	case "instance-slow":
		m := w.members[w.victim(f.Target)]
		m.slow = pick(f.Factor, 1)
		return w.warm(m, now)
	case "instance-error":
		return w.members[w.victim(f.Target)].cpu.model.Error(pick(f.Share, 0))
	}
	return nil
}

// victim returns the index of the instance that a fault strikes: the named one,
// or the last.
func (w *world) victim(name string) int {
	if i := slices.IndexFunc(w.members, func(m *member) bool { return m.name == name }); i >= 0 {
		return i
	}
	return len(w.members) - 1
}

func (w *world) mark(f scenario.Fault, on bool) {
	text := f.Name
	if f.Target != "" {
		text = f.Target + " " + text
	}
	if !on {
		text += " ends"
	}
	w.marks = append(w.marks, scenario.Change{Version: uint64(len(w.marks) + 1), At: w.queue.Now(), Text: text})
}

// redis tells every stage that keeps something in Redis whether it is there.
func (w *world) redis() {
	for _, p := range w.ports {
		if c, ok := p.stage.(interface{ Down(bool) }); ok {
			c.Down(w.gone)
		}
	}
}

// flush empties what can be emptied: the instances' caches.
func (w *world) flush() {
	for _, p := range w.ports {
		if c, ok := p.stage.(interface{ Clear() }); ok {
			c.Clear()
		}
	}
}

// kill ends an instance as a crash does: those inside get an error, the gates
// forget them, and all that it had in memory is gone.
func (w *world) kill(m *member) {
	m.dead = true
	w.forget(m)
	var held []*line          // whose turns end with it
	for id := range w.calls { // told may add to the slice; what it adds is not of m
		c := &w.calls[id]
		if !c.live || c.member != m {
			continue
		}
		if d := c.door; d != nil {
			c.door = nil
			d.tell(d.model.Leave(w.queue.Now(), c.job, nil))
		}
		if c = &w.calls[id]; c.held != nil {
			held = append(held, c.held)
			c.held = nil
		}
		w.watch(int32(id), lab.Answer(nil, lab.ErrDown))
		if u := w.calls[id].user; u != none {
			w.calls[id].user = none
			w.left(&w.calls[id], fleet.Result{Failed: true})
			w.told(u, lab.Answer(nil, lab.ErrDown))
		}
	}
	for _, ln := range held {
		w.release(ln, 0)
	}
}

// revive puts an instance that has just begun in the place of a dead one.
func (w *world) revive(i int) error {
	if !w.members[i].dead {
		return nil
	}
	old := w.members[i]
	m, err := w.buildMember(old.name)
	if err != nil {
		return err
	}
	m.seat, m.began, m.slow = old.seat, w.queue.Now(), old.slow
	w.members[i], w.born[m.seat.Tag] = m, m
	w.fleet.Back(w.queue.Now(), m.seat)
	if err := w.warm(m, w.queue.Now()); err != nil {
		return err
	}
	w.redis()
	return nil
}
