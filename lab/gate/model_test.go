package gate_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"workbench/lab/gate"
	"workbench/sim/dist"
)

const ms = time.Millisecond

func model(t testing.TB, spec gate.Spec) *gate.Model {
	t.Helper()
	m, err := gate.NewModel(spec, dist.New(1, "gate"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// constant is two slots of 10 ms, so that tables can be read.
func constant() gate.Spec {
	return gate.Spec{Slots: 2, Service: 10 * ms, Law: dist.Constant, Backlog: 2}
}

// words writes events as "id kind@ms".
func words(events []gate.Event) string {
	names := map[gate.Kind]string{gate.Started: "starts", gate.Served: "served", gate.Broken: "broken", gate.Late: "late", gate.Full: "full"}
	var out []string
	for _, e := range events {
		out = append(out, fmt.Sprintf("%d %s@%v", e.ID, names[e.Kind], float64(e.At)/float64(ms)))
	}
	return strings.Join(out, ", ")
}

// run advances m to each of its instants up to end.
func run(m *gate.Model, end time.Duration, out []gate.Event) []gate.Event {
	for {
		at, ok := m.Next()
		if !ok || at > end {
			return m.Advance(end, out)
		}
		out = m.Advance(at, out)
	}
}

func TestModel(t *testing.T) {
	type arrival struct{ at, deadline time.Duration }
	for _, c := range []struct {
		name     string
		change   func(*gate.Spec)
		arrivals []arrival
		want     string
	}{
		{"slots are given first come first served", nil,
			[]arrival{{0, 0}, {1 * ms, 0}, {2 * ms, 0}, {3 * ms, 0}},
			"1 starts@0, 2 starts@1, 1 served@10, 3 starts@10, 2 served@11, 4 starts@11, 3 served@20, 4 served@21"},
		{"the backlog is bounded", nil,
			[]arrival{{0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}},
			"1 starts@0, 2 starts@0, 5 full@0, 1 served@10, 3 starts@10, 2 served@10, 4 starts@10, 3 served@20, 4 served@20"},
		{"a waiter leaves at its deadline and holds up nobody", nil,
			[]arrival{{0, 0}, {0, 0}, {0, 4 * ms}, {0, 0}},
			"1 starts@0, 2 starts@0, 3 late@4, 1 served@10, 4 starts@10, 2 served@10, 4 served@20"},
		{"a late request in service keeps its slot", func(s *gate.Spec) { s.Slots = 1 },
			[]arrival{{0, 4 * ms}, {0, 0}},
			"1 starts@0, 1 late@4, 2 starts@10, 2 served@20"},
		{"a deadline that is reached is missed", func(s *gate.Spec) { s.Slots = 1 },
			[]arrival{{0, 10 * ms}}, "1 starts@0, 1 late@10"},
		{"a deadline that has passed is late at once", nil,
			[]arrival{{5 * ms, 5 * ms}}, "1 late@5"},
		{"the round trip is outside the slot", func(s *gate.Spec) { s.Slots, s.RTT = 1, 4*ms },
			[]arrival{{0, 0}, {0, 0}, {0, 31 * ms}},
			"1 starts@0, 2 starts@10, 1 served@14, 3 starts@20, 2 served@24, 3 late@31"},
		{"a service of no length ends at once", func(s *gate.Spec) { s.Service = 0 },
			[]arrival{{3 * ms, 0}}, "1 starts@3, 1 served@3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := constant()
			if c.change != nil {
				c.change(&spec)
			}
			m := model(t, spec)
			var out []gate.Event
			for i, a := range c.arrivals {
				out = run(m, a.at, out)
				_, out = m.Enter(a.at, uint64(i+1), a.deadline, out)
			}
			if got := words(run(m, time.Hour, out)); got != c.want {
				t.Errorf("events are\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestModelFaults(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event // at 5 ms
		mend  func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event // at 35 ms
		want  string
	}{
		{"slow multiplies what begins later",
			func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event { must(t, m.Slow(3)); return out },
			func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event { must(t, m.Slow(1)); return out },
			"1 starts@0, 1 served@10, 2 starts@10, 2 served@40, 3 starts@40, 3 served@50"},
		{"errors come after the service time",
			func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event { must(t, m.Error(1)); return out },
			func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event { must(t, m.Error(0)); return out },
			"1 starts@0, 1 served@10, 2 starts@10, 2 broken@20, 3 starts@20, 3 broken@30"},
		{"a hang keeps the slots until it ends",
			func(_ *testing.T, m *gate.Model, out []gate.Event) []gate.Event { return m.Hang(5*ms, true, out) },
			func(_ *testing.T, m *gate.Model, out []gate.Event) []gate.Event { return m.Hang(35*ms, false, out) },
			"1 starts@0, 1 served@35, 2 starts@35, 2 served@45, 3 starts@45, 3 served@55"},
		{"a delay lengthens the way back",
			func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event { must(t, m.Delay(7*ms)); return out },
			func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event { must(t, m.Delay(0)); return out },
			"1 starts@0, 2 starts@10, 1 served@17, 3 starts@20, 2 served@27, 3 served@37"},
		{"more slots start those who wait",
			func(t *testing.T, m *gate.Model, out []gate.Event) []gate.Event {
				out, err := m.Resize(5*ms, 3, 20*ms, out)
				must(t, err)
				return out
			},
			func(_ *testing.T, _ *gate.Model, out []gate.Event) []gate.Event { return out },
			"1 starts@0, 2 starts@5, 3 starts@5, 1 served@10, 2 served@25, 3 served@25"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := constant()
			spec.Slots = 1
			m := model(t, spec)
			var out []gate.Event
			for id := range uint64(3) {
				_, out = m.Enter(0, id+1, 0, out)
			}
			out = c.fault(t, m, run(m, 5*ms, out))
			out = c.mend(t, m, run(m, 35*ms, out))
			if got := words(run(m, time.Hour, out)); got != c.want {
				t.Errorf("events are\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFewerSlotsAreLostAsTheyComeFree(t *testing.T) {
	spec := constant()
	spec.Backlog = 10
	m := model(t, spec)
	var out []gate.Event
	for id := range uint64(4) {
		_, out = m.Enter(0, id, 0, out)
	}
	out, err := m.Resize(5*ms, 1, 10*ms, out)
	must(t, err)
	if s := m.Stats(5 * ms); s.Slots != 1 || s.Busy != 2 {
		t.Errorf("after Resize(1): slots %d, busy %d; want 1 and 2 until one comes free", s.Slots, s.Busy)
	}
	if got, want := words(run(m, time.Second, out)[2:]), "0 served@10, 1 served@10, 2 starts@10, 2 served@20, 3 starts@20, 3 served@30"; got != want {
		t.Errorf("events are\n%s\nwant\n%s", got, want)
	}
}

func TestLeaveFreesTheQueueAndWastesTheSlot(t *testing.T) {
	spec := constant()
	spec.Slots = 1
	m := model(t, spec)
	served, _ := m.Enter(0, 1, 0, nil)
	queued, _ := m.Enter(0, 2, 0, nil)
	m.Leave(1*ms, served, nil)
	m.Leave(1*ms, queued, nil)
	if s := m.Stats(1 * ms); s.Busy != 1 || s.Wasted != 1 || s.Waiting != 0 || s.Left != 2 {
		t.Errorf("busy %d, wasted %d, waiting %d, left %d; want 1, 1, 0, 2", s.Busy, s.Wasted, s.Waiting, s.Left)
	}
	if out := run(m, time.Second, nil); len(out) != 0 {
		t.Errorf("events after both left: %s, want none", words(out))
	}
	if s := m.Stats(time.Second); s.Busy != 0 || s.Wasted != 0 || s.BusyTime != 10*ms {
		t.Errorf("busy %d, wasted %d, busy time %v; want 0, 0, 10ms", s.Busy, s.Wasted, s.BusyTime)
	}
}

func TestLaws(t *testing.T) {
	const n, seed = 200_000, 7
	for _, c := range []struct {
		law       string
		scv       float64
		wantSCV   float64
		tolerance float64 // relative, of the mean; about four standard errors
	}{
		{dist.Constant, 0, 0, 0},
		{dist.Exponential, 0, 1, 0.01},
		{dist.Lognormal, 4, 4, 0.02},
		{dist.Pareto, 3, 3, 0.02},
	} {
		t.Run(c.law, func(t *testing.T) {
			m, err := gate.NewModel(gate.Spec{Slots: gate.MaxSlots, Service: ms, Law: c.law, SCV: c.scv}, dist.New(seed, "law"))
			must(t, err)
			var out []gate.Event
			for id := range uint64(n) {
				_, out = m.Enter(0, id, 0, out)
			}
			out = run(m, 1000*time.Hour, out)
			var sum, squares float64
			count := 0
			for _, e := range out {
				if e.Kind == gate.Served {
					x := e.At.Seconds() * 1000
					sum, squares, count = sum+x, squares+x*x, count+1
				}
			}
			mean := sum / float64(count)
			if count != n || math.Abs(mean-1) > c.tolerance {
				t.Errorf("seed %d: mean of %d services is %.4f, want 1 ± %v of %d", seed, count, mean, c.tolerance, n)
			}
			if scv := squares/float64(count)/(mean*mean) - 1; math.Abs(scv-c.wantSCV) > 0.25 {
				t.Errorf("seed %d: squared coefficient of variation %.3f, want %.1f ± 0.25", seed, scv, c.wantSCV)
			}
		})
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	_, err := gate.NewModel(gate.Spec{Slots: 0, Service: -1, SCV: -1, RTT: -1, Backlog: -1}, nil)
	for _, want := range []string{"slots is 0", "service is -1ns", "scv is -1", "rtt is -1ns", "backlog is -1", "stream is nil"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewModel(bad) = %v, want it to say %q", err, want)
		}
	}
	m := model(t, constant())
	for name, err := range map[string]error{"Slow(0)": m.Slow(0), "Slow(NaN)": m.Slow(math.NaN()), "Error(2)": m.Error(2), "Delay(-1)": m.Delay(-1)} {
		if err == nil {
			t.Errorf("%s = nil, want an error", name)
		}
	}
	if _, err := m.Resize(0, 0, ms, nil); err == nil || m.Spec().Slots != 2 {
		t.Errorf("Resize(0 slots) = %v with %d slots, want an error and the old 2", err, m.Spec().Slots)
	}
}

// FuzzModel drives a gate with arbitrary calls and checks what must always hold.
func FuzzModel(f *testing.F) {
	f.Add(uint8(2), uint8(3), []byte{0, 1, 0, 9, 0, 40, 1, 2, 7, 3, 4, 5, 6})
	f.Add(uint8(1), uint8(1), []byte{0, 0, 0, 0, 5, 1, 0, 8, 5, 0, 250, 3, 9, 4, 77})
	f.Fuzz(func(t *testing.T, slots, backlog uint8, script []byte) {
		spec := gate.Spec{Slots: int(slots%8) + 1, Service: 5 * ms, RTT: ms, Backlog: int(backlog%8) + 1}
		m := model(t, spec)
		most := spec.Slots
		var now time.Duration
		var jobs []int32
		open := map[uint64]bool{} // entered, no end yet; value: started
		check := func(out []gate.Event) {
			for i, e := range out {
				started, known := open[e.ID]
				if !known || e.At > now || e.Kind == gate.Started && started {
					t.Fatalf("%s at %v: the request is unknown, started twice or ahead of time", words(out[i:i+1]), now)
				}
				if open[e.ID] = true; e.Kind != gate.Started {
					delete(open, e.ID)
				}
			}
			s := m.Stats(now)
			ended := s.Served + s.Failed + s.Late + s.Refused + s.Left
			if inside := uint64(s.Waiting + s.Busy - s.Wasted + s.Returning); s.Entered != ended+inside {
				t.Fatalf("entered %d, ended %d, inside %d: they must add up (%+v)", s.Entered, ended, inside, s)
			}
			if s.Busy > most || s.Waiting > spec.Backlog || s.Waiting > 0 && s.Busy < s.Slots {
				t.Fatalf("busy %d of %d, waiting %d of %d: a bound is broken or a slot idles", s.Busy, s.Slots, s.Waiting, spec.Backlog)
			}
			if s.BusyTime < 0 || s.BusyTime > time.Duration(most)*now {
				t.Fatalf("busy time %v with %d slots at %v", s.BusyTime, most, now)
			}
		}
		for i, b := range script {
			id := uint64(i)
			switch b % 7 {
			case 0, 1, 2:
				open[id] = false
				deadline := now + time.Duration(b)*ms/8
				if b%7 == 0 {
					deadline = 0
				}
				job, out := m.Enter(now, id, deadline, nil)
				if job >= 0 {
					jobs = append(jobs, job)
				}
				check(out)
			case 3:
				at, ok := m.Next()
				if now = now + time.Duration(b)*ms/16; ok && at < now {
					now = at // an event at a time, as the engine goes
				}
				check(m.Advance(now, nil))
			case 4:
				now += time.Duration(b) * ms
				check(m.Advance(now, nil)) // many at once, as after a late timer
			case 5:
				check(m.Hang(now, b&8 > 0, nil))
			case 6:
				slots := int(b>>4)%4 + 1
				most = max(most, slots)
				out, err := m.Resize(now, slots, time.Duration(b)*ms/32, nil)
				must(t, err)
				check(out)
			}
		}
		check(m.Hang(now, false, nil))
		now += time.Hour
		check(m.Advance(now, nil))
		if s := m.Stats(now); len(open) != 0 || s.Busy != 0 || s.Waiting != 0 {
			t.Fatalf("%d requests without an end, busy %d, waiting %d; want none", len(open), s.Busy, s.Waiting)
		}
		if slices.Contains(jobs, -1) {
			t.Fatal("Enter returned a job and no job at once")
		}
	})
}

func BenchmarkModel(b *testing.B) {
	m := model(b, gate.Spec{Slots: 64, Service: ms})
	var now time.Duration
	out := make([]gate.Event, 0, 64)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now += 16 * time.Microsecond
		_, out = m.Enter(now, uint64(i), now+20*ms, out[:0])
	}
}

// A user that comes late finds what happened at the intended instants: lateness
// does not cut the capacity, unless it is so long that the machine was asleep.
func TestLatenessDoesNotCutTheCapacity(t *testing.T) {
	spec := constant()
	spec.Slots, spec.Backlog = 1, 1000
	m := model(t, spec)
	var out []gate.Event
	for id := range uint64(400) {
		_, out = m.Enter(0, id, 0, out)
	}
	out = m.Advance(37*ms, nil)
	if got, want := words(out), "0 served@10, 1 starts@10, 1 served@20, 2 starts@20, 2 served@30, 3 starts@30"; got != want {
		t.Errorf("after 37 ms without a look the events are\n%s\nwant\n%s", got, want)
	}
	m.Advance(3037*ms, nil)
	if got := m.Stats(3037 * ms).Served; got != 104 {
		t.Errorf("after three seconds of sleep %d are served, want 104: 4 and one second's worth", got)
	}
}

// One slot with Poisson arrivals and exponential service is M/M/1: the mean
// time in the system is S/(1−ρ), and utilisation is ρ.
func TestModelAgreesWithMM1(t *testing.T) {
	const n, rho, seed = 400_000, 0.8, 3
	m, err := gate.NewModel(gate.Spec{Slots: 1, Service: ms}, dist.New(seed, "gate"))
	must(t, err)
	draw := dist.New(seed, "arrivals")
	born := make([]time.Duration, n)
	var now, total time.Duration
	count := func(out []gate.Event) {
		for _, e := range out {
			if e.Kind == gate.Served {
				total += e.At - born[e.ID]
			}
		}
	}
	var out []gate.Event
	for id := range uint64(n) {
		now += time.Duration(draw.Exp() / rho * float64(ms))
		born[id] = now
		_, out = m.Enter(now, id, 0, out[:0])
		count(out)
	}
	used := float64(m.Stats(now).BusyTime) / float64(now)
	count(run(m, now+time.Hour, nil))
	if got := float64(total) / n / float64(ms); math.Abs(got-5) > 0.25 {
		t.Errorf("seed %d: mean time in the system is %.3f ms, want 1/(1-0.8) = 5 ± 5%%", seed, got)
	}
	if math.Abs(used-rho) > 0.01 {
		t.Errorf("seed %d: utilisation is %.4f, want %.2f ± 0.01", seed, used, rho)
	}
}
