package replica

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/store"
	"workbench/sim/clock"
)

// Source is where writes go.
type Source interface {
	Reader
	UpdateProfile(ctx context.Context, id uint64, bio string) (version int64, err error)
	FinishJob(ctx context.Context, id, key uint64, result []byte) (first bool, err error)
	// Position is how far the log reaches: whoever has applied as much has every
	// write that was acknowledged before.
	Position(ctx context.Context) (uint64, error)
}

// Follower is a replica.
type Follower interface {
	Reader
	Name() string
	Up() bool
	Applied(ctx context.Context) (position uint64, err error)
	Pause(ctx context.Context, on bool) error
	Delay(ctx context.Context, by time.Duration) error
}

// Reader is what both answer.
type Reader interface {
	Profile(ctx context.Context, id uint64) (store.Profile, error)
	Report(ctx context.Context, id uint64) ([]byte, error)
}

// Stats counts since New. Reads are split by who answered; Pinned, FellBack and
// Failed are parts of Primary.
type Stats struct {
	Primary  uint64 `json:"primary"`   // reads answered by the primary
	Replica  uint64 `json:"replica"`   // and by replicas
	Pinned   uint64 `json:"pinned"`    // by the primary because the caller had just written
	Waited   uint64 `json:"waited"`    // by a replica that had to catch up first
	FellBack uint64 `json:"fell_back"` // by the primary because no replica caught up in time
	Failed   uint64 `json:"failed"`    // by the primary because the replica did not answer
	Stale    uint64 `json:"stale"`     // answers older than what was acknowledged to anybody before
	Own      uint64 `json:"own_stale"` // and those older than what was acknowledged to this very caller
}

// Plus returns the sums of both.
func (s Stats) Plus(o Stats) Stats {
	return Stats{
		Primary: s.Primary + o.Primary, Replica: s.Replica + o.Replica, Pinned: s.Pinned + o.Pinned, Waited: s.Waited + o.Waited,
		FellBack: s.FellBack + o.FellBack, Failed: s.Failed + o.Failed, Stale: s.Stale + o.Stale, Own: s.Own + o.Own,
	}
}

// FollowerStats is how one replica fares.
type FollowerStats struct {
	Name string        `json:"name"`
	Up   bool          `json:"up"`
	Lag  time.Duration `json:"lag"` // the age of the oldest change that is not applied; 0: none
}

// maxSessions bounds what is remembered of callers. With more, everybody reads
// from the primary until replicas have caught up: slower, and never wrong.
const maxSessions = 500_000

const (
	surveyPeriod = 20 * time.Millisecond
	surveyLimit  = time.Second
	waitPoll     = time.Millisecond
	marksKept    = 4096 // of which the lag is read; of more, every second is dropped
	forgetEach   = 25   // surveys
)

// Router is a store that reads from replicas. It is safe for concurrent use.
// Use New; Close it.
type Router struct {
	source    Source
	followers []*follower
	wall      *clock.Wall
	settings  atomic.Pointer[Settings]
	next      atomic.Uint64
	changed   atomic.Int64  // when the settings were: a time.Duration
	floor     atomic.Uint64 // with wait, the position that every caller needs: what was written before the change is not known by caller
	cancel    context.CancelFunc
	survey    sync.WaitGroup

	primary, replica, pinned, waited, fellBack, failed, stale, own atomic.Uint64

	mu       sync.Mutex
	sessions map[uint64]session // guarded by mu; by caller
	acked    map[uint64]write   // guarded by mu; the newest of each profile
	mine     map[intent]write   // guarded by mu; the newest of each caller and profile
	marks    []mark             // guarded by mu; the oldest first
}

// session is what a caller has to be able to read.
type session struct {
	position uint64        // after its last write
	until    time.Duration // pinned to the primary until then
}

// write is a version, and when it had been acknowledged.
type write struct {
	version int64
	at      time.Duration
}

type intent struct{ caller, profile uint64 }

// mark says where the primary's log was, from when to when that was seen.
type mark struct {
	position    uint64
	first, last time.Duration
}

type follower struct {
	Follower
	applied atomic.Uint64 // as last seen
	lagging atomic.Bool   // because of Lag
}

// New returns a router over a primary and its replicas, which the caller closes
// after it.
func New(source Source, followers []Follower, s Settings) (*Router, error) {
	if source == nil {
		return nil, errors.New("replica: source is nil")
	}
	r := &Router{source: source, wall: clock.NewWall(), sessions: map[uint64]session{}, acked: map[uint64]write{}, mine: map[intent]write{}}
	for _, f := range followers {
		r.followers = append(r.followers, &follower{Follower: f})
	}
	if err := r.Set(s); err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	if len(r.followers) > 0 {
		r.survey.Go(func() { r.watch(life) })
	}
	return r, nil
}

// Close ends the router's own work.
func (r *Router) Close() {
	r.cancel()
	r.survey.Wait()
}

// Set changes the settings from the next call on.
func (r *Router) Set(s Settings) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if s.Reads == Replicas && len(r.followers) == 0 {
		return errors.New("replica settings: reads is \"replicas\", and there are none")
	}
	if old := r.settings.Load(); old == nil || old.Reads != s.Reads || old.Own != s.Own {
		r.changed.Store(int64(r.wall.Now()))
		r.floor.Store(math.MaxUint64) // until the next survey
	}
	r.settings.Store(&s)
	return nil
}

// Settings returns the settings.
func (r *Router) Settings() Settings { return *r.settings.Load() }

// Stats returns the counts.
func (r *Router) Stats() Stats {
	return Stats{
		Primary: r.primary.Load(), Replica: r.replica.Load(), Pinned: r.pinned.Load(), Waited: r.waited.Load(),
		FellBack: r.fellBack.Load(), Failed: r.failed.Load(), Stale: r.stale.Load(), Own: r.own.Load(),
	}
}

// UpdateProfile writes to the primary and remembers what was acknowledged.
func (r *Router) UpdateProfile(ctx context.Context, id uint64, bio string) (version int64, err error) {
	if version, err = r.source.UpdateProfile(ctx, id, bio); err != nil {
		return 0, err
	}
	s := r.settings.Load()
	if s.Reads != Replicas {
		return version, nil
	}
	var position uint64
	if s.Own == Wait {
		if position, err = r.source.Position(ctx); err != nil {
			position = math.MaxUint64 // acknowledged, and no replica is known to have it
		}
	}
	r.remember(ctx, id, version, position, s)
	return version, nil
}

func (r *Router) remember(ctx context.Context, id uint64, version int64, position uint64, s *Settings) {
	now := r.wall.Now()
	caller, known := store.Caller(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	w := write{version: version, at: now}
	if r.acked[id].version < version && len(r.acked) < maxSessions {
		r.acked[id] = w
	}
	if !known {
		return
	}
	if k := (intent{caller, id}); r.mine[k].version < version && len(r.mine) < maxSessions {
		r.mine[k] = w
	}
	was := r.sessions[caller]
	r.sessions[caller] = session{position: max(position, was.position), until: now + s.PinFor}
}

// FinishJob writes to the primary.
func (r *Router) FinishJob(ctx context.Context, id, key uint64, result []byte) (first bool, err error) {
	return r.source.FinishJob(ctx, id, key, result)
}

// Profile reads from whoever the settings name, and counts an answer that is
// older than what had been acknowledged when it was asked for.
func (r *Router) Profile(ctx context.Context, id uint64) (store.Profile, error) {
	newest, own := r.expected(ctx, id)
	p, err := read(ctx, r, func(from Reader) (store.Profile, error) { return from.Profile(ctx, id) })
	if err != nil {
		return p, err
	}
	if p.Version < newest {
		r.stale.Add(1)
	}
	if p.Version < own {
		r.own.Add(1)
	}
	return p, nil
}

// expected returns the newest versions of a profile that were acknowledged: to
// anybody, and to this caller.
func (r *Router) expected(ctx context.Context, id uint64) (newest, own int64) {
	caller, known := store.Caller(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if known {
		own = r.mine[intent{caller, id}].version
	}
	return r.acked[id].version, own
}

// Report reads from whoever the settings name.
func (r *Router) Report(ctx context.Context, id uint64) ([]byte, error) {
	return read(ctx, r, func(from Reader) ([]byte, error) { return from.Report(ctx, id) })
}

// read asks a replica if it may, and the primary otherwise or when that fails.
func read[T any](ctx context.Context, r *Router, ask func(Reader) (T, error)) (T, error) {
	if f := r.choose(ctx); f != nil {
		out, err := ask(f)
		if err == nil || errors.Is(err, store.ErrMissing) || ctx.Err() != nil {
			r.replica.Add(1)
			return out, err
		}
		r.failed.Add(1)
	}
	r.primary.Add(1)
	return ask(r.source)
}

// choose returns the replica that answers this caller; nil: the primary does.
func (r *Router) choose(ctx context.Context) *follower {
	s := r.settings.Load()
	if s.Reads != Replicas {
		return nil
	}
	f := r.turn()
	if f == nil {
		return nil
	}
	caller, known := store.Caller(ctx)
	if s.Own == Off || !known {
		return f
	}
	now := r.wall.Now()
	r.mu.Lock()
	had, wrote := r.sessions[caller]
	crowded := len(r.sessions) > maxSessions
	r.mu.Unlock()
	pinned := wrote && now < had.until || now < time.Duration(r.changed.Load())+s.PinFor
	need := max(had.position, r.floor.Load())
	switch {
	case crowded || s.Own == Pin && pinned:
		r.pinned.Add(1)
		return nil
	case s.Own == Pin || f.applied.Load() >= need:
		return f
	case need != math.MaxUint64 && r.reaches(ctx, f, need, now+s.WaitFor):
		r.waited.Add(1)
		return f
	default:
		r.fellBack.Add(1)
		return nil
	}
}

// turn returns the replica whose turn it is among those that are up.
func (r *Router) turn() *follower {
	n := uint64(len(r.followers))
	first := r.next.Add(1)
	for i := range n {
		if f := r.followers[(first+i)%n]; f.Up() {
			return f
		}
	}
	return nil
}

// reaches waits until a replica has applied a position, or it is too late.
func (r *Router) reaches(ctx context.Context, f *follower, position uint64, until time.Duration) bool {
	for {
		at, err := f.Applied(ctx)
		if err != nil {
			return false
		}
		f.saw(at)
		now := r.wall.Now()
		switch {
		case at >= position:
			return true
		case now >= until || r.wall.Wait(ctx, min(until, now+waitPoll)) != nil:
			return false
		}
	}
}

// saw notes how far a replica is; it never goes back.
func (f *follower) saw(at uint64) {
	for {
		old := f.applied.Load()
		if at <= old || f.applied.CompareAndSwap(old, at) {
			return
		}
	}
}

// Catch waits until every replica that is up has what the primary has now, for
// instance after seeding.
func (r *Router) Catch(ctx context.Context) error {
	at, err := r.source.Position(ctx)
	if err != nil {
		return err
	}
	for _, f := range r.followers {
		if f.Up() && !r.reaches(ctx, f, at, r.wall.Now()+10*time.Second) {
			return fmt.Errorf("replica %s has not caught up with the primary: is its replay paused, or is it the replica of another server?", f.Name())
		}
	}
	return nil
}
