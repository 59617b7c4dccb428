package plug

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"workbench/exercises/plug/host"
	"workbench/lab"
)

// room brings the words of a solution that lets requests wait to who hears them,
// one at a time and in the order in which it said them.
type room struct {
	mu  sync.Mutex
	who lab.Waiters // guarded by mu; nil: nobody waits
}

// tell calls f when no other word is being told.
func (r *room) tell(f func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return f()
}

// dropped tells of an item that waits no more. What a dead process said is
// nothing: its items have been given to ours.
func (l *line) dropped(t host.Tell) error {
	return l.room.tell(func() error {
		switch {
		case l.room.who == nil:
			return errors.New("an item is dropped where nothing waits")
		case l.over():
			return nil
		}
		return l.room.who.Dropped(t.Ticket, t.OK)
	})
}

// over reports whether the line is dead.
func (l *line) over() bool {
	select {
	case <-l.dead:
		return true
	default:
		return false
	}
}

// Attend implements lab.Room.
func (u *Unit) Attend(w lab.Waiters) {
	_ = u.room.tell(func() error { u.room.who = w; return nil }) // it returns none
}

// Push implements lab.Room.
func (u *Unit) Push(item uint32, now time.Duration) {
	u.consult(host.Ask{Op: host.Push, Ticket: item, At: now}, func(t host.Tell, late bool, err error) error {
		return u.room.who.Pushed(item, t.OK, late, err)
	})
}

// Pop implements lab.Room.
func (u *Unit) Pop(now time.Duration) {
	u.consult(host.Ask{Op: host.Pop, At: now}, func(t host.Tell, late bool, err error) error {
		return u.room.who.Popped(t.Ticket, t.OK, late, err)
	})
}

// consult asks a question whose answer goes to hear, which is called in any case
// one word after the other.
func (u *Unit) consult(a host.Ask, hear func(t host.Tell, late bool, err error) error) {
	u.mu.Lock()
	l, why := u.line, u.why
	u.mu.Unlock()
	c := &call{at: u.clock.Now()}
	c.then = func(t host.Tell, late bool, err error) error {
		if err == nil && !late {
			u.took(c.at)
		}
		return hear(t, late, err)
	}
	var id uint32
	if l != nil {
		if id = l.put(c, a); id == 0 {
			why = fmt.Sprintf("%d questions have no answer yet", maxPending)
		}
	}
	if id == 0 {
		u.run(func(context.Context) {
			_ = u.room.tell(func() error { return hear(host.Tell{}, false, fmt.Errorf("%w: %s", lab.ErrForeign, why)) }) // nobody is to blame
		})
		return
	}
	limited, cancel := context.WithTimeout(u.ctx, u.guard.Deadline)
	stop := context.AfterFunc(limited, func() { u.overdue(l, id, c) })
	l.mu.Lock()
	defer l.mu.Unlock()
	c.stop = func() { stop(); cancel() }
	if l.calls[id] == nil { // it was answered at once
		c.stop()
	}
}

// overdue ends the wait for a word that has not come.
func (u *Unit) overdue(l *line, id uint32, c *call) {
	passed := false
	_ = u.room.tell(func() error {
		if passed = l.leave(id, c); !passed {
			return nil // told at the last moment
		}
		if l.over() {
			return c.then(host.Tell{}, false, fmt.Errorf("%w: its process has ended", lab.ErrForeign))
		}
		return c.then(host.Tell{}, false, fmt.Errorf("%w: %w: none within %v", lab.ErrForeign, lab.ErrOverdue, u.guard.Deadline))
	}) // what hears of silence finds no fault with it
	if passed && u.ctx.Err() == nil {
		u.judge(l, c.at, u.guard.Deadline)
	}
}

// answer tells the answer to a question of a room.
func (l *line) answer(c *call, t host.Tell, late bool) error {
	return l.room.tell(func() error {
		switch {
		case !l.over():
			return c.then(t, late, nil)
		case late:
			return nil
		}
		return c.then(host.Tell{}, false, fmt.Errorf("%w: its process has ended", lab.ErrForeign))
	})
}

// lose says that what a dead process held it holds no more.
func (u *Unit) lose(l *line) {
	u.mu.Lock()
	if u.line == l {
		u.line, u.why = nil, "guard open: its process has ended"
	}
	u.mu.Unlock()
	_ = u.room.tell(func() error {
		if u.room.who != nil {
			u.room.who.Lost()
		}
		return nil
	}) // it returns none
}

var _ lab.Room = (*Unit)(nil)
