package fleet

import "time"

// checks is what health checks know of an instance.
type checks struct {
	due    time.Duration // of the next question
	asking bool
	bad    bool
	streak int // answers in a row that speak against what is believed
}

// Due returns the instances that are to be asked now whether they are ready,
// and notes that they are being asked. Each must be answered by Checked.
func (f *Fleet) Due(now time.Duration) []*Member {
	if !f.settings.Health.On {
		return nil
	}
	var out []*Member
	for _, m := range f.members {
		if c := &m.checks; !c.asking && now >= c.due {
			c.asking, c.due = true, now+f.settings.Health.Interval
			out = append(out, m)
		}
	}
	return out
}

// Checked notes whether an instance said in time that it is ready.
func (f *Fleet) Checked(now time.Duration, m *Member, ready bool) {
	c := &m.checks
	c.asking = false
	if !f.settings.Health.On {
		return
	}
	if ready != c.bad {
		c.streak = 0
		return
	}
	need := f.settings.Health.Fall
	if ready {
		need = f.settings.Health.Rise
	}
	if c.streak++; c.streak < need {
		return
	}
	c.bad, c.streak = !ready, 0
	if ready {
		m.entered = now
		m.down, m.probing = 0, false // it answers: no request needs to find out
	}
}
