// Package runner runs trials, and whatever else measures the machine, one at a
// time: two at once would measure each other.
//
// Each part of a job gets a fresh directory, which is removed afterwards, and a
// limit of time. A panic in its own goroutine becomes an error. Runs are kept in
// memory, the latest of them, until the process ends.
package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"workbench/lab/trial"
)

// Limit is how long one part may take unless its job says otherwise.
const Limit = 5 * time.Minute

// kept is how many finished runs are remembered.
const kept = 100

// The names of the parts of a trial's job.
const (
	Wrong = "wrong"
	Right = "right"
	Yours = "yours"
)

// Part is one measurement of a job.
type Part struct {
	Name     string            // such as "wrong"
	Settings map[string]string // by knob, as they are in effect
	Run      func(ctx context.Context, env trial.Env, tell func(trial.Step)) (trial.Result, error)
}

// Job is what one run carries out, part after part, with one seed.
type Job struct {
	Subject string // "trial/NAME" or "guide/ID"
	Title   string
	Guess   string // what the learner expects, in their own words
	Seed    uint64
	Limit   time.Duration // of each part; 0: Limit
	Parts   []Part
}

// State is how far a run is.
type State string

// The states of a run. All but the first are final.
const (
	Running State = "running"
	Done    State = "done"    // every part was measured
	Failed  State = "failed"  // a part could not be measured
	Stopped State = "stopped" // by the learner, or by the end of the program
)

// Outcome is what became of one part.
type Outcome struct {
	Part     string            `json:"part"`
	Settings map[string]string `json:"settings,omitempty"`
	Won      bool              `json:"won"`
	TookS    float64           `json:"took_s"`
	Result   *trial.Result     `json:"result,omitempty"` // nil: not measured
	Error    string            `json:"error,omitempty"`
}

// Run is one job as it stands.
type Run struct {
	ID       uint64     `json:"id"`
	Subject  string     `json:"subject"`
	Title    string     `json:"title"`
	Guess    string     `json:"guess,omitempty"`
	Seed     uint64     `json:"seed"`
	At       time.Time  `json:"at"`
	State    State      `json:"state"`
	Part     string     `json:"part,omitempty"` // under way
	Step     trial.Step `json:"step"`
	Parts    []string   `json:"parts"`
	Outcomes []Outcome  `json:"outcomes"`
}

// Finished reports whether a run will change no more.
func (r Run) Finished() bool { return r.State != Running }

// Outcome returns what became of a part; false: nothing yet.
func (r Run) Outcome(part string) (Outcome, bool) {
	for _, o := range r.Outcomes {
		if o.Part == part {
			return o, true
		}
	}
	return Outcome{}, false
}

// Errors of a runner.
var (
	ErrUnknown = errors.New("no such run of a trial")
	ErrClosed  = errors.New("the trials are being closed")
)

// BusyError means that another run is under way: one at a time.
type BusyError struct{ Run Run }

// Error implements error.
func (e *BusyError) Error() string {
	return fmt.Sprintf("%q is running: one trial runs at a time, for two would measure each other; wait for run %d, or stop it", e.Run.Title, e.Run.ID)
}

// Config is what a runner is made from. Env's Clock and Log are needed; its Dir
// is where each part's own directory is made.
type Config struct {
	Env trial.Env
	// Finished is told each run that has ended, from the runner's goroutine; nil:
	// nobody is.
	Finished func(Run)
}

// Runner runs jobs. Its methods are safe for concurrent use. Use New; Close it.
type Runner struct {
	cfg  Config
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex
	runs     []Run                 // guarded by mu; rising by ID
	last     uint64                // guarded by mu; the last ID given
	stop     context.CancelFunc    // guarded by mu; of the run under way; nil: none
	watchers map[uint64][]chan Run // guarded by mu; by ID
	closed   bool                  // guarded by mu
}

// New returns an idle runner.
func New(cfg Config) (*Runner, error) {
	if cfg.Env.Clock == nil || cfg.Env.Log == nil {
		return nil, errors.New("runner: Config.Env needs Clock and Log")
	}
	life, end := context.WithCancel(context.Background())
	return &Runner{cfg: cfg, life: life, end: end, watchers: map[uint64][]chan Run{}}, nil
}

// Start begins a job and returns its run. Its error is a *BusyError while
// another is under way.
func (r *Runner) Start(j Job) (Run, error) {
	if len(j.Parts) == 0 {
		return Run{}, fmt.Errorf("runner: job %s has no parts", j.Subject)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return Run{}, ErrClosed
	}
	if r.stop != nil {
		return Run{}, &BusyError{clone(r.runs[len(r.runs)-1])}
	}
	r.last++
	run := Run{ID: r.last, Subject: j.Subject, Title: j.Title, Guess: j.Guess, Seed: j.Seed, At: r.cfg.Env.Clock.Date(r.cfg.Env.Clock.Now()), State: Running, Outcomes: []Outcome{}}
	for _, p := range j.Parts {
		run.Parts = append(run.Parts, p.Name)
	}
	r.runs = append(r.runs, run)
	if over := len(r.runs) - kept; over > 0 {
		r.runs = slices.Delete(r.runs, 0, over)
	}
	ctx, stop := context.WithCancel(r.life)
	r.stop = stop
	r.work.Go(func() { r.carry(ctx, stop, run.ID, j) })
	return clone(run), nil
}

// carry runs the parts of a job.
func (r *Runner) carry(ctx context.Context, stop context.CancelFunc, id uint64, j Job) {
	defer stop()
	env := r.cfg.Env
	env.Seed = j.Seed
	state := Done
	for _, p := range j.Parts {
		r.change(id, func(run *Run) { run.Part, run.Step = p.Name, trial.Step{} })
		o, err := Do(ctx, env, j.Limit, p, func(s trial.Step) { r.change(id, func(run *Run) { run.Step = s }) })
		r.change(id, func(run *Run) { run.Outcomes = append(run.Outcomes, o) })
		if err == nil {
			continue
		}
		state = Failed
		if ctx.Err() != nil {
			state = Stopped
			break
		}
		env.Log.Warn("part of a trial not measured", "subject", j.Subject, "part", p.Name, "error", err)
	}
	r.mu.Lock()
	r.stop = nil
	r.mu.Unlock()
	ended := r.change(id, func(run *Run) { run.State, run.Part, run.Step = state, "", trial.Step{} })
	if r.cfg.Finished != nil {
		r.cfg.Finished(ended)
	}
}

// change changes a run and tells its watchers. It returns the run as it is then.
func (r *Runner) change(id uint64, f func(*Run)) Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.runs, func(one Run) bool { return one.ID == id })
	f(&r.runs[i]) // the run under way is the last one, and never dropped
	now := clone(r.runs[i])
	for _, ch := range r.watchers[id] {
		select {
		case <-ch: // the older state makes room
		default:
		}
		ch <- now
		if now.State != Running {
			close(ch)
		}
	}
	if now.State != Running {
		delete(r.watchers, id)
	}
	return now
}

// clone returns a run that later changes leave alone.
func clone(r Run) Run {
	r.Outcomes = slices.Clone(r.Outcomes)
	return r
}

// Get returns a run as it stands, or an error that wraps ErrUnknown.
func (r *Runner) Get(id uint64) (Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.runs {
		if one.ID == id {
			return clone(one), nil
		}
	}
	return Run{}, fmt.Errorf("%w: %d (they are kept until the program ends, the last %d of them)", ErrUnknown, id, kept)
}

// Current returns the run under way; false: there is none.
func (r *Runner) Current() (Run, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop == nil {
		return Run{}, false
	}
	return clone(r.runs[len(r.runs)-1]), true
}

// Latest returns the last run of a subject; false: there was none.
func (r *Runner) Latest(subject string) (Run, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range slices.Backward(r.runs) {
		if one.Subject == subject {
			return clone(one), true
		}
	}
	return Run{}, false
}

// Watch returns a run's states from now on. The channel is closed after the
// final one, or when ctx ends. Who does not keep up sees the latest state only.
func (r *Runner) Watch(ctx context.Context, id uint64) (<-chan Run, error) {
	now, err := r.Get(id)
	if err != nil {
		return nil, err
	}
	out := make(chan Run, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.runs {
		if one.ID == id {
			now = clone(one) // it may have ended since
		}
	}
	out <- now
	if now.State != Running {
		close(out)
		return out, nil
	}
	r.watchers[id] = append(r.watchers[id], out)
	context.AfterFunc(ctx, func() { r.leave(id, out) })
	return out, nil
}

func (r *Runner) leave(id uint64, out chan Run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.watchers[id], out); i >= 0 {
		r.watchers[id] = slices.Delete(r.watchers[id], i, i+1)
		close(out)
	}
}

// Stop ends a run soon; one that has ended stays as it is.
func (r *Runner) Stop(id uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, one := range r.runs {
		if one.ID != id {
			continue
		}
		if r.stop != nil && i == len(r.runs)-1 {
			r.stop()
		}
		return nil
	}
	return fmt.Errorf("%w: %d", ErrUnknown, id)
}

// Close stops what is under way and waits until it has ended.
func (r *Runner) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.work.Wait()
	return nil
}
