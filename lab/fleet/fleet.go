package fleet

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"workbench/sim/dist"
)

// downFor is how long an instance that refused a connection is left alone.
const downFor = time.Second

// DownFor is when asking again makes sense after no instance was found.
const DownFor = downFor

// Member is one instance as a balancer sees it. It belongs to one Fleet.
type Member struct {
	Tag int32 // the owner's number for it; the fleet leaves it alone

	name     string
	inflight int
	sent     uint64
	errors   uint64
	down     time.Duration // until when it is left alone; 0: it accepts connections
	probing  bool          // a request is finding out whether it is back
	draining bool          // gets no new requests
	gone     bool          // has left the fleet

	entered time.Duration // since when it takes requests: of slow start
	weight  float64       // scratch of Pick: between 0 and 1
	turn    float64       // of the weighted turn
	bound   int           // users who keep to it

	checks  checks
	outlier outlier
}

// Name returns the instance's name.
func (m *Member) Name() string { return m.name }

// Inflight returns how many requests are inside.
func (m *Member) Inflight() int { return m.inflight }

// open reports whether a connection may be tried at now.
func (m *Member) open(now time.Duration) bool {
	return !m.draining && (m.down == 0 || now >= m.down && !m.probing)
}

// Ask is what a balancer knows of a request before it is sent.
type Ask struct {
	User  uint64
	Key   uint64    // of what it asks for
	Tried []*Member // which have refused it already
}

// Session says how a request stands to the session of its user.
type Session uint8

// How it can stand. Without sticky sessions there is None.
const (
	None  Session = iota
	Fresh         // the user's first: a session begins
	Kept          // it goes where the session is
	Moved         // it cannot go there: the session is lost
)

// String returns the word that the balancer tells the instance.
func (s Session) String() string { return [...]string{"", "new", "kept", "moved"}[s] }

// ParseSession reads what String writes; what it does not know is None.
func ParseSession(word string) Session {
	for _, s := range []Session{Fresh, Kept, Moved} {
		if word == s.String() {
			return s
		}
	}
	return None
}

// Result is how a request left an instance.
type Result struct {
	Failed bool          // an error of the instance: not a refusal, and not a client that left
	Took   time.Duration // until the answer, or until nobody waited for it any more
	Left   bool          // the client went away first: Took is the least that it would have been
}

// Fleet spreads requests over instances. It is not safe for concurrent use. Use
// New.
type Fleet struct {
	settings Settings
	plain    bool // in turn and nothing else: the short way
	members  []*Member
	next     int // of the turn: counts up, so that those who are skipped keep their place
	picker   Picker
	stream   *dist.Stream
	ring     ring
	homes    map[uint64]*Member // of users, by sticky sessions
	scratch  []*Member
	loads    []int
	moved    uint64 // sessions lost
	unbound  uint64 // requests of users for whom there was no room in homes
	panics   uint64 // requests sent although nobody was well
	compare  time.Duration
}

// New returns an empty fleet. Only the picker two-choices draws from the stream,
// which the fleet owns from now on.
func New(s Settings, stream *dist.Stream) (*Fleet, error) {
	if stream == nil {
		return nil, errors.New("fleet: stream is nil (want one of the run's own streams)")
	}
	f := &Fleet{stream: stream}
	if err := f.Set(0, s); err != nil {
		return nil, err
	}
	return f, nil
}

// Settings returns how requests are spread.
func (f *Fleet) Settings() Settings { return f.settings }

// Set changes how requests are spread from now on. What a part has learnt is
// forgotten when it is switched off.
func (f *Fleet) Set(now time.Duration, s Settings) error {
	s = s.WithDefaults()
	if err := s.Check(); err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	if f.picker == nil || s.Picker != f.settings.Picker {
		name := s.Picker
		if name == ConsistentHash {
			name = RoundRobin // not asked
		}
		p, err := NewPicker(name, f.stream)
		if err != nil {
			return err
		}
		f.picker = p
	}
	for _, m := range f.members {
		if !s.Health.On {
			m.checks = checks{}
		} else if !f.settings.Health.On {
			m.checks = checks{due: now}
		}
		if !s.Ejection.On {
			m.outlier = outlier{}
		}
		if !s.Sticky.On {
			m.bound = 0
		}
	}
	if !s.Sticky.On {
		f.homes = nil
	}
	f.settings = s
	f.plain = s.Picker == RoundRobin && !s.Health.On && !s.Ejection.On && !s.SlowStart.On && !s.Sticky.On
	return nil
}

// Join adds an instance that accepts requests from now on. One that is warm has
// been at work before: slow start leaves it alone.
func (f *Fleet) Join(now time.Duration, name string, warm bool) *Member {
	m := &Member{name: name, entered: now, weight: 1, checks: checks{due: now}}
	if warm {
		m.entered = now - time.Hour
	}
	f.members = append(f.members, m)
	f.ring = newRing(f.members)
	return m
}

// Drain stops or begins again sending requests to an instance. Those inside go
// on.
func (f *Fleet) Drain(m *Member, on bool) { m.draining = on }

// Leave removes an instance. Its requests may still be reported as done.
func (f *Fleet) Leave(m *Member) {
	m.gone = true
	if i := slices.Index(f.members, m); i >= 0 {
		f.members = slices.Delete(f.members, i, i+1)
	}
	f.ring = newRing(f.members)
}

// Members returns the instances in the order in which they joined.
func (f *Fleet) Members() []*Member { return f.members }

// Pick chooses an instance for a request and counts the request in; nil when
// none accepts connections.
func (f *Fleet) Pick(now time.Duration, a Ask) (*Member, Session) {
	if f.plain && len(a.Tried) == 0 {
		for range f.members {
			m := f.members[f.next%len(f.members)]
			f.next++
			if m.open(now) {
				return f.enter(m), None
			}
		}
		return nil, None
	}
	open := f.candidates(now, a.Tried)
	if len(open) == 0 {
		return nil, None
	}
	if !f.settings.Sticky.On {
		return f.enter(f.choose(now, open, a)), None
	}
	home := f.homes[a.User]
	if home != nil && slices.Contains(open, home) {
		return f.enter(home), Kept
	}
	m := f.choose(now, open, a)
	if home == nil && len(f.homes) >= maxHomes {
		f.unbound++
		return f.enter(m), None
	}
	f.settle(a.User, home, m)
	if home == nil {
		return f.enter(m), Fresh
	}
	f.moved++
	return f.enter(m), Moved
}

// candidates lists who may get a request: those who are well, or all that
// accept connections when nobody is.
func (f *Fleet) candidates(now time.Duration, tried []*Member) []*Member {
	f.scratch = f.scratch[:0]
	well := 0
	for _, m := range f.members {
		if !m.open(now) || slices.Contains(tried, m) {
			continue
		}
		f.scratch = append(f.scratch, m)
		if f.well(now, m) {
			well++
		}
	}
	if well == 0 {
		if len(f.scratch) > 0 && (f.settings.Health.On || f.settings.Ejection.On) {
			f.panics++
		}
		return f.scratch
	}
	if well < len(f.scratch) {
		f.scratch = slices.DeleteFunc(f.scratch, func(m *Member) bool { return !f.well(now, m) })
	}
	return f.scratch
}

// well reports whether neither health checks nor comparison with its peers
// speak against an instance.
func (f *Fleet) well(now time.Duration, m *Member) bool {
	return !(f.settings.Health.On && m.checks.bad) && !(f.settings.Ejection.On && m.outlier.out(now))
}

// choose lets the picker decide. There is at least one candidate.
func (f *Fleet) choose(now time.Duration, open []*Member, a Ask) *Member {
	whole := f.weigh(now, open)
	switch f.settings.Picker {
	case RoundRobin:
		if whole {
			return f.inTurn(open)
		}
		return weightedTurn(open)
	case ConsistentHash:
		key := a.Key
		if f.settings.HashBy == "user" {
			key = Spread(a.User)
		}
		return f.bounded(open, key)
	}
	f.loads = f.loads[:0]
	for _, m := range open {
		load := m.inflight
		if !whole { // the request itself counted in, so that an idle newcomer does not get all
			load = int(float64(m.inflight+1) / m.weight * 1000)
		}
		f.loads = append(f.loads, load)
	}
	return open[f.picker.Pick(f.loads)]
}

// weigh sets the candidates' weights and reports whether all have their whole.
func (f *Fleet) weigh(now time.Duration, open []*Member) (whole bool) {
	whole = true
	for _, m := range open {
		m.weight = f.weightOf(now, m)
		whole = whole && m.weight == 1
	}
	return whole
}

// weightOf returns how much of its share an instance gets.
func (f *Fleet) weightOf(now time.Duration, m *Member) float64 {
	s := f.settings.SlowStart
	if age := now - m.entered; s.On && age < s.For {
		return max(s.From, float64(age)/float64(s.For))
	}
	return 1
}

// inTurn takes the next candidate in the order of all instances, so that one
// that is left out does not shift the others.
func (f *Fleet) inTurn(open []*Member) *Member {
	for {
		m := f.members[f.next%len(f.members)]
		f.next++
		if slices.Contains(open, m) {
			return m
		}
	}
}

// weightedTurn is the smooth weighted round robin that web servers use: each
// gets its weight, the one that is owed most is taken, and pays for all.
func weightedTurn(open []*Member) *Member {
	var best *Member
	sum := 0.0
	for _, m := range open {
		m.turn += m.weight
		sum += m.weight
		if best == nil || m.turn > best.turn {
			best = m
		}
	}
	best.turn -= sum
	return best
}

// enter counts a request in.
func (f *Fleet) enter(m *Member) *Member {
	m.inflight++
	m.probing = m.down > 0
	return m
}

// Connected notes that an instance is there, and that it gets a request.
func (f *Fleet) Connected(now time.Duration, m *Member) {
	m.sent++
	if m.down > 0 {
		m.entered = now // it is back, and as new as one that has just come
	}
	m.down, m.probing = 0, false
}

// Back notes that an instance has begun anew: what was known of it is of another
// process. Users who keep to it still do.
func (f *Fleet) Back(now time.Duration, m *Member) {
	m.entered, m.down, m.probing = now, 0, false
	m.checks, m.outlier = checks{due: now}, outlier{}
}

// Refused notes that no connection could be made to an instance.
func (f *Fleet) Refused(now time.Duration, m *Member) {
	m.inflight--
	m.errors++
	m.down, m.probing = now+downFor, false
}

// Abandoned takes back a request that was never sent.
func (f *Fleet) Abandoned(m *Member) {
	m.inflight--
	m.probing = false
}

// Done notes how a request that was sent has left an instance.
func (f *Fleet) Done(now time.Duration, m *Member, r Result) {
	m.inflight--
	if r.Failed {
		m.errors++
	}
	if f.settings.Ejection.On && !m.gone {
		f.observe(now, m, r)
	}
}
