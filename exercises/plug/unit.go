package plug

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/sim/clock"
	"workbench/sim/stat"
)

// Guard says when a process is given up, and how often another one is started.
type Guard struct {
	Deadline time.Duration // for one decision, beside what the solution may let it wait
	Hang     time.Duration // nothing comes for so long although something was asked
	Slow     int           // so many seconds in a row at least half of the decisions come too late
	Restarts int           // processes started in a row that did not live for Healthy
	Healthy  time.Duration
	Pause    time.Duration // before the first restart; it doubles up to MaxPause
	MaxPause time.Duration
}

// Usual returns the guard of a lab in which a decision may take so long.
func Usual(deadline time.Duration) Guard {
	return Guard{
		Deadline: deadline, Hang: max(time.Second, 20*deadline), Slow: 2, Restarts: 8, Healthy: 10 * time.Second,
		Pause: 500 * time.Millisecond, MaxPause: 30 * time.Second,
	}
}

// tooLate is how many decisions of a second must come too late before it counts
// as a slow one.
const tooLate = 20

// counts are the pattern's counters that a unit keeps.
type counts struct{ decisions, batches, late, trips, restarts *atomic.Uint64 }

// Unit is a solution at work for one service instance.
type Unit struct {
	clock  clock.Clock
	guard  Guard
	start  func(context.Context) (Process, error)
	log    *slog.Logger
	counts counts
	wait   time.Duration // the longest that the solution may let a request wait
	ctx    context.Context
	end    context.CancelFunc
	work   sync.WaitGroup
	run    func(func(context.Context)) // starts a load on a goroutine of the lab's
	room   room                        // of those who wait, if any do

	mu    sync.Mutex
	line  *line         // guarded by mu; nil: the guard is open
	why   string        // guarded by mu; why it is
	epoch uint32        // guarded by mu; of line: tickets of an earlier process say nothing to a later one
	slice time.Duration // guarded by mu; when the present second began
	asked int           // guarded by mu; decisions in this second
	late  int           // guarded by mu; and those of them that came too late
	slow  int           // guarded by mu; seconds in a row before this one that were slow
	times *stat.Window  // guarded by mu; how long decisions took, over ten seconds
}

// Open starts a solution and waits until it is ready.
func Open(env lab.Env, t lab.Terms, g Guard, start func(context.Context) (Process, error)) (*Unit, error) {
	for _, name := range lab.ForeignEvents() {
		env.Counters.Get(name)
	}
	c := env.Counters
	u := &Unit{
		clock: env.Clock, guard: g, start: start, log: env.Log, run: env.Go, wait: t.Wait, times: stat.NewWindow(10), slice: env.Clock.Now(),
		counts: counts{c.Get(lab.EventDecisions), c.Get(lab.EventBatches), c.Get(lab.EventLate), c.Get(lab.EventTrips), c.Get(lab.EventRestarts)},
	}
	u.ctx, u.end = context.WithCancel(context.Background())
	first, err := u.begin()
	if err != nil {
		u.end()
		return nil, err
	}
	u.work.Go(func() { u.keep(first) })
	return u, nil
}

// begin starts a process and lets it decide.
func (u *Unit) begin() (*line, error) {
	p, err := u.start(u.ctx)
	if err != nil {
		return nil, err
	}
	// A process that never greets must not hold up a change of the lab.
	patience, cancel := context.WithTimeout(u.ctx, greetWithin)
	stop := context.AfterFunc(patience, p.Stop)
	l, err := u.open(p)
	stop()
	cancel()
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, last(p))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.line, u.why = l, ""
	u.epoch++
	u.asked, u.late, u.slow = 0, 0, 0
	return l, nil
}

// greetWithin is for how long a process may take to be ready.
const greetWithin = 5 * time.Second

// keep watches the process, and starts others in its place.
func (u *Unit) keep(l *line) {
	failed := 0
	began := u.clock.Now()
	for {
		select {
		case <-l.dead:
		case <-u.ctx.Done():
			l.fail("closed")
		}
		u.lose(l)
		end := last(l.p)
		if u.ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		why := l.why
		l.mu.Unlock()
		if why == endedByItself {
			why = end
		}
		if u.clock.Now()-began >= u.guard.Healthy {
			failed = 0
		}
		u.counts.trips.Add(1)
		if l = u.again(why, &failed); l == nil {
			return
		}
		began = u.clock.Now()
	}
}

// again opens the guard and starts another process after a pause; nil: that is
// over.
func (u *Unit) again(why string, failed *int) *line {
	for {
		if *failed == u.guard.Restarts {
			u.trip(fmt.Sprintf("guard open for good after %d restarts: %s; set the state again to try anew", *failed, why))
			return nil
		}
		pause := min(u.guard.MaxPause, u.guard.Pause<<*failed)
		*failed++
		u.trip("guard open: " + why)
		if u.clock.Wait(u.ctx, u.clock.Now()+pause) != nil {
			return nil
		}
		l, err := u.begin()
		if err == nil {
			u.counts.restarts.Add(1)
			u.log.Info("plugged-in solution started again", "restarts", *failed)
			return l
		}
		if u.ctx.Err() != nil {
			return nil
		}
		why = err.Error()
	}
}

// trip opens the guard for a reason.
func (u *Unit) trip(why string) {
	u.mu.Lock()
	u.line, u.why = nil, why
	u.mu.Unlock()
	u.log.Warn("plugged-in solution", "guard", why)
}

// Admit implements lab.Foreign.
func (u *Unit) Admit(ctx context.Context, q lab.Question) (lab.Ruling, error) {
	u.mu.Lock()
	l, epoch, why := u.line, u.epoch, u.why
	u.mu.Unlock()
	if l == nil {
		return lab.Ruling{}, fmt.Errorf("%w: %s", lab.ErrForeign, why)
	}
	began := u.clock.Now()
	id, c := l.ask(began, q)
	if id == 0 {
		return lab.Ruling{}, fmt.Errorf("%w: %d questions have no answer yet", lab.ErrForeign, maxPending)
	}
	limited, cancel := context.WithTimeout(ctx, u.guard.Deadline+q.Wait)
	defer cancel()
	select {
	case t := <-c.done:
		return u.ruling(epoch, t.OK, t.Retry, t.Ticket, began), nil
	case <-l.dead:
		return lab.Ruling{}, fmt.Errorf("%w: its process has ended", lab.ErrForeign)
	case <-limited.Done():
	}
	if !l.leave(id, c) {
		t := <-c.done // it has come at the last moment
		return u.ruling(epoch, t.OK, t.Retry, t.Ticket, began), nil
	}
	if ctx.Err() != nil {
		return lab.Ruling{}, fmt.Errorf("%w: %w", lab.ErrForeign, ctx.Err())
	}
	u.judge(l, began, u.guard.Deadline+q.Wait)
	return lab.Ruling{}, fmt.Errorf("%w: none within %v", lab.ErrForeign, u.guard.Deadline+q.Wait)
}

// ruling notes a decision that came in time.
func (u *Unit) ruling(epoch uint32, ok bool, retry time.Duration, ticket uint32, began time.Duration) lab.Ruling {
	u.took(began)
	r := lab.Ruling{OK: ok, Retry: retry}
	if ticket != 0 {
		r.Ticket = uint64(epoch)<<32 | uint64(ticket)
	}
	return r
}

// took counts a decision that came in time.
func (u *Unit) took(began time.Duration) {
	now := u.clock.Now()
	u.counts.decisions.Add(1)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.roll(now)
	u.asked++
	u.times.Record(now - began)
}

// judge counts a decision that came too late, and gives the process up when
// that is how it is. Where this very process was late to notice, the machine is
// too busy to blame anybody.
func (u *Unit) judge(l *line, began, limit time.Duration) {
	now := u.clock.Now()
	u.counts.late.Add(1)
	u.mu.Lock()
	u.roll(now)
	u.times.Record(now - began)
	if now-began < limit+u.guard.Deadline {
		u.asked++
		u.late++
	}
	slow := u.slow
	u.mu.Unlock()
	if quiet := l.quiet(now); quiet >= u.guard.Hang+u.wait {
		l.fail(fmt.Sprintf("it hangs: no answer for %v", quiet.Round(time.Millisecond)))
		return
	}
	if slow >= u.guard.Slow {
		l.fail(fmt.Sprintf("it is too slow: most decisions took longer than %v for %d s", u.guard.Deadline, slow))
	}
}

// roll begins a new second. Needs mu.
func (u *Unit) roll(now time.Duration) {
	passed := int((now - u.slice) / time.Second)
	if passed < 1 {
		return
	}
	for range min(10, passed) {
		u.times.Advance()
	}
	if passed == 1 && u.late >= tooLate && 2*u.late >= u.asked {
		u.slow++
	} else {
		u.slow = 0
	}
	u.slice += time.Duration(passed) * time.Second
	u.asked, u.late = 0, 0
}

// Done implements lab.Foreign.
func (u *Unit) Done(r lab.Ruling, now time.Duration, end lab.End) {
	if r.Ticket == 0 {
		return
	}
	u.mu.Lock()
	l, epoch := u.line, u.epoch
	u.mu.Unlock()
	if l != nil && uint32(r.Ticket>>32) == epoch {
		l.finish(uint32(r.Ticket), now, end)
	}
}

// Gauges implements lab.Foreign.
func (u *Unit) Gauges(now time.Duration) []lab.Gauge {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.roll(now)
	guard := lab.Gauge{Name: lab.GaugeGuard, Text: "closed"}
	pending := 0
	if u.line == nil {
		guard.Value, guard.Text = 1, u.why
	} else {
		pending = u.line.pending()
	}
	return []lab.Gauge{
		guard,
		{Name: "yours_p99_seconds", Value: u.times.Hist().Quantile(.99).Seconds()},
		{Name: "yours_pending", Value: float64(pending)},
	}
}

// Close implements lab.Foreign.
func (u *Unit) Close() error {
	u.end()
	u.work.Wait()
	return nil
}

var _ lab.Foreign = (*Unit)(nil)
