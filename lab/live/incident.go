package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/incident"
	"workbench/sim/load"
)

// rehearsal is an incident under way, or the last one.
type rehearsal struct {
	mu      sync.Mutex
	session *incident.Session // guarded by mu; nil: none yet
	run     uint64            // guarded by mu; the run that it is held in
	hidden  bool              // guarded by mu; the fault is on and must not be told
	kept    bool              // guarded by mu
}

// What the hidden faults amount to. They are strong enough to be seen within
// half a minute, and leave the service alive.
const (
	hiddenSlow  = 6
	hiddenShare = .25
	hiddenFar   = 250 * time.Millisecond
	hiddenPool  = 6 // the slots are divided by it
	hiddenSick  = 300 * time.Millisecond
	hiddenCrowd = 4
)

// IncidentKeeper remembers finished rehearsals.
type IncidentKeeper interface {
	KeepIncident(ctx context.Context, at time.Time, r incident.Result) error
}

// StartIncident loads the rehearsal's scenario and begins one: something will go
// wrong, at a moment and in a way that the seed decides.
func (l *Lab) StartIncident(ctx context.Context, seed uint64) (incident.View, error) {
	s, err := l.prepare(ScenarioChange{YAML: incident.Scenario()})
	if err != nil {
		return incident.View{}, err
	}
	l.change.Lock()
	defer l.change.Unlock()
	if err := l.free(); err != nil {
		return incident.View{}, err
	}
	if err := l.replace(ctx, s); err != nil {
		return incident.View{}, err
	}
	r, err := l.current()
	if err != nil {
		return incident.View{}, err
	}
	session, err := incident.New(seed, l.clock.Now(), nil)
	if err != nil {
		return incident.View{}, err
	}
	h := &l.observe.rehearsal
	h.mu.Lock()
	h.session, h.run, h.hidden, h.kept = session, r.id, false, false
	h.mu.Unlock()
	cause, strike, end := session.Cause().Name, session.Strike(), session.End()
	r.owned.Go(func() {
		if l.clock.Wait(r.ctx, strike) != nil {
			return
		}
		if err := r.strike(cause, true); err != nil {
			l.cfg.Log.Error("the rehearsal could not begin", "error", err)
			return
		}
		if l.clock.Wait(r.ctx, end) == nil {
			l.mend(r, cause)
		}
	})
	l.announce()
	return l.Incident(), nil
}

// strike brings a cause about, or ends it. It leaves no marker.
func (r *run) strike(cause string, on bool) error {
	h := &r.lab.observe.rehearsal
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.run != r.id || h.hidden == on || on && h.session.Over(r.lab.clock.Now()) {
		return nil
	}
	h.hidden = on
	return r.afflict(cause, on)
}

func (r *run) afflict(cause string, on bool) error {
	pick := func(ill, well float64) float64 {
		if on {
			return ill
		}
		return well
	}
	switch cause {
	case "database-slow":
		return r.gate.Slow(pick(hiddenSlow, 1))
	case "database-errors":
		return r.gate.Error(pick(hiddenShare, 0))
	case "network-far":
		return r.gate.Delay(time.Duration(pick(float64(hiddenFar), 0)))
	case "pool-small":
		return r.gate.Resize(max(1, int(pick(float64(r.spec.Gate.Slots/hiddenPool), float64(r.spec.Gate.Slots)))), r.spec.Gate.Service)
	case "instance-bad":
		r.victim("").ill.Store(int64(pick(float64(hiddenSick), 0)))
		return nil
	case "cache-gone":
		if on {
			return r.lab.redis.Kill()
		}
		return r.lab.redis.Revive(r.ctx)
	case "retry-storm":
		habits := r.clientHabits()
		if on {
			// The users' patience is short of what the slowest tenth takes, and they
			// ask again at once.
			habits.Timeout, habits.Retries, habits.Backoff, habits.Budget = 45*time.Millisecond, 8, 0, 0
		}
		return r.apply(load.Change{Client: &habits})
	case "crowd":
		return r.apply(load.Change{Factor: new(pick(hiddenCrowd, 1))})
	case "provider-hung":
		r.provider.Hang(on)
		return nil
	}
	return fmt.Errorf("%w: cause %q", ErrUnknown, cause)
}

// mend ends a rehearsal's fault, if it is on, and keeps what came of it when it
// is over.
func (l *Lab) mend(r *run, cause string) {
	if err := r.strike(cause, false); err != nil && r.ctx.Err() == nil {
		l.cfg.Log.Error("the rehearsal's fault did not end", "error", err)
	}
	l.remember(context.WithoutCancel(r.ctx))
	l.announce()
}

// remember keeps the result of a rehearsal that is over, once.
func (l *Lab) remember(ctx context.Context) {
	h := &l.observe.rehearsal
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.session == nil || h.kept {
		return
	}
	v := h.session.Show(l.clock.Now())
	if v.Result == nil {
		return
	}
	h.kept = true
	if l.cfg.Incidents == nil {
		return
	}
	if err := l.cfg.Incidents.KeepIncident(ctx, l.clock.Date(l.clock.Now()), *v.Result); err != nil {
		l.cfg.Log.Error("the rehearsal was not kept", "error", err)
	}
}

// Incident returns what may be shown of the rehearsal; the zero View: none.
func (l *Lab) Incident() incident.View {
	h := &l.observe.rehearsal
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.session == nil {
		return incident.View{}
	}
	return h.session.Show(l.clock.Now())
}

// SeeIncident takes the person's word that something is wrong, and returns
// whether something is.
func (l *Lab) SeeIncident() (bool, error) {
	h := &l.observe.rehearsal
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.session == nil {
		return false, fmt.Errorf("%w: no rehearsal is under way", ErrConflict)
	}
	ok, err := h.session.See(l.clock.Now())
	return ok, incidentError(err)
}

// AnswerIncident takes the person's word for the cause and for what helps.
func (l *Lab) AnswerIncident(cause, fix string) (right, mended bool, err error) {
	l.change.Lock()
	defer l.change.Unlock()
	h := &l.observe.rehearsal
	h.mu.Lock()
	if h.session == nil {
		h.mu.Unlock()
		return false, false, fmt.Errorf("%w: no rehearsal is under way", ErrConflict)
	}
	right, mended, err = h.session.Answer(l.clock.Now(), cause, fix)
	name, over := h.session.Cause().Name, h.session.Over(l.clock.Now())
	h.mu.Unlock()
	if err != nil {
		return false, false, incidentError(err)
	}
	if r, err := l.current(); err == nil && (mended || over) {
		l.mend(r, name)
	}
	return right, mended, nil
}

// EndIncident gives a rehearsal up.
func (l *Lab) EndIncident(ctx context.Context) {
	l.change.Lock()
	defer l.change.Unlock()
	l.giveUp(ctx)
}

// giveUp ends the rehearsal that is under way, if there is one. change must be
// held.
func (l *Lab) giveUp(ctx context.Context) {
	h := &l.observe.rehearsal
	h.mu.Lock()
	if h.session == nil {
		h.mu.Unlock()
		return
	}
	h.session.GiveUp(l.clock.Now())
	name := h.session.Cause().Name
	h.mu.Unlock()
	if r, err := l.current(); err == nil {
		l.mend(r, name)
	}
	l.remember(ctx)
}

func incidentError(err error) error {
	switch {
	case errors.Is(err, incident.ErrOver):
		return fmt.Errorf("%w: %w", ErrConflict, err)
	case errors.Is(err, incident.ErrUnknown):
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return err
}

// rehearsing reports whether a rehearsal is under way in a run: what is wrong
// must then not be told.
func (l *Lab) rehearsing(run uint64) bool {
	h := &l.observe.rehearsal
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.session != nil && h.run == run && !h.session.Over(l.clock.Now())
}

// errRehearsed refuses what would tell a hidden fault, or end its rehearsal by
// the way.
var errRehearsed = fmt.Errorf("%w: an incident is being rehearsed, and the lab's switches and scenarios are out of use until it is over; name the cause or give up on the page Incident (/incident)", ErrConflict)

// free returns why no scenario may take the place of what runs. change must be
// held.
func (l *Lab) free() error {
	if r, err := l.current(); err == nil && l.rehearsing(r.id) {
		return errRehearsed
	}
	return nil
}

// veil takes out of a state what would tell a hidden fault: what is said of the
// parts in words, and what the traffic was told. The figures stay, since they
// are what a person on call has.
func (r *run) veil(s *State) {
	s.Faults = nil
	s.Redis.Up, s.Redis.Degraded = true, ""
	s.Traffic.Clients, s.Traffic.Spike, s.Traffic.SpikeEnd, s.Traffic.Factor = r.clientHabits(), 0, 0, 1
	s.Traffic.Rate = s.Traffic.Base
	for i := range s.Nodes {
		n := &s.Nodes[i]
		n.Up, n.Degraded = true, ""
		switch n.ID {
		case "gate":
			n.Note = fmt.Sprintf("%d slots × %v + SQLite", r.spec.Gate.Slots, r.spec.Gate.Service)
		case "provider":
			n.Note = fmt.Sprintf("%d slots × %v", r.spec.Provider.Slots, r.spec.Provider.Service)
		case "second":
			n.Note = fmt.Sprintf("%d slots × %v", r.spec.Second.Slots, r.spec.Second.Service)
		}
	}
}

// ill is how long a member that is ill holds each request, in nanoseconds; 0: it
// is well.
type ill struct{ atomic.Int64 }

// slowed returns next as an ill instance serves it.
func (m *member) slowed(r *run, next lab.Handler) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, q *lab.Request) lab.Response {
		if by := time.Duration(m.ill.Load()); by > 0 {
			if err := r.clock.Wait(ctx, r.clock.Now()+by); err != nil {
				return lab.Answer(nil, err)
			}
		}
		return next.Serve(ctx, q)
	})
}
