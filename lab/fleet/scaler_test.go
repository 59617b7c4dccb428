package fleet_test

import (
	"strings"
	"testing"
	"time"

	"workbench/lab/fleet"
)

func TestAutoscaler(t *testing.T) {
	on := func(change func(*fleet.Scaling)) fleet.Scaling {
		s := fleet.DefaultScaling()
		s.On = true
		if change != nil {
			change(&s)
		}
		return s
	}
	type look struct {
		at   time.Duration
		load fleet.Load
		want int
	}
	for _, tt := range []struct {
		name  string
		set   fleet.Scaling
		looks []look
	}{
		{"off", fleet.DefaultScaling(), []look{{second, fleet.Load{Ready: 2, Busy: 1}, 2}}},
		{"between periods", on(nil), []look{{second / 2, fleet.Load{Ready: 2, Busy: 1}, 2}}},
		{"as many as the target asks for", on(nil), []look{{second, fleet.Load{Ready: 4, Busy: .9}, 6}}},
		{"a step at most", on(nil), []look{{second, fleet.Load{Ready: 4, Busy: 1}, 6}}},
		{"near the target", on(nil), []look{{second, fleet.Load{Ready: 4, Busy: .7}, 4}}},
		{"no more than the most", on(nil), []look{{second, fleet.Load{Ready: 8, Busy: 1}, 8}}},
		{"those that start count", on(nil), []look{{second, fleet.Load{Ready: 2, Starting: 2, Busy: 1}, 4}}},
		{"a rest after adding", on(nil), []look{
			{second, fleet.Load{Ready: 1, Busy: 1}, 2},
			{2 * second, fleet.Load{Ready: 2, Busy: 1}, 2},
			{4 * second, fleet.Load{Ready: 2, Busy: 1}, 4},
		}},
		{"slowly fewer, one at a time", on(func(s *fleet.Scaling) { s.In = 5 * second }), []look{
			{second, fleet.Load{Ready: 4, Busy: .1}, 4},
			{5 * second, fleet.Load{Ready: 4, Busy: .1}, 4},
			{6 * second, fleet.Load{Ready: 4, Busy: .1}, 3},
			{7 * second, fleet.Load{Ready: 3, Busy: .1}, 3},
			{12 * second, fleet.Load{Ready: 3, Busy: .1}, 2},
		}},
		{"a moment's rest is not enough", on(func(s *fleet.Scaling) { s.In = 5 * second }), []look{
			{second, fleet.Load{Ready: 4, Busy: .1}, 4},
			{3 * second, fleet.Load{Ready: 4, Busy: .65}, 4},
			{7 * second, fleet.Load{Ready: 4, Busy: .1}, 4},
		}},
		{"no fewer than the least", on(func(s *fleet.Scaling) { s.Min, s.In = 2, 0 }), []look{{second, fleet.Load{Ready: 2, Busy: 0}, 2}}},
		{"at least the least, at once", on(func(s *fleet.Scaling) { s.Min = 5 }), []look{{second, fleet.Load{Ready: 1, Busy: .5}, 5}}},
		{"requests inside", on(func(s *fleet.Scaling) { s.Metric, s.Target = fleet.InFlight, 10 }), []look{{second, fleet.Load{Ready: 2, Inflight: 31}, 4}}},
		{"nobody serves yet", on(nil), []look{{second, fleet.Load{Starting: 1}, 1}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := fleet.NewAutoscaler(0, tt.set)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range tt.looks {
				if got := a.Decide(l.at, l.load); got != l.want {
					t.Errorf("at %v with %+v Decide() = %d, want %d", l.at, l.load, got, l.want)
				}
			}
		})
	}
}

func FuzzAutoscaler(f *testing.F) {
	f.Add(uint8(2), uint8(1), 0.9, uint16(40), uint8(3))
	f.Fuzz(func(t *testing.T, ready, starting uint8, busy float64, inflight uint16, rounds uint8) {
		s := fleet.DefaultScaling()
		s.On, s.Min, s.Max = true, 2, 6
		a, err := fleet.NewAutoscaler(0, s)
		if err != nil {
			t.Fatal(err)
		}
		have := int(ready%8) + int(starting%8)
		for i := range rounds {
			l := fleet.Load{Ready: min(have, int(ready%8)), Busy: busy, Inflight: int(inflight)}
			l.Starting = have - l.Ready
			got := a.Decide(time.Duration(i+1)*second, l)
			if got > max(have, s.Min)+s.Step || got < have-1 || got > max(have, s.Max) {
				t.Fatalf("from %d instances with busy %v it wants %d", have, busy, got)
			}
			have = got
		}
	})
}

func FuzzFleet(f *testing.F) {
	f.Add(uint8(3), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, uint8(0xff))
	f.Fuzz(func(t *testing.T, n uint8, steps []byte, parts uint8) {
		s := fleet.Defaults()
		s.Picker = fleet.Pickers()[parts%4]
		s.Health.On, s.Ejection.On, s.SlowStart.On, s.Sticky.On = parts&4 > 0, parts&8 > 0, parts&16 > 0, parts&32 > 0
		c, _ := crowd(t, int(n%8), func(d *fleet.Settings) { *d = s })
		var inside []*fleet.Member
		now := time.Duration(0)
		for _, step := range steps {
			now += time.Duration(step) * 10 * time.Millisecond
			switch step % 8 {
			case 0, 1, 2:
				m, _ := c.Pick(now, fleet.Ask{User: uint64(step), Key: uint64(step)})
				if m == nil {
					break
				}
				if step&8 > 0 {
					c.Refused(now, m)
					break
				}
				c.Connected(now, m)
				inside = append(inside, m)
			case 3, 4:
				if len(inside) > 0 {
					c.Done(now, inside[0], fleet.Result{Failed: step&8 > 0, Took: time.Duration(step) * time.Millisecond})
					inside = inside[1:]
				}
			case 5:
				for _, m := range c.Due(now) {
					c.Checked(now, m, step&8 > 0)
				}
				c.Tick(now)
			case 6:
				if all := c.Members(); len(all) > 0 {
					c.Leave(all[int(step)%len(all)])
				}
			case 7:
				c.Join(now, "x"+string(rune('a'+step%26)), false)
			}
		}
		held := map[*fleet.Member]int{}
		for _, m := range inside {
			held[m]++
		}
		out := 0
		for _, m := range c.Members() {
			if m.Inflight() != held[m] {
				t.Fatalf("%s counts %d inside, want %d", m.Name(), m.Inflight(), held[m])
			}
		}
		for _, st := range c.Stats(now) {
			if st.State == "ejected" {
				out++
			}
		}
		if out > 0 && out >= len(c.Members()) && len(c.Members()) > 2 {
			t.Fatalf("all %d are ejected", out)
		}
	})
}

func TestSettingsAreCheckedWhole(t *testing.T) {
	s := fleet.Defaults()
	_, err := s.Apply(map[string]any{"picker": "x", "health.fall": 0, "nothing": 1, "a.b": 2, "ejection.cap": "1s"})
	for _, want := range []string{"knob picker", "knob health.fall", "knob nothing", "knob a.b"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Apply = %v, want an error that says %s", err, want)
		}
	}
	s, err = s.Apply(map[string]any{"picker": fleet.ConsistentHash, "sticky.on": true, "ejection.on": "true"})
	if got := s.Text(); err != nil || got != "consistent hash by key, sticky, ejection" {
		t.Errorf("Text() = %q, %v", got, err)
	}
	if got := (fleet.Scaling{}).WithDefaults().Text(); got != "off" {
		t.Errorf("Text() = %q, want off", got)
	}
}
