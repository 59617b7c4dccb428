package view

import (
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/sim/load"
)

// Fixtures returns one of every component in each of its states, for the
// gallery and the tests.
func Fixtures() Gallery {
	state := fixtureState()
	right, wrong := true, false
	options := []scenario.Option{{Text: "at once"}, {Text: "within a minute"}, {Text: "never"}}
	one := 1
	ask := scenario.Predict{Question: "The spike lasts ten seconds. When is the service well again?", Options: options}
	g := Gallery{
		Headlines: []Headline{
			{Good: "160", Offered: "160", Share: "100 %", P99: "48 ms", Tries: "1.0×", Saturation: "79 %", Level: "ok", Verdict: "Everybody gets an answer in time."},
			{Good: "140", Offered: "160", Share: "88 %", P99: "320 ms", Tries: "1.3×", Saturation: "100 %", Level: "warn", Verdict: "12 % of the users do not get an answer in time."},
			{Good: "0", Offered: "160", Share: "0 %", P99: "–", Tries: "4.0×", Saturation: "100 %", Level: "bad", Verdict: "Down for 0:31. The spike is over; it does not recover."},
			HeadlineOf(live.State{}, nil),
		},
		Wide: wideDiagram(state), Tall: tallDiagram(state), Charts: Charts()[:2],
		Faults: []Fault{{Name: "gallery-a", Title: "Database slow"}, {Name: "gallery-b", Title: "Redis down", On: true}},
		Runs: RunsOf([]live.RunSummary{
			{ID: 2, At: time.Date(2026, 3, 1, 9, 5, 0, 0, time.UTC), Title: "The storm that stays", DurationS: 60, GoodputShare: .998, P99MS: 72, On: []string{"queue"}, Claims: 2, ClaimsOK: 2, Prediction: "right"},
			{ID: 1, At: time.Date(2026, 3, 1, 9, 1, 0, 0, time.UTC), Title: "The storm that stays", DurationS: 60, GoodputShare: .18, P99MS: 2400, Claims: 2, ClaimsOK: 0, Prediction: "wrong"},
		}),
	}
	for _, p := range []live.PredictState{
		{Predict: ask},
		{Predict: ask, Chosen: &one, Locked: true},
		{Predict: ask, Chosen: &one, Locked: true, Right: &wrong, Answer: "You said “within a minute”. Measured: 0 %, which is “never”."},
		{Predict: ask, Chosen: &one, Locked: true, Right: &right, Answer: "You were right. Measured: 41 s."},
	} {
		g.Predictions = append(g.Predictions, *predictOf(&p))
	}
	for i, p := range state.Patterns {
		g.Switches = append(g.Switches, SwitchOf(p, i+1, "queue"))
	}
	return g
}

func fixtureState() live.State {
	pattern := func(name, title string, st lab.State, gauges ...lab.Gauge) live.PatternState {
		return live.PatternState{Name: "demo-" + name, Title: title, Line: "one line on what it does", Side: lab.Server, State: st, Gauges: gauges, Knobs: []knob.Info{
			{Name: "length", Kind: knob.Integer, Value: "20", Unit: "requests", Min: "1", Max: "100000", Help: "requests that may wait"},
			{Name: "wait", Kind: knob.Duration, Value: "50ms", Min: "0s", Max: "10s", Help: "longest wait for a place"},
			{Name: "order", Kind: knob.Choice, Value: "fifo", Options: []string{"fifo", "lifo"}, Help: "who is served next"},
			{Name: "drop_expired", Kind: knob.Switch, Value: "true", Help: "drop what is too late at dequeue"},
		}}
	}
	return live.State{
		Phase: "running", Traffic: live.TrafficState{Clients: load.Client{Timeout: 500 * time.Millisecond, Retries: 3}},
		Nodes: []live.Node{
			{ID: "clients", Kind: "clients", Title: "Users", Up: true}, {ID: "balancer", Kind: "balancer", Title: "Balancer", Note: "round robin over 2", Up: true},
			{ID: "a", Kind: "instance", Title: "Service a", Up: true}, {ID: "b", Kind: "instance", Title: "Service b"},
			{ID: "cache", Kind: "cache", Title: "Redis", Note: "embedded", Up: true}, {ID: "gate", Kind: "gate", Title: "Database", Note: "4 slots × 20ms", Up: true},
		},
		Patterns: []live.PatternState{
			pattern("queue", "Bounded queue", lab.On), pattern("breaker", "Circuit breaker", lab.On, lab.Gauge{Name: "state", Text: "open"}),
			pattern("cache", "Cache", lab.Shadow), pattern("retry", "Retry with a budget", lab.Off),
		},
	}
}
