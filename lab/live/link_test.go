package live_test

import (
	"errors"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/lab/store/replica"
	"workbench/lab/system/kind"
	"workbench/sim/dist"
)

// drawn returns a value that a knob can have.
func drawn(s *dist.Stream, k knob.Info) string {
	between := func(lo, hi float64) float64 { return lo + s.Float64()*(hi-lo) }
	limit := func(text string, otherwise float64) float64 {
		if d, err := time.ParseDuration(text); err == nil {
			return float64(d)
		}
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			return x
		}
		return otherwise
	}
	switch k.Kind {
	case knob.Choice:
		return k.Options[int(s.Float64()*float64(len(k.Options)))]
	case knob.Switch:
		return strconv.FormatBool(s.Float64() < .5)
	case knob.Duration:
		return time.Duration(between(limit(k.Min, 0), limit(k.Max, 1e12))).String()
	case knob.Integer:
		return strconv.Itoa(int(between(limit(k.Min, 0), limit(k.Max, 1e6))))
	}
	return strconv.FormatFloat(between(limit(k.Min, 0), limit(k.Max, 1e6)), 'g', -1, 64)
}

// parts lists everything whose settings a link can hold, by name.
func parts() map[string][]knob.Info {
	reads := replica.Default()
	out := map[string][]knob.Info{
		"balancer": fleet.Defaults().Knobs(), "autoscaler": fleet.DefaultScaling().Knobs(), "alert": scenario.Alert{}.Knobs(), "database": knob.Describe(&reads),
	}
	for _, p := range kind.AllPatterns() {
		out[p.Name] = knob.Describe(p.Knobs())
	}
	return out
}

// anySetup draws a setup: each thing that can be set is set or left.
func anySetup(s *dist.Stream) live.Setup {
	maybe := func() bool { return s.Float64() < .5 }
	set := live.Setup{Scenario: scenario.Names()[int(s.Float64()*float64(len(scenario.Names())))]}
	if maybe() {
		set.Seed = new(uint64(s.Float64() * 1e18))
	}
	if maybe() {
		set.Traffic = new(100 * s.Float64())
	}
	if maybe() {
		set.Scale = .01 + s.Float64()
	}
	if maybe() {
		set.Duration = time.Second + time.Duration(s.Float64()*float64(time.Minute))
	}
	if maybe() {
		set.Instances = 1 + int(8*s.Float64())
	}
	if maybe() {
		set.Variant = "cure"
	}
	for _, name := range []string{"a", "b", "h"} {
		if maybe() {
			set.Down = append(set.Down, name)
		} else if maybe() {
			set.Draining = append(set.Draining, name)
		}
	}
	for _, name := range scenario.StandingNames() {
		f := scenario.Standing{Name: name}
		if maybe() {
			switch {
			case strings.HasSuffix(name, "-slow"):
				f.Factor = 1 + 999*s.Float64()
			case strings.HasSuffix(name, "-error"):
				f.Share = .001 + .999*s.Float64()
			case strings.HasSuffix(name, "-delay") || name == "replica-lag":
				f.By = time.Millisecond + time.Duration(s.Float64()*float64(time.Second))
			}
		}
		if strings.HasPrefix(name, "instance-") && maybe() {
			f.Target = "c"
		}
		if maybe() {
			set.Faults = append(set.Faults, f)
		}
	}
	all := parts()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		var t scenario.Toggle
		for _, k := range all[name] {
			if maybe() {
				if t.Knobs == nil {
					t.Knobs = map[string]any{}
				}
				t.Knobs[k.Name] = drawn(s, k)
			}
		}
		if maybe() {
			t.State = new(lab.State(4 * s.Float64()))
		}
		if t.State == nil && t.Knobs == nil || maybe() {
			continue
		}
		if set.Patterns == nil {
			set.Patterns = map[string]scenario.Toggle{}
		}
		set.Patterns[name] = t
	}
	return set
}

// Whatever can be set comes out of a link as it went in.
func TestALinkHoldsEverySetting(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(400) {
		want := anySetup(dist.New(seed, "setup"))
		got, err := live.ParseLink(want.Link())
		if err != nil {
			t.Fatalf("seed %d: ParseLink(%s): %v", seed, want.Link(), err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: the link\n%s\nholds %+v\nwant %+v", seed, want.Link(), got, want)
		}
		for name, one := range want.Patterns {
			for k := range one.Knobs {
				seen[name+"."+k] = true
			}
		}
	}
	for name, knobs := range parts() {
		for _, k := range knobs {
			if !seen[name+"."+k.Name] {
				t.Errorf("no setup that was tried has %s.%s", name, k.Name)
			}
		}
	}
}

// Balancer and autoscaler come back as the same settings, whatever they are.
func TestALinkBringsTheSameTeam(t *testing.T) {
	tried := 0
	for seed := range uint64(3000) {
		s := dist.New(seed, "team")
		knobs := map[string]any{}
		for _, k := range fleet.Defaults().Knobs() {
			if s.Float64() < .7 {
				knobs[k.Name] = drawn(s, k)
			}
		}
		want, err := fleet.Defaults().Apply(knobs)
		if err != nil {
			continue // a timeout above its interval, and the like
		}
		tried++
		set, err := live.ParseLink(live.Setup{Scenario: "metastable", Override: scenario.Override{Patterns: map[string]scenario.Toggle{"balancer": {Knobs: knobs}}}}.Link())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fleet.Defaults().Apply(set.Patterns["balancer"].Knobs); err != nil || got != want {
			t.Fatalf("seed %d: %+v, %v, want %+v", seed, got, err, want)
		}
	}
	if tried < 300 {
		t.Errorf("%d settings could be tried, want 300 or more", tried)
	}
}

// What is wrong in a link is said by its own name, with what would be right,
// and what runs goes on.
func TestABadLinkSaysWhatIsWrong(t *testing.T) {
	r := open(t)
	r.load(calm)
	before := still(r.State())
	for link, want := range map[string][]string{
		"scenario=nosuch":                                          {"scenario", `"nosuch"`, "metastable"},
		"seed=1":                                                   {"scenario", "nothing"},
		"scenario=metastable&instance=3":                           {"instance", "instances"},
		"scenario=metastable&instances=9":                          {"instances", `"9"`, "1 to 8"},
		"scenario=metastable&instances=2&instances=3":              {"instances", "2 values", "one"},
		"scenario=metastable&scale=0":                              {"scale", "0.01"},
		"scenario=metastable&scale=500":                            {"scale", "from 0.01 to 20"},
		"scenario=metastable&seed=x":                               {"seed", "whole number"},
		"scenario=metastable&traffic=101":                          {"traffic", "0 to 100"},
		"scenario=metastable&set=balancer.picker=best":             {"balancer.picker", `"best"`, "two-choices"},
		"scenario=metastable&set=balancer.load_bound=1":            {"balancer.load_bound", `"1"`, "1.05 to 10"},
		"scenario=metastable&set=balancer.health.interval=1ms":     {"balancer.health.interval", "100ms to 1m"},
		"scenario=metastable&set=balancer.ejection.max_share=2":    {"balancer.ejection.max_share", "0 to 1"},
		"scenario=metastable&set=balancer.slow_start.from=0":       {"balancer.slow_start.from", "0.01 to 1"},
		"scenario=metastable&set=balancer.sticky.on=maybe":         {"balancer.sticky.on", "true or false"},
		"scenario=metastable&set=autoscaler.max=12":                {"autoscaler.max", "1 to 8"},
		"scenario=metastable&set=autoscaler.on=true":               {"autoscaler.metric", "in-flight"},
		"scenario=metastable&set=queue.length=-1":                  {"queue.length", "0 to 1000000"},
		"scenario=metastable&set=queue.width=1":                    {"queue.width", "length"},
		"scenario=metastable&on=cue":                               {"cue", "queue"},
		"scenario=metastable&on=queue&off=queue":                   {"on", "queue", "off already"},
		"scenario=metastable&yours=queue":                          {"yours", "exercise"},
		"scenario=metastable&fault=gate-sloww":                     {"fault", "gate-slow"},
		"scenario=metastable&fault=gate-slow:factor=0":             {"fault", "1 to 1000"},
		"scenario=metastable&fault=gate-slow:share=1":              {"fault", "factor"},
		"scenario=metastable&fault=provider-slow":                  {"fault", "no provider"},
		"scenario=metastable&fault=instance-slow":                  {"fault", "no capacity of their own"},
		"scenario=metastable&fault=broker-down":                    {"fault", "no broker"},
		"scenario=metastable&fault=cache-flush":                    {"fault", "instant"},
		"scenario=metastable&fault=replica-lag":                    {"fault", "database.reads=replicas"},
		"scenario=metastable&fault=instance-kill:target=c":         {"fault", "a to b"},
		"scenario=metastable&down=c":                               {"down", `"c"`, "a to b"},
		"scenario=metastable&down=b&drain=b":                       {"drain", `"b"`, "once"},
		"scenario=metastable&drain=bee":                            {"drain", "b,c"},
		"scenario=metastable&set=database.reads=moon":              {"database.reads", "primary, replicas"},
		"scenario=charged-twice&set=database.reads=replicas":       {"database", "tables of its own"},
		"scenario=cold-instances&set=autoscaler.on=true":           {"resize", "autoscaler"},
		"scenario=metastable&set=balancer.picker=x&instances=0":    {"instances", "1 to 8"},
		"scenario=metastable&" + strings.Repeat("on=queue&", 3000): {"link", "bytes"},
	} {
		_, err := r.CheckLink(link)
		if !errors.Is(err, live.ErrInvalid) {
			t.Errorf("CheckLink(%.80s) = %v, want an error about what is wrong", link, err)
			continue
		}
		for _, word := range want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("CheckLink(%.80s) = %v, want it to say %s", link, err, word)
			}
		}
		if _, err := r.Load(t.Context(), live.ScenarioChange{Link: link}); err == nil {
			t.Errorf("Load(%.80s) was carried out", link)
		}
	}
	if _, err := r.Load(t.Context(), live.ScenarioChange{Link: "scenario=metastable", Name: "metastable"}); err == nil || !strings.Contains(err.Error(), "field link") {
		t.Errorf("a link beside a name: %v, want the field link", err)
	}
	if after := still(r.State()); after != before {
		t.Errorf("what was refused changed the lab from\n%s\nto\n%s", before, after)
	}
}

// Links of older labs, of the guide and of the replay page open as they did.
func TestOldLinksStillOpen(t *testing.T) {
	r := open(t)
	for _, link := range []string{
		"scenario=metastable", "scenario=metastable&seed=9&scale=0.2&on=queue&set=queue.length%3D33",
		"scenario=fail-fast-that-is-not&set=concurrency.wait%3D0s&on=concurrency", "off=concurrency&scenario=fail-fast-that-is-not",
		"on=ratelimit&scenario=noisy-neighbour&set=ratelimit.per%3Dglobal&set=ratelimit.rate%3D160", "scenario=metastable&variant=" + url.QueryEscape(variantOf(t)),
	} {
		if _, err := r.CheckLink(link); err != nil {
			t.Errorf("CheckLink(%s) = %v, want nil", link, err)
		}
	}
}

func variantOf(t *testing.T) string {
	t.Helper()
	spec, err := scenario.Find("metastable")
	if err != nil || len(spec.Variants) == 0 {
		t.Fatalf("metastable has no variants: %v", err)
	}
	return slices.Sorted(maps.Keys(spec.Variants))[0]
}
