package load

import (
	"bytes"
	"context"
	"time"

	"workbench/sim/outcome"
)

// Pacer is the seam by which tests starve the generator.
type Pacer interface {
	wait(d time.Duration) error
	close() error
}

// Oversleep is a pacer that sleeps longer than it was asked to, like one whose
// processor is taken away.
func Oversleep(by time.Duration) (Pacer, error) {
	p, err := newPacer()
	return oversleeper{p, by}, err
}

type oversleeper struct {
	pacer
	by time.Duration
}

func (o oversleeper) wait(d time.Duration) error { return o.pacer.wait(d + o.by) }

// StartWith starts a run with a pacer of the test's.
func StartWith(ctx context.Context, p Plan, pace Pacer) (*Run, error) {
	return start(ctx, p, pace, false)
}

// Head is what one answer was read as.
type Head struct {
	Status     int
	Outcome    outcome.Outcome
	Retry      bool
	Cached     bool
	Close      bool
	Reason     string
	RetryAfter time.Duration
	Body       int64
	Used       int
}

// Read reads one answer from b, which comes in pieces of a size. whole reports
// whether the answer was complete; eof says that nothing follows b.
func Read(b []byte, piece int, head, eof bool) (h Head, whole bool, err error) {
	var r response
	r.begin(head)
	from, to := 0, 0
	for to < len(b) && r.at != complete {
		to = min(to+piece, len(b))
		used, err := r.feed(b[from:to])
		if err != nil {
			return Head{}, false, err
		}
		from += used
	}
	if r.at != complete && (!eof || !r.end()) {
		return Head{}, false, nil
	}
	h = Head{Status: r.status, Cached: r.cached, Close: r.close, Reason: string(r.word()), RetryAfter: r.retryAfter, Body: r.body, Used: from}
	h.Outcome, h.Retry = r.verdict()
	return h, true, nil
}

// Render returns the request of an operation for one try.
func Render(op Op, host string, a Arrival, try uint8, deadline uint64) string {
	t := compile(op, host, false, Tracing{})
	out, _ := t.render(nil, nil, &values{pick: a.Pick, seq: a.Seq, try: uint64(try), deadline: deadline})
	return string(out)
}

// Mailbox is an outbox of frames.
type Mailbox struct{ box *outbox }

// NewMailbox returns an empty one.
func NewMailbox() Mailbox { return Mailbox{newOutbox()} }

// Send offers a frame.
func (m Mailbox) Send(f Frame) { m.box.send(f) }

// Out is where its reader reads.
func (m Mailbox) Out() <-chan Frame { return m.box.out }

// Close ends it.
func (m Mailbox) Close() { m.box.close() }

// Second is one second's evidence.
type Second struct {
	Lag, Service, Calm           time.Duration // each of all tries
	Overdue, Patience            time.Duration
	Offered, Tries, Firsts       uint64
	Answered, Unanswered         uint64
	Refused, Waited, Hurried     uint64
	Free, Stalled, Silent        bool
	CPU                          float64
	Grew, InflightFrom, Inflight int
	PendingFrom, Pending         int
}

// Judge returns the second's verdict.
func (s Second) Judge() Verdict {
	x := second{
		offered: s.Offered, tries: s.Tries, firsts: s.Firsts, answered: s.Answered, waited: s.Waited,
		unanswered: s.Unanswered, refused: s.Refused, hurried: s.Hurried, free: s.Free, stalled: s.Stalled, silent: s.Silent, overdue: s.Overdue,
		cpu: s.CPU, windows: int(time.Second / period), grew: s.Grew, first: s.InflightFrom, last: s.Inflight,
		began: s.PendingFrom, pending: s.Pending, calm: s.Calm, patience: s.Patience,
	}
	x.lag.RecordN(s.Lag, max(s.Offered, 1))
	if s.Answered > 0 {
		x.service.RecordN(s.Service, s.Answered)
	}
	return x.judge()
}

// ReadOrder reads one line of the pipe as the child does.
func ReadOrder(b []byte) (hasPlan, hasChange bool, err error) {
	var o order
	err = newLines(bytes.NewReader(b)).read(&o)
	return o.Plan != nil, o.Change != nil, err
}

// ReadReply reads one line of the pipe as the parent does.
func ReadReply(b []byte) (hasFrame bool, err error) {
	var r reply
	err = newLines(bytes.NewReader(b)).read(&r)
	return r.Frame != nil, err
}

// Single returns a function that makes one request on one connection of a
// closed run, as its goroutine would, and one that ends it.
func Single(p Plan) (request func(), end func(), err error) {
	p.fill()
	pace, err := newPacer()
	if err != nil {
		return nil, nil, err
	}
	e, err := newEngine(context.Background(), p, p.Target, pace)
	if err != nil {
		return nil, nil, err
	}
	c := newConn(e)
	t := e.arrive(e.clk.Now())
	e.hand(&t)
	var a answer
	request = func() {
		c.serve(&t, &a)
		e.settle(c, &t, &a)
	}
	return request, func() { c.close(); pace.close() }, nil
}
