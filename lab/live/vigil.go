package live

import (
	"fmt"
	"time"

	"workbench/lab/tape"
	"workbench/sim/clock"
)

// The bounds by which a vigil judges.
const (
	stoodStill = 2 * time.Second // a gap between two frames from which on the machine stood still
	vigilSpan  = 5 * time.Second // a service is well, or down, when it has been for so long
	wellShare  = .9              // of the users who ask
	downShare  = .5
)

// vigil notices that the service is down since the machine stood still: in some
// seconds of that (a suspended process, a host that is too busy) requests pile
// up, and users who try again can keep the service down from then on. It is for
// one goroutine. Use newVigil.
type vigil struct {
	clock   *clock.Wall
	last    time.Duration // when the last frame came
	stood   time.Duration // how long the machine stood still since the service was last well; 0: it did not
	settled time.Duration // since when what is seen counts: after a standstill old frames come first
	recent  []glance
}

// glance is one frame of a vigil: what was asked for and answered in time a
// second, and when it came.
type glance struct {
	at            time.Duration
	offered, good float64
}

func newVigil(c *clock.Wall) *vigil { return &vigil{clock: c, last: c.Now(), settled: c.Now()} }

// look takes a frame as it comes. alone says that the service is left alone: no
// event, burst or fault is on it. It returns why the service is down; empty: it
// is not, or something else may have brought it down.
func (v *vigil) look(f tape.Frame, alone, retries bool) string {
	now := v.clock.Now()
	gap := now - v.last
	v.last = now
	if !alone {
		v.recent, v.stood, v.settled = v.recent[:0], 0, now
		return ""
	}
	if gap >= stoodStill {
		v.stood, v.settled, v.recent = max(v.stood, gap), now, v.recent[:0]
	}
	v.recent = append(v.recent, glance{now, f.Offered, f.Good})
	for len(v.recent) > 0 && v.recent[0].at < now-vigilSpan {
		v.recent = append(v.recent[:0], v.recent[1:]...)
	}
	if now-v.settled < vigilSpan {
		return ""
	}
	var offered, good float64
	for _, g := range v.recent {
		offered, good = offered+g.offered, good+g.good
	}
	switch {
	case offered == 0 || good >= wellShare*offered:
		v.stood = 0
	case good < downShare*offered && v.stood > 0:
		return v.why(retries)
	}
	return ""
}

// why says it in a sentence. retries says whether users try again.
func (v *vigil) why(retries bool) string {
	since := "what piled up meanwhile has kept the service down since"
	if retries {
		since = "the users' retries have kept the service down since"
	}
	return fmt.Sprintf("This machine stood still for %.0f s; %s. Restart to begin calm.", v.stood.Seconds(), since)
}

// alone reports whether the run is left alone: it runs calmly, with neither
// event nor burst, with no more traffic than the scenario's, and with no fault.
func (r *run) alone() bool {
	hidden := r.lab.rehearsing(r.id)
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if hidden || r.timed || r.phase != running || r.playing != nil || now < r.spikeEnd || r.factor > 1 {
		return false
	}
	for _, f := range r.faults {
		if f.state.On {
			return false
		}
	}
	return true
}

// watchOver keeps the vigil's word for the state.
func (r *run) watchOver(v *vigil, f tape.Frame) {
	down := v.look(f, r.alone(), r.clientHabits().Retries > 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stalled = down
}
