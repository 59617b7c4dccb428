package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"workbench/lab"
)

// Yours is a queue whose room a learner's solution keeps: it says who may come
// in, who is next and who has waited in vain. The workers are ours, and everybody
// who waits is also in our room, so that ours can take over at any moment:
// whatever becomes of the solution, nobody who was let in is lost.
type Yours struct {
	*Live
	room    lab.Room
	beside  lab.Beside
	workers int

	// All guarded by mu.
	last   uint32            // item
	places map[uint32]*place // by item
	items  map[Ticket]uint32 // of those who wait
	inside int               // who wait and are in the solution's room
	alone  int               // who wait and are in ours only
	asked  int               // workers that wait for the solution to say who is next
}

// place is one item. It outlives its request's wait for as long as the solution
// may still hold it.
type place struct {
	ticket Ticket // 0: nobody waits for it any more
	state  standing
	held   bool // the solution may hold it
	let    bool // ours would have let it in
}

// standing says who is to decide on an item.
type standing uint8

// The standings.
const (
	coming standing = iota // the solution has not said whether it may come in
	within                 // it is in the solution's room
	ours                   // ours decides
)

// maxGone is how many items a solution may hold for which nobody waits any more.
// A queue of a bounded length has far fewer.
const maxGone = 1 << 16

func newYours(env lab.Env, k Knobs, s lab.Solution) (lab.Live, error) {
	core, err := New(k)
	if err != nil {
		return nil, err
	}
	foreign, err := s.Open(env, lab.Terms{Length: k.Length, Target: k.Target, Interval: k.Interval})
	if err != nil {
		return nil, fmt.Errorf("start the plugged-in solution of %s: %w", s.Name(), err)
	}
	room, ok := foreign.(lab.Room)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the solution of %s lets nobody wait", s.Name()), foreign.Close())
	}
	y := &Yours{
		Live: newLive(env, core), room: room, beside: lab.NewBeside(env.Counters), workers: k.Workers,
		places: map[uint32]*place{}, items: map[Ticket]uint32{},
	}
	y.gone = y.left
	room.Attend(y)
	return y, nil
}

// Wrap implements lab.Live.
func (y *Yours) Wrap(next lab.Handler, _ lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		fate := y.enter(ctx, r)
		if fate == Wait { // still: the service stops
			return lab.Answer(nil, lab.ErrStop)
		}
		y.counts.ends[fate].Add(1)
		if fate != Serve {
			return fate.Response()
		}
		defer y.leave()
		return next.Serve(ctx, r)
	})
}

// enter returns what becomes of a request.
func (y *Yours) enter(ctx context.Context, r *lab.Request) Fate {
	y.mu.Lock()
	now := y.clock.Now()
	would := y.core.Would()
	e := y.core.Hold(now, r.End())
	if e.Fate != Wait {
		y.mu.Unlock()
		return e.Fate
	}
	if would == Wait {
		y.counts.waited.Add(1)
	}
	call := make(chan Fate, 1)
	y.calls[e.Ticket] = call
	y.last++
	if y.last == 0 { // it has come round
		y.last++
	}
	y.places[y.last] = &place{ticket: e.Ticket, held: true, let: would != Full}
	y.items[e.Ticket] = y.last
	y.room.Push(y.last, now) // under the lock: items come in order of time
	y.mu.Unlock()
	return y.wait(ctx, e, now, call)
}

// left notes that a request waits no more. Needs mu.
func (y *Yours) left(t Ticket) {
	item := y.items[t]
	y.forget(item, y.places[item])
}

// forget ends an item's wait. Needs mu.
func (y *Yours) forget(item uint32, p *place) {
	delete(y.items, p.ticket)
	p.ticket = 0
	switch p.state {
	case within:
		y.inside--
	case ours:
		y.alone--
	}
	if !p.held {
		delete(y.places, item)
	}
}

// end tells a waiting request its fate; it is out of the room. Needs mu.
func (y *Yours) end(item uint32, p *place, f Fate) {
	y.tell(p.ticket, f)
	y.forget(item, p)
}

func (y *Yours) leave() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.core.Leave()
	y.dispatch()
}

// dispatch finds work for free workers: while there is somebody whom only ours
// knows, ours says who is next. Needs mu.
func (y *Yours) dispatch() {
	for y.core.Busy()+y.asked < y.workers {
		switch {
		case y.alone > 0:
			if !y.choose() {
				return
			}
		case y.inside > y.asked:
			y.asked++
			y.room.Pop(y.clock.Now())
		default:
			return
		}
	}
}

// choose has ours say who is next, and reports whether anybody was. Needs mu.
func (y *Yours) choose() bool {
	t, f, ok := y.core.Next(y.clock.Now())
	if ok {
		item := y.items[t]
		y.end(item, y.places[item], f)
	}
	return ok
}

// Pushed implements lab.Waiters.
func (y *Yours) Pushed(item uint32, ok, late bool, err error) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	p := y.places[item]
	switch {
	case p == nil: // it was dropped at once
		return nil
	case !ok && !errors.Is(err, lab.ErrOverdue):
		p.held = false
	}
	switch {
	case p.ticket == 0: // who waited has gone meanwhile
		if !p.held {
			delete(y.places, item)
		}
		return y.full()
	case late: // ours has decided
		return nil
	}
	in, fallback := y.beside.Pick(lab.Ruling{OK: ok}, err, p.let)
	switch {
	case !in:
		y.core.Remove(p.ticket)
		y.end(item, p, Full)
	case fallback:
		p.state = ours
		y.alone++
	default:
		p.state = within
		y.inside++
	}
	y.dispatch()
	return nil
}

// full returns an error when the solution holds more than any queue that is
// bounded. Needs mu.
func (y *Yours) full() error {
	if gone := len(y.places) - len(y.items); gone > maxGone {
		return fmt.Errorf("it holds %d items of which nobody waits", gone)
	}
	return nil
}

// Popped implements lab.Waiters.
func (y *Yours) Popped(item uint32, ok, late bool, err error) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	defer y.dispatch()
	if !late {
		y.asked--
	}
	switch p := y.places[item]; {
	case err != nil: // a worker is free and nobody says for whom
		if y.choose() {
			y.beside.Pick(lab.Ruling{}, err, true)
		}
		return nil
	case !ok && y.inside > 0:
		return fmt.Errorf("nobody waits, it says, and it has let in %d", y.inside)
	case !ok:
		return nil
	case p == nil || p.state == coming && p.ticket != 0:
		return fmt.Errorf("item %d is next, it says, and does not wait", item)
	case p.ticket == 0: // who waited has gone meanwhile
		delete(y.places, item)
		return nil
	default:
		p.held = false
		y.serve(item, p, late)
		return nil
	}
}

// serve gives a worker to an item that the solution has named. Needs mu.
func (y *Yours) serve(item uint32, p *place, late bool) {
	if late && y.core.Busy()+y.asked >= y.workers {
		if p.state == within { // its worker has gone to another: it keeps its place with ours
			y.inside--
			y.alone++
			p.state = ours
		}
		return
	}
	if !late {
		y.beside.Pick(lab.Ruling{OK: y.core.First() == p.ticket}, nil, true)
	}
	y.end(item, p, y.core.Take(y.clock.Now(), p.ticket))
}

// Dropped implements lab.Waiters.
func (y *Yours) Dropped(item uint32, evicted bool) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	p := y.places[item]
	if p == nil {
		return fmt.Errorf("it drops item %d, which does not wait", item)
	}
	p.held = false
	if p.ticket == 0 {
		delete(y.places, item)
		return nil
	}
	fate := Dropped
	if evicted {
		fate = Evicted
	}
	y.core.Remove(p.ticket)
	y.end(item, p, fate)
	return nil
}

// Lost implements lab.Waiters. Whom the solution had let in, ours has.
func (y *Yours) Lost() {
	y.mu.Lock()
	defer y.mu.Unlock()
	for item, p := range y.places {
		p.held = false
		switch {
		case p.ticket == 0:
			delete(y.places, item)
		case p.state == within:
			y.beside.Pick(lab.Ruling{}, lab.ErrForeign, true)
			p.state = ours
			y.inside--
			y.alone++
		}
	}
	y.dispatch()
}

// Gauges implements lab.Live.
func (y *Yours) Gauges(now time.Duration) []lab.Gauge {
	return append(y.Live.Gauges(now), y.room.Gauges(now)...)
}

// Close implements lab.Live. Who waits is served by ours.
func (y *Yours) Close() error { return y.room.Close() }

var (
	_ lab.Live    = (*Yours)(nil)
	_ lab.Waiters = (*Yours)(nil)
)
