package live

import (
	"maps"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/chain"
	"workbench/lab/gate"
	"workbench/lab/tape"
)

// read collects what the service shows at the end of a frame.
func (r *run) read() tape.Reading {
	now := r.clock.Now()
	out := tape.Reading{Gauges: map[string]float64{}, Version: r.lab.currentVersion()}
	r.readTeam(now, &out)
	for name, g := range r.gates() {
		s := g.Stats()
		out.Waiting += s.Waiting
		out.Calls += s.Entered - s.Refused
		out.Gauges[name+".busy"] = float64(s.Busy)
		out.Gauges[name+".waiting"] = float64(s.Waiting)
		u := r.use(name, now, s)
		out.Gauges[name+".saturation"] = u
		out.Saturation = max(out.Saturation, u)
	}
	for _, s := range r.slots(now) {
		for _, g := range s.Gauges {
			out.Gauges[s.Pattern.Name+"."+g.Name] = g.Value
			if g.Name == "depth" || g.Name == "waiting" {
				out.Waiting += int(g.Value)
			}
		}
	}
	return out
}

// slots returns the chain as it stands, with the gauges of all instances that
// are up made into one.
func (r *run) slots(now time.Duration) []chain.Slot {
	var out []chain.Slot
	n := 0 // instances that out stands for
	for _, m := range r.members() {
		if n > 0 && !m.server.Up() {
			continue
		}
		all := m.chain.Slots(now)
		n++
		if n == 1 {
			out = all
			if !m.server.Up() {
				n = 0 // a dead one stands in until a live one is found
			}
			continue
		}
		for i := range all {
			merge(out[i].Gauges, all[i].Gauges, n)
		}
	}
	for _, g := range r.guestsSeen() {
		if !g.rep.up {
			continue
		}
		n++
		for i := range out {
			merge(out[i].Gauges, g.rep.gauges[out[i].Pattern.Name], n)
		}
	}
	return append([]chain.Slot{r.edge.slot()}, out...)
}

// merge takes the gauges of the n-th instance into those of the ones before it.
// Counts add up; of what is no count, a share is the mean, and otherwise the
// instance that is worst off is shown, with its word.
func merge(sum, one []lab.Gauge, n int) {
	for i := range min(len(sum), len(one)) {
		a, b := &sum[i], one[i]
		switch {
		case a.Name != b.Name: // one has just been switched and the other not yet
		case strings.HasSuffix(a.Name, "_share"):
			a.Value += (b.Value - a.Value) / float64(n)
		case strings.HasSuffix(a.Name, "_up"):
			if b.Value < a.Value {
				*a = b
			}
		case a.Text != "" || b.Text != "" || strings.HasSuffix(a.Name, "_seconds"):
			if b.Value > a.Value {
				*a = b
			}
		default:
			a.Value += b.Value
		}
	}
}

// usage is how long a gate's slots were busy up to an instant.
type usage struct {
	at    time.Duration
	busy  time.Duration
	share float64 // of the slots' time, between the last two readings
}

// use returns the share of a gate's slots in use since the last reading.
func (r *run) use(name string, now time.Duration, s gate.Stats) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.usage[name]
	if span := float64(now-last.at) * float64(s.Slots); span > 0 {
		last.share = min(1, max(0, float64(s.BusyTime-last.busy)/span))
	}
	last.at, last.busy = now, s.BusyTime
	r.usage[name] = last
	return last.share
}

// saturation returns a gate's share of slots in use at the last reading.
func (r *run) saturation(name string) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.usage[name].share
}

// gates returns the run's gates by node name.
func (r *run) gates() map[string]*gate.Gate {
	out := map[string]*gate.Gate{"gate": r.gate}
	if r.provider != nil {
		out["provider"] = r.provider
	}
	if r.second != nil {
		out["second"] = r.second
	}
	return out
}

// counters returns each pattern's events. The instances share them.
func (r *run) counters() map[string]map[string]uint64 {
	out := map[string]map[string]uint64{}
	for _, p := range r.patterns() {
		if c := r.counts[p.Name]; c != nil {
			out[p.Name] = maps.Clone(c.All())
		}
	}
	return out
}
