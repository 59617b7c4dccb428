package load

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"workbench/sim/outcome"
)

// fate says how far a try got.
type fate uint8

const (
	fateAnswered fate = iota // an answer came, whatever it says
	fateSilent               // no answer in time
	fateBroken               // the connection failed, or the answer was not HTTP
	fateCut                  // the run was stopped
)

// answer is how one try ended.
type answer struct {
	fate              fate
	outcome           outcome.Outcome
	retry             bool // trying again can help
	cached            bool
	word              []byte // why not served; valid until the connection's next try
	retryAfter        time.Duration
	begun, sent, done time.Duration
}

// What the generator says of its own when there is no answer to quote. The
// prefix keeps them apart from the service's words.
var (
	wordTimeout  = []byte("client_timeout")
	wordConnect  = []byte("client_connect")
	wordBroken   = []byte("client_broken")
	wordProtocol = []byte("client_protocol")
)

var errEOF = errors.New("the connection ended in mid-answer")

// conn is one connection, which its goroutine opens when first needed and
// again after it was closed. Only turn, and sock under mu, are touched by
// others.
type conn struct {
	e    *engine
	turn chan try // the next try for an idle connection; closed at the end

	mu   sync.Mutex
	sock *net.TCPConn // guarded by mu for interrupt; nil: not open

	raw   syscall.RawConn
	habit *habit        // of the users, as the current try found it
	armed time.Duration // when the read deadline fires; 0: never
	resp  response
	in    []byte // what was read; in[from:to] is not yet used
	from  int
	to    int
	out   []byte // the request
	spare []byte // for bodies of varying length
	wire  wire
}

func newConn(e *engine) *conn {
	c := &conn{e: e, turn: make(chan try, 1), in: make([]byte, maxHead+512)}
	c.wire.init(c)
	return c
}

// run serves tries until the engine dismisses it.
func (c *conn) run(t try) {
	defer c.e.workers.Done()
	defer c.close()
	var a answer
	for more := true; more; {
		c.serve(&t, &a)
		if !c.e.settle(c, &t, &a) {
			t, more = <-c.turn
		}
	}
}

// serve makes one try and says how it ended.
func (c *conn) serve(t *try, a *answer) {
	e := c.e
	now := e.clk.Now()
	*a = answer{begun: now, sent: now}
	c.habit = e.habit.Load()
	op := &c.habit.ops[t.pick.Op]
	for {
		fresh := c.sock == nil
		if fresh {
			if err := c.open(t.until); err != nil {
				c.fail(a, err, wordConnect)
				return
			}
			a.sent = e.clk.Now()
		}
		err := c.exchange(op, t, a.sent)
		if err == nil {
			break
		}
		c.close()
		if fresh || !op.again || !stale(err) || c.resp.at != inHead || c.to > 0 {
			c.fail(a, err, wordBroken)
			return
		}
		// The server closed an idle connection as we took it up. Every client
		// sends a safe request anew; so do we, once, as part of this try.
	}
	a.done = e.clk.Now()
	c.read(t, a)
	if c.resp.close || c.habit.NoKeepAlive || c.from != c.to {
		c.close()
	}
}

// stale reports whether err can mean that the connection had been closed
// before the request was sent.
func stale(err error) bool {
	return errors.Is(err, errEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// exchange sends the try's request and reads the whole answer.
func (c *conn) exchange(op *template, t *try, now time.Duration) error {
	patience := uint64(max((t.until-now)/time.Millisecond, 1))
	v := values{pick: t.pick, seq: t.seq, try: uint64(t.n), deadline: patience}
	c.out, c.spare = op.render(c.out, c.spare, &v)
	c.resp.begin(op.isHead)
	c.from, c.to = 0, 0
	if c.armed <= now || c.armed > t.until {
		c.arm(t.until)
	}
	c.wire.send()
	for c.resp.at != complete {
		n, err := c.wire.receive()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			// The deadline may be an earlier try's: moving it only when it fires
			// saves a timer operation for each request.
			if c.e.ctx.Err() != nil || c.e.clk.Now() >= t.until {
				return err
			}
			c.arm(t.until)
			continue
		case err != nil:
			return err
		case n == 0:
			if !c.resp.end() {
				return errEOF
			}
		}
		c.to += n
		used, err := c.resp.feed(c.in[c.from:c.to])
		if err != nil {
			return err
		}
		if c.from += used; c.from == c.to {
			c.from, c.to = 0, 0
		} else if c.to == len(c.in) {
			c.to = copy(c.in, c.in[c.from:c.to])
			c.from = 0
		}
		c.dawdle(n, t.until)
	}
	return nil
}

// arm makes reads fail at an instant.
func (c *conn) arm(at time.Duration) {
	c.armed = at
	// An error here means a closed socket, which the next read reports.
	_ = c.sock.SetDeadline(c.e.clk.Date(at))
}

// read turns a complete answer into the try's.
func (c *conn) read(t *try, a *answer) {
	r := &c.resp
	a.cached, a.word, a.retryAfter = r.cached, r.word(), r.retryAfter
	a.outcome, a.retry = r.verdict()
	if a.outcome.Good() && a.done >= t.until {
		a.outcome, a.retry = outcome.Late, true // it came, but the user had left
	}
}

// verdict reads what became of the request: the service's own word, or else
// what the status means. It reports also whether trying again can help; it
// cannot when the request itself is at fault.
func (r *response) verdict() (o outcome.Outcome, retry bool) {
	fault := r.status >= 400 && r.status < 500 && r.status != 408 && r.status != 429
	switch {
	case r.outcome != unnamed:
		o = outcome.Outcome(r.outcome)
		return o, !o.Good() && !(fault && o == outcome.Failed)
	case r.status < 400:
		return outcome.OK, false
	case r.status == 429:
		return outcome.Limited, true
	case r.status == 503:
		return outcome.Shed, true
	case r.status == 504 || r.status == 408:
		return outcome.Late, true
	}
	return outcome.Failed, !fault
}

// fail ends a try that got no answer.
func (c *conn) fail(a *answer, err error, word []byte) {
	a.done = c.e.clk.Now()
	a.fate, a.outcome, a.retry, a.word = fateBroken, outcome.Failed, true, word
	var timeout net.Error
	switch {
	case c.e.ctx.Err() != nil:
		a.fate, a.word = fateCut, nil
	case errors.As(err, &timeout) && timeout.Timeout():
		a.fate, a.outcome, a.word = fateSilent, outcome.Late, wordTimeout
	case isProtocol(err):
		a.word = wordProtocol
	}
}

func isProtocol(err error) bool {
	for _, e := range []error{errHead, errHeadSize, errFraming, errChunk, errBodySize, errInterim} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
