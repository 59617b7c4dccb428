package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/fleet"
	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/lab/tape"
	"workbench/sim/load"
)

// RunSummary is one line of the run history.
type RunSummary struct {
	ID           uint64       `json:"id"`
	At           time.Time    `json:"at"` // when it ended
	Scenario     string       `json:"scenario"`
	Title        string       `json:"title"`
	Engine       string       `json:"engine"`
	Seed         uint64       `json:"seed"`
	Scale        float64      `json:"scale"`
	DurationS    float64      `json:"duration_s"`
	GoodputShare float64      `json:"goodput_share"`
	P99MS        float64      `json:"p99_ms"`
	On           []string     `json:"on"`     // patterns that were on at the end
	Claims       int          `json:"claims"` // that were judged
	ClaimsOK     int          `json:"claims_ok"`
	Prediction   string       `json:"prediction,omitempty"` // right, wrong, or empty for none
	Verdict      load.Verdict `json:"verdict,omitempty"`
}

// Options say how a scenario is run headless.
type Options struct {
	Seed     uint64
	Scale    float64                                              // 0: the scenario's own
	Patterns []chain.Change                                       // on top of the scenario's, as effective values
	Progress func(elapsed, total time.Duration, p scenario.Point) // called once a second; may be nil
}

// Play runs a scenario from its start to its end and returns the report. When
// ctx ends early, or the run is stopped, the report holds what there is, with
// ctx's error or one that says why.
func (l *Lab) Play(ctx context.Context, spec scenario.Spec, o Options) (scenario.Report, error) {
	s := settings{spec: spec, seed: o.Seed, scale: o.Scale, timed: true, patterns: o.Patterns}
	if s.scale == 0 {
		s.scale = spec.LiveScale
	}
	if err := s.check(); err != nil {
		return scenario.Report{}, err
	}
	r, err := l.start(ctx, s)
	if err != nil {
		return scenario.Report{}, err
	}
	watch, unwatch := context.WithCancel(ctx)
	defer unwatch()
	events := l.Watch(watch)
	for {
		select {
		case <-ctx.Done():
			r.finish(stopped, "it was cancelled")
			if err := r.traffic.Apply(load.Change{Stop: true}); err != nil && !errors.Is(err, load.ErrEnded) {
				l.cfg.Log.Warn("traffic not stopped", "error", err)
			}
			return r.report(nil), ctx.Err()
		case <-r.over:
			rep := r.report(nil)
			if why := r.ended(); why != "" {
				return rep, fmt.Errorf("run %s: %s", spec.Name, why)
			}
			return rep, nil
		case e := <-events:
			if why := r.otherBroker(s.broker()); why != "" {
				if err := r.traffic.Apply(load.Change{Stop: true}); err != nil && !errors.Is(err, load.ErrEnded) {
					l.cfg.Log.Warn("traffic not stopped", "error", err)
				}
				r.finish(stopped, why)
				return r.report(nil), fmt.Errorf("run %s: %s", spec.Name, why)
			}
			if e.State != nil && o.Progress != nil && e.State.Run == r.id {
				o.Progress(min(e.State.Elapsed, e.State.Duration), e.State.Duration, r.tape.Latest())
			}
		}
	}
}

// start replaces what runs.
func (l *Lab) start(ctx context.Context, s settings) (*run, error) {
	l.change.Lock()
	defer l.change.Unlock()
	if err := l.replace(ctx, s); err != nil {
		return nil, err
	}
	return l.current()
}

// ended returns why the run stopped before its time; empty when it did not.
func (r *run) ended() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.phase == stopped {
		return r.why
	}
	return ""
}

// report builds the report of the whole run, or of its event when event is the
// instant, on the page's time, at which the scenario would have begun.
func (r *run) report(event *time.Duration) scenario.Report {
	rep := scenario.Report{
		Scenario: r.spec.Name, Engine: "live", Seed: r.seed, Scale: r.scale, Version: r.lab.cfg.Version,
		DurationS: r.duration().Seconds(), Redis: r.lab.redis.Label(), Patterns: map[string]scenario.PatternRun{},
	}
	from := time.Duration(0)
	if event == nil {
		r.tape.Fill(&rep)
	} else {
		from = *event
		r.tape.FillEvent(&rep, from)
	}
	tape.Trim(&rep, r.duration())
	rep.Balancer, rep.Autoscaler = fleet.Values(r.front.Settings().Knobs()), fleet.Values(r.scaling().Knobs())
	for _, p := range r.patternStates(r.clock.Now()) {
		rep.Patterns[p.Name] = scenario.PatternRun{State: p.State, Knobs: values(p.Knobs), Counters: p.Counters}
	}
	r.mu.Lock()
	for _, m := range r.markers {
		if m.At -= from; m.At >= 0 {
			rep.Changes = append(rep.Changes, m)
		}
	}
	r.mu.Unlock()
	rep.Alert = r.spec.Alert.Values()
	rep.Claims = scenario.Judge(r.spec, rep)
	return rep
}

func values(knobs []knob.Info) map[string]string {
	out := make(map[string]string, len(knobs))
	for _, k := range knobs {
		out[k.Name] = k.Value
	}
	return out
}

// keep remembers a run's report.
func (l *Lab) keep(ctx context.Context, rep scenario.Report, title, prediction string) error {
	s := RunSummary{
		At: l.clock.Date(l.clock.Now()), Scenario: rep.Scenario, Title: title, Engine: rep.Engine, Seed: rep.Seed, Scale: rep.Scale,
		DurationS: rep.DurationS, GoodputShare: rep.GoodputShare, P99MS: rep.LatencyMS.P99, Prediction: prediction, Verdict: rep.Verdict,
	}
	for name, p := range rep.Patterns {
		if p.State == lab.On || p.State == lab.Yours {
			s.On = append(s.On, name)
		}
	}
	slices.Sort(s.On)
	s.Claims, s.ClaimsOK = rep.Judged()
	return l.cfg.Keeper.Keep(ctx, s, rep)
}

// Runs lists the kept runs, the latest first.
func (l *Lab) Runs(ctx context.Context) ([]RunSummary, error) { return l.cfg.Keeper.Runs(ctx) }

// Run returns the report of a kept run, or ErrUnknown.
func (l *Lab) Run(ctx context.Context, id uint64) (scenario.Report, error) {
	return l.cfg.Keeper.Run(ctx, id)
}
