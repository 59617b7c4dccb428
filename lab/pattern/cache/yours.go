package cache

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// writes is how many counters of writes there are. Items share them: a write now
// and then makes another item's copy unknown, which costs a load and is never
// wrong.
const writes = 1 << 16

// Yours is a cache whose answers a learner's solution keeps. Ours keeps them
// beside it, so that it can take over at any request.
type Yours struct {
	*Live
	foreign lab.Fetcher
	beside  lab.Beside
	flights *flights
	seal    seal
	written [writes]atomic.Uint32

	mu     sync.Mutex
	window window // guarded by mu; of the solution's looks
}

func newYours(env lab.Env, k Knobs, s lab.Solution) (lab.Live, error) {
	if k.Store != Memory {
		return nil, knob.Wrong("store", k.Store, "memory: a plugged-in solution keeps its answers in its own process")
	}
	live, err := newLive(env, k)
	if err != nil {
		return nil, err
	}
	foreign, err := s.Open(env, lab.Terms{TTL: k.TTL, Jitter: k.Jitter, Load: loadFor})
	if err != nil {
		return nil, fmt.Errorf("start the plugged-in solution of %s: %w", s.Name(), err)
	}
	f, ok := foreign.(lab.Fetcher)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the solution of %s keeps no answers", s.Name()), foreign.Close())
	}
	return &Yours{
		Live: live.(*Live), foreign: f, beside: lab.NewBeside(env.Counters), seal: seal{maphash.MakeSeed()},
		flights: &flights{clock: env.Clock, run: env.Go, log: env.Log, open: map[string]*flight{}},
	}, nil
}

// Wrap implements lab.Live.
func (y *Yours) Wrap(next lab.Handler, _ lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		if r.Read {
			return y.read(ctx, r, next)
		}
		res := next.Serve(ctx, r)
		if Changes(&res) {
			y.counter(r.Key).Add(1)
			y.drop(ctx, r.Key)
		}
		return res
	})
}

func (y *Yours) counter(item uint64) *atomic.Uint32 { return &y.written[item%writes] }

// key is what a solution is asked for. It changes with each write of the item:
// a solution that only knows how to get or load has no other way to forget.
func (y *Yours) key(r *lab.Request) string {
	b := make([]byte, 0, 32)
	b = strconv.AppendUint(b, uint64(r.Op), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, r.Key, 36)
	b = append(b, '.')
	return string(strconv.AppendUint(b, uint64(y.counter(r.Key).Load()), 36))
}

func (y *Yours) read(ctx context.Context, r *lab.Request, next lab.Handler) lab.Response {
	now := y.clock.Now()
	end := until(r, now)
	patient, cancel := context.WithTimeout(ctx, end-now)
	defer cancel()
	key := y.key(r)
	_, found, lease := y.memory.get(now, r.Key, r.Op, 0)
	asked := *r // a load may outlive the request
	load := func() *flight {
		return y.flights.join(key, &asked, next, func(res *lab.Response, now, took time.Duration) {
			if ttl := y.life(res); Keepable(res) && ttl > 0 {
				y.counts.stored(y.memory.put(now, asked.Key, asked.Op, lease, *res, ttl, took))
			}
		})
	}
	var own atomic.Pointer[flight] // what was loaded for this very question
	got, err := y.foreign.Fetch(patient, lab.Fetch{
		Key: key,
		Load: func() lab.Loaded {
			l := load()
			<-l.done
			own.Store(l)
			// Solutions do not tell absence from presence, so they are not to keep it
			// for as long.
			return lab.Loaded{Keep: Keepable(&l.res) && !l.res.Missing, Text: y.seal.write(key, l.landed, &l.res)}
		},
		Known: func(text []byte) error { return y.seal.known(key, text) },
	})
	var res lab.Response
	var at time.Duration
	if err == nil {
		res, at, err = y.unseal(key, got, own.Load())
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return lab.Answer(nil, lab.ErrStop)
	case y.clock.Now() >= end: // a load took too long for this caller: nobody's decision was missed
		return lab.Answer(nil, lab.ErrLate)
	}
	if _, fallback := y.beside.Pick(lab.Ruling{OK: got.Hit}, err, found == Hit); fallback {
		return y.standIn(patient, r, found, load)
	}
	y.look(now, got.Hit)
	if !got.Hit {
		y.counts.miss.Add(1)
		return res
	}
	res.Cached, res.Age = true, res.Age+max(0, now-at)
	y.counts.answered(&res)
	return res
}

// until is how long a request waits: as long as it, its caller or a load does.
func until(r *lab.Request, now time.Duration) time.Duration {
	if end := r.End(); end > 0 {
		return min(end, now+loadFor)
	}
	return now + loadFor
}

// unseal opens what a solution has answered, and says when it was loaded.
func (y *Yours) unseal(key string, got lab.Fetched, own *flight) (lab.Response, time.Duration, error) {
	switch {
	case len(got.Text) > 0:
		return y.seal.read(key, got.Text)
	case own != nil: // its text was too long to cross
		return own.res, own.landed, nil
	}
	return lab.Response{}, 0, fmt.Errorf("%w: it answers with an error that no load has brought", lab.ErrForeign)
}

// standIn answers in the solution's place: from ours, which may have got the
// answer meanwhile, or by the load of this key that all share.
func (y *Yours) standIn(ctx context.Context, r *lab.Request, found Found, load func() *flight) lab.Response {
	if copied, ok := y.memory.peek(y.clock.Now(), r.Key, r.Op); ok {
		y.counts.answered(&copied)
		return copied
	}
	y.counts.missed(found)
	return y.flights.wait(ctx, load())
}

// look notes whether the solution had an answer.
func (y *Yours) look(now time.Duration, hit bool) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.window.add(now, hit)
}

// Gauges implements lab.Live. The share of hits is the solution's; how many
// answers it keeps it does not say, so the entries are those that ours keeps.
func (y *Yours) Gauges(now time.Duration) []lab.Gauge {
	out := y.Live.Gauges(now)
	y.mu.Lock()
	hits, looks := y.window.sum(now)
	y.mu.Unlock()
	out[1] = gauges(0, hits, looks)[1]
	return append(out, y.foreign.Gauges(now)...)
}

// Close implements lab.Live.
func (y *Yours) Close() error { return errors.Join(y.foreign.Close(), y.Live.Close()) }

var _ lab.Live = (*Yours)(nil)
