package cache

import (
	"time"

	"workbench/lab"
)

// stage is the cache in virtual time. It keeps answers in the instance's own
// memory under lru whatever store and policy say: Redis is not simulated, and
// otter's eviction depends on a random seed.
type stage struct {
	knobs  Knobs
	counts *counts
	parts  []*Cache
	loads  []loading // by request id
}

// loading is what is known of a request while it is below.
type loading struct {
	begin time.Duration
	lease Lease
	found Found
}

func newStage(env lab.Env, k Knobs) (lab.Stage, error) {
	return &stage{knobs: k, counts: newCounts(env.Counters), parts: Shards(&k)}, nil
}

func (s *stage) part(item uint64) *Cache { return s.parts[Shard(item, len(s.parts))] }

// Enter implements lab.Stage.
func (s *stage) Enter(sim lab.Sim, id int32) {
	r := sim.Request(id)
	if !r.Read {
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
	for int(id) >= len(s.loads) {
		s.loads = append(s.loads, loading{})
	}
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

// Gauges implements lab.Stage.
func (s *stage) Gauges(now time.Duration) []lab.Gauge {
	var hits, looks uint64
	entries := 0
	for _, c := range s.parts {
		h, l := c.Recent(now)
		hits, looks, entries = hits+h, looks+l, entries+c.Len()
	}
	return append(gauges(entries, hits, looks), lab.Gauge{Name: "redis_up", Value: 1, Text: "not used"})
}

var _ lab.Stage = (*stage)(nil)
