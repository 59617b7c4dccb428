package queue

import (
	"container/list"
	"fmt"
	"time"

	"workbench/lab"
	"workbench/lab/knob"
)

// Reasons for a refusal.
const (
	ReasonFull    lab.Reason = "queue_full"    // the room is full
	ReasonEvicted lab.Reason = "queue_evicted" // a newer request took the place (lifo)
	ReasonWait    lab.Reason = "queue_wait"    // not served within max_wait
	ReasonCoDel   lab.Reason = "queue_codel"   // dropped because waits have been long for long
	ReasonExpired lab.Reason = "expired"       // nobody waits for the answer any more (Late)
)

// retryAfter is the advice to those refused: how long the overload lasts is not
// known here, and a second is the least that HTTP's Retry-After can say.
const retryAfter = time.Second

// Knobs are the adjustable values.
type Knobs struct {
	Length      int           `knob:"length" unit:"requests" min:"0" max:"1000000" scale:"yes" help:"requests that may wait"`
	Workers     int           `knob:"workers" unit:"requests" min:"1" max:"1000000" scale:"yes" help:"requests worked on at once"`
	Order       string        `knob:"order" options:"fifo,lifo" help:"who is served next: the oldest or the newest"`
	MaxWait     time.Duration `knob:"max_wait" min:"0s" max:"10m" help:"longest wait; 0s: no bound but the length"`
	DropExpired bool          `knob:"drop_expired" help:"drop who is past the deadline or the caller's patience instead of serving"`
	CoDel       bool          `knob:"codel" help:"drop when waits stay long (controlled delay)"`
	Target      time.Duration `knob:"target" min:"1ms" max:"10s" help:"CoDel: the wait that is acceptable"`
	Interval    time.Duration `knob:"interval" min:"1ms" max:"1m" help:"CoDel: how long waits may be above the target"`
}

// Defaults returns the default knobs.
func Defaults() Knobs {
	return Knobs{Length: 100, Workers: 20, Order: "fifo", Target: 5 * time.Millisecond, Interval: 100 * time.Millisecond}
}

// Validate implements knob.Validator.
func (k *Knobs) Validate() error {
	switch {
	case k.Length < 0:
		return knob.Wrong("length", k.Length, "0 or more")
	case k.Workers < 1:
		return knob.Wrong("workers", k.Workers, "at least 1")
	case k.Order != "fifo" && k.Order != "lifo":
		return knob.Wrong("order", k.Order, "fifo or lifo")
	case k.MaxWait < 0:
		return knob.Wrong("max_wait", k.MaxWait, "0s or more")
	case k.CoDel && k.Target <= 0:
		return knob.Wrong("target", k.Target, "more than 0s")
	case k.CoDel && k.Interval < k.Target:
		return knob.Wrong("interval", k.Interval, fmt.Sprintf("at least the target, %v", k.Target))
	}
	return nil
}

// Fate is what becomes of a request in the queue.
type Fate uint8

// The fates. Wait is the only one that is not final.
const (
	Wait    Fate = iota // it waits
	Serve               // it has a worker
	Full                // no room
	Evicted             // gave way to a newer one
	Expired             // nobody waits for the answer any more
	Slow                // waited for max_wait
	Dropped             // by CoDel
	fates
)

// Response returns the answer to a request that is not served.
func (f Fate) Response() lab.Response {
	switch f {
	case Evicted:
		return lab.Refuse(lab.Shed, ReasonEvicted, retryAfter)
	case Expired:
		return lab.Refuse(lab.Late, ReasonExpired, 0)
	case Slow:
		return lab.Refuse(lab.Shed, ReasonWait, retryAfter)
	case Dropped:
		return lab.Refuse(lab.Shed, ReasonCoDel, retryAfter)
	}
	return lab.Refuse(lab.Shed, ReasonFull, retryAfter)
}

// Ticket names a waiting request; no two waits have the same, and none is 0.
type Ticket uint64

// Entry is the answer to Enter.
type Entry struct {
	Fate    Fate          // Wait, Serve, Full or Expired
	Ticket  Ticket        // of a request that waits
	Until   time.Duration // when to call GiveUp for it; 0: never
	Evicted Ticket        // whose place it took; 0: nobody's
}

// waiter is one request in the room.
type waiter struct {
	ticket  Ticket
	since   time.Duration
	useless time.Duration // from when serving it helps nobody; 0: never, or not looked at
}

func (w *waiter) expired(now time.Duration) bool { return w.useless > 0 && now >= w.useless }

// Queue counts workers and keeps the room. It is not safe for concurrent use.
// Use New.
type Queue struct {
	knobs Knobs
	busy  int
	last  Ticket
	room  *list.List // of *waiter, oldest first
	spots map[Ticket]*list.Element
	codel codel
}

// New returns an empty queue.
func New(k Knobs) (*Queue, error) {
	if err := k.Validate(); err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return &Queue{
		knobs: k, room: list.New(), spots: map[Ticket]*list.Element{},
		codel: codel{target: k.Target, interval: k.Interval},
	}, nil
}

// Enter receives a request at now. useless is when its answer will help nobody
// (0: unknown).
func (q *Queue) Enter(now, useless time.Duration) Entry {
	if !q.knobs.DropExpired {
		useless = 0
	}
	if useless > 0 && now >= useless {
		return Entry{Fate: Expired}
	}
	if q.busy < q.knobs.Workers && q.room.Len() == 0 {
		q.busy++
		q.codel.calm()
		return Entry{Fate: Serve}
	}
	var evicted Ticket
	if q.room.Len() >= q.knobs.Length {
		if q.knobs.Order == "fifo" || q.room.Len() == 0 {
			return Entry{Fate: Full}
		}
		evicted = q.remove(q.room.Front()).ticket
	}
	e := q.wait(now, useless)
	e.Evicted = evicted
	return e
}

// wait lets a request into the room.
func (q *Queue) wait(now, useless time.Duration) Entry {
	q.last++
	q.spots[q.last] = q.room.PushBack(&waiter{ticket: q.last, since: now, useless: useless})
	e := Entry{Ticket: q.last, Until: useless}
	if q.knobs.MaxWait > 0 && (useless == 0 || now+q.knobs.MaxWait < useless) {
		e.Until = now + q.knobs.MaxWait
	}
	return e
}

// Pass gives a request a worker whether or not there is one, for a request that
// cannot be held back, and returns what Enter would have done: Serve, Wait or
// Full.
func (q *Queue) Pass() Fate {
	ahead := q.busy + q.room.Len() - q.knobs.Workers
	q.busy++
	switch {
	case ahead < 0:
		return Serve
	case ahead < q.knobs.Length:
		return Wait
	}
	return Full
}

// Leave frees a worker. Call Next afterwards until it has no more.
func (q *Queue) Leave() { q.busy-- }

// Next takes a request out of the room for a free worker, with its fate: Serve,
// or Expired or Dropped when it is not worth a worker. ok is false when no worker
// is free or nobody waits.
func (q *Queue) Next(now time.Duration) (t Ticket, f Fate, ok bool) {
	if q.busy >= q.knobs.Workers {
		return 0, Wait, false
	}
	e := q.room.Front()
	if q.knobs.Order == "lifo" {
		e = q.room.Back()
	}
	if e == nil {
		q.codel.calm()
		return 0, Wait, false
	}
	w := q.remove(e)
	switch {
	case w.expired(now):
		return w.ticket, Expired, true
	case q.knobs.CoDel && q.codel.drop(now, now-w.since, q.room.Len() == 0):
		return w.ticket, Dropped, true
	}
	q.busy++
	return w.ticket, Serve, true
}

// GiveUp ends a wait at now and returns its fate, Expired or Slow. ok is false
// when the request is no longer in the room: its fate has been told already.
func (q *Queue) GiveUp(now time.Duration, t Ticket) (f Fate, ok bool) {
	e, ok := q.spots[t]
	if !ok {
		return Wait, false
	}
	if q.remove(e).expired(now) {
		return Expired, true
	}
	return Slow, true
}

func (q *Queue) remove(e *list.Element) *waiter {
	w := q.room.Remove(e).(*waiter)
	delete(q.spots, w.ticket)
	return w
}

// Depth returns how many requests wait.
func (q *Queue) Depth() int { return q.room.Len() }

// Busy returns how many workers are.
func (q *Queue) Busy() int { return q.busy }

// Oldest returns for how long the oldest request in the room has waited at now;
// 0 when it is empty.
func (q *Queue) Oldest(now time.Duration) time.Duration {
	if e := q.room.Front(); e != nil {
		return max(0, now-e.Value.(*waiter).since)
	}
	return 0
}
