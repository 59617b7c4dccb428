package live_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"workbench/lab"
	"workbench/lab/join"
	"workbench/lab/live"
)

// guest is a process that has joined the lab, but for being one: its calls reach
// the lab without HTTP, and the traffic reaches it by HTTP.
type guest struct {
	t     *testing.T
	end   context.CancelFunc // as SIGTERM does
	over  chan struct{}      // closed when it has ended
	err   error              // valid after over
	mu    sync.Mutex
	said  []string // guarded by mu
	stuck bool     // guarded by mu; it reports no more
}

// deaf is the lab as one sees it who can fall silent.
type deaf struct {
	*live.Lab
	g *guest
}

func (d deaf) Sync(ctx context.Context, who join.Member, r join.Report) (join.Plan, error) {
	d.g.mu.Lock()
	stuck := d.g.stuck
	d.g.mu.Unlock()
	if stuck {
		return join.Plan{}, errors.New("nobody hears it")
	}
	return d.Lab.Sync(ctx, who, r)
}

// invite lets a process join, and ends it with the test.
func (r *rig) invite(name string) *guest {
	r.t.Helper()
	g := &guest{t: r.t, over: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	g.end = cancel
	go func() {
		defer close(g.over)
		g.err = join.Run(ctx, join.Config{
			Lab: deaf{r.Lab, g}, Name: name, Listen: "127.0.0.1:0", PID: 4711, Version: "test", Log: slog.New(slog.DiscardHandler),
			Say: func(line string) { g.mu.Lock(); defer g.mu.Unlock(); g.said = append(g.said, line) },
		})
	}()
	r.t.Cleanup(func() { g.end(); <-g.over })
	return g
}

// leave asks the process to end, as SIGTERM does, and waits.
func (g *guest) leave() []string {
	g.t.Helper()
	g.end()
	<-g.over
	if g.err != nil {
		g.t.Fatalf("Run() = %v, want nil", g.err)
	}
	return g.said
}

func (g *guest) silence(on bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stuck = on
}

func member(s live.State, name string) live.InstanceState {
	i := slices.IndexFunc(s.Instances, func(i live.InstanceState) bool { return i.Name == name })
	if i < 0 {
		return live.InstanceState{}
	}
	return s.Instances[i]
}

func up(name string) func(live.State) bool {
	return func(s live.State) bool { return member(s, name).State == "up" }
}

func TestJoinedInstanceServes(t *testing.T) {
	r := open(t)
	r.load(wide)
	g := r.invite("")
	s := r.until("p1 serves and is told of", func(s live.State) bool {
		return up("p1")(s) && marked(s, "instance p1 joined: process 4711 at "+member(s, "p1").Addr) && node(s, "p1").Note != ""
	})
	one := member(s, "p1")
	if one.Process == nil || one.Process.PID != 4711 || !strings.Contains(one.Why, "own process 4711") || one.Addr == "" {
		t.Errorf("p1 = %+v, want a process of its own with its number and address", one)
	}
	if n := node(s, "p1"); n.Kind != "instance" || !strings.Contains(n.Note, "process 4711, "+one.Addr) {
		t.Errorf("p1 on the diagram = %+v", n)
	}
	r.until("it gets its half", func(s live.State) bool { return member(s, "p1").Share > 0.4 })
	r.until("its slots are seen", func(s live.State) bool { return s.Traffic.Capacity >= 400 })
	r.until("its answers are counted", func(live.State) bool {
		return strings.Contains(r.scrape(), `workbench_instance_requests_total{instance="p1",outcome="ok"}`) && !strings.Contains(r.scrape(), `workbench_instance_requests_total{instance="p1",outcome="ok"} 0`)
	})
	said := g.leave()
	if want := "p1 has left: 0 requests cut, 0 accepted jobs undone"; !slices.Contains(said, want) {
		t.Errorf("it said %q, want %q among it", said, want)
	}
	r.until("p1 is gone with nothing cut", func(s live.State) bool {
		return stand(s) == "a up" && marked(s, "instance p1 has left, 0 requests cut")
	})
}

// TestChangesHoldInAJoinedInstance asks it itself, right after the change.
func TestChangesHoldInAJoinedInstance(t *testing.T) {
	r := open(t)
	r.load(calm)
	r.invite("pp")
	s := r.until("it serves", up("pp"))
	in, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+member(s, "pp").Addr+"/profiles/7", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.http.Do(in)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("a request that did not come through the balancer = %d, want 403", res.StatusCode)
	}
	s = r.set("queue", lab.On, map[string]any{"length": 77})
	if marked(s, "has not carried out") {
		t.Errorf("markers %v: the change was not carried out in time", s.Markers)
	}
	if text := r.scrape(); !strings.Contains(text, `workbench_pattern_gauge{gauge="depth",instance="pp",pattern="queue"}`) {
		r.until("its queue has a depth", func(live.State) bool {
			return strings.Contains(r.scrape(), `instance="pp",pattern="queue"}`)
		})
	}
	before := pattern(r.State(), "queue").Counters
	r.until("its events are counted", func(s live.State) bool { return pattern(s, "queue").Counters["queued"] >= before["queued"] })

	r.load(eventful) // another run: it follows
	s = r.until("it serves the next run", up("pp"))
	if s.Scenario != "eventful" {
		t.Errorf("scenario %q", s.Scenario)
	}
}

func TestLostInstanceIsShownAndComesBack(t *testing.T) {
	r := open(t)
	r.load(calm)
	g := r.invite("")
	r.until("it serves", up("p1"))
	g.silence(true)
	r.until("it is lost", func(s live.State) bool {
		return member(s, "p1").State == "down" && !node(s, "p1").Up && marked(s, "instance p1 is lost: process 4711 does not report")
	})
	g.silence(false)
	r.until("it is back", func(s live.State) bool { return up("p1")(s) && marked(s, "instance p1 reports again") })
}

func TestJoinedInstanceByHand(t *testing.T) {
	r := open(t)
	r.load(calm)
	g := r.invite("p7")
	r.until("it serves", up("p7"))
	if s := r.one("p7", "draining"); member(s, "p7").State != "draining" {
		t.Errorf("drained, it is %+v", member(s, "p7"))
	}
	if s := r.one("p7", "up"); member(s, "p7").State != "up" {
		t.Errorf("up again, it is %+v", member(s, "p7"))
	}
	if s := r.instances(8); len(s.Instances) != 8 {
		t.Errorf("%d instances, want 8 with p7 among them", len(s.Instances))
	}
	if s := r.instances(2); stand(s)[:4] != "a up" {
		t.Errorf("instances %q, want a of the lab's own to stay", stand(s))
	}
	one := 1
	if _, err := r.SetInstances(t.Context(), live.InstancesChange{Count: &one}); !errors.Is(err, live.ErrInvalid) || !strings.Contains(err.Error(), "processes of their own") {
		t.Errorf("SetInstances(1) = %v, want a refusal that says why", err)
	}
	if _, err := r.SetFault(t.Context(), "instance-kill", live.FaultChange{On: true, Target: "p7"}); !errors.Is(err, live.ErrInvalid) || !strings.Contains(err.Error(), "process 4711") {
		t.Errorf("the lab's fault on p7 = %v, want a refusal that names the process", err)
	}
	yours := lab.Yours
	if _, err := r.SetPattern(t.Context(), "ratelimit", live.PatternChange{State: &yours}); err == nil {
		t.Error("a pattern was set to yours beside a joined instance")
	}
	r.one("p7", "down")
	<-g.over
	if !errors.Is(g.err, join.ErrKilled) {
		t.Errorf("Run() = %v, want %v", g.err, join.ErrKilled)
	}
	if _, err := r.SetInstance(t.Context(), "p7", live.InstanceChange{State: "up"}); !errors.Is(err, live.ErrConflict) || !strings.Contains(err.Error(), "bin/workbench instance") {
		t.Errorf("up = %v, want a conflict that says how to start another", err)
	}
}

func TestWhoMayNotJoin(t *testing.T) {
	r := open(t)
	hello := join.Hello{Host: "127.0.0.1", PID: 1, Version: "test"}
	if _, err := r.Join(t.Context(), hello); !errors.Is(err, live.ErrStarting) {
		t.Errorf("Join before a scenario = %v, want %v", err, live.ErrStarting)
	}
	r.load(calm)
	for _, c := range []struct {
		name   string
		change func(*join.Hello)
		want   string
	}{
		{"another build", func(h *join.Hello) { h.Version = "older" }, `field version: got "older", want "test"`},
		{"a name of the lab's own", func(h *join.Hello) { h.Name = "a" }, "field name"},
		{"a name with a slash", func(h *join.Hello) { h.Name = "p/1" }, "field name"},
		{"another host", func(h *join.Hello) { h.Host = "192.0.2.7" }, "a loopback address"},
		{"every address", func(h *join.Hello) { h.Host = "0.0.0.0" }, "field host"},
		{"a name for an address", func(h *join.Hello) { h.Host = "localhost" }, "field host"},
		{"no process", func(h *join.Hello) { h.PID = 0 }, "field pid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := hello
			c.change(&h)
			if _, err := r.Join(t.Context(), h); !errors.Is(err, live.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Join(%+v) = %v, want it to be invalid: %s", h, err, c.want)
			}
		})
	}
	r.instances(8)
	if _, err := r.Join(t.Context(), hello); !errors.Is(err, live.ErrConflict) || !strings.Contains(err.Error(), "8 instances") {
		t.Errorf("Join of a full house = %v, want a conflict", err)
	}
	r.instances(7)
	w, err := r.Join(t.Context(), hello)
	if err != nil {
		t.Fatal(err)
	}
	hello.Name = w.Name
	r.instances(2)
	if _, err := r.Join(t.Context(), hello); !errors.Is(err, live.ErrInvalid) {
		t.Errorf("Join with a name that is taken = %v, want it to be invalid", err)
	}
	w.Key = "guessed"
	if _, err := r.Sync(t.Context(), w.Member, join.Report{}); !errors.Is(err, join.ErrUnknown) || !errors.Is(err, live.ErrUnknown) {
		t.Errorf("Sync with another key = %v, want it to be unknown", err)
	}
	if _, err := r.Work(t.Context(), w.Member, join.Call{}); !errors.Is(err, join.ErrUnknown) {
		t.Errorf("Work with another key = %v, want it to be unknown", err)
	}
}

// TestStrangersGetNoTraffic lets somebody report an address where the lab's own
// instance listens.
func TestStrangersGetNoTraffic(t *testing.T) {
	r := open(t)
	s := r.load(calm)
	w, err := r.Join(t.Context(), join.Hello{Host: "127.0.0.1", PID: 1, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.Sync(t.Context(), w.Member, join.Report{})
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{node(s, "a").Note, "127.0.0.1:1", "192.0.2.7:80", "nowhere"} {
		if _, err := r.Sync(t.Context(), w.Member, join.Report{Seen: p.Number, Done: p.Number, Run: p.Run, Addr: addr}); err != nil {
			t.Fatal(err)
		}
		if got := member(r.State(), w.Name); got.State != "cold" || got.Sent > 0 {
			t.Errorf("it reports %s and is %+v, want it to wait", addr, got)
		}
	}
}

// TestLabSendsJoinedInstancesHome ends the lab's run as serve does.
func TestLabSendsJoinedInstancesHome(t *testing.T) {
	r := open(t)
	r.load(calm)
	g := r.invite("")
	r.until("it serves", up("p1"))
	if err := r.SendHome(t.Context()); err != nil {
		t.Errorf("SendHome() = %v", err)
	}
	<-g.over
	if g.err != nil || !slices.Contains(g.said, "the lab has ended") {
		t.Errorf("Run() = %v, it said %q; want it to have gone home", g.err, g.said)
	}
}
