package scenario_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/scenario"
)

func TestStandingFaultsReadAsTheyAreWritten(t *testing.T) {
	for _, name := range scenario.StandingNames() {
		for _, s := range []scenario.Standing{
			{Name: name}, {Name: name, Factor: 2.5}, {Name: name, Share: .25}, {Name: name, By: 1500 * time.Microsecond}, {Name: name, Target: "c"}, {Name: name, Target: "h", Factor: 7}, {Name: name, Target: "a", Share: 1},
		} {
			got, err := scenario.ParseStanding(s.String())
			if err != nil && s == (scenario.Standing{Name: name}) {
				t.Errorf("ParseStanding(%s) = %v", s, err)
			}
			if err == nil && got != s {
				t.Errorf("ParseStanding(%s) = %+v, want %+v", s, got, s)
			}
		}
	}
	for text, want := range map[string]string{
		"": "one of gate-slow", "gate-slo": "gate-slow", "gate-slow:": "after the colon", "gate-slow:by=1s": "factor", "gate-hang:factor=2": "no term", "gate-slow:factor=NaN": "1 to 1000",
		"gate-error:share=1.5": "0.001 to 1", "gate-delay:by=2m": "1ms to 1m", "instance-kill:target=z": "a to h", "poison": "instant",
	} {
		if _, err := scenario.ParseStanding(text); err == nil || !strings.Contains(err.Error(), "flag --fault: got") || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseStanding(%q) = %v, want an error that says %q", text, err, want)
		}
	}
}

// staged applies flags to a scenario.
func staged(t *testing.T, name string, flags ...string) (scenario.Spec, error) {
	t.Helper()
	spec, err := scenario.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	o, err := scenario.ParseFlags(flags)
	if err != nil {
		return spec, err
	}
	got, _, err := scenario.Apply(spec, o, known())
	return got, err
}

func TestFlagsOfInstancesTrafficAndFaults(t *testing.T) {
	before, err := staged(t, "slow-instance")
	if err != nil {
		t.Fatal(err)
	}
	got, err := staged(t, "slow-instance", "--instances=2", "--traffic=0.5", "--fault=gate-slow", "--fault=instance-kill:target=b", "--fault=gate-delay:by=20ms")
	if err != nil {
		t.Fatal(err)
	}
	if got.Instances != 2 || got.Traffic.Max() != before.Traffic.Max()/2 || got.Gate != before.Gate {
		t.Errorf("%d instances, traffic up to %v, gate %+v; want 2, half of %v, and the gate as it was", got.Instances, got.Traffic.Max(), got.Gate, before.Traffic.Max())
	}
	run := before.Traffic.Duration()
	want := []scenario.Fault{
		{Name: "slow", Target: "gate", For: run, Factor: scenario.SlowBy, Standing: true}, {Name: "kill", Target: "b", For: run, Standing: true},
		{Name: "delay", Target: "gate", For: run, By: 20 * time.Millisecond, Standing: true},
	}
	if !slices.Equal(got.Faults[len(before.Faults):], want) {
		t.Errorf("the faults %+v were added, want %+v", got.Faults[len(before.Faults):], want)
	}
	for i, f := range got.Faults[:len(before.Faults)] {
		if f.Target != "" && before.Faults[i].Target > "b" {
			t.Errorf("fault %d strikes %s, which is not among two instances", i, f.Target)
		}
	}
	if at, ok := got.EventAt(); !ok || at != eventOf(before) {
		t.Errorf("EventAt() = %v, %v, want the event where it was, at %v", at, ok, eventOf(before))
	}
	if err := got.Validate(known()); err != nil {
		t.Errorf("Validate() = %v, want nil: what flags make is a scenario", err)
	}
	for flag, want := range map[string]string{
		"--instances=0": "1 to 8", "--instances=9": "1 to 8", "--traffic=-1": "0 to 100", "--traffic=NaN": "0 to 100", "--fault=provider-hang": "no provider",
		"--fault=broker-down": "no broker", "--fault=replica-lag": "in the lab of a browser alone", "--fault=instance-kill:target=f": "a to d",
	} {
		if _, err := staged(t, "slow-instance", flag); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error that says %q", flag, err, want)
		}
	}
	if _, err := scenario.ParseFlags([]string{"--fault=gate-slow", "--fault=gate-slow:factor=3"}); err == nil || !strings.Contains(err.Error(), "once") {
		t.Errorf("a fault twice: %v, want an error", err)
	}
}

func eventOf(s scenario.Spec) time.Duration { at, _ := s.EventAt(); return at }

// Over keeps what the later override does not say.
func TestOverKeepsInstancesTrafficAndFaults(t *testing.T) {
	base, err := scenario.ParseFlags([]string{"--instances=3", "--traffic=2", "--fault=gate-slow"})
	if err != nil {
		t.Fatal(err)
	}
	on := lab.On
	got := scenario.Override{Patterns: map[string]scenario.Toggle{"queue": {State: &on}}}.Over(base)
	if got.Instances != 3 || *got.Traffic != 2 || len(got.Faults) != 1 {
		t.Errorf("%+v, want 3 instances, twice the traffic and the fault", got)
	}
	if got = (scenario.Override{Instances: 2}).Over(base); got.Instances != 2 {
		t.Errorf("%d instances, want the later 2", got.Instances)
	}
}
