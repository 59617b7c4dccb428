package notify

import (
	"strconv"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/breaker"
)

// errand is what one request is to have a provider do, decided as it enters: to
// which provider it goes, and whom of its people it tells at once.
type errand struct {
	calls   int
	second  bool         // they are of the second provider
	watched bool         // what comes of them is told to the watch
	pass    breaker.Pass // of the watch
	at      time.Duration
	digest  bool
	told    []uint64 // people who are told at once, and whose windows begin with it
	due     []uint64 // people whose windows have ended, with something collected
	piles   []pile   // of those of due, in their order
	joined  []uint64 // people whose message is collected
	text    string
}

// pile is what was collected for one person.
type pile struct {
	n    int
	last string // the newest text; the others are told by their number
}

// say returns the text of a digest.
func (p pile) say() string {
	if p.n == 1 {
		return p.last
	}
	return strconv.Itoa(p.n) + " messages, the newest: " + p.last
}

// errandOf returns what was decided for a request; nil before it has entered.
func errandOf(r *lab.Request) *errand {
	c := r.Choices[placeErrand]
	if c == nil {
		return nil
	}
	e, _ := c.Knobs.(*errand)
	return e
}

// enter decides what a request is to have done, and puts it on the request. A
// repetition that the provider will know by its key collects nothing.
func (l *ledger) enter(now time.Duration, r *lab.Request, once, text string) {
	if r.Op == Inbox {
		return
	}
	e := &errand{at: now, calls: messages(r), text: text}
	r.Choices[placeErrand] = &lab.Choice{Knobs: e}
	if k := lab.Chosen[Failover](r, placeFailover); k != nil {
		l.watch.choose(now, e, k)
	}
	if k := lab.Chosen[Digest](r, placeDigest); k != nil && r.Op == Campaign && !l.known(now, r, once, e.second) {
		l.mail.plan(now, r, e, k)
		e.calls = (len(e.told) + len(e.due) + k.Size - 1) / k.Size
	}
}

// left takes back what was decided for a request that came to nothing after so
// many calls.
func (l *ledger) left(now time.Duration, r *lab.Request, calls int, res lab.Response) {
	e := errandOf(r)
	if e == nil {
		return
	}
	if e.digest {
		l.mail.undo(now, e)
	}
	if calls == 0 { // the database is not the provider's fault
		res = silent()
	}
	l.watch.judge(now, r, e, res)
}

// silent is an answer that says nothing of a provider.
func silent() lab.Response { return lab.Response{Outcome: lab.Shed} }

// done settles what was decided for a request whose calls have ended well, and
// counts. It reports whether the provider sends its messages.
func (l *ledger) done(now time.Duration, r *lab.Request, once string) (sent bool) {
	e := errandOf(r)
	res := lab.Response{}
	if e.calls == 0 {
		res = silent()
	}
	l.watch.judge(now, r, e, res)
	l.counter["collected"].Add(uint64(len(e.joined)))
	l.counter["digests"].Add(uint64(len(e.due)))
	return l.take(now, r, once)
}
