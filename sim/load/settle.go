package load

import (
	"time"

	"workbench/sim/outcome"
)

// dispatch gives a try to a free connection, opens one for it, or lets it
// wait. The caller holds mu.
func (e *engine) dispatch(t *try, now time.Duration) {
	if n := len(e.idle); n > 0 {
		c := e.idle[n-1]
		e.idle = e.idle[:n-1]
		e.hand(t)
		c.turn <- *t // an idle connection's turn is empty: this never blocks
		return
	}
	if len(e.all) < e.plan.Conns {
		c := newConn(e)
		e.all = append(e.all, c)
		e.hand(t)
		e.workers.Add(1)
		go c.run(*t)
		return
	}
	e.hold(t, now)
}

// hold lets a try wait for a connection, or drops it when too many do.
func (e *engine) hold(t *try, now time.Duration) {
	t.held, t.lag = true, now-t.due
	e.win.waited++
	if !e.pending.push(t) {
		e.win.abandoned++
		e.leave(outcome.Late)
	}
}

// hand counts a try that goes to a connection.
func (e *engine) hand(t *try) {
	e.busy++
	e.win.tries++
	if t.n > 0 {
		e.win.retries++
	}
}

// settle takes the answer to the try that c had, and puts c's next try into t.
// It reports false when c has nothing to do.
func (e *engine) settle(c *conn, t *try, a *answer) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.busy--
	e.count(t, a)
	switch {
	case a.fate == fateCut:
		e.win.cut++
	case a.outcome.Good():
		e.served(t, a)
	case e.again(t, a, a.done):
		e.hand(t)
		return true
	}
	for e.pending.pop(t) {
		if t.until > a.done {
			e.hand(t)
			return true
		}
		e.expire(t, a.done)
	}
	if e.plan.Closed && !e.over {
		*t = e.arrive(a.done)
		e.hand(t)
		return true
	}
	e.idle = append(e.idle, c)
	return false
}

// count enters one try's answer into the window.
func (e *engine) count(t *try, a *answer) {
	w := e.win
	if t.held {
		w.wait.Record(a.sent - t.due - t.lag)
	} else {
		t.lag = a.begun - t.due
		w.wait.Record(a.sent - a.begun)
	}
	e.lagged(t)
	if a.fate == fateCut {
		return
	}
	e.trace(t, a)
	w.byTry[a.outcome]++
	if a.cached {
		w.cached++
	}
	if len(a.word) > 0 {
		w.reasons[e.seen.index(a.word)]++
	}
	e.blame(t, a)
	if a.fate != fateAnswered {
		return
	}
	w.answered++
	w.service.Record(a.done - a.sent)
	if a.outcome.Good() && e.busy <= e.plan.Conns/4 { // a refusal says nothing about the service's pace
		w.calm.Record(a.done - a.sent)
	}
}

// blame counts a try that speaks of an overloaded service. Refusals by quota say
// nothing about capacity. Neither does a try that ran out of time sooner than
// the service could have answered, because it had spent its patience waiting
// for a connection: such a try is hurried.
func (e *engine) blame(t *try, a *answer) {
	chance := (t.until - t.due) / 2
	if e.typical > 0 {
		chance = min(chance, 2*e.typical)
	}
	late := a.fate == fateSilent || a.fate == fateAnswered && a.outcome == outcome.Late
	switch {
	case late && a.done-a.sent < chance:
		e.win.hurried++
	case a.fate != fateAnswered:
		e.win.unanswered++
	case late, a.outcome == outcome.Shed, a.outcome == outcome.Open:
		e.win.refused++
	}
}

// lagged records a first try's lag. A retry's is not the generator's promise:
// its instant is known only when the try before it has failed.
func (e *engine) lagged(t *try) {
	if t.n > 0 {
		return
	}
	e.win.lag.Record(t.lag)
	if t.lag > time.Millisecond {
		e.win.late++
	}
}

// served ends a user who got an answer.
func (e *engine) served(t *try, a *answer) {
	w := e.win
	felt := a.done - t.born
	w.response.Record(felt)
	op := &w.ops[t.pick.Op]
	op.good++
	op.latency.Record(felt)
	if e.victim(t.pick.User) {
		w.victim.good++
		w.victim.latency.Record(felt)
	}
	w.outcomes[a.outcome]++
}

// leave ends a user who got none.
func (e *engine) leave(last outcome.Outcome) { e.win.outcomes[last]++ }

// expire ends a try that never got a connection.
func (e *engine) expire(t *try, now time.Duration) {
	e.win.expired++
	e.win.wait.Record(now - t.due - t.lag)
	e.lagged(t)
	late := answer{outcome: outcome.Late, retry: true}
	if e.again(t, &late, now) {
		e.hold(t, now)
	}
}

// again decides what follows a try that was not served. It reports true when t
// is now the user's next try and due at once; a later one waits among the
// timers, and without one the user leaves.
func (e *engine) again(t *try, a *answer, now time.Duration) bool {
	c := e.habit.Load()
	if !a.retry || e.over || int(t.n) >= c.Retries {
		e.leave(a.outcome)
		return false
	}
	if c.Budget > 0 && !e.budget.Take() {
		e.win.denied++
		e.leave(a.outcome)
		return false
	}
	wait := e.backoff.Wait(int(t.n)+1, e.jitter.Float64())
	if c.RetryAfter {
		wait = max(wait, a.retryAfter)
	}
	if now+wait >= e.end {
		e.leave(a.outcome)
		return false
	}
	*t = try{
		born: t.born, due: now + wait, until: now + wait + c.Timeout,
		seq: t.seq, pick: t.pick, n: t.n + 1, last: a.outcome,
	}
	if wait <= 0 {
		return true
	}
	if !e.later.push(t) {
		e.win.abandoned++
		e.leave(a.outcome)
	}
	return false
}
