// Package incident is a rehearsal of being on call: something goes wrong that is
// not named, at a moment that is not named, and a person finds out from signals
// alone what it is and what helps, against a clock.
//
// The package knows the rules and the list of what can go wrong. It is pure:
// instants and the seed are arguments, and it breaks nothing itself.
package incident

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"workbench/sim/dist"
)

// Limits of one rehearsal.
const (
	Limit    = 10 * time.Minute // from its start to its end
	earliest = 20 * time.Second // when the fault may begin
	latest   = 60 * time.Second
	MaxTries = 5 // answers
)

// Cause is something that can go wrong. Clue says, afterwards, where it could
// have been seen.
type Cause struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Fix   string `json:"fix"` // the name of what helps
	Clue  string `json:"clue"`
}

// Fix is something that can be done.
type Fix struct {
	Name  string `json:"name"`
	Title string `json:"title"`
}

// Causes lists everything that can go wrong, in an order that says nothing.
func Causes() []Cause {
	return []Cause{
		{"database-slow", "The database answers several times slower", "query-plan",
			"The gate’s utilisation rose before its queue did; in a trace the service time, and not the wait alone, is long."},
		{"database-errors", "The database fails a part of its calls", "failover",
			"Errors rose with the duration unchanged; the failed traces end in the database, and quickly."},
		{"network-far", "The way to the database has become long", "route",
			"Every request got slower by the same amount, and the database is no busier: in a trace the round trip is long and the wait is short."},
		{"pool-small", "Most of the connections to the database are gone", "pool-size",
			"In a trace the wait for a slot is long and the service itself is as before; fewer slots, all of them busy."},
		{"instance-bad", "One instance is ill", "eject",
			"Half of the requests are well: the two instances’ rows part, and slow traces all pass the same one."},
		{"cache-gone", "The shared cache is gone", "cache-restart",
			"The database gets more calls for the same traffic, and traces have Redis spans with errors, or none."},
		{"retry-storm", "Clients repeat at once whatever fails", "retry-budget",
			"More tries arrive than users: the users’ retries stand side by side in a trace."},
		{"crowd", "Several times as many users come", "shed",
			"The rate rose first, at all operations alike; everything else followed."},
		{"provider-hung", "The provider of reports no longer answers", "provider-breaker",
			"One operation alone is affected; the traces that fail hang at the provider."},
	}
}

// Fixes lists everything that can be done, one for each cause.
func Fixes() []Fix {
	return []Fix{
		{"cache-restart", "Start the shared cache again"},
		{"eject", "Take one instance out of the balancer"},
		{"failover", "Let the standby database take over"},
		{"pool-size", "Give the pool its connections back"},
		{"provider-breaker", "Cut the provider off until it answers"},
		{"query-plan", "Bring the lost index back"},
		{"retry-budget", "Give clients backoff and a retry budget"},
		{"route", "Lead the traffic back to the near zone"},
		{"shed", "Admit no more than can be served"},
	}
}

// Errors of a rehearsal.
var (
	ErrOver    = errors.New("the rehearsal is over")
	ErrUnknown = errors.New("there is nothing of that name")
)

// Session is one rehearsal. It is for one goroutine. Use New.
type Session struct {
	seed   uint64
	cause  Cause
	began  time.Duration // when it was started
	strike time.Duration // when the fault begins

	seen      time.Duration // when the person saw that something was wrong; 0: not yet
	named     time.Duration // when the cause was named; 0: not yet
	mended    time.Duration // when the right thing was done; 0: not yet
	ended     time.Duration // 0: it goes on
	falsely   int           // times that the person saw something when nothing was
	wrong     int           // wrong answers
	abandoned bool
}

// New draws a rehearsal that starts at now. possible names the causes that this
// lab can bring about; empty: all.
func New(seed uint64, now time.Duration, possible []string) (*Session, error) {
	all := slices.DeleteFunc(Causes(), func(c Cause) bool { return len(possible) > 0 && !slices.Contains(possible, c.Name) })
	if len(all) == 0 {
		return nil, fmt.Errorf("incident: none of the causes %q is in the list", possible)
	}
	s := dist.New(seed, "incident")
	return &Session{
		seed: seed, began: now, cause: all[min(int(s.Float64()*float64(len(all))), len(all)-1)],
		strike: now + earliest + time.Duration(s.Float64()*float64(latest-earliest)),
	}, nil
}

// Cause returns what will go wrong: for whoever brings it about.
func (s *Session) Cause() Cause { return s.cause }

// Strike returns when it begins: for whoever brings it about.
func (s *Session) Strike() time.Duration { return s.strike }

// End returns when the rehearsal ends at the latest.
func (s *Session) End() time.Duration { return s.began + Limit }

// Over reports whether it has ended at now.
func (s *Session) Over(now time.Duration) bool {
	if s.ended == 0 && now >= s.End() {
		s.ended = s.End()
	}
	return s.ended > 0
}

// See notes that the person says that something is wrong. It reports whether
// something is; a false alarm is counted.
func (s *Session) See(now time.Duration) (bool, error) {
	if s.Over(now) {
		return false, ErrOver
	}
	if now < s.strike {
		s.falsely++
		return false, nil
	}
	if s.seen == 0 {
		s.seen = now
	}
	return true, nil
}

// Answer takes the person's word for the cause and for what helps. Each is
// judged by itself; mended reports that the fault is to be ended. An answer
// before anything was wrong is a false alarm, and a wrong one.
func (s *Session) Answer(now time.Duration, cause, fix string) (right, mended bool, err error) {
	if s.Over(now) {
		return false, false, ErrOver
	}
	if !slices.ContainsFunc(Causes(), func(c Cause) bool { return c.Name == cause }) {
		return false, false, fmt.Errorf("%w: cause %q", ErrUnknown, cause)
	}
	if !slices.ContainsFunc(Fixes(), func(f Fix) bool { return f.Name == fix }) {
		return false, false, fmt.Errorf("%w: fix %q", ErrUnknown, fix)
	}
	struck, err := s.See(now)
	if err != nil {
		return false, false, err
	}
	right = struck && cause == s.cause.Name
	mended = struck && fix == s.cause.Fix
	if right && s.named == 0 {
		s.named = now
	}
	if mended && s.mended == 0 {
		s.mended = now
	}
	if !right || !mended {
		s.wrong++
	}
	if s.named > 0 && s.mended > 0 || s.wrong >= MaxTries {
		s.ended = now
	}
	return right, mended, nil
}

// GiveUp ends the rehearsal.
func (s *Session) GiveUp(now time.Duration) {
	if !s.Over(now) {
		s.ended, s.abandoned = now, true
	}
}

// Result is how a rehearsal went. A time is from the beginning of the fault, and
// 0 where the person did not come so far.
type Result struct {
	Seed      uint64        `json:"seed"`
	Cause     Cause         `json:"cause"`
	Strike    time.Duration `json:"strike"` // since the start
	Detect    time.Duration `json:"detect"`
	Diagnose  time.Duration `json:"diagnose"`
	Mitigate  time.Duration `json:"mitigate"`
	False     int           `json:"false_alarms"`
	Wrong     int           `json:"wrong_answers"`
	Solved    bool          `json:"solved"` // named and mended
	Abandoned bool          `json:"abandoned,omitempty"`
	Early     bool          `json:"early,omitempty"` // it was over before the fault began: nothing has gone wrong, Cause and Strike are what would have come
	Ended     time.Duration `json:"ended,omitempty"` // since the start
}

// View is what may be shown at an instant. It names the cause only when the
// rehearsal is over.
type View struct {
	Running bool          `json:"running"`
	Elapsed time.Duration `json:"elapsed"`
	Left    time.Duration `json:"left"`
	Seen    bool          `json:"seen"` // the person has seen it, and rightly
	Named   bool          `json:"named"`
	Mended  bool          `json:"mended"`
	False   int           `json:"false_alarms"`
	Wrong   int           `json:"wrong_answers"`
	Tries   int           `json:"tries_left"`
	Result  *Result       `json:"result,omitempty"` // when it is over
}

// Show returns what may be shown at now.
func (s *Session) Show(now time.Duration) View {
	over := s.Over(now)
	v := View{
		Running: !over, Elapsed: now - s.began, Left: max(0, s.End()-now), Seen: s.seen > 0, Named: s.named > 0, Mended: s.mended > 0,
		False: s.falsely, Wrong: s.wrong, Tries: MaxTries - s.wrong,
	}
	if !over {
		return v
	}
	v.Elapsed, v.Left = s.ended-s.began, 0
	since := func(at time.Duration) time.Duration {
		if at == 0 {
			return 0
		}
		return at - s.strike
	}
	v.Result = &Result{
		Seed: s.seed, Cause: s.cause, Strike: s.strike - s.began, Detect: since(s.seen), Diagnose: since(s.named), Mitigate: since(s.mended),
		False: s.falsely, Wrong: s.wrong, Solved: v.Named && v.Mended, Abandoned: s.abandoned,
		Early: s.ended < s.strike, Ended: s.ended - s.began,
	}
	return v
}
