package live_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/sim/load"
)

// wide is a service whose instances have a capacity of their own: one can do a
// third of its traffic.
const wide = `
name: wide
instances: 1
instance: {slots: 2, service: 10ms, law: constant, start: 500ms}
gate: {slots: 50, service: 1ms, law: constant}
population: {users: 1000, keys: 100}
traffic:
  - {for: 60s, rate: 300}
clients: {timeout: 300ms}
live_scale: 1
`

func (r *rig) instances(n int) live.State {
	r.t.Helper()
	s, err := r.SetInstances(r.t.Context(), live.InstancesChange{Count: &n})
	if err != nil {
		r.t.Fatalf("SetInstances(%d): %v", n, err)
	}
	return s
}

func (r *rig) one(name, state string) live.State {
	r.t.Helper()
	s, err := r.SetInstance(r.t.Context(), name, live.InstanceChange{State: state})
	if err != nil {
		r.t.Fatalf("SetInstance(%s, %s): %v", name, state, err)
	}
	return s
}

func (r *rig) balance(knobs map[string]any) live.State {
	r.t.Helper()
	s, err := r.SetBalancer(r.t.Context(), live.PartChange{Knobs: knobs})
	if err != nil {
		r.t.Fatalf("SetBalancer(%v): %v", knobs, err)
	}
	return s
}

// stand returns how the instances stand: "a up, b cold".
func stand(s live.State) string {
	var out []string
	for _, i := range s.Instances {
		out = append(out, i.Name+" "+i.State)
	}
	return strings.Join(out, ", ")
}

func TestInstancesComeAndGoUnderLoad(t *testing.T) {
	r := open(t)
	r.load(wide)
	r.set("queue", lab.On, map[string]any{"length": 41})
	if s := r.instances(4); stand(s) != "a up, b cold, c cold, d cold" || !marked(s, "instances 1 → 4") || !strings.HasSuffix(node(s, "balancer").Note, "over 1") {
		t.Errorf("at once they stand %s with %q, want three that start", stand(s), node(s, "balancer").Note)
	}
	s := r.until("four serve", func(s live.State) bool { return stand(s) == "a up, b up, c up, d up" && marked(s, "instance d serves") })
	if n := node(s, "balancer"); n.Note != "round robin over 4" {
		t.Errorf("the balancer says %q, want round robin over 4", n.Note)
	}
	if p := pattern(s, "queue"); setting(p, "length") != "41" {
		t.Errorf("with new instances the queue has length %s, want the 41 that was set", setting(p, "length"))
	}
	if s.Traffic.Capacity != 800 {
		t.Errorf("capacity is %v, want 4 × 2 slots at 10 ms", s.Traffic.Capacity)
	}
	s = r.until("all are asked alike", func(s live.State) bool {
		return !slices.ContainsFunc(s.Instances, func(i live.InstanceState) bool { return i.Sent < 50 || i.Share < .2 || i.Share > .3 })
	})
	r.instances(2)
	r.until("two have left and cut nothing", func(s live.State) bool {
		return stand(s) == "a up, b up" && marked(s, "instance c has left, 0 requests cut") && marked(s, "instance d has left, 0 requests cut")
	})
	for _, f := range r.History() { // nobody's connection broke, though instances came and went
		if n := f.Reasons["down"] + f.Reasons["no_instance"]; n > 0 {
			t.Fatalf("at %.1f s %v a second were cut: %v", f.T, n, f.Reasons)
		}
	}
}

func TestAnInstanceTakenBackBeforeItServes(t *testing.T) {
	r := open(t)
	r.load(wide)
	r.instances(3)
	if s := r.instances(1); stand(s) != "a up" {
		t.Errorf("they stand %s, want a alone", stand(s))
	}
}

func TestOneInstanceIsKilledRestartedAndDrained(t *testing.T) {
	r := open(t)
	r.load(strings.Replace(wide, "instances: 1", "instances: 3", 1))
	r.one("b", "down")
	r.until("b is down", func(s live.State) bool { return stand(s) == "a up, b down, c up" && !node(s, "b").Up })
	if s := r.one("b", "down"); len(s.Markers) != 1 {
		t.Errorf("killing it again left markers %v", s.Markers)
	}
	if _, err := r.SetInstance(t.Context(), "b", live.InstanceChange{State: "draining"}); !errors.Is(err, live.ErrConflict) {
		t.Errorf("draining a dead one = %v, want ErrConflict", err)
	}
	r.one("b", "up")
	r.until("b is back", func(s live.State) bool { return stand(s) == "a up, b up, c up" })
	r.one("c", "draining")
	s := r.until("c drains", func(s live.State) bool { return s.Instances[2].State == "draining" && s.Instances[2].Inflight == 0 })
	res, err := r.http.Get("http://" + s.Instances[2].Addr + "/readyz")
	if err != nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a draining instance says it is ready: %v, %v", res, err)
	}
	res.Body.Close()
	sent := s.Instances[2].Sent
	s = r.until("the others serve on", func(now live.State) bool { return now.Instances[0].Sent > s.Instances[0].Sent+50 })
	if got := s.Instances[2].Sent; got != sent {
		t.Errorf("the draining instance got %d requests", got-sent)
	}
	r.one("c", "up")
	r.until("c gets requests again", func(s live.State) bool { return s.Instances[2].Sent > sent })
}

func TestWhatCannotBeDoneWithInstances(t *testing.T) {
	r := open(t)
	r.load(wide)
	nine := 9
	for want, do := range map[string]func() error{
		"field count: got 9, want a number from 1 to 8": func() error {
			_, err := r.SetInstances(t.Context(), live.InstancesChange{Count: &nine})
			return err
		},
		"field count: got nothing": func() error { _, err := r.SetInstances(t.Context(), live.InstancesChange{}); return err },
		`unknown: instance "z"`:    func() error { _, err := r.SetInstance(t.Context(), "z", live.InstanceChange{State: "up"}); return err },
		`field state: got "dead"`: func() error {
			_, err := r.SetInstance(t.Context(), "a", live.InstanceChange{State: "dead"})
			return err
		},
		"field knobs: got nothing": func() error { _, err := r.SetBalancer(t.Context(), live.PartChange{}); return err },
		"knob picker": func() error {
			_, err := r.SetBalancer(t.Context(), live.PartChange{Knobs: map[string]any{"picker": "x"}})
			return err
		},
		"knob target": func() error {
			_, err := r.SetAutoscaler(t.Context(), live.PartChange{Knobs: map[string]any{"target": 3}})
			return err
		},
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that says %q", err, want)
		}
	}
	if s := r.State(); len(s.Markers) != 0 || s.Version != 1 {
		t.Errorf("what was refused left version %d and markers %v", s.Version, s.Markers)
	}
}

func TestASlowInstanceIsEjectedAndComesBack(t *testing.T) {
	r := open(t)
	r.load(strings.Replace(strings.Replace(wide, "instances: 1", "instances: 3", 1), "slots: 2", "slots: 20", 1))
	s := r.balance(map[string]any{"ejection.on": true, "ejection.time": "500ms", "ejection.interval": "500ms"})
	if n := node(s, "balancer"); n.Note != "round robin, ejection over 3" {
		t.Errorf("the balancer says %q, want what runs", n.Note)
	}
	if _, err := r.SetFault(t.Context(), "instance-slow", live.FaultChange{On: true, Factor: 20, Target: "b"}); err != nil {
		t.Fatal(err)
	}
	r.until("b is ejected", func(s live.State) bool { return marked(s, "instance b ejected: slower than its peers") })
	if _, err := r.SetFault(t.Context(), "instance-slow", live.FaultChange{}); err != nil {
		t.Fatal(err)
	}
	r.until("b is back", func(s live.State) bool {
		return marked(s, "instance b gets requests again") && stand(s) == "a up, b up, c up"
	})
}

func TestTheAutoscalerFollowsTheLoad(t *testing.T) {
	r := open(t)
	r.load(wide)
	if _, err := r.SetAutoscaler(t.Context(), live.PartChange{Knobs: map[string]any{"on": true, "period": "300ms", "out_cooldown": "300ms", "in_cooldown": "1s", "max": 4}}); err != nil {
		t.Fatal(err)
	}
	two := 2
	if _, err := r.SetInstances(t.Context(), live.InstancesChange{Count: &two}); !errors.Is(err, live.ErrConflict) {
		t.Errorf("SetInstances beside an autoscaler = %v, want ErrConflict", err)
	}
	r.until("instances were added", func(s live.State) bool { return marked(s, "autoscaler: instances") && len(s.Instances) >= 3 })
	if _, err := r.SetTraffic(t.Context(), live.TrafficChange{Factor: new(0.1)}); err != nil {
		t.Fatal(err)
	}
	r.until("one has left", func(s live.State) bool { return marked(s, "has left, 0 requests cut") })
}

func TestSessionsAreLostWithTheirInstanceOnlyWhenSticky(t *testing.T) {
	r := open(t)
	lost := func(sticky bool) uint64 {
		yaml := strings.Replace(strings.Replace(wide, "instances: 1", "instances: 3", 1), "users: 1000", "users: 50", 1)
		r.load(yaml)
		r.balance(map[string]any{"sticky.on": sticky})
		r.until("everybody has come", func(s live.State) bool { return s.Instances[0].Sent > 150 && s.Instances[1].Sent > 150 })
		r.one("b", "down")
		n := r.State().Instances[0].Sent
		s := r.until("everybody has come again", func(s live.State) bool { return s.Instances[0].Sent > n+200 })
		return s.Balancer.Counters["sessions_lost"]
	}
	if n := lost(false); n != 0 {
		t.Errorf("%d sessions lost without state in the instances, want none", n)
	}
	if n := lost(true); n < 8 || n > 30 {
		t.Errorf("%d sessions of 50 lost with one instance of three, want about 17", n)
	}
}

func TestResizeIsTheEvent(t *testing.T) {
	r := open(t)
	r.load(strings.Replace(wide, "for: 60s", "for: 2s", 1) + "resize: [{at: 1s, instances: 3}]\n")
	if _, err := r.Spike(t.Context(), load.Spike{}); err != nil {
		t.Fatal(err)
	}
	r.until("three serve", func(s live.State) bool { return stand(s) == "a up, b up, c up" })
	r.until("one is left after the event", func(s live.State) bool { return stand(s) == "a up" && marked(s, "event over") })
}
