package cache

import (
	"time"

	"workbench/lab"
)

// stage is the cache in virtual time. It keeps answers in the instance's own
// memory under lru whatever store and policy say: of Redis only that it can be
// gone is simulated, and otter's eviction depends on a random seed.
type stage struct {
	knobs  Knobs
	counts *counts
	parts  []*Cache
	loads  []loading // by request id
	away   bool      // the store is Redis, and it is gone
}

// loading is what is known of a request while it is below.
type loading struct {
	begin time.Duration
	lease Lease
	found Found
	away  bool // Redis was gone when the request came by: it holds no lease
}

func newStage(env lab.Env, k Knobs) (lab.Stage, error) {
	return &stage{knobs: k, counts: newCounts(env.Counters), parts: Shards(&k)}, nil
}

func (s *stage) part(item uint64) *Cache { return s.parts[Shard(item, len(s.parts))] }

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r := sim.Request(id)
	for int(id) >= len(s.loads) {
		s.loads = append(s.loads, loading{})
	}
	s.loads[id] = loading{away: s.away}
	if !r.Read || s.away {
		if r.Read {
			s.counts.missed(Miss)
		}
		sim.Forward(id)
		return
	}
	u := 0.
	if s.knobs.Early > 0 {
		u = sim.Uniform()
	}
	res, found, lease := s.part(r.Key).Get(sim.Now(), r.Key, r.Op, u)
	if found == Hit {
		s.counts.answered(&res)
		sim.Reply(id, res)
		return
	}
	s.counts.missed(found)
	s.loads[id] = loading{begin: sim.Now(), lease: lease, found: found}
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *stage) Leave(sim lab.Sim, id int32, res lab.Response) {
	r := sim.Request(id)
	part := s.part(r.Key)
	switch {
	case !r.Read:
		if Changes(&res) {
			s.counts.invalidated.Add(uint64(part.Drop(r.Key)))
		}
	case s.away || s.loads[id].away:
	case Keepable(&res):
		if ttl := s.life(sim, &res); ttl > 0 {
			load := s.loads[id]
			s.counts.stored(part.Put(sim.Now(), r.Key, r.Op, load.lease, res, ttl, sim.Now()-load.begin))
		}
	case s.loads[id].found == Soon && !res.Outcome.Good():
		if copied, ok := part.Peek(sim.Now(), r.Key, r.Op); ok {
			s.counts.earlyKept.Add(1)
			res = copied
		}
	}
	sim.Reply(id, res)
}

func (s *stage) life(sim lab.Sim, res *lab.Response) time.Duration {
	if s.knobs.Jitter == 0 {
		return s.knobs.Life(res.Missing, .5)
	}
	return s.knobs.Life(res.Missing, sim.Uniform())
}

// Wake implements lab.Stage; a cache asks for none.
func (s *stage) Wake(lab.Sim, uint64) {}

// Clear empties the cache, as a restart of the instance would.
func (s *stage) Clear() {
	for _, c := range s.parts {
		c.Clear()
	}
}

// Down takes the store away, with all that is in it, or brings it back empty.
// It concerns a cache in Redis alone: one with a memory of its own goes on.
func (s *stage) Down(down bool) {
	if s.knobs.Store != "redis" || s.away == down {
		return
	}
	s.away = down
	s.Clear()
}

// Gauges implements lab.Stage.
func (s *stage) Gauges(now time.Duration) []lab.Gauge {
	var hits, looks uint64
	entries := 0
	for _, c := range s.parts {
		h, l := c.Recent(now)
		hits, looks, entries = hits+h, looks+l, entries+c.Len()
	}
	redis := lab.Gauge{Name: "redis_up", Value: 1, Text: "not used"}
	if s.away {
		redis = lab.Gauge{Name: "redis_up", Value: 0, Text: "gone"}
	}
	return append(gauges(entries, hits, looks), redis)
}

var _ lab.Stage = (*stage)(nil)
