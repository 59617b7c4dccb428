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
}

// Defaults returns the default knobs.
func Defaults() Knobs { return Knobs{Length: 1000, Workers: 8, Keep: 10_000} }

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	switch {
	case k.Length < 1:
		return knob.Wrong("length", k.Length, "at least 1")
	case k.Workers < 1:
		return knob.Wrong("workers", k.Workers, "at least 1")
	case k.Keep < 1:
		return knob.Wrong("keep", k.Keep, "at least 1")
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
	Failed  State = "failed" // the work ended without success
	Lost    State = "lost"   // the service stopped before the work began
)

// Status is what can be told about a job.
type Status struct {
	State   State         `json:"state"`
	Outcome lab.Outcome   `json:"outcome"`          // of a finished job
	Reason  lab.Reason    `json:"reason,omitempty"` // why it failed
	Waited  time.Duration `json:"waited"`           // in the queue, once it is running
	Worked  time.Duration `json:"worked"`           // below, once it is finished
}

// Statuser tells the status of a job by the ID of the request that brought it.
// It reports false for a job it does not know or has forgotten.
type Statuser interface {
	Status(id uint64) (Status, bool)
}

// Job is one accepted piece of work. Its Work is the queue's user's.
type Job[W any] struct {
	ID     uint64
	Work   W
	status Status
	at     time.Duration // when the present state began
}

// Queue holds jobs until they are forgotten. It is not safe for concurrent use.
// Use New.
type Queue[W any] struct {
	knobs   Knobs
	waiting ring[*Job[W]]
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
		ended:   ring[*Job[W]]{items: make([]*Job[W], k.Keep)},
	}, nil
}

// Full reports whether no further job can wait, and if so, when the workers
// will have made half of the queue's places free, at most a minute from now.
func (q *Queue[W]) Full() (retryAfter time.Duration, full bool) {
	if q.waiting.n < q.knobs.Length {
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

// Take hands out the oldest waiting job to a worker, if there is one and a
// worker is free. It must be ended by Finish.
func (q *Queue[W]) Take(now time.Duration) (*Job[W], bool) {
	if q.waiting.n == 0 || q.running >= q.knobs.Workers {
		return nil, false
	}
	j := q.waiting.pop()
	q.running++
	j.status.State, j.status.Waited, j.at = Running, now-j.at, now
	return j, true
}

// Finish records the result of a job that was taken.
func (q *Queue[W]) Finish(now time.Duration, j *Job[W], res lab.Response) {
	q.running--
	j.status.Worked = now - j.at
	q.work += (j.status.Worked - q.work) / 8
	j.status.Outcome, j.status.Reason = res.Outcome, res.Reason
	if res.Outcome.Good() {
		q.end(j, Done)
	} else {
		q.end(j, Failed)
	}
}

// Abandon ends all waiting jobs as lost and returns how many there were.
func (q *Queue[W]) Abandon() (lost int) {
	for ; q.waiting.n > 0; lost++ {
		j := q.waiting.pop()
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

// Depth returns how many jobs wait.
func (q *Queue[W]) Depth() int { return q.waiting.n }

// Running returns how many jobs are being worked on.
func (q *Queue[W]) Running() int { return q.running }

// Age returns how long the oldest waiting job has waited; 0 without one.
func (q *Queue[W]) Age(now time.Duration) time.Duration {
	if q.waiting.n == 0 {
		return 0
	}
	return now - q.waiting.items[q.waiting.head].at
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
