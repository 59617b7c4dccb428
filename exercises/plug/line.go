package plug

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"time"

	"workbench/exercises/plug/host"
	"workbench/lab"
	"workbench/sim/clock"
)

// Process is a solution's process and the connection to it.
type Process interface {
	io.ReadWriter
	// Stop ends the process and the connection. It may be called at any time.
	Stop()
	// Wait returns why the process ended, in a few words, when it has. It is
	// called once.
	Wait() string
}

// What a line bears at most.
const (
	maxPending = 4096    // questions without an answer
	maxUnread  = 4 << 20 // bytes that the process leaves unread
)

// last waits for a process that is ending, which has a moment to do so by itself,
// and returns why.
func last(p Process) string {
	patience, cancel := context.WithTimeout(context.Background(), lastMoment)
	defer cancel()
	defer context.AfterFunc(patience, p.Stop)()
	return p.Wait()
}

// lastMoment is for how long a process that has closed its connection may live.
const lastMoment = time.Second

// line is one process while it lives: questions go out in frames, answers come
// back. Everything it does ends with fail.
type line struct {
	p     Process
	clock clock.Clock
	wake  chan struct{} // one slot: there is something to write
	dead  chan struct{} // closed by fail
	count func(frames int)
	run   func(func(context.Context)) // runs loads
	room  *room                       // who hears of those who wait; nil: it is no room

	mu     sync.Mutex
	calls  map[uint32]*call  // guarded by mu; by question
	topics map[string]*topic // guarded by mu; of the calls that have one, by key
	owed   owed              // guarded by mu
	last   uint32            // guarded by mu
	out    []byte            // guarded by mu; records to be written
	why    string            // guarded by mu; set by the first fail
	silent time.Duration     // guarded by mu; since when a question has waited and nothing has come; 0: not so
}

// call is a question under way. Once left, its answer is only put in order.
type call struct {
	done   chan host.Tell // one slot; nil: then is called
	left   bool
	at     time.Duration
	then   func(t host.Tell, late bool, err error) error // of a question to a room; see room.go
	stop   func()                                        // ends the wait for then
	topic  *topic                                        // of a question for a key; see fetch.go
	load   func() lab.Loaded
	loaded bool // load was called
	owed   bool // it was left, and the process owes an answer all the same
}

// open greets the process and starts to listen to it.
func (u *Unit) open(p Process) (*line, error) {
	l := &line{
		p: p, clock: u.clock, wake: make(chan struct{}, 1), dead: make(chan struct{}), calls: map[uint32]*call{}, topics: map[string]*topic{},
		count: func(frames int) { u.counts.batches.Add(uint64(frames)) }, run: u.run, room: &u.room,
	}
	r := bufio.NewReaderSize(p, 64<<10)
	word, err := r.ReadString('\n')
	switch {
	case err != nil:
		return nil, errors.New("it ended before it was ready")
	case word == host.Regret:
		why, _ := r.ReadString('\n') // what there is of it
		return nil, fmt.Errorf("it refuses these settings: %s", strings.TrimSpace(why))
	case word != host.Greeting:
		return nil, errors.New("it talks nonsense instead of a greeting")
	}
	u.work.Go(l.write)
	u.work.Go(func() { l.read(r) })
	return l, nil
}

// fail ends the line for a reason. Only the first counts.
func (l *line) fail(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut(why)
}

// cut is fail with mu held.
func (l *line) cut(why string) {
	if l.why != "" {
		return
	}
	l.why = why
	close(l.dead)
	if why != endedByItself { // else it may still say why
		l.p.Stop()
	}
}

func (l *line) write() {
	var buf []byte
	for {
		select {
		case <-l.wake:
		case <-l.dead:
			return
		}
		runtime.Gosched() // whoever can run has more for this frame
		l.mu.Lock()
		buf, l.out = l.out, buf[:0]
		l.mu.Unlock()
		frames, err := host.Frames(l.p, host.AskSize, buf)
		if err != nil {
			l.fail(endedByItself)
			return
		}
		l.count(frames)
	}
}

// endedByItself stands for the reason that the process gives when it has ended.
const endedByItself = "ended"

func (l *line) read(r io.Reader) {
	var buf []byte
	for {
		var err, broken error
		buf, err = host.ReadFrame(r, host.TellSize, buf, func(b, text []byte) error {
			t, err := host.ReadTell(b, text)
			if err == nil {
				err = l.hear(t)
			}
			broken = err
			return err
		})
		switch {
		case err == nil:
		case broken != nil || errors.Is(err, host.ErrFrame):
			l.fail("it talks nonsense: " + err.Error())
			return
		default:
			l.fail(endedByItself)
			return
		}
	}
}

// hear brings an answer to who waits for it. An admission that comes too late is
// given back at once.
func (l *line) hear(t host.Tell) error {
	switch t.Word {
	case host.Call:
		return l.called(t.ID)
	case host.Drop:
		return l.dropped(t)
	}
	l.mu.Lock()
	c := l.calls[t.ID]
	switch {
	case c == nil:
		l.mu.Unlock()
		return fmt.Errorf("an answer to question %d, which nobody asked", t.ID)
	case c.topic == nil && len(t.Text) > 0:
		l.mu.Unlock()
		return fmt.Errorf("a text for question %d, which wants none", t.ID)
	}
	delete(l.calls, t.ID)
	if c.stop != nil {
		c.stop()
	}
	l.settle(c)
	late := c.left
	if late && t.OK && t.Ticket != 0 && c.then == nil {
		l.send(host.Ask{Op: host.Done, End: uint8(lab.Unheard), Ticket: t.Ticket, At: c.at})
	}
	l.mu.Unlock()
	switch {
	case c.then != nil:
		return l.answer(c, t, late)
	case !late:
		t.Text = bytes.Clone(t.Text) // it is good until the next record
		c.done <- t
	}
	return nil
}

// settle notes that the process has said something about a question. Needs mu.
func (l *line) settle(c *call) {
	if c.topic != nil {
		l.settleTopic(c)
		return
	}
	l.silent = 0
	if len(l.calls) > 0 {
		l.silent = l.clock.Now()
	}
}

// ask sends a question; 0: the process has more than it can answer.
func (l *line) ask(now time.Duration, q lab.Question) (uint32, *call) {
	c := &call{done: make(chan host.Tell, 1), at: now}
	return l.put(c, host.Ask{Op: host.Admit, Key: q.Key, At: q.At}), c
}

// put sends a question; 0: the process has more than it can answer.
func (l *line) put(c *call, a host.Ask) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) >= maxPending {
		return 0
	}
	l.last++
	if l.last == 0 { // it has come round
		l.last++
	}
	a.ID = l.last
	l.calls[a.ID] = c
	switch {
	case c.topic != nil:
		l.join(c, string(a.Text))
	case l.silent == 0:
		l.silent = c.at
	}
	l.send(a)
	return a.ID
}

// leave ends the wait for an answer: false when it has just come.
func (l *line) leave(id uint32, c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls[id] == nil {
		return false
	}
	c.left = true
	if c.topic != nil {
		l.owe(c)
	}
	l.send(host.Ask{ID: id, Op: host.Cancel})
	return true
}

// finish reports the end of an admitted request.
func (l *line) finish(ticket uint32, now time.Duration, end lab.End) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.send(host.Ask{Op: host.Done, End: uint8(end), Ticket: ticket, At: now})
}

// send puts a record into the next frame. Needs mu.
func (l *line) send(a host.Ask) {
	if len(l.out) > maxUnread {
		l.cut("it reads nothing any more")
		return
	}
	l.out = a.Append(l.out)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// quiet returns for how long nothing has come although something was asked.
func (l *line) quiet(now time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	since := l.silent
	if since == 0 {
		since = l.owed.since
	}
	if since == 0 {
		return 0
	}
	return now - since
}

// pending returns how many questions have no answer yet.
func (l *line) pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}
