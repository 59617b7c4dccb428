package virtual

import (
	"time"

	"workbench/lab"
	"workbench/lab/balancer"
	"workbench/lab/fleet"
	"workbench/sim/outcome"
	"workbench/sim/population"
)

// user is one arrival with all its tries. It fills one line of a processor's
// cache: with a hundred million users, misses are most of what they cost.
type user struct {
	born time.Duration
	pick population.Pick
	id   uint64
	call int32 // the present try; none between tries
	n    uint8 // of the try, 0 first
}

// arrive lets the next user come and draws the one after.
func (w *world) arrive() {
	now := w.queue.Now()
	w.serial++
	u := w.newUser()
	w.users[u] = user{born: now, pick: w.people.Pick(w.picks), id: w.serial, call: none}
	w.window.offered++
	w.window.tally(w, u).offered++
	w.window.ops[w.users[u].pick.Op].offered++
	if w.budget != nil {
		w.budget.Request()
	}
	w.try(u)
	if next := w.process.Next(now); next < w.end { // nobody comes after the end
		w.queue.Schedule(next, evArrive, 0, 0)
	}
}

// try sends a user's present try to the service.
func (w *world) try(u int32) {
	now := w.queue.Now()
	x := &w.users[u]
	w.window.tries++
	if x.n > 0 {
		w.window.retries++
	}
	id := w.newCall()
	x = &w.users[u]
	x.call = id
	op := w.ops[x.pick.Op]
	c := &w.calls[id]
	c.user, c.owner = u, none
	c.request = lab.Request{
		ID: x.id<<8 | uint64(x.n), At: now, User: x.pick.User, IP: x.pick.IP, Token: x.pick.Token, Key: x.pick.Key, Op: x.pick.Op,
		Priority: op.priority, Read: op.read, Async: op.async, Try: x.n,
	}
	if x.pick.High {
		c.request.Priority = lab.High
	}
	c.request.Patience = now + w.habits.Timeout
	w.queue.Append(c.request.Patience, evPatience, u, uint64(w.epochs[u]))
	w.window.inflight++
	m, session := w.route(&c.request)
	c.member = m
	switch {
	case m == nil:
		w.answer(id, lab.Refuse(lab.Shed, balancer.ReasonNoInstance, time.Second))
	case m.sessions.Meet(c.request.User, session):
		w.answer(id, lab.Refuse(lab.Failed, fleet.ReasonSession, 0))
	default:
		w.down(id, m, 0)
	}
}

// answer brings an answer out of the service to whoever waits for it.
func (w *world) answer(id int32, res lab.Response) {
	u, sent := w.calls[id].user, w.calls[id].request.At
	if u != none {
		w.left(&w.calls[id], fleet.Result{Failed: (res.Outcome == lab.Failed || res.Outcome == lab.Late) && res.Reason != fleet.ReasonSession})
	}
	w.freeCall(id)
	if u == none {
		return // the user has gone; the work was wasted
	}
	w.window.service.Record(w.queue.Now() - sent)
	w.told(u, res)
}

// told lets a user have the answer to its present try.
func (w *world) told(u int32, res lab.Response) {
	x := &w.users[u]
	now := w.queue.Now()
	w.epochs[u]++
	w.window.inflight--
	w.window.answered(res)
	x.call = none
	if res.Outcome.Good() {
		w.window.outcomes[res.Outcome]++
		felt := now - x.born
		w.window.response.Record(felt)
		w.window.tally(w, u).good++
		w.window.ops[x.pick.Op].good++
		w.freeUser(u)
		return
	}
	w.again(u, res.Outcome, res.RetryAfter, res.Reason == lab.ReasonBad)
}

// impatient ends the wait for a try, unless it was answered before.
func (w *world) impatient(u int32, epoch uint64) {
	if uint64(w.epochs[u]) != epoch {
		return
	}
	w.epochs[u]++
	x := &w.users[u]
	w.calls[x.call].user = none
	w.left(&w.calls[x.call], fleet.Result{Left: true})
	x.call = none
	w.window.inflight--
	w.window.byTry[outcome.Late]++
	w.again(u, outcome.Late, 0, false)
}

// again decides what a user does whose try was not served.
func (w *world) again(u int32, last outcome.Outcome, retryAfter time.Duration, final bool) {
	x := &w.users[u]
	now := w.queue.Now()
	leave := func() {
		w.window.outcomes[last]++
		w.freeUser(u)
	}
	if final || int(x.n) >= w.habits.Retries {
		leave()
		return
	}
	if w.budget != nil && !w.budget.Take() {
		w.window.denied++
		leave()
		return
	}
	wait := w.backoff.Wait(int(x.n)+1, w.jitter.Float64())
	if w.habits.RetryAfter {
		wait = max(wait, retryAfter)
	}
	if now+wait >= w.end {
		leave()
		return
	}
	x.n++
	w.queue.Schedule(now+wait, evRetry, u, 0)
}

func (w *world) newUser() int32 {
	if last := len(w.freeUsers) - 1; last >= 0 {
		u := w.freeUsers[last]
		w.freeUsers = w.freeUsers[:last]
		return u
	}
	w.users = append(w.users, user{})
	w.epochs = append(w.epochs, 0)
	return int32(len(w.users) - 1)
}

func (w *world) freeUser(u int32) { w.freeUsers = append(w.freeUsers, u) }
