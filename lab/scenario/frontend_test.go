package scenario_test

import (
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/lab/scenario"
)

const several = `name: x
gate: {slots: 20, service: 20ms}
traffic: [{for: 30s, rate: 100}]
`

func TestFrontendIsRead(t *testing.T) {
	s, err := scenario.Parse("x.yaml", []byte(several+`
instances: 3
instance: {slots: 4, service: 5ms, start: 3s, warmup: 10s, cold_factor: 4}
balancer: {picker: least-connections, ejection: {on: true, failures: 0}, slow_start: {on: true}, sticky: {on: false}}
resize: [{at: 10s, instances: 4}]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := fleet.Defaults()
	want.Picker, want.Ejection.On, want.Ejection.Failures, want.SlowStart.On = fleet.LeastConnections, true, 0, true
	if s.Balancer != want {
		t.Errorf("balancer is %+v, want %+v", s.Balancer, want)
	}
	if s.Autoscaler != fleet.DefaultScaling() {
		t.Errorf("autoscaler is %+v, want the defaults", s.Autoscaler)
	}
	if got := s.Scaled(0.5).Instance.Slots; got != 2 {
		t.Errorf("at half the scale an instance has %d slots, want 2", got)
	}
	for age, want := range map[time.Duration]float64{0: 4, 5 * time.Second: 2.5, 10 * time.Second: 1, time.Hour: 1} {
		if got := s.Instance.Warmth(age); got != want {
			t.Errorf("Warmth(%v) = %v, want %v", age, got, want)
		}
	}
	if at, ok := s.EventAt(); !ok || at != 10*time.Second {
		t.Errorf("EventAt() = %v, %v, want the first change of instances at 10s", at, ok)
	}
}

func TestFrontendNamesEveryFault(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"picker", "balancer: {picker: fastest}", `x.yaml:4: balancer.picker: got "fastest", want one of`},
		{"bound", "balancer: {load_bound: 1}", `x.yaml:4: balancer.load_bound: got "1", want`},
		{"nested", "balancer: {health: {interval: 1ms}}", `x.yaml:4: balancer.health.interval: got`},
		{"together", "balancer: {ejection: {time: 2m}}", `x.yaml:4: balancer.ejection.cap: got 1m0s, want at least ejection.time, 2m0s`},
		{"autoscaler", "instance: {slots: 2, service: 1ms}\nautoscaler: {on: true, min: 5, max: 2}", `x.yaml:5: autoscaler.min: got 5, want at most max, 2`},
		{"nothing to be busy", "autoscaler: {on: true}", `x.yaml:4: autoscaler.metric: got utilisation, want an instance with slots`},
		{"by hand and not", "autoscaler: {on: true, metric: in-flight, target: 5}\nresize: [{at: 1s, instances: 2}]", `x.yaml:5: resize[0]: got a change by hand, want no autoscaler`},
		{"too many", "resize: [{at: 1s, instances: 9}]", `resize[0].instances: got 9, want 1 to 8`},
		{"too late", "resize: [{at: 31s, instances: 2}]", `resize[0].at: got 31s, want an instant of the run`},
		{"warm without slots", "instance: {warmup: 3s, cold_factor: 2}", `instance.warmup: got 3s, want slots and service beside it`},
		{"cold without warmup", "instance: {slots: 1, service: 1ms, cold_factor: 2}", `instance.cold_factor: got 2, want a warmup beside it`},
		{"fault without slots", "faults: [{name: instance-slow, factor: 5, at: 1s, for: 1s}]", `faults[0].name: got "instance-slow", want an instance with slots`},
		{"claim", "claims: [{text: x, metric: p99_ms, max: 1, knobs: {balancer.picker: fastest}}]", `claims[0].knobs.balancer.picker: got`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := scenario.Parse("x.yaml", []byte(several+tt.text))
			if err == nil {
				err = s.Validate(scenario.Known{Systems: map[string][]string{"profile": {"read-profile"}}})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is\n%v\nwant one that says\n%s", err, tt.want)
			}
		})
	}
}

func TestFrontendFlags(t *testing.T) {
	spec, err := scenario.Parse("x.yaml", []byte(several+"instance: {slots: 4, service: 5ms}"))
	if err != nil {
		t.Fatal(err)
	}
	apply := func(flags ...string) (scenario.Spec, scenario.Override, error) {
		o, err := scenario.ParseFlags(flags)
		if err != nil {
			t.Fatal(err)
		}
		return scenario.Apply(spec, o, scenario.Known{})
	}
	s, o, err := apply("--set=balancer.picker=two-choices", "--set=balancer.ejection.on=true", "--on=autoscaler", "--set=autoscaler.target=0.5")
	if err != nil || s.Balancer.Picker != fleet.TwoChoices || !s.Balancer.Ejection.On || !s.Autoscaler.On || s.Autoscaler.Target != .5 || len(o.Patterns) != 0 {
		t.Errorf("the flags make %+v and %+v, leaving %v, %v", s.Balancer, s.Autoscaler, o.Patterns, err)
	}
	for want, flags := range map[string][]string{
		"balancer: got off":                  {"--off=balancer"},
		"balancer: knob ejection.x":          {"--set=balancer.ejection.x=1"},
		"one of health, ejection":            {"--set=balancer.x.y=1"},
		"autoscaler: knob target":            {"--set=autoscaler.target=7"},
		"autoscaler: got shadow, want on or": {"--shadow=autoscaler"},
	} {
		if _, _, err := apply(flags...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want an error that says %q", flags, err, want)
		}
	}
}

func TestClaimsDependOnTheBalancer(t *testing.T) {
	spec, err := scenario.Parse("x.yaml", []byte(several+`
claims:
  - {text: in turn, metric: goodput_share, min: 0, knobs: {balancer.picker: round-robin}}
  - {text: by load, metric: goodput_share, min: 0, knobs: {balancer.picker: least-connections, autoscaler.on: "true"}}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := run(func(int) float64 { return 80 })
	r.Balancer = map[string]string{"picker": fleet.LeastConnections}
	r.Autoscaler = map[string]string{"on": "true"}
	r.Patterns["queue"] = scenario.PatternRun{State: lab.On}
	if got := scenario.Judge(spec, r); len(got) != 1 || got[0].Text != "by load" {
		t.Errorf("judged %+v, want the claim about least connections alone", got)
	}
}
