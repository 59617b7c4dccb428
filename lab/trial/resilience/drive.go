package resilience

import (
	"context"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/trial"
	"workbench/sim/clock"
	"workbench/sim/outcome"
	"workbench/sim/stat"
)

// flow is the traffic of a trial: so many requests a second for so long, each
// for the next of some items.
type flow struct {
	rate  int
	lasts time.Duration
	items int
	text  string // what happens meanwhile
}

// met is what the requests of a flow met.
type met struct {
	mu       sync.Mutex
	outcomes map[outcome.Outcome]int // guarded by mu
	times    stat.Hist               // guarded by mu
	inside   int                     // guarded by mu; requests under way
	most     int                     // guarded by mu
	oldest   time.Duration           // guarded by mu; of an old answer
	n        int
}

func (m *met) good() int { return m.outcomes[lab.OK] + m.outcomes[lab.Stale] }

// drive sends requests, whether or not earlier ones are answered, and waits for
// all of them.
func drive(ctx context.Context, wall *clock.Wall, h lab.Handler, f flow, tell func(trial.Step)) (*met, error) {
	m := &met{outcomes: map[outcome.Outcome]int{}}
	begin, gap := wall.Now(), time.Second/time.Duration(f.rate)
	m.n = int(f.lasts / gap)
	var all sync.WaitGroup
	for i := range m.n {
		if i%f.rate == 0 {
			tell(trial.Step{Text: f.text, Done: i, Total: m.n})
		}
		due := begin + time.Duration(i)*gap
		if wall.Wait(ctx, due) != nil {
			break
		}
		all.Go(func() {
			m.mu.Lock()
			m.inside++
			m.most = max(m.most, m.inside)
			m.mu.Unlock()
			res := h.Serve(ctx, &lab.Request{ID: uint64(i), At: due, Key: uint64(i%f.items) + 1, Read: true})
			took := wall.Now() - due
			m.mu.Lock()
			defer m.mu.Unlock()
			m.inside--
			m.outcomes[res.Outcome]++
			m.times.Record(took)
			m.oldest = max(m.oldest, res.Age)
		})
	}
	all.Wait()
	return m, ctx.Err()
}

// dependency answers, hangs or fails, as it is told. It is safe for concurrent
// use.
type dependency struct {
	clock *clock.Wall
	takes time.Duration // of a call, whether it fails or not

	mu     sync.Mutex
	calls  int           // guarded by mu
	dead   bool          // guarded by mu; every call fails
	hanged chan struct{} // guarded by mu; closed when it goes on; nil: it does not hang
}

func (d *dependency) set(dead bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead, d.calls = dead, 0
}

func (d *dependency) called() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// Serve implements lab.Handler.
func (d *dependency) Serve(ctx context.Context, r *lab.Request) lab.Response {
	d.mu.Lock()
	d.calls++
	dead, hanged := d.dead, d.hanged
	d.mu.Unlock()
	if r.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Deadline-d.clock.Now())
		defer cancel()
	}
	if hanged != nil {
		select {
		case <-hanged:
		case <-ctx.Done():
			return lab.Answer(nil, ctx.Err())
		}
	}
	if err := d.clock.Wait(ctx, d.clock.Now()+d.takes); err != nil {
		return lab.Answer(nil, err)
	}
	if dead {
		return lab.Answer(nil, lab.ErrFail)
	}
	return lab.Response{Body: []byte("fresh")}
}
