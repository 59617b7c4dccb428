package fleet

import "time"

// Stat is what a fleet knows of one instance.
type Stat struct {
	Name     string
	Sent     uint64 // requests given to it
	Errors   uint64 // refused connections and failed answers
	Inflight int    // requests inside now
	Users    int    // who keep to it, by sticky sessions
	Weight   float64
	Up       bool   // gets requests, as far as the balancer is concerned
	State    string // up, refused, unhealthy, ejected, draining
	Why      string // of an ejection
	Until    time.Duration
}

// Stats returns what is known of each instance, in order.
func (f *Fleet) Stats(now time.Duration) []Stat {
	out := make([]Stat, len(f.members))
	for i, m := range f.members {
		s := Stat{Name: m.name, Sent: m.sent, Errors: m.errors, Inflight: m.inflight, Users: m.bound, Weight: f.weightOf(now, m), State: "up"}
		switch {
		case m.draining:
			s.State = "draining"
		case f.settings.Health.On && m.checks.bad:
			s.State = "unhealthy"
		case f.settings.Ejection.On && m.outlier.out(now):
			s.State, s.Why, s.Until = "ejected", m.outlier.why, m.outlier.until
		case m.down > 0:
			s.State, s.Until = "refused", m.down
		default:
			s.Up = true
		}
		out[i] = s
	}
	return out
}

// Counts are sums since the fleet was made.
type Counts struct {
	Moved   uint64 // sessions lost because their instance could not be used
	Unbound uint64 // requests without a session for want of room
	Panics  uint64 // requests sent although nobody was well
}

// Counts returns the fleet's sums.
func (f *Fleet) Counts() Counts { return Counts{Moved: f.moved, Unbound: f.unbound, Panics: f.panics} }

// Busiest returns the most requests inside one instance.
func (f *Fleet) Busiest() int {
	most := 0
	for _, m := range f.members {
		most = max(most, m.inflight)
	}
	return most
}
