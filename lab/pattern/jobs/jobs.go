package jobs

import (
	"fmt"
	"strconv"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// ReasonFull is given for a request that finds the queue full.
const ReasonFull lab.Reason = "jobs_full"

// Knobs are the adjustable values.
type Knobs struct {
	Length  int `knob:"length" min:"1" max:"100000" scale:"yes" help:"jobs that may wait; beyond, requests are refused"`
	Workers int `knob:"workers" min:"1" max:"1000" scale:"yes" help:"jobs worked on at once"`
	Keep    int `knob:"keep" min:"1" max:"100000" help:"finished jobs whose status is kept"`

	Attempts int           `knob:"attempts" min:"1" max:"100" help:"how often a job is tried before it becomes a dead letter"`
	Pause    time.Duration `knob:"pause" min:"1ms" max:"1h" help:"how long a job that failed rests before it is tried again"`
	Dead     int           `knob:"dead" min:"1" max:"100000" help:"dead letters that are kept; beyond, the oldest are forgotten"`
}

// Defaults returns the default knobs.
func Defaults() Knobs {
	return Knobs{Length: 1000, Workers: 8, Keep: 10_000, Attempts: 1, Pause: time.Second, Dead: 1000}
}

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	switch {
	case k.Length < 1:
		return knob.Wrong("length", k.Length, "at least 1")
	case k.Workers < 1:
		return knob.Wrong("workers", k.Workers, "at least 1")
	case k.Keep < 1:
		return knob.Wrong("keep", k.Keep, "at least 1")
	case k.Attempts < 1:
		return knob.Wrong("attempts", k.Attempts, "at least 1")
	case k.Pause <= 0:
		return knob.Wrong("pause", k.Pause, "more than 0s")
	case k.Dead < 1:
		return knob.Wrong("dead", k.Dead, "at least 1")
	}
	return nil
}

// State is where a job stands.
type State string

// The states, in the order a job passes them; the last three are final.
const (
	Queued  State = "queued"
	Running State = "running"
	Done    State = "done"   // the work was done
	Failed  State = "failed" // the work ended without success: it is a dead letter
	Lost    State = "lost"   // the service stopped before the work began
)

// Status is what can be told about a job.
type Status struct {
	State   State         `json:"state"`
	Outcome lab.Outcome   `json:"outcome"`          // of a finished job
	Reason  lab.Reason    `json:"reason,omitempty"` // why it failed
	Waited  time.Duration `json:"waited"`           // in the queue, once it is running
	Worked  time.Duration `json:"worked"`           // below, the last time, once it is finished
	Tries   int           `json:"tries"`            // that have begun
}

// Letter is a job that was given up: its dead letter.
type Letter struct {
	ID      uint64        `json:"id"`
	Outcome lab.Outcome   `json:"outcome"`
	Reason  lab.Reason    `json:"reason,omitempty"`
	Tries   int           `json:"tries"`
	At      time.Duration `json:"at"` // when it was given up, on the lab's clock
}

// Statuser tells the status of a job by the ID of the request that brought it.
// It reports false for a job it does not know or has forgotten.
type Statuser interface {
	Status(id uint64) (Status, bool)
	// Letters returns the dead letters that are kept, the latest first, at most n.
	Letters(n int) []Letter
}

// Job is one accepted piece of work. Its Work is the queue's user's.
type Job[W any] struct {
	ID     uint64
	Work   W
	status Status
	at     time.Duration // when the present state began
	due    time.Duration // of one that rests: when it may be tried again
}

// Queue holds jobs until they are forgotten. It is not safe for concurrent use.
// Use New.
type Queue[W any] struct {
	knobs   Knobs
	waiting ring[*Job[W]]
	resting ring[*Job[W]] // to be tried again, in the order of their due times
	dead    ring[Letter]  // oldest first
	hurried bool          // nothing rests any more
	ended   ring[*Job[W]] // finished, oldest first
	byID    map[uint64]*Job[W]
	running int
	work    time.Duration // moving average of the time a job takes
}

// New returns an empty queue. work is a first guess at the time a job takes; it
// is replaced by what is measured.
func New[W any](k Knobs, work time.Duration) (*Queue[W], error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return &Queue[W]{
		knobs: k, work: max(work, time.Millisecond), byID: map[uint64]*Job[W]{},
		waiting: ring[*Job[W]]{items: make([]*Job[W], k.Length)},
		resting: ring[*Job[W]]{items: make([]*Job[W], k.Length+k.Workers)},
		dead:    ring[Letter]{items: make([]Letter, k.Dead)},
		ended:   ring[*Job[W]]{items: make([]*Job[W], k.Keep)},
	}, nil
}

// Full reports whether no further job can wait, and if so, when the workers
// will have made half of the queue's places free, at most a minute from now.
func (q *Queue[W]) Full() (retryAfter time.Duration, full bool) {
	if q.Depth() < q.knobs.Length {
		return 0, false
	}
	half := q.work * time.Duration(q.knobs.Length) / time.Duration(2*q.knobs.Workers)
	return min(max(half, time.Millisecond), time.Minute), true
}

// Add accepts a job at now. It must not be called when the queue is Full. A
// second job with the ID of an earlier one hides the earlier one's status.
func (q *Queue[W]) Add(now time.Duration, id uint64, work W) {
	if _, full := q.Full(); full {
		panic("jobs: Add to a full queue")
	}
	j := &Job[W]{ID: id, Work: work, status: Status{State: Queued}, at: now}
	q.byID[id] = j
	q.waiting.push(j)
}

// Take hands out a job to a worker, if there is one and a worker is free: one
// that has rested, or else the oldest that waits. It must be ended by Finish.
func (q *Queue[W]) Take(now time.Duration) (*Job[W], bool) {
	if q.running >= q.knobs.Workers {
		return nil, false
	}
	from := &q.waiting
	if q.resting.n > 0 && (q.hurried || q.resting.first().due <= now) {
		from = &q.resting
	}
	if from.n == 0 {
		return nil, false
	}
	j := from.pop()
	q.running++
	j.status.State, j.status.Waited, j.at = Running, j.status.Waited+now-j.at, now
	j.status.Tries++
	return j, true
}

// Finish records the result of a job that was taken. One that failed is tried
// again at the instant that it returns, unless it was tried often enough or
// trying again is of no use: then it is a dead letter.
func (q *Queue[W]) Finish(now time.Duration, j *Job[W], res lab.Response) (due time.Duration, f Fate) {
	q.running--
	j.status.Worked = now - j.at
	q.work += (j.status.Worked - q.work) / 8
	j.status.Outcome, j.status.Reason = res.Outcome, res.Reason
	switch {
	case res.Outcome.Good():
		q.end(j, Done)
		return 0, Settled
	case j.status.Tries < q.knobs.Attempts && res.Reason != lab.ReasonBad:
		j.status.State, j.at, j.due = Queued, now, now+q.knobs.Pause
		q.resting.push(j) // the pause is the same for all, so they are in order
		return j.due, Again
	}
	if q.dead.n == q.knobs.Dead {
		q.dead.pop()
	}
	q.dead.push(Letter{ID: j.ID, Outcome: res.Outcome, Reason: res.Reason, Tries: j.status.Tries, At: now})
	q.end(j, Failed)
	return 0, Buried
}

// Fate is what becomes of a job after a try.
type Fate uint8

// The fates.
const (
	Settled Fate = iota // it is done
	Again               // it failed, and is tried again
	Buried              // it failed for good
)

// Hurry ends all rests, for a queue that is to be emptied.
func (q *Queue[W]) Hurry() { q.hurried = true }

// Letters returns the dead letters that are kept, the latest first, at most n.
func (q *Queue[W]) Letters(n int) []Letter {
	out := make([]Letter, 0, max(0, min(n, q.dead.n)))
	for i := q.dead.n - 1; i >= 0 && len(out) < n; i-- {
		out = append(out, q.dead.at(i))
	}
	return out
}

// Abandon ends all jobs that wait or rest as lost and returns how many there
// were.
func (q *Queue[W]) Abandon() (lost int) {
	for ; q.Depth() > 0; lost++ {
		from := &q.waiting
		if from.n == 0 {
			from = &q.resting
		}
		j := from.pop()
		j.status.Outcome, j.status.Reason = lab.Shed, lab.ReasonShutdown
		q.end(j, Lost)
	}
	return lost
}

// end keeps a job's status and forgets the oldest one kept.
func (q *Queue[W]) end(j *Job[W], s State) {
	var none W
	j.status.State, j.Work = s, none
	if q.ended.n == q.knobs.Keep {
		old := q.ended.pop()
		if q.byID[old.ID] == old {
			delete(q.byID, old.ID)
		}
	}
	q.ended.push(j)
}

// Status returns what is known of a job.
func (q *Queue[W]) Status(id uint64) (Status, bool) {
	j, ok := q.byID[id]
	if !ok {
		return Status{}, false
	}
	return j.status, true
}

// Depth returns how many jobs wait, those that rest included.
func (q *Queue[W]) Depth() int { return q.waiting.n + q.resting.n }

// Running returns how many jobs are being worked on.
func (q *Queue[W]) Running() int { return q.running }

// Age returns how long the oldest job that waits for its first try has waited; 0
// without one.
func (q *Queue[W]) Age(now time.Duration) time.Duration {
	if q.waiting.n == 0 {
		return 0
	}
	return now - q.waiting.first().at
}

// ring is a first-in, first-out list of fixed size. Its users check n.
type ring[T any] struct {
	items   []T
	head, n int
}

func (r *ring[T]) push(v T) {
	r.items[(r.head+r.n)%len(r.items)] = v
	r.n++
}

// at returns the i-th, from 0 for the oldest.
func (r *ring[T]) at(i int) T { return r.items[(r.head+i)%len(r.items)] }

func (r *ring[T]) first() T { return r.at(0) }

func (r *ring[T]) pop() T {
	var none T
	v := r.items[r.head]
	r.items[r.head] = none
	r.head = (r.head + 1) % len(r.items)
	r.n--
	return v
}

// accepted returns the 202 for the job of a request.
func accepted(id uint64) lab.Response {
	return lab.Response{Accepted: true, Location: "/jobs/" + strconv.FormatUint(id, 10)}
}

// detach makes a copy of a request independent of its caller, whose deadline
// and patience end with the 202.
func detach(r *lab.Request) { r.Deadline, r.Patience = 0, 0 }
