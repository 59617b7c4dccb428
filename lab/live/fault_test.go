package live_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/sim/dist"
	"workbench/sim/population"
)

func TestFaultsEndByThemselves(t *testing.T) {
	r := open(t)
	r.load(calm)
	for _, name := range []string{"gate-slow", "gate-delay", "gate-hang", "gate-error", "instance-kill", "cache-down"} {
		s, err := r.SetFault(t.Context(), name, live.FaultChange{On: true, For: 150 * time.Millisecond})
		if err != nil || !faulty(s, name).On || faulty(s, name).Until <= 0 {
			t.Fatalf("SetFault(%s) = %+v, %v; want it on until an instant", name, faulty(s, name), err)
		}
		s = r.until(name+" ended", func(s live.State) bool { return !faulty(s, name).On })
		if !marked(s, name+" ends") || faulty(s, name).Until != 0 {
			r.until(name+" had its marker", func(s live.State) bool { return marked(s, name+" ends") })
		}
	}
	r.until("all are up and well after all faults", func(s live.State) bool {
		return !slices.ContainsFunc(s.Nodes, func(n live.Node) bool { return !n.Up || n.Degraded != "" })
	})
	if s, err := r.SetFault(t.Context(), "cache-flush", live.FaultChange{On: true}); err != nil || faulty(s, "cache-flush").On || !marked(s, "cache-flush") {
		t.Errorf("cache-flush = %+v, %v; want a marker and nothing that stays on", faulty(s, "cache-flush"), err)
	}
}

// A fault that is begun again lasts as long as it was told last.
func TestANewerFaultIsNotEndedByTheOlderOnesTimer(t *testing.T) {
	r := open(t)
	r.load(calm)
	for _, c := range []live.FaultChange{{On: true, For: 300 * time.Millisecond}, {On: true, Factor: 3}} {
		if _, err := r.SetFault(t.Context(), "gate-slow", c); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.SetFault(t.Context(), "gate-delay", live.FaultChange{On: true, For: 400 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	if s := r.until("the later one ended", func(s live.State) bool { return !faulty(s, "gate-delay").On }); !faulty(s, "gate-slow").On {
		t.Error("the older timer has ended the newer fault, want it on until it is switched off")
	}
}

// Redis dies in mid-traffic: nobody gets an error for it, the diagram says so,
// and when it is back it is used again.
func TestRedisDiesInMidSpike(t *testing.T) {
	r := open(t)
	r.load(strings.Replace(calm, "rate: 100", "rate: 200", 1))
	r.set("cache", lab.On, map[string]any{"store": "redis"})
	r.set("ratelimit", lab.On, map[string]any{"store": "redis", "per": "user", "rate": 1000, "burst": 1000})
	r.until("Redis had answered", func(s live.State) bool { return pattern(s, "cache").Counters["redis_hit"] > 0 })
	if _, err := r.SetFault(t.Context(), "cache-down", live.FaultChange{On: true}); err != nil {
		t.Fatal(err)
	}
	if s := r.State(); s.Redis.Up || s.Redis.Degraded == "" || node(s, "cache").Up || node(s, "cache").Degraded == "" {
		t.Errorf("with Redis dead: %+v, %+v; want both down and degraded", s.Redis, node(s, "cache"))
	}
	good, bad := 0.0, 0.0
	for _, f := range r.frames(20) {
		good += f.Good
		bad += f.Outcomes[lab.Failed] + f.Outcomes[lab.Limited]
	}
	if bad != 0 || good == 0 {
		t.Errorf("without Redis %v/s served and %v/s failed or limited over 2 s, want all served", good/20, bad/20)
	}
	s := r.State()
	if gauge(pattern(s, "cache"), "redis_up") != 0 || pattern(s, "cache").Counters["redis_skipped"] == 0 {
		t.Errorf("the cache shows %+v, want it to know that Redis is away", pattern(s, "cache"))
	}
	if _, err := r.SetFault(t.Context(), "cache-down", live.FaultChange{}); err != nil {
		t.Fatal(err)
	}
	before := pattern(r.State(), "cache").Counters["redis_hit"]
	r.until("Redis served again", func(s live.State) bool {
		return s.Redis.Up && s.Redis.Degraded == "" && node(s, "cache").Up && gauge(pattern(s, "cache"), "redis_up") == 1 && pattern(s, "cache").Counters["redis_hit"] > before
	})
}

// What does not exist does not exist for the store either.
func TestFreshItemsAreMissing(t *testing.T) {
	r := open(t)
	r.load(strings.Replace(calm, "keys: 100", "keys: 12000, fresh: 1", 1))
	if code, _, body := r.ask("a", "GET", "/profiles/12000", ""); code != 200 {
		t.Errorf("the last item of the population answers %d %s, want 200", code, body)
	}
	people, err := population.New(population.Spec{Keys: 12000, Fresh: 1}, []string{"read"})
	if err != nil {
		t.Fatal(err)
	}
	for picks, i := dist.New(1, "picks"), 0; i < 20; i++ {
		if code, h, body := r.ask("a", "GET", "/profiles/"+strconv.FormatUint(people.Pick(picks).Key, 10), ""); code != 404 || h.Get("Workbench-Outcome") != "ok" {
			t.Errorf("a fresh item answers %d %s, want 404, which is an answer like any other", code, body)
		}
	}
}

// With two instances users are served while one is dead. It comes back with
// what a process has that has just begun: nothing.
func TestInstanceKill(t *testing.T) {
	r := open(t)
	r.load(calm)
	r.set("cache", lab.On, map[string]any{"store": "memory", "ttl": "10m"})
	if code, h, body := r.ask("b", "GET", "/profiles/9", ""); code != 200 || h.Get("Workbench-Instance") != "b" {
		t.Fatalf("instance b: %d %v %s, want 200 from b", code, h, body)
	}
	if _, h, _ := r.ask("b", "GET", "/profiles/9", ""); h.Get("Workbench-Cache") != "hit" {
		t.Fatal("the second read at b is no hit, want one")
	}
	s, err := r.SetFault(t.Context(), "instance-kill", live.FaultChange{On: true})
	if err != nil || node(s, "b").Up || !node(s, "a").Up {
		t.Fatalf("after the kill: %+v, %v; want b down and a up", s.Nodes, err)
	}
	r.frames(2) // those who were inside
	good, bad := 0.0, 0.0
	for _, f := range r.frames(10) {
		good += f.Good
		bad += f.Outcomes[lab.Failed] + f.Outcomes[lab.Shed]
	}
	if good == 0 || bad != 0 {
		t.Errorf("with one of two instances %v/s served and %v/s lost, want all served", good/10, bad/10)
	}
	if s, err = r.SetFault(t.Context(), "instance-kill", live.FaultChange{}); err != nil || !node(s, "b").Up {
		t.Fatalf("after the restart: %+v, %v; want b up", s.Nodes, err)
	}
	if code, h, _ := r.ask("b", "GET", "/profiles/9", ""); code != 200 || h.Get("Workbench-Instance") != "b" || h.Get("Workbench-Cache") == "hit" {
		t.Errorf("the restarted instance answers %d %v, want 200 and an empty cache", code, h)
	}
}
