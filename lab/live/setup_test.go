package live_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

// follow opens a link in a lab of its own. Those before it must be closed, since
// each counts the goroutines that there are.
func follow(t *testing.T, link string) *rig {
	t.Helper()
	r := open(t)
	if _, err := r.Load(t.Context(), live.ScenarioChange{Link: link}); err != nil {
		t.Fatalf("Load(%s): %v", link, err)
	}
	return r
}

// byHand returns what of a state a person can set by hand.
func byHand(s live.State) map[string]string {
	out := map[string]string{"scenario": s.Scenario, "link": s.Link}
	for _, p := range s.Patterns {
		out[p.Name] = p.State.String()
		for _, k := range p.Knobs {
			out[p.Name+"."+k.Name] = k.Value
		}
	}
	for name, p := range map[string]live.PartState{"balancer": s.Balancer, "autoscaler": s.Autoscaler} {
		for _, k := range p.Knobs {
			out[name+"."+k.Name] = k.Value
		}
	}
	for _, k := range s.Database.Knobs {
		out["database."+k.Name] = k.Value
	}
	for _, f := range s.Faults {
		if f.On {
			out["fault "+f.Name] = "on"
		}
	}
	for _, i := range s.Instances {
		if !i.Leaving {
			out["instance "+i.Name] = strings.Replace(i.State, "refused", "down", 1)
		}
	}
	return out
}

func same(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, v := range want {
		if got[name] != v {
			t.Errorf("%s: %s = %q, want %q", what, name, got[name], v)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %s = %q, want nothing of it", what, name, got[name])
		}
	}
}

// What a person has set by hand, each thing that the page lets them set, stands
// again where the link is opened.
func TestALinkOpensTheSameLab(t *testing.T) {
	var s live.State
	settled := func(s live.State) bool {
		return slices.ContainsFunc(s.Instances, func(i live.InstanceState) bool { return i.Name == "e" && i.State == "draining" }) &&
			strings.Contains(stand(s), "a down") && strings.Contains(stand(s), "d down") && strings.Contains(stand(s), "b up") && strings.Contains(stand(s), "c up")
	}
	t.Run("set by hand", func(t *testing.T) {
		s = setEverything(t, settled)
		holdsEverything(t, s)
	})
	fresh := follow(t, s.Link)
	same(t, "a fresh lab", byHand(fresh.until("it stands alike", settled)), byHand(s))
	if got := fresh.State(); got.Seed != 77 || got.Scale != .1 || got.Traffic.Factor != .5 {
		t.Errorf("seed %d, scale %v, dial %v, want 77, 0.1 and 0.5", got.Seed, got.Scale, got.Traffic.Factor)
	}
	if d := node(fresh.State(), "gate").Degraded; !strings.Contains(d, "3") {
		t.Errorf("the database is degraded by %q, want three times slower", d)
	}
}

// setEverything operates a lab as a person does, until it has settled.
func setEverything(t *testing.T, settled func(live.State) bool) live.State {
	r := open(t)
	must := func(_ live.State, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	must(r.Load(ctx, live.ScenarioChange{Name: "slow-instance", Seed: new(uint64(77)), Scale: .1}))
	r.instances(5)
	r.until("five serve", func(s live.State) bool { return strings.Count(stand(s), " up") == 5 })
	r.balance(map[string]any{
		"picker": "consistent-hash", "hash_by": "user", "load_bound": 2, "health.on": true, "health.interval": "400ms", "health.timeout": "200ms", "ejection.on": true, "ejection.failures": 9,
		"slow_start.on": true, "slow_start.for": "3s", "sticky.on": true,
	})
	must(r.SetAutoscaler(ctx, live.PartChange{Knobs: map[string]any{"metric": "in-flight", "target": 7, "max": 6}}))
	r.set("queue", lab.On, map[string]any{"length": 41})
	r.set("breaker", lab.Shadow, nil)
	r.set("client-backoff", lab.On, map[string]any{"base": "70ms"})
	r.set("edge", lab.On, nil)
	must(r.SetPattern(ctx, "cache", live.PatternChange{Knobs: map[string]any{"ttl": "3s"}})) // off, and yet set
	must(r.SetTraffic(ctx, live.TrafficChange{Factor: new(.5)}))
	must(r.SetDatabase(ctx, map[string]any{"reads": "replicas", "own": "wait"}))
	for name, c := range map[string]live.FaultChange{
		"gate-slow": {On: true, Factor: 3}, "gate-delay": {On: true}, "replica-lag": {On: true}, "instance-slow": {On: true, Target: "b"}, "cache-down": {On: true}, "instance-kill": {On: true, Target: "a"},
	} {
		must(r.SetFault(ctx, name, c))
	}
	r.one("d", "down")
	r.one("e", "draining")
	return r.until("it has settled", settled)
}

// holdsEverything checks the link of what setEverything has set.
func holdsEverything(t *testing.T, s live.State) {
	t.Helper()
	if len(s.LeftOut) > 0 {
		t.Errorf("the link leaves out %v, want nothing", s.LeftOut)
	}
	q, err := url.ParseQuery(s.Link)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"scenario": "slow-instance", "seed": "77", "scale": "0.1", "instances": "5", "traffic": "0.5", "on": "client-backoff,edge,queue", "shadow": "breaker", "down": "d", "drain": "e",
	} {
		if got := q.Get(name); got != want {
			t.Errorf("the link says %s=%s, want %s", name, got, want)
		}
	}
	for _, want := range []string{"balancer.picker=consistent-hash", "balancer.sticky.on=true", "autoscaler.max=6", "queue.length=41", "cache.ttl=3s", "database.reads=replicas"} {
		if !slices.Contains(q["set"], want) {
			t.Errorf("the link sets %v, want %s among it", q["set"], want)
		}
	}
	if want := []string{"gate-slow:factor=3", "gate-delay", "instance-slow:target=b", "replica-lag", "cache-down", "instance-kill:target=a"}; !slices.Equal(q["fault"], want) {
		t.Errorf("the link has the faults %v, want %v", q["fault"], want)
	}
}

// The link of a scenario that nobody has touched names it, its seed and its
// scale: of every service and of a named load.
func TestAnUntouchedScenarioHasAShortLink(t *testing.T) {
	r := open(t)
	for _, name := range []string{"metastable", "cold-instances", "autoscale-ramp", "charged-twice", "feed-fanout", "login-hashing", "notify-lanes", "preset-retry-storm"} {
		if _, err := scenario.Find(name); err != nil {
			continue
		}
		s, err := r.Load(t.Context(), live.ScenarioChange{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		q, err := url.ParseQuery(s.Link)
		if err != nil || len(q) != 3 || q.Get("scenario") != name || q.Get("seed") != "1" || q.Get("scale") == "" {
			t.Errorf("the link of %s is %s (%v), want the scenario, its seed and its scale", name, s.Link, err)
		}
		if _, err := r.CheckLink(s.Link); err != nil {
			t.Errorf("CheckLink(%s) = %v", s.Link, err)
		}
	}
}

// A link does not hold what it cannot, and says so.
func TestWhatALinkLeavesOut(t *testing.T) {
	r := open(t)
	if s := r.load(calm); s.Link != "" || len(s.LeftOut) != 1 || !strings.Contains(s.LeftOut[0], "file of your own") {
		t.Errorf("of a file of one's own: link %q, %v; want none, and why", s.Link, s.LeftOut)
	}
	s, err := r.Load(t.Context(), live.ScenarioChange{Name: "metastable"})
	if err != nil {
		t.Fatal(err)
	}
	plain := s.Link
	phase := "paused"
	if s, err = r.SetTraffic(t.Context(), live.TrafficChange{Phase: &phase}); err != nil || s.Link != plain || !slices.ContainsFunc(s.LeftOut, func(w string) bool { return strings.Contains(w, "paused") }) {
		t.Errorf("paused: link %s, %v, %v; want the same link, and that it is not held", s.Link, s.LeftOut, err)
	}
	if s, err = r.SetFault(t.Context(), "gate-slow", live.FaultChange{On: true, For: patience}); err != nil || s.Link != plain || !slices.ContainsFunc(s.LeftOut, func(w string) bool { return strings.Contains(w, "ends by itself") }) {
		t.Errorf("with a fault that ends by itself: link %s, %v, %v; want the same link, and that it is not held", s.Link, s.LeftOut, err)
	}
}

// What the autoscaler does is not set by hand; what it leaves behind is.
func TestALinkAndTheAutoscaler(t *testing.T) {
	r := open(t)
	if _, err := r.Load(t.Context(), live.ScenarioChange{Name: "autoscale-ramp"}); err != nil {
		t.Fatal(err)
	}
	scale := func(knobs map[string]any) live.State {
		t.Helper()
		s, err := r.SetAutoscaler(t.Context(), live.PartChange{Knobs: knobs})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	scale(map[string]any{"on": true, "min": 4, "step": 8, "period": "200ms"})
	s := r.until("four are asked for", func(s live.State) bool { return len(s.Instances) == 4 })
	if strings.Contains(s.Link, "instances=") || !strings.Contains(s.Link, "autoscaler.min") {
		t.Errorf("the link is %s, want the autoscaler's settings and no number of instances", s.Link)
	}
	if s = scale(map[string]any{"on": false}); !strings.Contains(s.Link, "instances=4") {
		t.Errorf("the link is %s, want the 4 that it has left", s.Link)
	}
	if _, err := r.Load(t.Context(), live.ScenarioChange{Name: "cold-instances"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.SetAutoscaler(t.Context(), live.PartChange{Knobs: map[string]any{"on": true}}); err == nil || !strings.Contains(err.Error(), "undo") {
		t.Errorf("an autoscaler beside changes by hand = %v, want an error, as in a file", err)
	}
}

// A link opened after a broker was taken away takes it away.
func TestALinkHoldsABrokerThatIsDown(t *testing.T) {
	var s live.State
	t.Run("set by hand", func(t *testing.T) {
		r := open(t)
		if _, err := r.Load(t.Context(), live.ScenarioChange{Name: "charged-twice"}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.SetFault(t.Context(), "broker-down", live.FaultChange{On: true}); err != nil {
			t.Fatal(err)
		}
		s = r.set("broker", lab.On, map[string]any{"kind": "sqlite"})
	})
	fresh := follow(t, s.Link)
	got := fresh.until("the broker is down", func(s live.State) bool { return !node(s, "broker").Up && node(s, "broker").Degraded != "" })
	if !faulty(got, "broker-down").On || setting(pattern(got, "broker"), "kind") != "sqlite" || got.Link != s.Link {
		t.Errorf("the fault is on: %v, the broker is %s, the link %s; want on, sqlite and %s", faulty(got, "broker-down").On, setting(pattern(got, "broker"), "kind"), got.Link, s.Link)
	}
	if _, err := fresh.CheckLink("scenario=charged-twice&on=broker&set=broker.kind=rabbitmq&fault=broker-down"); err == nil || !strings.Contains(err.Error(), "server of its own") {
		t.Errorf("taking away a server of somebody else's = %v, want an error", err)
	}
}
