// Package host is the inside of a plugged-in solution's process: it reads
// questions from the workbench, asks the solution and writes its answers.
//
// It is compiled into the workbench, which shares the form of the messages, and
// as text into each plugged-in program, where an exercise's plug/main.go calls
// Main. It uses nothing outside the standard library for that reason.
package host

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
)

// Terms are the settings that a solution is made with; see lab.Terms.
type Terms struct {
	Rate     float64       `json:"rate"`
	Burst    int           `json:"burst"`
	Keys     int           `json:"keys"`
	Slots    int           `json:"slots"`
	Waiters  int           `json:"waiters"`
	Wait     time.Duration `json:"wait"`
	Parts    int           `json:"parts"`
	Window   int           `json:"window"`
	Failures int           `json:"failures"`
	OpenFor  time.Duration `json:"open_for"`
	Probes   int           `json:"probes"`
	TTL      time.Duration `json:"ttl"`
	Jitter   float64       `json:"jitter"`
	Load     time.Duration `json:"load"`
	Length   int           `json:"length"`
	Target   time.Duration `json:"target"`
	Interval time.Duration `json:"interval"`
}

// Errors with which an admitted request ends, as the solution hears of them.
var (
	ErrBroken  = errors.New("the call failed")
	ErrUnheard = fmt.Errorf("the call says nothing: %w", context.Canceled)
)

// Decision is a solution's answer to one question.
type Decision struct {
	OK    bool
	Retry time.Duration                         // of a refusal
	Done  func(now time.Duration, failed error) // of an admission that wants to hear of its end; nil: it does not
}

// Solution decides. Exactly one of the four is set.
type Solution struct {
	// Decide answers at once. It is called by one goroutine.
	Decide func(key uint64, now time.Duration) Decision
	// Wait may let the request wait, until ctx ends. Each call has a goroutine of
	// its own.
	Wait func(ctx context.Context, key uint64) Decision
	// Fetch answers from what it has kept, or has the lab load what is missing.
	// Each call has a goroutine of its own, and load may be called once for it.
	Fetch func(ctx context.Context, key string, load Load) (string, error)
	// Room makes a room in which requests wait. Who is in it and will not be
	// popped is told by dropped, from within Push or Pop. One goroutine calls them.
	Room func(dropped func(item uint32)) Room
}

// Load has the lab load a value.
type Load func(ctx context.Context) (string, error)

// Room holds those who wait.
type Room struct {
	Push func(now time.Duration, item uint32) bool // false: refused
	Pop  func(now time.Duration) (item uint32, ok bool)
}

// Main makes a solution from the settings in the program's argument and lets the
// workbench ask it over descriptor 3 until that is closed.
func Main(open func(Terms) (Solution, error)) {
	wire := os.NewFile(3, "workbench")
	if wire == nil || len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "this program is started by the workbench, which asks it over descriptor 3")
		os.Exit(2)
	}
	var terms Terms
	if err := json.Unmarshal([]byte(os.Args[1]), &terms); err != nil {
		fmt.Fprintf(os.Stderr, "the settings: %v\n", err)
		os.Exit(2)
	}
	if err := Serve(wire, terms, open); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Serve is Main over any connection. It returns nil when the other side closes
// it.
func Serve(wire io.ReadWriter, terms Terms, open func(Terms) (Solution, error)) error {
	s, err := open(terms)
	if err != nil {
		_, failed := fmt.Fprintf(wire, "%s%q\n", Regret, err.Error())
		return errors.Join(err, failed)
	}
	if _, err := io.WriteString(wire, Greeting); err != nil {
		return fmt.Errorf("greet the workbench: %w", err)
	}
	h := &host{
		solution: s, wire: wire, wake: make(chan struct{}, 1), open: map[uint32]func(time.Duration, error){},
		asking: map[uint32]context.CancelFunc{}, loads: map[uint32]chan loaded{},
	}
	if s.Decide != nil || s.Room != nil {
		return h.inline()
	}
	return h.apart()
}

type host struct {
	solution Solution
	wire     io.ReadWriter
	wake     chan struct{} // one slot: there is something to write

	mu     sync.Mutex
	last   uint32                                // guarded by mu; ticket
	open   map[uint32]func(time.Duration, error) // guarded by mu; by ticket
	asking map[uint32]context.CancelFunc         // guarded by mu; by question
	loads  map[uint32]chan loaded                // guarded by mu; under way, by question
	out    []byte                                // guarded by mu; records to be written
}

// inline asks a solution that answers at once: all of a frame, then one frame
// back.
func (h *host) inline() error {
	r := bufio.NewReaderSize(h.wire, 64<<10)
	var buf, out []byte
	var room Room
	pushing := false
	if h.solution.Room != nil {
		room = h.solution.Room(func(item uint32) { out = Tell{Word: Drop, OK: pushing, Ticket: item}.append(out) })
	}
	for {
		var err error
		out = out[:0]
		buf, err = ReadFrame(r, AskSize, buf, func(b, text []byte) error {
			a := readAsk(b, text)
			pushing = a.Op == Push
			switch {
			case a.Op == Admit && h.solution.Decide != nil:
				out = h.answer(a.ID, h.solution.Decide(a.Key, a.At)).append(out)
			case a.Op == Done:
				h.finish(a)
			case a.Op == Push && room.Push != nil:
				ok := room.Push(a.At, a.Ticket)
				out = Tell{ID: a.ID, OK: ok}.append(out)
			case a.Op == Pop && room.Pop != nil:
				item, ok := room.Pop(a.At)
				out = Tell{ID: a.ID, OK: ok, Ticket: item}.append(out)
			}
			return nil
		})
		if err != nil {
			return ended(err)
		}
		if _, err := Frames(h.wire, TellSize, out); err != nil {
			return fmt.Errorf("answer the workbench: %w", err)
		}
	}
}

// apart asks a solution that may let requests wait.
func (h *host) apart() error {
	var writing sync.WaitGroup
	over := make(chan struct{})
	writing.Go(func() { h.write(over) })
	defer writing.Wait()
	defer close(over)
	r := bufio.NewReaderSize(h.wire, 64<<10)
	var buf []byte
	for {
		var err error
		buf, err = ReadFrame(r, AskSize, buf, func(b, text []byte) error { h.hear(readAsk(b, text)); return nil })
		if err != nil {
			return ended(err)
		}
	}
}

// hear takes a record for a solution that may let requests wait.
func (h *host) hear(a Ask) {
	switch a.Op {
	case Admit, Get:
		ctx, cancel := context.WithCancel(context.Background())
		h.mu.Lock()
		h.asking[a.ID] = cancel
		h.mu.Unlock()
		key := string(a.Text)
		go h.ask(ctx, cancel, a, key)
	case Done:
		h.finish(a)
	case Loaded:
		h.bring(a)
	case Cancel:
		h.mu.Lock()
		cancel := h.asking[a.ID]
		h.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	}
}

func (h *host) ask(ctx context.Context, cancel context.CancelFunc, a Ask, key string) {
	defer cancel()
	var t Tell
	switch {
	case a.Op == Get && h.solution.Fetch != nil:
		t = h.fetch(ctx, a.ID, key)
	case a.Op == Admit && h.solution.Wait != nil:
		t = h.answer(a.ID, h.solution.Wait(ctx, a.Key))
	}
	h.mu.Lock()
	delete(h.asking, a.ID)
	h.mu.Unlock()
	h.say(t)
}

// say puts a record into the next frame.
func (h *host) say(t Tell) {
	h.mu.Lock()
	h.out = t.append(h.out)
	h.mu.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// write writes what has gathered, until over is closed.
func (h *host) write(over chan struct{}) {
	var buf []byte
	for {
		select {
		case <-h.wake:
		case <-over:
			return
		}
		runtime.Gosched() // whoever can run has more for this frame
		h.mu.Lock()
		buf, h.out = h.out, buf[:0]
		h.mu.Unlock()
		if _, err := Frames(h.wire, TellSize, buf); err != nil {
			return // the reader finds the end too
		}
	}
}

// answer makes a record of a decision, with a ticket if the solution wants to
// hear of the end.
func (h *host) answer(id uint32, d Decision) Tell {
	t := Tell{ID: id, OK: d.OK, Retry: d.Retry}
	if d.OK && d.Done != nil {
		h.mu.Lock()
		h.last++
		t.Ticket = h.last
		h.open[t.Ticket] = d.Done
		h.mu.Unlock()
	}
	return t
}

// finish tells the solution of a request's end.
func (h *host) finish(a Ask) {
	h.mu.Lock()
	done := h.open[a.Ticket]
	delete(h.open, a.Ticket)
	h.mu.Unlock()
	if done != nil {
		done(a.At, [...]error{nil, ErrBroken, ErrUnheard}[min(a.End, 2)])
	}
}

// ended is the end of a connection: nil where the other side closed it.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return fmt.Errorf("read from the workbench: %w", err)
}
