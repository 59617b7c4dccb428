package webtest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/sim/load"
)

// State implements web.Lab.
func (l *Lab) State() live.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state()
}

func (l *Lab) state() live.State {
	s := live.State{
		Version: l.version, Run: l.run, Scenario: Scenario, Title: "The storm that stays",
		Story:  "A service runs at four fifths of what its database can bear. For ten seconds ten times as many ask. Then everything is as before, except the service.",
		Lesson: "Retries can hold a service down long after the cause is gone.", Teaches: "queue",
		Engine: "live", Seed: l.seed, Scale: .2, Phase: l.phase, Elapsed: l.now, Duration: 90 * time.Second,
		Traffic: live.TrafficState{
			Base: calmRate, Factor: l.factor, Rate: l.inputs().users, Capacity: capacity, Users: 5000, Phase: "calm",
			Clients: load.Client{Timeout: 500 * time.Millisecond, Retries: 3},
		},
		Nodes: []live.Node{
			{ID: "clients", Kind: "clients", Title: "Users", Up: true},
			{ID: "balancer", Kind: "balancer", Title: "Balancer", Note: "2, in turn", Up: true},
			{ID: "a", Kind: "instance", Title: "Service a", Up: true},
			{ID: "b", Kind: "instance", Title: "Service b", Up: !l.fault("instance-kill")},
			{ID: "cache", Kind: "cache", Title: "Redis", Note: "embedded", Up: !l.fault("cache-down")},
			{ID: "gate", Kind: "gate", Title: "Database", Note: "4 slots × 20 ms", Up: !l.fault("gate-hang")},
		},
		Redis: live.RedisState{Kind: "embedded", Label: "embedded", Up: !l.fault("cache-down")},
	}
	l.team(&s)
	if l.now < l.spikeEnd {
		s.Traffic.Spike, s.Traffic.SpikeEnd = l.spike.Factor, l.spikeEnd
	}
	if l.limited {
		s.Verdict, s.Confidence = load.GeneratorLimited, "the traffic generator was the bottleneck: this machine is too busy for these figures"
	}
	for _, one := range l.slots {
		s.Patterns = append(s.Patterns, one.view(l.model))
	}
	s.Faults, s.Markers = slices.Clone(l.faults), slices.Clone(l.markers)
	s.Link = l.link(s)
	s.Stalled = l.stalled
	if l.veiled {
		s.Veiled, s.Scenario, s.Title, s.Faults = true, "on-call", "On call", nil
	}
	p := l.predict
	s.Predict = &p
	return s
}

// History implements web.Lab.
func (l *Lab) History() []live.Frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.frames)
}

// change makes one change and answers with the state after it.
func (l *Lab) change(do func() (string, error)) (live.State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text, err := do()
	if err != nil {
		return live.State{}, err
	}
	l.mark(text)
	return l.state(), nil
}

// SetPattern implements web.Lab.
func (l *Lab) SetPattern(_ context.Context, name string, c live.PatternChange) (live.State, error) {
	return l.change(func() (string, error) {
		s := l.slot(name)
		switch {
		case s == nil:
			return "", fmt.Errorf("%w: pattern %q", live.ErrUnknown, name)
		case c.State == nil && len(c.Knobs) == 0:
			return "", field("state", "nothing", "a state, knobs, or both")
		}
		if err := s.set(c); err != nil {
			return "", err
		}
		if c.State != nil {
			return name + " " + c.State.String(), nil
		}
		return name + " set", nil
	})
}

// SetFault implements web.Lab.
func (l *Lab) SetFault(_ context.Context, name string, c live.FaultChange) (live.State, error) {
	return l.change(func() (string, error) {
		for i := range l.faults {
			f := &l.faults[i]
			if f.Name != name {
				continue
			}
			f.On = c.On && name != "cache-flush"
			if f.Until = 0; c.On && c.For > 0 {
				f.Until = l.now + c.For
			}
			if !c.On {
				return name + " ends", nil
			}
			return name, nil
		}
		return "", fmt.Errorf("%w: fault %q", live.ErrUnknown, name)
	})
}

// Spike implements web.Lab.
func (l *Lab) Spike(_ context.Context, s load.Spike) (live.State, error) {
	return l.change(func() (string, error) {
		text := "spike ×" + number(s.Factor)
		if s == (load.Spike{}) {
			s = load.Spike{Factor: 10, For: 10 * time.Second}
			text = "event: ten times the traffic"
			l.ends, l.predict.Locked = l.now+time.Minute, true
		}
		if !(s.Factor >= 0 && s.Factor <= 100) {
			return "", field("factor", number(s.Factor), "a number from 0 to 100")
		}
		if s.For < 100*time.Millisecond || s.For > 5*time.Minute {
			return "", field("for", s.For.String(), "a duration from 100ms to 5m")
		}
		l.spike, l.spikeEnd = s, l.now+s.For
		return text, nil
	})
}

// SetTraffic implements web.Lab.
func (l *Lab) SetTraffic(_ context.Context, c live.TrafficChange) (live.State, error) {
	return l.change(func() (string, error) {
		text := ""
		if c.Factor != nil {
			if !(*c.Factor >= 0 && *c.Factor <= 100) {
				return "", field("factor", number(*c.Factor), "a number from 0 to 100")
			}
			text = "traffic ×" + number(*c.Factor)
		}
		if c.Phase != nil {
			if *c.Phase != "paused" && *c.Phase != "running" {
				return "", field("phase", strconv.Quote(*c.Phase), "running or paused")
			}
			l.phase, text = *c.Phase, "traffic "+*c.Phase
		}
		if text == "" {
			return "", field("factor", "nothing", "a factor, a phase, or both")
		}
		if c.Factor != nil {
			l.factor = *c.Factor
		}
		return text, nil
	})
}

// Load implements web.Lab.
func (l *Lab) Load(_ context.Context, c live.ScenarioChange) (live.State, error) {
	var opened front
	if c.Link != "" {
		var err error
		if c, opened, err = read(c.Link); err != nil {
			return live.State{}, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(Scenarios(), c.Name) {
		return live.State{}, field("name", strconv.Quote(c.Name), "one of "+strings.Join(Scenarios(), ", "))
	}
	draft := New()
	for name, p := range c.Patterns {
		s := draft.slot(name)
		if s == nil {
			return live.State{}, fmt.Errorf("%w: pattern %q", live.ErrUnknown, name)
		}
		if err := s.set(p); err != nil {
			return live.State{}, err
		}
	}
	seed := uint64(1)
	if c.Seed != nil {
		seed = *c.Seed
	}
	l.reset(seed)
	l.slots = draft.slots
	if opened.count > 0 {
		l.front = opened
	}
	s := l.state()
	l.tell(live.Event{State: &s})
	return s, nil
}

// Predict implements web.Lab.
func (l *Lab) Predict(_ context.Context, choice int) (live.State, error) {
	return l.change(func() (string, error) {
		switch {
		case l.predict.Locked:
			return "", fmt.Errorf("%w: the prediction is locked", live.ErrConflict)
		case choice < 0 || choice >= len(l.predict.Options):
			return "", field("choice", strconv.Itoa(choice), fmt.Sprintf("a number from 0 to %d", len(l.predict.Options)-1))
		}
		l.predict.Chosen, l.predict.Locked = &choice, true
		return "prediction: " + l.predict.Options[choice].Text, nil
	})
}

// Runs implements web.Lab.
func (l *Lab) Runs(context.Context) ([]live.RunSummary, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.runs), nil
}

// Run implements web.Lab.
func (l *Lab) Run(_ context.Context, id uint64) (scenario.Report, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.runs {
		if r.ID != id {
			continue
		}
		rep := scenario.Report{
			Scenario: r.Scenario, Engine: r.Engine, Seed: r.Seed, Scale: r.Scale, DurationS: r.DurationS, GoodputShare: r.GoodputShare, Offered: 9600, Sent: 21000,
			Outcomes: map[string]uint64{"ok": 8000, "late": 1600}, Reasons: map[string]uint64{"deadline": 1600},
			LatencyMS: scenario.Latency{P50: 30, P99: r.P99MS, Max: 900}, Patterns: map[string]scenario.PatternRun{"queue": {State: lab.On, Knobs: map[string]string{"length": "60"}}},
			Claims:  []scenario.Verdict{{Text: "goodput in the last 20 s is at least 95 %", OK: r.GoodputShare > .9, Value: r.GoodputShare, Want: "≥ 0.95"}},
			Changes: []scenario.Change{{Version: 2, At: 5 * time.Second, Text: "event: ten times the traffic"}},
		}
		for i := range 60 {
			t := float64(i + 1)
			p := scenario.Point{T: t, Offered: calmRate, Good: calmRate, P50MS: 24, P99MS: 64, Queue: 2, Saturation: .8}
			if i >= 5 && i < 15 {
				p.Offered, p.Good, p.P50MS, p.P99MS, p.Queue, p.Saturation = 1600, 120, 310, 640, 60, 1
			}
			rep.Series = append(rep.Series, p)
		}
		return rep, nil
	}
	return scenario.Report{}, fmt.Errorf("%w: run %d", live.ErrUnknown, id)
}
