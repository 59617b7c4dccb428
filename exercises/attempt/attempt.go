// Package attempt takes answers to exercises and has them graded, one after the
// other, in a queue of a bounded length.
//
// An attempt is on disk before it is acknowledged. One that was under way when
// the program ended, in whatever way, is graded again at the next start; one
// that has met that end twice is set down as interrupted, for it may be what
// ends the program. An attempt never passes but by a verdict that says so.
package attempt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"workbench/sim/clock"
)

// State is how far an attempt is.
type State string

// The states of an attempt. The last two are final.
const (
	Queued      State = "queued"
	Running     State = "running"
	Done        State = "done"        // there is a verdict
	Interrupted State = "interrupted" // the program ended twice while it was graded, or it was taken elsewhere before it was over
)

// Final reports whether an attempt will change no more.
func (s State) Final() bool { return s == Done || s == Interrupted }

// Attempt is one answer to one exercise.
type Attempt struct {
	ID      uint64            `json:"id"`
	Slug    string            `json:"exercise"`
	At      time.Time         `json:"at"`
	State   State             `json:"state"`
	Tries   int               `json:"tries"` // gradings begun
	Files   map[string]string `json:"files,omitempty"`
	Passed  bool              `json:"passed"`
	Verdict json.RawMessage   `json:"verdict,omitempty"` // of the grader; absent until done
}

// Step is a sign of life of an attempt: its state, what the grader is at, and
// how many are before it in the queue.
type Step struct {
	State State  `json:"state"`
	Doing string `json:"doing,omitempty"`
	Ahead int    `json:"ahead,omitempty"`
}

// Store keeps attempts. A write is on disk when a method returns.
type Store interface {
	// AddAttempt keeps a new attempt and returns its number.
	AddAttempt(context.Context, Attempt) (uint64, error)
	// SetAttempt keeps the state, the tries, the verdict and whether it passed, or
	// returns an error that wraps ErrUnknown when the attempt is no longer there:
	// another one that has its number by now is left alone.
	SetAttempt(context.Context, Attempt) error
	// Attempt returns one, or an error that wraps ErrUnknown.
	Attempt(ctx context.Context, id uint64) (Attempt, error)
	// Unfinished returns those without a final state, the oldest first.
	Unfinished(context.Context) ([]Attempt, error)
}

// Grader judges an answer. doing tells what it is at, in a few words. Its error
// is a fault of its own, never of the answer.
type Grader func(ctx context.Context, slug string, files map[string]string, doing func(string)) (verdict json.RawMessage, passed bool, err error)

// Errors of a queue.
var (
	ErrUnknown = errors.New("no such attempt")
	ErrClosed  = errors.New("the grader is being closed")
	ErrBusy    = errors.New("an answer is being checked: wait for its verdict, then try again")
)

// FullError means that too many attempts wait already. Try again After.
type FullError struct {
	Waiting int
	After   time.Duration
}

// Error implements error.
func (e *FullError) Error() string {
	return fmt.Sprintf("%d attempts wait to be graded already: try again in %v", e.Waiting, e.After)
}

// maxTries is how often an attempt is begun before it is given up as what may
// have ended the program.
const maxTries = 2

// Config is what a queue is made from. All fields are needed.
type Config struct {
	Store  Store
	Grade  Grader
	Length int // attempts that may wait, beside the one that is graded
	Clock  clock.Clock
	Now    func() time.Time // the date, for the record
	Log    *slog.Logger
}

// Queue grades attempts. Its methods are safe for concurrent use. Use New; Close
// it.
type Queue struct {
	cfg  Config
	stop context.CancelFunc
	done chan struct{} // closed when the worker has ended
	wake chan struct{} // one slot: there may be work

	mu       sync.Mutex
	waiting  []Attempt              // guarded by mu; the first is graded next
	current  *Attempt               // guarded by mu; nil: none is graded
	doing    string                 // guarded by mu; of current
	took     time.Duration          // guarded by mu; the mean of the last gradings
	watchers map[uint64][]chan Step // guarded by mu; by attempt
	closed   bool                   // guarded by mu
}

// New takes up what an earlier process has left and starts to grade.
func New(ctx context.Context, cfg Config) (*Queue, error) {
	if cfg.Store == nil || cfg.Grade == nil || cfg.Clock == nil || cfg.Now == nil || cfg.Log == nil || cfg.Length < 1 {
		return nil, errors.New("attempt: Config needs Store, Grade, Clock, Now, Log and a Length of at least 1")
	}
	left, err := cfg.Store.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	q := &Queue{cfg: cfg, done: make(chan struct{}), wake: make(chan struct{}, 1), took: 2 * time.Second, watchers: map[uint64][]chan Step{}}
	for _, a := range left {
		if a.Tries < maxTries {
			a.State = Queued
			q.waiting = append(q.waiting, a)
			continue
		}
		a.State = Interrupted
		if err := cfg.Store.SetAttempt(ctx, a); err != nil {
			return nil, err
		}
		cfg.Log.Warn("attempt given up: the program ended while it was graded, twice", "attempt", a.ID, "exercise", a.Slug)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	q.stop = stop
	q.wake <- struct{}{}
	go q.work(life)
	return q, nil
}

// Submit keeps an answer and queues it. When too many wait it is not kept, and
// the error is a *FullError.
func (q *Queue) Submit(ctx context.Context, slug string, files map[string]string) (Attempt, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return Attempt{}, ErrClosed
	}
	if n := len(q.waiting); n >= q.cfg.Length {
		after := (time.Duration(n) * q.took).Round(time.Second)
		return Attempt{}, &FullError{n, max(time.Second, after)}
	}
	a := Attempt{Slug: slug, At: q.cfg.Now(), State: Queued, Files: files}
	var err error
	if a.ID, err = q.cfg.Store.AddAttempt(ctx, a); err != nil {
		return Attempt{}, err
	}
	q.waiting = append(q.waiting, a)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return a, nil
}

// Attempt returns an attempt as it stands, or an error that wraps ErrUnknown.
func (q *Queue) Attempt(ctx context.Context, id uint64) (Attempt, error) {
	return q.cfg.Store.Attempt(ctx, id)
}

// Watch returns the steps of an attempt from now on. The channel is closed after
// the final one, or when ctx ends. A watcher who does not keep up sees the
// latest step only.
func (q *Queue) Watch(ctx context.Context, id uint64) (<-chan Step, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, waits := q.step(id)
	if !waits {
		a, err := q.cfg.Store.Attempt(ctx, id)
		if err != nil {
			return nil, err
		}
		out := make(chan Step, 1)
		out <- Step{State: a.State}
		close(out)
		return out, nil
	}
	out := make(chan Step, 1)
	out <- now
	q.watchers[id] = append(q.watchers[id], out)
	context.AfterFunc(ctx, func() { q.leave(id, out) })
	return out, nil
}

// step returns how an attempt stands that is not over; false: it is. Needs mu.
func (q *Queue) step(id uint64) (Step, bool) {
	if q.current != nil && q.current.ID == id {
		return Step{State: Running, Doing: q.doing}, true
	}
	for i, a := range q.waiting {
		if a.ID == id {
			ahead := i
			if q.current != nil {
				ahead++
			}
			return Step{State: Queued, Ahead: ahead}, true
		}
	}
	return Step{}, false
}

// leave ends one watcher.
func (q *Queue) leave(id uint64, out chan Step) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, ch := range q.watchers[id] {
		if ch == out {
			q.watchers[id] = append(q.watchers[id][:i], q.watchers[id][i+1:]...)
			close(out)
			break
		}
	}
	if len(q.watchers[id]) == 0 {
		delete(q.watchers, id)
	}
}

// tell brings a step to an attempt's watchers. Needs mu.
func (q *Queue) tell(id uint64, s Step) {
	for _, ch := range q.watchers[id] {
		select {
		case <-ch: // the older step makes room
		default:
		}
		ch <- s
		if s.State.Final() {
			close(ch)
		}
	}
	if s.State.Final() {
		delete(q.watchers, id)
	}
}

// Waiting returns how many attempts wait, beside the one that is graded.
func (q *Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Alone runs f while no attempt is in work, and lets none be handed in meanwhile:
// f may put other attempts in the place of those that are kept. While one waits
// or is graded f is not run, and the error wraps ErrBusy. f must not call the
// queue.
func (q *Queue) Alone(f func() error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	if q.current != nil || len(q.waiting) > 0 {
		return ErrBusy
	}
	return f()
}

// Close stops grading and waits until it has. What waits, and what was being
// graded, is taken up by the next New.
func (q *Queue) Close() error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.stop()
	<-q.done
	return nil
}
