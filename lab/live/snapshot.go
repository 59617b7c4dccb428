package live

import (
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/gate"
	"workbench/lab/knob"
	"workbench/lab/meter"
	"workbench/lab/scenario"
	"workbench/sim/load"
	"workbench/sim/outcome"
)

// State reads the whole lab back from the running service.
func (l *Lab) State() State {
	l.mu.Lock()
	r, version := l.run, l.version
	l.mu.Unlock()
	s := State{Version: version, Engine: "live", Phase: "starting", Redis: l.redisState(), Database: l.databaseState()}
	if r == nil {
		return s
	}
	now, t := r.clock.Now(), r.team.Load() // one team for the whole picture: boxes, list and numbers agree
	s.System = r.kind.Name
	s.Run, s.Scenario, s.Title, s.Story, s.Lesson, s.Teaches = r.id, r.spec.Name, r.spec.Title, r.spec.Story, r.spec.Lesson, r.spec.Teaches
	s.Seed, s.Scale, s.Elapsed, s.Duration = r.seed, r.scale, now-r.began, r.duration()
	s.Patterns = r.patternStates(now)
	s.Nodes, s.Edges = r.diagram(t, s.Redis, s.Database)
	if f, ok := r.tape.Last(); ok {
		for i := range s.Nodes {
			s.Nodes[i].Busy = f.Gauges[s.Nodes[i].ID+".saturation"]
		}
	}
	s.Traffic, s.Phase, s.Stalled = r.trafficState(now, t)
	s.Instances, s.Balancer, s.Autoscaler = r.instanceStates(t), r.balancerState(), r.autoscalerState()
	s.Link, s.LeftOut = r.link(&s)
	s.Veiled = l.rehearsing(r.id)
	if s.Veiled {
		r.veil(&s)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range r.faultNames() {
		if !s.Veiled {
			s.Faults = append(s.Faults, r.faults[name].state)
		}
	}
	s.Markers = append([]scenario.Change(nil), r.markers...)
	if r.predict != nil {
		p := *r.predict
		s.Predict = &p
	}
	if f, ok := r.tape.Last(); ok {
		s.Verdict = f.Verdict
		if f.Verdict == load.GeneratorLimited {
			s.Confidence = fmt.Sprintf("the traffic generator was the bottleneck (one request in a hundred left over %.0f ms late): this machine is too busy for these figures; turn the slider “Traffic” down, or play the scenario in virtual time on the page Replay", f.Lag99)
		}
	}
	if r.why != "" {
		s.Confidence = r.why
	}
	return s
}

func (l *Lab) redisState() RedisState {
	out := RedisState{Kind: l.redis.Kind(), Label: l.redis.Label(), Up: l.redis.Up(), Degraded: l.instead}
	if !out.Up {
		out.Degraded = "does not answer: caches and quotas go on without it"
	}
	return out
}

// patternStates lists the patterns in catalog order.
func (r *run) patternStates(now time.Duration) []PatternState {
	var out []PatternState
	add := func(p lab.Pattern, state lab.State, knobs any, gauges []lab.Gauge, counters map[string]uint64) {
		out = append(out, PatternState{
			Name: p.Name, Title: p.Title, Line: p.Line, Side: p.Side, Front: p.Front, State: state, Knobs: knob.Describe(knobs),
			Gauges: gauges, Counters: counters, Reasons: p.Reasons, Yours: r.lab.Plugged(p.Name), Remark: r.lab.remark(p.Name),
		})
	}
	for _, s := range r.slots(now) {
		add(s.Pattern, s.State, s.Knobs, s.Gauges, s.Counters.All())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.patterns() {
		if s := r.clients[p.Name]; s != nil {
			add(p, s.state, s.knobs, nil, map[string]uint64{})
		}
	}
	return out
}

// diagram lists the boxes and arrows as they are.
func (r *run) diagram(t *team, redis RedisState, db DatabaseState) ([]Node, []Edge) {
	nodes := []Node{
		{ID: "clients", Kind: "clients", Title: "Users", Up: true},
		{ID: "edge", Kind: "edge", Title: "Edge cache", Note: r.edge.note(), Up: true},
		{ID: "balancer", Kind: "balancer", Title: "Balancer", Note: r.frontNote(t), Up: true},
	}
	edges := []Edge{{"clients", "edge"}, {"edge", "balancer"}}
	for _, m := range t.at {
		nodes = append(nodes, r.instanceNode(m))
		edges = append(edges, Edge{"balancer", m.name}, Edge{m.name, "cache"}, Edge{m.name, "gate"})
		if r.provider != nil {
			edges = append(edges, Edge{m.name, "provider"})
		}
		if r.second != nil {
			edges = append(edges, Edge{m.name, "second"})
		}
	}
	joined, ways := r.guestNodes()
	nodes, edges = append(nodes, joined...), append(edges, ways...)
	for _, m := range t.cold {
		nodes = append(nodes, Node{ID: m.name, Kind: "instance", Title: "Service " + m.name, Note: "starting", Degraded: "cold"})
		edges = append(edges, Edge{"balancer", m.name})
	}
	nodes = append(nodes,
		Node{ID: "cache", Kind: "cache", Title: "Redis", Note: redis.Label, Up: redis.Up, Degraded: redis.Degraded},
		r.databaseNode(gateNode("gate", r.kind.Gate, r.gate, r.spec.Gate), db))
	if r.provider != nil {
		nodes = append(nodes, gateNode("provider", r.kind.Provider, r.provider, r.spec.Provider))
	}
	if r.second != nil {
		nodes = append(nodes, gateNode("second", r.kind.Second, r.second, r.spec.Second))
	}
	more, arrows := r.behindOrders()
	return append(nodes, more...), append(edges, arrows...)
}

func gateNode(id, title string, g *gate.Gate, spec scenario.Gate) Node {
	s := g.Stats()
	return Node{ID: id, Kind: "gate", Title: title, Note: fmt.Sprintf("%d slots × %v", s.Slots, spec.Service), Up: !s.Hung, Degraded: s.Fault}
}

// trafficState returns what is offered, and the run's phase that belongs to it.
func (r *run) trafficState(now time.Duration, team *team) (_ TrafficState, phase, stalled string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := now - r.shifted
	base := r.plan.Schedule.At(at)
	_, part := r.plan.Schedule.PhaseAt(at)
	t := TrafficState{
		Base: base, Factor: r.factor, Clients: r.plan.Client, Users: r.spec.Population.WithDefaults().Users, Phase: part,
		Capacity: r.capacity(team),
	}
	if r.phase == "paused" {
		t.Factor = 0
	}
	t.Rate = base * t.Factor
	if now < r.spikeEnd {
		t.Spike, t.SpikeEnd = r.spike.Factor, r.spikeEnd-r.began
		t.Rate *= t.Spike
	}
	return t, r.phase, r.stalled
}

// Figures implements meter.Source.
func (l *Lab) Figures() meter.Figures {
	l.mu.Lock()
	r := l.run
	f := meter.Figures{Offered: l.offered, Tries: l.tries, Users: l.users}
	l.mu.Unlock()
	f.Joined = l.house.tallies()
	f.RedisUp = l.redis != nil && l.redis.Up()
	if r == nil {
		return f
	}
	now := r.clock.Now()
	events := r.counters()
	for i, m := range r.members() {
		for at, s := range m.chain.Slots(now) { // the same patterns in each instance
			if i == 0 {
				f.Patterns = append(f.Patterns, meter.PatternFigures{Name: s.Pattern.Name, State: s.State, Events: events[s.Pattern.Name], Gauges: map[string][]lab.Gauge{}})
			}
			f.Patterns[at].Gauges[m.name] = s.Gauges
		}
	}
	f.Instances, f.Pools = map[string]bool{}, l.pools()
	for _, g := range r.guestsSeen() {
		f.Instances[g.name] = g.rep.up
		for i := range f.Patterns {
			if one := g.rep.gauges[f.Patterns[i].Name]; len(one) > 0 {
				f.Patterns[i].Gauges[g.name] = one
			}
		}
	}
	e := r.edge.slot()
	f.Patterns = append(f.Patterns, meter.PatternFigures{Name: e.Pattern.Name, State: e.State, Events: e.Counters.All(), Gauges: map[string][]lab.Gauge{"edge": e.Gauges}})
	for name, g := range r.gates() {
		s := g.Stats()
		f.Gates = append(f.Gates, meter.GateFigures{Name: name, Slots: s.Slots, Busy: s.Busy, Waiting: s.Waiting, Entered: s.Entered, Saturation: r.saturation(name), Errors: s.Refused + s.Failed + s.Late})
	}
	f.Members = r.memberFigures()
	f.Sessions = r.front.Counts().Moved
	for _, m := range r.members() {
		f.Instances[m.name] = m.server.Up()
	}
	var rep scenario.Report
	r.tape.Fill(&rep)
	f.Offered += rep.Offered
	f.Tries += rep.Sent
	for i, name := range outcome.Names() {
		f.Users[i] += rep.Outcomes[name]
	}
	if frame, ok := r.tape.Last(); ok {
		f.Lag = frame.Lag99 / 1e3
		f.Limited = frame.Verdict == load.GeneratorLimited
		if frame.Offered > 0 {
			f.Goodput = min(1, frame.Good/frame.Offered)
		}
	}
	return f
}

// History returns the last minute's frames of the current run.
func (l *Lab) History() []Frame {
	r, err := l.current()
	if err != nil {
		return nil
	}
	return r.tape.History()
}
