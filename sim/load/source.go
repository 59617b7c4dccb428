package load

import (
	"iter"
	"time"

	"workbench/sim/arrival"
	"workbench/sim/dist"
	"workbench/sim/population"
)

// Arrival is one user's first try as the seed has it, whatever the service
// does.
type Arrival struct {
	Due  time.Duration
	Seq  uint64 // from 1
	Pick population.Pick
}

// Draw returns the arrivals of a plan in order, up to its Duration: the same
// for the live generator, for virtual time and for tests. The plan must be
// valid but for its Target, which is not looked at.
func Draw(p Plan) (iter.Seq[Arrival], error) {
	p.fill()
	if err := p.check(); err != nil {
		return nil, err
	}
	return func(yield func(Arrival) bool) {
		s, err := newSource(&p)
		if err != nil {
			return // check has built one from the same plan
		}
		for s.due < p.Duration && yield(s.take()) {
			s.advance(s.due)
		}
	}, nil
}

// source draws arrivals. Arrivals and picks have streams of their own.
type source struct {
	process *arrival.Process
	people  *population.Population
	picks   *dist.Stream
	due     time.Duration // of the arrival that take returns next
	seq     uint64
}

func newSource(p *Plan) (*source, error) {
	process, err := arrival.New(p.Arrivals, dist.New(p.Seed, "arrivals"), p.Schedule)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(p.Ops))
	for i, op := range p.Ops {
		names[i] = op.Name
	}
	people, err := population.New(p.Population, names)
	if err != nil {
		return nil, err
	}
	s := &source{process: process, people: people, picks: dist.New(p.Seed, "picks")}
	s.advance(0)
	return s, nil
}

// take returns the arrival that is due next.
func (s *source) take() Arrival {
	s.seq++
	return Arrival{Due: s.due, Seq: s.seq, Pick: s.people.Pick(s.picks)}
}

// advance draws the first instant after now.
func (s *source) advance(now time.Duration) { s.due = s.process.Next(now) }
