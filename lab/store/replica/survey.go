package replica

import (
	"context"
	"errors"
	"math"
	"time"
)

// watch surveys until ctx ends.
func (r *Router) watch(ctx context.Context) {
	for n := 1; r.wall.Wait(ctx, r.wall.Now()+surveyPeriod) == nil; n++ {
		r.look(ctx, n%forgetEach == 0)
	}
}

// look asks everybody how far they are, and if so told forgets what all have
// applied: it can no longer be missed.
func (r *Router) look(ctx context.Context, forget bool) {
	ctx, cancel := context.WithTimeout(ctx, surveyLimit)
	defer cancel()
	now := r.wall.Now() // before asking: the position is at least as new
	unknown := r.floor.Load() == math.MaxUint64
	position, err := r.source.Position(ctx)
	if err != nil {
		return // the next survey asks again; the service says itself that the primary is down
	}
	if unknown { // if the settings change again meanwhile, what was written before has this position or less for all that
		r.floor.CompareAndSwap(math.MaxUint64, position)
	}
	least := position
	for _, f := range r.followers {
		if at, err := f.Applied(ctx); err == nil {
			f.saw(at)
		}
		least = min(least, f.applied.Load()) // of one that is down, as last seen: it may come back as old as that
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.marks); n > 0 && r.marks[n-1].position == position {
		r.marks[n-1].last = now
	} else {
		r.marks = append(r.marks, mark{position, now, now})
	}
	if len(r.marks) > marksKept {
		half := r.marks[:0]
		for i := 0; i < len(r.marks); i += 2 {
			half = append(half, r.marks[i])
		}
		r.marks = half
	}
	if forget {
		r.forget(now, least)
	}
}

// forget drops what every replica has applied. r.mu must be held.
func (r *Router) forget(now time.Duration, least uint64) {
	var applied time.Duration // writes up to this instant are everywhere
	for _, m := range r.marks {
		if m.position <= least {
			applied = m.last
		}
	}
	for id, w := range r.acked {
		if w.at < applied {
			delete(r.acked, id)
		}
	}
	for k, w := range r.mine {
		if w.at < applied {
			delete(r.mine, k)
		}
	}
	for caller, s := range r.sessions {
		if s.until < now && (s.position <= least || s.until < applied) {
			delete(r.sessions, caller)
		}
	}
}

// Applied is the least position that every replica has applied, as last seen:
// a log may be pruned up to it. It is 0 without replicas.
func (r *Router) Applied() uint64 {
	var least uint64
	for i, f := range r.followers {
		if at := f.applied.Load(); i == 0 || at < least {
			least = at
		}
	}
	return least
}

// Followers says how each replica fares.
func (r *Router) Followers() []FollowerStats {
	now := r.wall.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []FollowerStats
	for _, f := range r.followers {
		s := FollowerStats{Name: f.Name(), Up: f.Up()}
		at := f.applied.Load()
		for _, m := range r.marks {
			if m.position > at {
				s.Lag = now - m.first
				break
			}
		}
		out = append(out, s)
	}
	return out
}

// Lag has the replicas lag: by so much, or, for 0, pause until Resume. When
// one of them refuses, none lags.
func (r *Router) Lag(ctx context.Context, by time.Duration) error {
	if len(r.followers) == 0 {
		return errors.New("there is no replica that could lag")
	}
	for _, f := range r.followers {
		var err error
		if by > 0 {
			err = f.Delay(ctx, by)
		} else {
			err = f.Pause(ctx, true)
		}
		if err != nil {
			return errors.Join(err, r.Resume(ctx))
		}
		f.lagging.Store(true)
	}
	return nil
}

// Resume ends what Lag began.
func (r *Router) Resume(ctx context.Context) error {
	var faults []error
	for _, f := range r.followers {
		if !f.lagging.Load() {
			continue
		}
		err := f.Delay(ctx, 0)
		f.lagging.Store(err != nil)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}
