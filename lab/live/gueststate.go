package live

import (
	"fmt"
	"slices"

	"workbench/lab"
	"workbench/lab/balancer"
	"workbench/lab/fleet"
	"workbench/lab/join"
	"workbench/lab/tape"
)

// ProcessState says that an instance is a process of its own, and which.
type ProcessState struct {
	PID  int    `json:"pid"`
	Host string `json:"host"`
}

// seen is a guest as it stood at one moment.
type seen struct {
	name          string
	hello         join.Hello
	leaving, gone bool // gone: killed or lost
	rep           reportOf
	state         string // "": as the balancer says
	why           string
}

// reportOf is what is shown of a report.
type reportOf struct {
	addr            string
	inside, waiting int
	busy, taken     float64
	gauges          map[string][]lab.Gauge
	up              bool
}

// guestsSeen returns all that have joined, also those that are on their way.
func (r *run) guestsSeen() []seen {
	h := &r.lab.house
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []seen
	for _, g := range h.all {
		rep := g.report
		s := seen{name: g.name, hello: g.hello, leaving: g.leaving, gone: g.killed || g.lost, why: fmt.Sprintf("own process %d", g.hello.PID), rep: reportOf{rep.Addr, rep.Inside, rep.Waiting, rep.Busy, rep.Taken, rep.Gauges, g.at == r && !g.lost && !g.killed}}
		switch {
		case g.killed:
			s.state, s.why = "down", s.why+", killed"
		case g.lost:
			s.state, s.why = "down", s.why+", lost: it does not report"
		case rep.Fault != "":
			s.state, s.why = "cold", s.why+": "+rep.Fault
		case g.at != r:
			s.state = "cold"
		case g.leaving:
			s.state, s.why = "draining", s.why+", leaves"
		case g.behind:
			s.state, s.why = "draining", s.why+", has not carried out the last change"
		}
		out = append(out, s)
	}
	return out
}

// guestStates lists them for a page. mu must not be held.
func (r *run) guestStates(known map[string]balancer.Stats) []InstanceState {
	var out []InstanceState
	for _, g := range r.guestsSeen() {
		s := known[g.name]
		one := InstanceState{
			Name: g.name, Addr: g.rep.addr, State: s.State, Why: g.why, Inflight: s.Inflight, Sent: s.Sent, Errors: s.Errors, Users: s.Users, Weight: s.Weight,
			Busy: g.rep.taken, Leaving: g.leaving, Process: &ProcessState{PID: g.hello.PID, Host: g.hello.Host},
		}
		if s.Why != "" {
			one.Why = s.Why + "; " + g.why
		}
		if g.state != "" {
			one.State = g.state
		}
		out = append(out, one)
	}
	return out
}

// guestNodes are their boxes and arrows on the diagram.
func (r *run) guestNodes() ([]Node, []Edge) {
	var nodes []Node
	var edges []Edge
	known := map[string]balancer.Stats{}
	for _, s := range r.front.Stats() {
		known[s.Name] = s
	}
	for _, g := range r.guestsSeen() {
		n := Node{ID: g.name, Kind: "instance", Title: "Service " + g.name, Note: fmt.Sprintf("process %d", g.hello.PID), Up: g.state != "down"}
		if g.rep.addr != "" {
			n.Note += ", " + g.rep.addr
		}
		if i := r.spec.Instance; i.Limited() {
			n.Note += fmt.Sprintf(", %d slots × %v", i.Slots, i.Service)
		}
		if r.edge.ghost.Load() != nil {
			n.Note += ", unseen by the edge's shadow"
		}
		s := known[g.name]
		switch {
		case g.state != "" && n.Up:
			n.Degraded = g.state
		case n.Up && s.State != "up" && s.State != "refused":
			n.Degraded = s.State
		}
		nodes = append(nodes, n)
		edges = append(edges, Edge{"balancer", g.name}, Edge{g.name, "cache"}, Edge{g.name, "gate"})
		if r.provider != nil {
			edges = append(edges, Edge{g.name, "provider"})
		}
		if r.second != nil {
			edges = append(edges, Edge{g.name, "second"})
		}
	}
	return nodes, edges
}

// readGuests adds their figures to a reading.
func (r *run) readGuests(out *tape.Reading) {
	for _, g := range r.guestsSeen() {
		if !g.rep.up {
			continue
		}
		out.Instances++
		out.Waiting += g.rep.waiting
		if r.spec.Instance.Limited() {
			out.Gauges["instance."+g.name+".saturation"] = g.rep.busy
			out.Saturation = max(out.Saturation, g.rep.busy)
		}
	}
}

// loadGuests adds them to what the autoscaler sees.
func (r *run) loadGuests(l *fleet.Load, inside map[string]int) {
	for _, g := range r.guestsSeen() {
		switch {
		case g.leaving || g.gone:
		case !g.rep.up:
			l.Starting++
		default:
			l.Ready++
			l.Inflight += inside[g.name]
			l.Busy += g.rep.busy
		}
	}
}

// tendGuests looks after those that have joined.
func (r *run) tendGuests() {
	now := r.lab.clock.Now()
	inside := map[string]int{}
	for _, s := range r.front.Stats() {
		inside[s.Name] = s.Inflight
	}
	h := &r.lab.house
	var lost, left, gone []*guest
	h.mu.Lock()
	for _, g := range slices.Clone(h.all) {
		silent := now - g.heard
		switch {
		case g.lost && silent > forgetAfter:
			gone = append(gone, g)
			h.drop(g)
		case !g.lost && silent > lostAfter:
			g.lost = true
			lost = append(lost, g)
		case g.leaving && !g.released && !g.lost && (max(inside[g.name], g.report.Inside) == 0 || g.at != r):
			left = append(left, g)
		}
	}
	h.mu.Unlock()
	for _, g := range append(slices.Clone(lost), gone...) {
		r.lab.observe.tracer.Store().Gone(g.name)
	}
	for _, g := range lost {
		r.front.Drain(g.name, true)
		r.noted(fmt.Sprintf("instance %s is lost: process %d does not report", g.name, g.hello.PID), nil)
	}
	for _, g := range append(slices.Clone(left), gone...) {
		if err := r.unseat(g); err != nil {
			r.lab.cfg.Log.Error("instance not taken from the balancer", "instance", g.name, "error", err)
		}
	}
	for _, g := range left {
		h.mu.Lock()
		g.released = true
		h.ring()
		h.mu.Unlock()
		r.noted("instance "+g.name+" has left, 0 requests cut", nil)
	}
	for _, g := range gone {
		r.noted("instance "+g.name+" is given up", nil)
	}
}

// guest returns one that has joined, by its name.
func (l *Lab) guest(name string) *guest {
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	for _, g := range l.house.all {
		if g.name == name {
			return g
		}
	}
	return nil
}

// setGuest brings an instance of another process into a state.
func (r *run) setGuest(g *guest, state string) (string, error) {
	h := &r.lab.house
	h.mu.Lock()
	dead, out := g.killed || g.lost, g.leaving
	h.mu.Unlock()
	switch {
	case state != "up" && state != "draining" && state != "down":
		return "", &FieldError{Field: "state", Got: fmt.Sprintf("%q", state), Want: "up, draining or down"}
	case out:
		return "", fmt.Errorf("%w: instance %s is leaving", ErrConflict, g.name)
	case dead && state == "down":
		return "", nil
	case dead:
		return "", fmt.Errorf("%w: instance %s was a process of its own (%d), and has ended: start another with `bin/workbench instance --join`", ErrConflict, g.name, g.hello.PID)
	}
	h.mu.Lock()
	g.killed, g.drained = state == "down", state == "draining"
	h.ring()
	h.mu.Unlock()
	r.front.Drain(g.name, state != "up")
	if state == "down" {
		return fmt.Sprintf("instance %s killed (process %d)", g.name, g.hello.PID), r.unseat(g)
	}
	if state == "draining" {
		return "instance " + g.name + " drains", nil
	}
	return "instance " + g.name + " gets requests again", nil
}
