package notify

import (
	"time"

	"workbench/lab"
)

// mailing collects messages for people who were told something a short while
// ago. What is collected leaves with the first campaign that comes after the
// window has ended, whoever that one is for. It is not safe for concurrent use.
type mailing struct {
	open  map[uint64]*box // by person: whose window has not ended
	order []end           // when they end, in order
}

// box is one person's window.
type box struct {
	pile
	until time.Duration
}

// end is when a person's window ends.
type end struct {
	at     time.Duration
	person uint64
}

func newMailing() *mailing { return &mailing{open: map[uint64]*box{}} }

// plan says who is told at once, whose message is collected, and whose digests
// leave with it: those of as many people as a campaign has, so that no request
// pays for all.
func (m *mailing) plan(now time.Duration, r *lab.Request, e *errand, k *Digest) {
	e.digest = true
	for len(m.order) > 0 && m.order[0].at <= now && len(e.due) < Batch {
		next := m.order[0]
		m.order = m.order[1:]
		b := m.open[next.person]
		if b == nil || b.until != next.at {
			continue // the window was taken back, or is another by now
		}
		delete(m.open, next.person)
		if b.n > 0 {
			e.due, e.piles = append(e.due, next.person), append(e.piles, b.pile)
			m.begin(next.person, now+k.Window)
		}
	}
	for i := range uint64(messages(r)) {
		person := (r.Key-1+i)%People + 1
		if b := m.open[person]; b != nil {
			b.n++
			b.last = e.text
			e.joined = append(e.joined, person)
			continue
		}
		e.told = append(e.told, person)
		m.begin(person, now+k.Window)
	}
}

// begin opens a window. Windows that began later end later, but for a knob that
// was turned meanwhile: then one waits for those before it.
func (m *mailing) begin(person uint64, until time.Duration) {
	m.open[person] = &box{until: until}
	m.order = append(m.order, end{until, person})
}

// undo takes back what was planned for a request that failed: it will come
// again, or its sender knows that it has failed.
func (m *mailing) undo(now time.Duration, e *errand) {
	for _, person := range e.told {
		if b := m.open[person]; b != nil && b.n == 0 {
			delete(m.open, person)
		}
	}
	for _, person := range e.joined {
		if b := m.open[person]; b != nil && b.n > 0 {
			b.n--
		}
	}
	var again []end
	for i, person := range e.due {
		b := m.open[person]
		if b == nil {
			b = &box{}
			m.open[person] = b
		}
		if b.n == 0 {
			b.last = e.piles[i].last
		}
		b.n += e.piles[i].n
		b.until = now // due with the next campaign
		again = append(again, end{now, person})
	}
	m.order = append(again, m.order...)
}
