package virtual

import (
	"maps"
	"time"

	"workbench/lab"
	"workbench/sim/load"
	"workbench/sim/outcome"
	"workbench/sim/stat"
)

// tally counts the users of one group.
type tally struct{ offered, good uint64 }

// window is the tenth of a second being filled.
type window struct {
	offered, tries, retries, denied, cached uint64
	outcomes, byTry                         [outcome.Count]uint64
	reasons                                 map[string]uint64
	response, service                       stat.Hist
	ops                                     []tally
	victim, abuser                          tally
	inflight                                int
}

// tally returns the group that a user counts in.
func (v *window) tally(w *world, u int32) *tally {
	if a := w.spec.Population.Abuser; a.Share > 0 && w.users[u].pick.User == max(1, a.User) {
		return &v.abuser
	}
	return &v.victim
}

// answered counts the answer to a try.
func (v *window) answered(res lab.Response) {
	v.byTry[res.Outcome]++
	if res.Cached {
		v.cached++
	}
	if res.Reason != "" {
		if v.reasons == nil {
			v.reasons = map[string]uint64{}
		}
		v.reasons[string(res.Reason)]++
	}
}

// frame returns the window as the generator would have sent it, and begins the
// next one.
func (v *window) frame(at time.Duration) load.Frame {
	f := load.Frame{
		T: at, Offered: v.offered, Tries: v.tries, Retries: v.retries, Denied: v.denied, Cached: v.cached,
		Outcomes: v.outcomes, ByTry: v.byTry, Reasons: maps.Clone(v.reasons), Inflight: v.inflight,
		Victim: load.OpCount{Offered: v.victim.offered, Good: v.victim.good}, Verdict: load.Unlimited,
	}
	for _, o := range v.ops {
		f.ByOp = append(f.ByOp, load.OpCount{Offered: o.offered, Good: o.good})
	}
	f.Response, f.Service = v.response.Delta(nil), v.service.Delta(nil)
	v.offered, v.tries, v.retries, v.denied, v.cached = 0, 0, 0, 0, 0
	v.outcomes, v.byTry = [outcome.Count]uint64{}, [outcome.Count]uint64{}
	clear(v.reasons)
	clear(v.ops)
	v.victim, v.abuser = tally{}, tally{}
	v.response.Reset()
	v.service.Reset()
	return f
}
