package webtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/sim/clock"
	"workbench/sim/load"
)

// Lab is the stand-in. It is safe for concurrent use. Use New.
type Lab struct {
	mu       sync.Mutex
	version  uint64
	run      uint64
	seed     uint64
	now      time.Duration
	phase    string
	factor   float64
	spike    load.Spike
	spikeEnd time.Duration
	ends     time.Duration // when the event is over; 0: none runs
	slots    []*slot
	faults   []live.FaultState
	markers  []scenario.Change
	predict  live.PredictState
	model    model
	frames   []live.Frame
	readers  map[chan live.Event]bool
	runs     []live.RunSummary
	limited  bool // whether the generator is the bottleneck
	veiled   bool // whether an incident is rehearsed
	stalled  string
	front    front
}

// Scenario is the one scenario that the stand-in knows; Load takes any name in
// Scenarios and plays this one.
const Scenario = "metastable"

// Scenarios are the names that Load takes.
func Scenarios() []string { return []string{Scenario, "stampede", "slow-dependency"} }

// New returns a stand-in that has run for no time.
func New() *Lab {
	l := &Lab{readers: map[chan live.Event]bool{}}
	l.reset(1)
	return l
}

func (l *Lab) reset(seed uint64) {
	l.run++
	l.version++
	l.seed, l.now, l.phase, l.factor, l.ends = seed, 0, "running", 1, 0
	l.spike, l.spikeEnd = load.Spike{}, 0
	l.slots, l.frames, l.markers, l.model = slots(), nil, nil, model{noise: seed}
	l.faults = nil
	l.front = newFront()
	for _, f := range [][2]string{
		{"gate-slow", "Database slow"}, {"gate-error", "Database failing"}, {"gate-hang", "Database hung"},
		{"cache-down", "Redis down"}, {"cache-flush", "Caches emptied"}, {"instance-kill", "Instance b killed"},
	} {
		l.faults = append(l.faults, live.FaultState{Name: f[0], Title: f[1]})
	}
	l.predict = live.PredictState{Predict: scenario.Predict{
		Question: "Ten seconds of ten times the traffic. When is the service well again?",
		Options:  []scenario.Option{{Text: "at once, when the spike ends"}, {Text: "within half a minute"}, {Text: "not by itself"}},
	}}
}

// Drive moves the stand-in on ten times a second until ctx ends.
func (l *Lab) Drive(ctx context.Context, c clock.Clock) {
	for i := time.Duration(1); c.Wait(ctx, i*tickLength) == nil; i++ {
		l.Step()
	}
}

const tickLength = 100 * time.Millisecond

// Step moves the stand-in on by a tenth of a second.
func (l *Lab) Step() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now += tickLength
	if l.ends > 0 && l.now >= l.ends {
		l.conclude()
	}
	for i := range l.faults {
		if f := &l.faults[i]; f.On && f.Until > 0 && l.now >= f.Until {
			f.On, f.Until = false, 0
			l.mark(f.Name + " ends")
		}
	}
	f := l.frame()
	l.frames = append(l.frames, f)
	if len(l.frames) > 600 {
		l.frames = append(l.frames[:0], l.frames[1:]...)
	}
	l.tell(live.Event{Frame: &f})
	if l.now%time.Second == 0 {
		s := l.state()
		l.tell(live.Event{State: &s})
	}
}

func (l *Lab) frame() live.Frame {
	in := l.inputs()
	r := l.model.step(in)
	f := live.Frame{
		T: l.now.Seconds(), Run: l.run, Version: l.version, Offered: r.users, Tries: r.tries, Good: r.good, P50: r.p50, P99: r.p99,
		Service99: min(r.p99, 64), Queue: l.model.queue, Inflight: l.model.queue + 4*r.saturation, Saturation: r.saturation,
		Calls: r.saturation * in.capacity, HitShare: l.model.hits, Lag99: .4, CPU: .2, Verdict: load.Unlimited, Reasons: map[string]float64{},
	}
	if l.limited {
		f.Verdict, f.Lag99 = load.GeneratorLimited, 80
	}
	f.Outcomes = [7]float64{r.good, r.stale, r.limited, r.shed + r.throttled, r.open, r.late, r.failed}
	f.Good += r.stale
	for reason, rate := range map[string]float64{"rate_limit": r.limited, "queue_full": r.shed, "throttled": r.throttled, "breaker_open": r.open, "deadline": r.late, "fault": r.failed} {
		if rate >= .5 {
			f.Reasons[reason] = rate
		}
	}
	if r.shed > 0 && !in.queue {
		f.Reasons["backlog"] = r.shed
		delete(f.Reasons, "queue_full")
	}
	for reason, name := range map[string]string{"rate_limit": "ratelimit", "queue_full": "queue", "throttled": "throttle", "breaker_open": "breaker"} {
		if n := uint64(f.Reasons[reason] * tick); n > 0 {
			l.slot(name).counters["refused"] += n
		}
	}
	for _, c := range []struct {
		slot, event string
		rate        float64
	}{{"hedge", "hedged", r.seconds}, {"fallback", "default", r.stale}, {"brownout", "reduced", r.good * l.model.dimmed}} {
		l.slot(c.slot).count(c.event, c.rate*tick)
	}
	return f
}

func (l *Lab) inputs() inputs {
	on := func(name string) bool { return l.slot(name).state == lab.On }
	in := inputs{
		users: calmRate * l.factor, capacity: capacity,
		limit: on("ratelimit"), rate: l.slot("ratelimit").knobs.(*limitKnobs).Rate,
		queue: on("queue"), length: float64(l.slot("queue").knobs.(*queueKnobs).Length),
		breaker: on("breaker"), openFor: l.slot("breaker").knobs.(*timeKnobs).Limit.Seconds(),
		budget: on("client-budget"), retries: l.slot("client-budget").knobs.(*shareKnobs).Share,
		cache: on("cache") && !l.fault("cache-down"), relief: relief{copies: on("stale")},
	}
	for _, s := range l.slots {
		if s.state == lab.On {
			in.relief.set(s.knobs)
		}
	}
	switch {
	case l.phase == "paused":
		in.users = 0
	case l.now < l.spikeEnd:
		in.users *= l.spike.Factor
	}
	if l.fault("gate-slow") {
		in.capacity /= 5
	}
	if l.fault("gate-hang") {
		in.capacity = 0
	}
	if l.fault("instance-kill") {
		in.failures = .05
	}
	if l.fault("gate-error") {
		in.failures = .5
	}
	return in
}

func (l *Lab) slot(name string) *slot {
	for _, s := range l.slots {
		if s.about.Name == name {
			return s
		}
	}
	return nil
}

func (l *Lab) fault(name string) bool {
	for _, f := range l.faults {
		if f.Name == name {
			return f.On
		}
	}
	return false
}

// conclude ends the event: the run is kept and the prediction compared.
func (l *Lab) conclude() {
	l.ends = 0
	good, offered := 0.0, 0.0
	for _, f := range l.frames {
		good, offered = good+f.Good, offered+f.Offered
	}
	var on []string
	for _, s := range l.slots {
		if s.state == lab.On {
			on = append(on, s.about.Name)
		}
	}
	well := good/max(offered, 1) > .9
	right := l.predict.Chosen != nil && (*l.predict.Chosen == 2) != well
	l.predict.Right, l.predict.Value = &right, new(60.0)
	l.predict.Answer = "Measured: not by itself. The retries keep it down."
	if well {
		l.predict.Answer = "Measured: within half a minute."
	}
	l.runs = append([]live.RunSummary{{
		ID: uint64(len(l.runs) + 1), At: time.Date(2026, 3, 1, 9, len(l.runs), 0, 0, time.UTC), Scenario: Scenario, Title: "The storm that stays",
		Engine: "live", Seed: l.seed, Scale: .2, DurationS: 60, GoodputShare: min(1, good/max(offered, 1)), P99MS: 640, On: on, Claims: 2, ClaimsOK: map[bool]int{true: 2}[well],
		Prediction: map[bool]string{true: "right", false: "wrong"}[right],
	}}, l.runs...)
	l.mark("event over")
}

// mark notes a change under a new version and tells every reader.
func (l *Lab) mark(text string) {
	l.version++
	l.markers = append(l.markers, scenario.Change{Version: l.version, At: l.now, Text: text})
	s := l.state()
	l.tell(live.Event{State: &s})
}

func (l *Lab) tell(e live.Event) {
	for ch := range l.readers {
		select {
		case ch <- e:
		default: // the hub drains at once
		}
	}
}

// Spoil makes the generator the bottleneck, or ends that.
func (l *Lab) Spoil(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limited = on
}

// Veil has a rehearsal's fault hidden, or ends that.
func (l *Lab) Veil(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.veiled = on
	l.version++
	s := l.state()
	l.tell(live.Event{State: &s})
}

// Stall has the service be down for a reason; empty: it is not.
func (l *Lab) Stall(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stalled = why
	s := l.state()
	l.tell(live.Event{State: &s})
}

// Readers returns how many watch.
func (l *Lab) Readers() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.readers)
}

// Watch implements web.Lab.
func (l *Lab) Watch(ctx context.Context) <-chan live.Event {
	ch := make(chan live.Event, 64)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers[ch] = true
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.readers, ch)
		close(ch)
	})
	return ch
}

// Pattern returns a pattern as the state shows it, for tests: no test counts
// places in a list that grows.
func (l *Lab) Pattern(name string) live.PatternState {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.slot(name)
	if s == nil {
		return live.PatternState{}
	}
	return s.view(l.model)
}

// Metrics implements web.Lab.
func (l *Lab) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = fmt.Fprintf(w, "workbench_lab_version %d\n", l.version) // a scraper that left needs no answer
	})
}

// set checks and sets a pattern's knobs.
func (s *slot) set(c live.PatternChange) error {
	if err := knob.Apply(s.knobs, c.Knobs); err != nil {
		return errors.Join(live.ErrInvalid, err)
	}
	if c.State != nil {
		s.state = *c.State
	}
	return nil
}

func field(name, got, want string) error { return &live.FieldError{Field: name, Got: got, Want: want} }

func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
