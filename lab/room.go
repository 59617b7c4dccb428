package lab

import (
	"errors"
	"time"
)

// ErrOverdue is wrapped beside ErrForeign when a solution that is at work has not
// said in time what becomes of an item: it may have let it in.
var ErrOverdue = errors.New("it has not said so yet")

// Room is a Foreign in which requests wait: it decides who may come in, who is
// next and who has waited in vain. Its methods return at once; what it decides
// is told to its Waiters.
type Room interface {
	Foreign
	// Attend says whom to tell. It is called once, before Push and Pop.
	Attend(Waiters)
	// Push brings an item to wait; no two have the same number, and none is 0.
	// Pushed follows, in any case.
	Push(item uint32, now time.Duration)
	// Pop asks who is next. Popped follows, in any case.
	Pop(now time.Duration)
}

// Waiters hear what becomes of the items in a Room, one word at a time, in the
// order in which the solution has said it. An error that they return means that
// no solution that works says such a thing; it trips the guard.
type Waiters interface {
	// Pushed says whether an item was let in. ErrForeign: there is nobody to say it,
	// or, with ErrOverdue, it was not said in time. What is said too late comes with
	// late.
	Pushed(item uint32, ok, late bool, err error) error
	// Popped says who is next; not ok: nobody waits. ErrForeign: that was not said
	// in time, or there is nobody to say it. What is said too late comes with late.
	Popped(item uint32, ok, late bool, err error) error
	// Dropped says that an item waits no more: it gave way to a newer one, or its
	// wait has become too long.
	Dropped(item uint32, evicted bool) error
	// Lost says that everything that was in the room is there no more.
	Lost()
}
