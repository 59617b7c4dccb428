package code

// Mailbox is a queue that hands a message out again until it is acknowledged.
type Mailbox struct {
	waiting []int
	Handed  int // how often a message was handed out
}

// NewMailbox returns a mailbox with the messages 0 to n-1.
func NewMailbox(n int) *Mailbox {
	m := &Mailbox{}
	for i := range n {
		m.waiting = append(m.waiting, i)
	}
	return m
}

// Next hands out the message that has waited longest.
func (m *Mailbox) Next() (int, bool) {
	if len(m.waiting) == 0 {
		return 0, false
	}
	m.Handed++
	return m.waiting[0], true
}

// Ack takes the message that was handed out last off.
func (m *Mailbox) Ack() { m.waiting = m.waiting[1:] }

// guide:begin deliver

// Early acknowledges a message and then works. A crash in between loses it.
func Early(m *Mailbox, work func(int), crash func() bool) {
	for id, ok := m.Next(); ok; id, ok = m.Next() {
		m.Ack()
		if crash() {
			continue // the worker starts again, and the message is gone
		}
		work(id)
	}
}

// Late works and then acknowledges. A crash in between repeats the work.
func Late(m *Mailbox, work func(int), crash func() bool) {
	for id, ok := m.Next(); ok; id, ok = m.Next() {
		work(id)
		if crash() {
			continue // the worker starts again and gets the same message
		}
		m.Ack()
	}
}

// Once makes work that may be repeated have its effect once: it notes what was
// done. In a database the note and the effect are one transaction.
func Once(work func(int)) func(int) {
	seen := map[int]bool{}
	return func(id int) {
		if !seen[id] {
			seen[id] = true
			work(id)
		}
	}
}

// guide:end
