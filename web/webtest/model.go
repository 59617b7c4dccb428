package webtest

import "math"

// The stand-in's service: requests served and users that ask a second, and the
// clients' patience.
const (
	capacity = 200.0
	calmRate = 160.0
	patience = 0.5 // s
	backlog  = 4096.0
	tick     = 0.1 // s
)

// model is the service in one equation: tries flow in, capacity flows out, and
// whoever waits longer than their patience asks again.
type model struct {
	queue   float64 // waiting requests
	failing float64 // share of tries that fail, smoothed
	open    float64 // s that the breaker stays open
	hits    float64 // share of reads answered by the cache, smoothed
	noise   uint64
	soon
}

// inputs are what the model is told for one tick.
type inputs struct {
	users, capacity float64 // a second
	limit           bool
	rate            float64 // of the limit, a second
	queue           bool
	length          float64 // of the queue
	breaker         bool
	openFor         float64 // s
	budget          bool
	retries         float64 // for each first try, with a budget
	cache           bool
	failures        float64 // share of answers that are errors
	relief
}

// result is what came of one tick, in rates a second.
type result struct {
	users, tries, good, limited, shed, open, late, failed float64
	throttled, stale                                      float64 // refused by the throttle; answered by the fallback
	seconds                                               float64 // the hedge's second calls
	p50, p99, wait, saturation                            float64
}

// step moves the model on by one tick.
func (m *model) step(in inputs) result {
	f := m.failing
	extra := f + f*f + f*f*f
	if in.budget {
		extra = math.Min(extra, in.retries)
	}
	r := result{users: in.users, tries: in.users * (1 + extra)}
	admitted := r.tries
	if in.cache {
		m.hits += .02 * (.8 - m.hits)
		admitted *= 1 - m.hits
	} else {
		m.hits = 0
	}
	if in.limit {
		over := math.Max(0, admitted-in.rate)
		r.limited, admitted = over, admitted-over
	}
	asked := admitted
	r.throttled = asked * m.refuse(in.throttle)
	admitted -= r.throttled
	if m.open > 0 {
		m.open -= tick
		r.open, admitted = admitted, 0
	}
	twice, delay := m.second(in.hedge)
	r.seconds = admitted * twice
	in.capacity *= m.room(in.brownout)
	served := m.serve(in, &r, admitted+r.seconds) / (1 + twice)
	inTime := 1 / (1 + math.Exp((r.wait-.42)*40)) // most give up at the same patience
	r.good = math.Min(in.users, served*inTime+r.tries*m.hits)
	r.late = math.Max(0, math.Min(in.users-r.good, served*(1-inTime)))
	if in.failures > 0 {
		r.failed = r.good * in.failures
		r.good -= r.failed
	}
	m.trip(in, served, inTime)
	m.turned(asked, served*inTime)
	share := 1 - math.Min(1, (served*inTime+r.tries*m.hits)/math.Max(r.tries, 1))
	m.failing += .25 * (share - m.failing)
	m.noise = m.noise*6364136223846793005 + 1442695040888963407
	wiggle := 1 + (float64(m.noise>>40)/float64(1<<24)-.5)*.12
	r.p50 = (22 + 1000*math.Min(r.wait, patience)) * wiggle
	r.p99 = math.Min((64+1000*r.wait*1.15)*wiggle, delay+r.p50)
	m.p50, m.p99 = r.p50, r.p99
	r.good = math.Min(in.users, r.good*(1+(wiggle-1)*.1))
	r.answer(in.relief)
	return r
}

// serve lets calls wait and be worked on, and returns how many were done.
func (m *model) serve(in inputs, r *result, calls float64) float64 {
	m.queue += (calls - in.capacity) * tick
	most := backlog
	if in.queue {
		most = in.length
	}
	if m.queue > most {
		r.shed = (m.queue - most) / tick
		m.queue = most
	}
	done := math.Min(in.capacity, calls+math.Max(0, m.queue)/tick)
	m.queue = math.Max(0, m.queue)
	r.saturation = math.Min(1, done/math.Max(in.capacity, 1))
	r.wait = m.queue / math.Max(in.capacity, 1)
	return done
}

// trip opens the breaker when too much of what is served comes too late.
func (m *model) trip(in inputs, served, inTime float64) {
	if !in.breaker {
		m.open = 0
		return
	}
	if m.open <= 0 && served > 0 && inTime < .5 && m.queue > 10 {
		m.open = in.openFor
	}
}
