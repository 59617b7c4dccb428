package gate

import (
	"errors"
	"fmt"
	"time"

	"workbench/sim/dist"
)

// catchUp bounds how far a slot may run behind its intended times before the
// rest is forgiven: a machine that was suspended for an hour must not answer an
// hour's requests at once.
const catchUp = time.Second

// Kind says what happened to a request at the gate.
type Kind uint8

// What can happen. Every request that enters gets at most one Started and
// exactly one of the others.
const (
	Started Kind = iota // it took a slot
	Served              // its service is over and it has travelled back
	Broken              // the same, but the dependency answered with an error
	Late                // its deadline passed; a slot it held stays busy to the intended finish
	Full                // refused: the backlog is full
)

// Event is one thing that happened to one request.
type Event struct {
	At   time.Duration // the intended instant, which is not after now
	ID   uint64        // as given to Enter
	Job  int32         // as returned by Enter
	Kind Kind
}

// Model is a gate as a pure law: no lock, no goroutine, no clock. Its methods
// take now, which must not go backwards, and append what happened up to now, in
// order of time, to out.
//
// A user calls Enter for each arrival and Advance at the instant Next returns.
type Model struct {
	spec    Spec
	law     dist.Law     // of service times, without faults
	draw    *dist.Stream // service times
	dice    *dist.Stream // which requests fail; apart, so that a fault does not shift the service times
	manual  bool         // a started job ends only after worked
	hung    bool
	thawed  time.Duration // end of the last hang: no service ends before it
	slow    float64       // multiplies service times
	broken  float64       // share of requests that fail
	delay   time.Duration
	seq     uint64
	jobs    []job
	free    []int32
	waiting line
	late    agenda // by deadline: every awaited job that has one
	busy    agenda // by finish: jobs in a slot whose finish is known
	back    agenda // by arrival at the caller: jobs on the way back
	stats   Stats
	starts  time.Duration // sum of the starts of jobs in a slot
	spent   time.Duration // slot time of jobs that have left their slot
}

// phase is where a job is.
type phase uint8

const (
	gone phase = iota
	queued
	working // in a slot, finish not known before worked
	serving // in a slot, finish known
	returning
)

type job struct {
	id         uint64
	arrived    time.Duration
	deadline   time.Duration
	start      time.Duration
	service    time.Duration
	phase      phase
	late       bool // nobody waits for it any more
	fails      bool
	prev, next int32 // in the line
}

// Stats is a gate's state and what it has done since it was made.
//
// Always Entered = Served + Failed + Late + Refused + Left + Waiting +
// (Busy − Wasted) + Returning.
type Stats struct {
	Slots     int
	Busy      int // slots taken
	Wasted    int // of Busy, those whose caller has given up
	Waiting   int
	Returning int // served, on the way back
	Entered   uint64
	Served    uint64
	Failed    uint64
	Late      uint64
	Refused   uint64
	Left      uint64        // whose caller went away: the service stopped
	Hung      bool          // the slots are held by the hang fault
	Fault     string        // the faults at work, for people: "service time × 5, 20 % errors"; empty without one
	BusyTime  time.Duration // slot time used: over a window, its growth / (Slots × window) is the utilisation
}

// NewModel returns an idle gate that draws from stream, which it owns from now on.
func NewModel(spec Spec, stream *dist.Stream) (*Model, error) {
	faults := []error{spec.Validate()}
	if stream == nil {
		faults = append(faults, errors.New("gate: stream is nil (want one of the run's own streams)"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	if spec.Backlog == 0 {
		spec.Backlog = DefaultBacklog
	}
	law, err := dist.NewLaw(spec.Law, spec.Service, spec.SCV)
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	return &Model{
		spec: spec, law: law, draw: stream, dice: dist.New(stream.Uint64(), "gate.error"), slow: 1,
		waiting: line{head: none, tail: none}, late: agenda{loose: true}, back: agenda{loose: true},
	}, nil
}

// Spec returns the capacity as it stands, without faults.
func (m *Model) Spec() Spec { return m.spec }

// Enter brings request id to the gate. deadline is when it stops being waited
// for; 0 means never. The job names it until its last event.
func (m *Model) Enter(now time.Duration, id uint64, deadline time.Duration, out []Event) (int32, []Event) {
	out = m.Advance(now, out)
	m.stats.Entered++
	switch {
	case deadline > 0 && deadline <= now:
		m.stats.Late++
		return none, append(out, Event{At: now, ID: id, Job: none, Kind: Late})
	case m.stats.Busy >= m.spec.Slots && m.waiting.len >= m.spec.Backlog:
		m.stats.Refused++
		return none, append(out, Event{At: now, ID: id, Job: none, Kind: Full})
	}
	n := m.alloc()
	m.jobs[n] = job{id: id, arrived: now, deadline: deadline, phase: queued}
	m.waiting.push(m.jobs, n)
	if deadline > 0 {
		m.late.push(m.due(deadline, n))
	}
	// The second Advance ends a service of no length at once.
	return n, m.Advance(now, m.fill(now, now, out))
}

// worked says that the real work of a started job took so long, and whether it
// failed. Only for a manual model.
func (m *Model) worked(now time.Duration, n int32, took time.Duration, failed bool, out []Event) []Event {
	j := &m.jobs[n]
	if j.phase != working {
		panic("gate: worked for a job that is not working")
	}
	j.phase = serving
	j.fails = j.fails || failed
	m.busy.push(m.due(j.start+max(j.service, took), n))
	return m.Advance(now, out)
}

// Leave takes back a request whose caller stops waiting. Its slot, if it holds
// one, stays busy to the intended finish.
func (m *Model) Leave(now time.Duration, n int32, out []Event) []Event {
	out = m.Advance(now, out)
	if j := &m.jobs[n]; j.phase != gone && !j.late {
		m.stats.Left++
		m.abandon(n)
	}
	return out
}

// Next returns when Advance has something to do; false: not before the next
// call of another method.
func (m *Model) Next() (time.Duration, bool) {
	at := min(m.late.next(), m.back.next())
	if !m.hung {
		at = min(at, m.busy.next())
	}
	return at, at < never
}

// agendas lists what may come next, in the order in which things at the same
// instant happen: a deadline that is reached is missed.
func (m *Model) agendas() [3]*agenda {
	if m.hung {
		return [3]*agenda{&m.late, &m.back, {}}
	}
	return [3]*agenda{&m.late, &m.busy, &m.back}
}

// Advance lets everything happen that is due up to now.
func (m *Model) Advance(now time.Duration, out []Event) []Event {
	for !m.quiet(now) {
		var from *agenda
		var first due
		for _, a := range m.agendas() {
			if d, ok := a.head(); ok && d.at <= now && (from == nil || d.at < first.at) {
				from, first = a, d
			}
		}
		from.pop()
		j := &m.jobs[first.job]
		switch from {
		case &m.late:
			m.stats.Late++
			out = append(out, Event{At: first.at, ID: j.id, Job: first.job, Kind: Late})
			m.abandon(first.job)
		case &m.busy:
			out = m.finish(now, first, out)
		default:
			out = m.answer(first, out)
		}
	}
	return out
}

// quiet reports whether nothing is due up to now. It is asked several times a
// request, and the answer is mostly yes.
func (m *Model) quiet(now time.Duration) bool {
	return m.late.next() > now && m.back.next() > now && (m.hung || m.busy.next() > now)
}

// finish frees the slot of a job at its intended end and gives it on.
func (m *Model) finish(now time.Duration, d due, out []Event) []Event {
	j := &m.jobs[d.job]
	d.at = max(d.at, m.thawed)
	m.stats.Busy--
	m.starts -= j.start
	m.spent += d.at - j.start
	switch trip := m.spec.RTT + m.delay; {
	case j.late:
		m.stats.Wasted--
		m.release(d.job)
	case trip == 0:
		out = m.answer(d, out)
	default:
		j.phase = returning
		m.stats.Returning++
		m.back.push(m.due(d.at+trip, d.job))
	}
	return m.fill(d.at, now, out)
}

// answer ends a job whose caller gets its answer.
func (m *Model) answer(d due, out []Event) []Event {
	j := &m.jobs[d.job]
	kind := Served
	if j.fails {
		kind = Broken
		m.stats.Failed++
	} else {
		m.stats.Served++
	}
	if j.phase == returning {
		m.stats.Returning--
	}
	m.late.remove(d.job)
	out = append(out, Event{At: d.at, ID: j.id, Job: d.job, Kind: kind})
	m.release(d.job)
	return out
}

// fill gives free slots to those who wait. The slot has been free since at, and
// a job cannot have started before it arrived.
func (m *Model) fill(at, now time.Duration, out []Event) []Event {
	for m.stats.Busy < m.spec.Slots && m.waiting.len > 0 {
		n := m.waiting.head
		m.waiting.remove(m.jobs, n)
		j := &m.jobs[n]
		j.start = max(j.arrived, at, now-catchUp)
		j.service = stretch(m.law.Draw(m.draw), m.slow)
		j.fails = m.dice.Float64() < m.broken
		m.stats.Busy++
		m.starts += j.start
		out = append(out, Event{At: j.start, ID: j.id, Job: n, Kind: Started})
		if m.manual {
			j.phase = working
			continue
		}
		j.phase = serving
		m.busy.push(m.due(j.start+j.service, n))
	}
	return out
}

// abandon ends the waiting for a job that is still somewhere.
func (m *Model) abandon(n int32) {
	j := &m.jobs[n]
	m.late.remove(n)
	switch j.phase {
	case queued:
		m.waiting.remove(m.jobs, n)
		m.release(n)
	case returning:
		m.back.remove(n)
		m.stats.Returning--
		m.release(n)
	default:
		j.late = true
		m.stats.Wasted++
	}
}

// Stats returns the state at now; it does not advance the model.
func (m *Model) Stats(now time.Duration) Stats {
	s := m.stats
	s.Slots, s.Waiting, s.Hung, s.Fault = m.spec.Slots, m.waiting.len, m.hung, m.fault()
	s.BusyTime = m.spent + time.Duration(s.Busy)*now - m.starts
	return s
}

// stretch returns d times by, at most a day, so that sums of instants stay far
// from overflow.
func stretch(d time.Duration, by float64) time.Duration {
	return time.Duration(min(float64(d)*by, float64(24*time.Hour)))
}

func (m *Model) due(at time.Duration, n int32) due {
	m.seq++
	return due{at: at, seq: m.seq, job: n}
}

func (m *Model) alloc() int32 {
	if last := len(m.free) - 1; last >= 0 {
		n := m.free[last]
		m.free = m.free[:last]
		return n
	}
	m.jobs = append(m.jobs, job{})
	m.late.grow()
	m.busy.grow()
	m.back.grow()
	return int32(len(m.jobs) - 1)
}

func (m *Model) release(n int32) {
	m.jobs[n].phase = gone
	m.free = append(m.free, n)
}
