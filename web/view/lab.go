package view

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/sim/load"
)

// Lab is the lab's page.
type Lab struct {
	Site      Site
	First     bool // whether to explain what this is
	Scenario  string
	Title     string
	Story     string
	Lesson    string
	Teaches   string
	Run       string
	Seed      string
	Scale     string
	Phase     string
	Crowd     string // who the clients are
	Headline  Headline
	Wide      Diagram
	Tall      Diagram
	Server    []Switch
	Client    []Switch
	Faults    []Fault
	Team      Team
	Predict   *Predict
	Dial      Dial
	Charts    []Chart
	Three     Three
	Runs      []Run
	Slowest   []TraceLine // nil: requests are not followed
	Scenarios []Option
	Presets   []Option // named loads, offered after the scenarios
	Warning   string   // why the figures are not to be trusted
	Ask       *Ask     // what the address holds; nil: nothing
	Stalled   string   // why the service is down since the machine stood still
	Watched   bool     // somebody else drives: what changes the lab is out of use here
	Veiled    bool     // an incident is rehearsed: what changes the lab is out of use, and faults are not listed
}

// Shut reports whether what changes the lab is out of use.
func (v Lab) Shut() bool { return v.Watched || v.Veiled }

// Headline is the big number with the figures beside it.
type Headline struct {
	Good, Offered, Share, P99, Tries, Saturation string
	Level                                        string // ok, warn, bad, idle
	Verdict                                      string
}

// Option is one entry of a list to choose from.
type Option struct {
	Value, Text, Hint string
	Chosen            bool
}

// Switch is one pattern with its states and knobs.
type Switch struct {
	Name, Title, Line, State string
	Key                      string // the digit that switches it; empty: none
	States                   []Option
	Yours                    string // how a plugged-in answer fares; empty where none decides
	Knobs                    []Knob
	Teaches                  bool   // whether the scenario is about it
	Away                     string // why it cannot be switched here; empty: it can
}

// Knob is one field of a pattern's form.
type Knob struct {
	ID, Name, Label, Kind, Value, Unit, Limits, Help string
	Options                                          []Option
	On                                               bool
	Beside                                           string // a field that its form always sends; empty: it comes back by no form
}

// Fault is one thing that can be made to go wrong.
type Fault struct {
	Name, Title, Note string
	On, Once          bool // Once: it happens and is over
}

// Predict is the card asked before the event.
type Predict struct {
	Question, Answer string
	Level            string // ok: right; bad: wrong; empty: not known yet
	Locked           bool
	Chosen           bool
	Options          []Option
}

// Dial is the traffic control. Position is log10 of the factor in hundredths.
type Dial struct {
	Position, Factor, Rate string
	Paused                 bool
}

// Chart is one figure. The drawing and the table are filled by the page's
// script.
type Chart struct {
	ID, Title, Unit string
	Series          []Series
}

// Series is one line of a chart's legend.
type Series struct{ Name, Class string }

// LabOf makes the lab's page from the state and the last minute.
func LabOf(s live.State, frames []live.Frame, runs []live.RunSummary) Lab {
	v := Lab{
		Scenario: s.Scenario, Title: s.Title, Story: s.Story, Lesson: s.Lesson, Teaches: s.Teaches,
		Run: strconv.FormatUint(s.Run, 10), Seed: strconv.FormatUint(s.Seed, 10), Scale: strconv.FormatFloat(s.Scale, 'g', 3, 64),
		Phase: s.Phase, Crowd: crowd(s.Traffic.Clients), Headline: HeadlineOf(s, frames),
		Wide: wideDiagram(s), Tall: tallDiagram(s), Predict: predictOf(s.Predict), Dial: dialOf(s),
		Team: TeamOf(s), Charts: Charts(), Runs: RunsOf(runs), Warning: s.Confidence, Veiled: s.Veiled, Stalled: s.Stalled,
	}
	for _, p := range s.Patterns {
		if p.Side == lab.Client {
			v.Client = append(v.Client, SwitchOf(p, 0, s.Teaches))
			continue
		}
		v.Server = append(v.Server, SwitchOf(p, len(v.Server)+1, s.Teaches))
	}
	for _, f := range s.Faults {
		v.Faults = append(v.Faults, Fault{Name: f.Name, Title: f.Title, Note: f.Note, On: f.On, Once: f.Name == "cache-flush"})
	}
	return v
}

// crowd says in a few words how the clients behave.
func crowd(c load.Client) string {
	var parts []string
	if c.Timeout > 0 {
		parts = append(parts, "give up after "+c.Timeout.String())
	}
	if c.Retries > 0 {
		parts = append(parts, fmt.Sprintf("try again %d×", c.Retries))
	} else {
		parts = append(parts, "never try again")
	}
	return strings.Join(parts, ", ")
}

// HeadlineOf sums up the last 2.5 seconds, as the script does from then on.
func HeadlineOf(s live.State, frames []live.Frame) Headline {
	h := Headline{Good: "–", Offered: "–", Share: "–", P99: "–", Tries: "–", Saturation: "–", Level: "idle", Verdict: "No traffic yet."}
	const window = 25 // frames
	frames = frames[max(0, len(frames)-window):]
	if len(frames) == 0 {
		return h
	}
	var good, offered, tries, sat float64
	for _, f := range frames {
		good, offered, tries, sat = good+f.Good, offered+f.Offered, tries+f.Tries, sat+f.Saturation
	}
	n := float64(len(frames))
	h.Good, h.Offered, h.Saturation = Rate(good/n), Rate(offered/n), Percent(sat/n)
	h.P99 = Millis(frames[len(frames)-1].P99)
	if offered == 0 {
		h.Verdict = "Nobody asks right now."
		return h
	}
	share := min(1, good/offered)
	h.Share, h.Tries = Percent(share), strconv.FormatFloat(tries/offered, 'f', 1, 64)+"×"
	switch {
	case s.Confidence != "":
		h.Level, h.Verdict = "idle", s.Confidence
	case share >= .99:
		h.Level, h.Verdict = "ok", "Everybody gets an answer in time."
	case share >= .9:
		h.Level, h.Verdict = "warn", fmt.Sprintf("%s of the users do not get an answer in time.", Percent(1-share))
	default:
		h.Level, h.Verdict = "bad", fmt.Sprintf("Only %s of the users get an answer in time.", Percent(share))
	}
	return h
}

// SwitchOf makes one pattern's switch. order is its place, from 1; 0: none.
func SwitchOf(p live.PatternState, order int, teaches string) Switch {
	v := Switch{Name: p.Name, Title: clientTitle(p.Title), Line: p.Line, State: p.State.String(), Teaches: p.Name == teaches}
	if order >= 1 && order <= 9 {
		v.Key = strconv.Itoa(order)
	}
	states := []lab.State{lab.Off, lab.Shadow, lab.On}
	if p.Side == lab.Client {
		states = []lab.State{lab.Off, lab.On}
	}
	if p.State == lab.Yours || p.Yours != "" {
		states = append(states, lab.Yours)
	}
	hints := map[lab.State]string{
		lab.Off: "not in the path", lab.Shadow: "counts what it would do, acts on nothing", lab.On: "acts", lab.Yours: "your own solution acts",
	}
	for _, st := range states {
		v.States = append(v.States, Option{Value: st.String(), Text: st.String(), Hint: hints[st], Chosen: st == p.State})
	}
	v.Yours = yoursOf(p)
	for _, k := range p.Knobs {
		v.Knobs = append(v.Knobs, KnobOf(p.Name, k))
	}
	return v
}

// KnobOf makes one field of a pattern's form.
func KnobOf(pattern string, k knob.Info) Knob {
	v := Knob{
		ID: "knob-" + pattern + "-" + k.Name, Name: k.Name, Label: Words(k.Name), Kind: string(k.Kind), Value: k.Value, Unit: k.Unit,
		Help: k.Help, On: k.Value == "true",
	}
	switch {
	case k.Min != "" && k.Max != "":
		v.Limits = k.Min + " to " + k.Max
	case k.Min != "":
		v.Limits = "at least " + k.Min
	case k.Max != "":
		v.Limits = "at most " + k.Max
	}
	for _, o := range k.Options {
		v.Options = append(v.Options, Option{Value: o, Text: o, Chosen: o == k.Value})
	}
	return v
}

func predictOf(p *live.PredictState) *Predict {
	if p == nil || len(p.Options) == 0 {
		return nil
	}
	v := &Predict{Question: p.Question, Answer: p.Answer, Locked: p.Locked, Chosen: p.Chosen != nil}
	for i, o := range p.Options {
		v.Options = append(v.Options, Option{Value: strconv.Itoa(i), Text: o.Text, Chosen: p.Chosen != nil && *p.Chosen == i})
	}
	if p.Right != nil {
		v.Level = map[bool]string{true: "ok", false: "bad"}[*p.Right]
	}
	return v
}

// Charts lists the four figures of the page.
func Charts() []Chart {
	return []Chart{
		{ID: "traffic", Title: "Traffic", Unit: "users a second, mean of ½ s", Series: []Series{{"arriving", "dim"}, {"answered in time", "ok"}}},
		{ID: "latency", Title: "Latency", Unit: "since the user asked", Series: []Series{{"p50", "ok"}, {"p99", "warn"}}},
		{ID: "outcomes", Title: "Not served", Unit: "users a second, mean of ½ s", Series: []Series{{"refused", "mark"}, {"late", "warn"}, {"failed", "bad"}}},
		{ID: "pressure", Title: "Pressure", Unit: "requests; share of the database", Series: []Series{{"waiting", "warn"}, {"busy", "ok"}}},
	}
}

// Pick returns the scenarios of the picker with the present one chosen.
func Pick(all []Option, chosen string) []Option {
	all = slices.Clone(all)
	for i := range all {
		all[i].Chosen = all[i].Value == chosen
	}
	return all
}

// clientTitle drops what the list's heading says already.
func clientTitle(title string) string {
	rest, ok := strings.CutPrefix(title, "Clients: ")
	if !ok || rest == "" {
		return title
	}
	return strings.ToUpper(rest[:1]) + rest[1:]
}
