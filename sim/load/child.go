package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Child says how to start a generator process: this program again, with the
// arguments that make it call Serve.
type Child struct {
	Exe  string
	Args []string
	Log  *slog.Logger // gets what the child writes to stderr; nil: nobody does
}

// The bounds of a child. One processor measured best: with two, each wake-up
// of a connection may cross between them.
const (
	childProcs  = "GOMAXPROCS=1"
	childMemory = "GOMEMLIMIT=64MiB"
	childGrace  = 2 * time.Second // between asking it to end and killing it
	tailSize    = 2 << 10         // bytes of stderr kept for the error of a child that dies
)

// StartChild begins a run in a child process, exe with args, which must call
// Serve. See Child.Start.
func StartChild(ctx context.Context, exe string, args []string, p Plan) (*Run, error) {
	return Child{Exe: exe, Args: args}.Start(ctx, p)
}

// Start begins a run in a child process and returns when the child has
// accepted the plan. The run is like one of the function Start; it also ends,
// with an error, when the child dies.
func (c Child) Start(ctx context.Context, p Plan) (*Run, error) {
	p.fill()
	if err := p.Validate(); err != nil {
		return nil, err
	}
	proc, err := c.spawn(ctx)
	if err != nil {
		return nil, fmt.Errorf("start the generator process: %w", err)
	}
	if err := proc.out.write(order{Plan: &p}); err != nil {
		proc.stop()
		return nil, errors.Join(fmt.Errorf("send the plan: %w", err), proc.wait())
	}
	var first reply
	if err := proc.in.read(&first); err != nil || !first.Ready {
		proc.stop()
		if first.Error != "" {
			err = errors.New(first.Error)
		}
		return nil, errors.Join(fmt.Errorf("the generator process refused the plan: %w", err), proc.wait())
	}
	r := &Run{box: newOutbox(), done: make(chan struct{}), apply: proc.apply}
	go func() { r.end(proc.relay(ctx, r.box)) }()
	return r, nil
}

// process is a running child as its parent sees it.
type process struct {
	in    *lines
	out   *writer
	stdin io.Closer
	tail  *tail
	ended chan struct{} // closed when nothing more will come from it
	exit  chan error    // gets the exit status once

	mu      sync.Mutex
	last    uint64                // guarded by mu: ID of the last change sent
	waiting map[uint64]chan error // guarded by mu: by change ID
}

// spawn starts the child on a thread of its own: Linux ends a child with
// Pdeathsig when the thread that started it ends, so that thread must stay.
func (c Child) spawn(ctx context.Context) (*process, error) {
	cmd := exec.CommandContext(ctx, c.Exe, c.Args...)
	cmd.Env = append(os.Environ(), childProcs, childMemory)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p := &process{
		in: newLines(stdout), out: &writer{out: stdin}, stdin: stdin, tail: &tail{log: c.Log},
		ended: make(chan struct{}), exit: make(chan error, 1), waiting: make(map[uint64]chan error),
	}
	cmd.Stderr = p.tail
	cmd.Cancel = stdin.Close
	cmd.WaitDelay = childGrace
	bind(cmd)
	begun := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		begun <- err
		if err != nil {
			return
		}
		<-p.ended // Wait closes stdout, so it must come after the last read
		p.exit <- cmd.Wait()
	}()
	if err := <-begun; err != nil {
		return nil, err
	}
	return p, nil
}

// stop asks the child to end.
func (p *process) stop() { p.stdin.Close() }

// wait returns the child's exit status, with the end of what it said on
// stderr. It is called once, after the last read.
func (p *process) wait() error {
	close(p.ended)
	err := <-p.exit
	if err == nil {
		return nil
	}
	if last := p.tail.String(); last != "" {
		return fmt.Errorf("the generator process ended: %w: %s", err, last)
	}
	return fmt.Errorf("the generator process ended: %w", err)
}

// relay passes frames on until the child ends.
func (p *process) relay(ctx context.Context, box *outbox) error {
	var err error
	done := false
	for !done {
		var r reply
		if err = p.in.read(&r); err != nil {
			break
		}
		switch {
		case r.Frame != nil:
			done = r.Frame.Done
			box.send(*r.Frame)
		case r.ID != 0:
			p.answer(r.ID, r.Error)
		}
	}
	p.stop()
	exit := p.wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if done {
		return exit
	}
	if err == io.EOF {
		err = errors.New("the generator process ended before its run did")
	}
	err = errors.Join(err, exit)
	box.send(Frame{Done: true, Error: err.Error()})
	return err
}

// apply sends a change and waits for the child's word on it.
func (p *process) apply(c Change) error {
	done := make(chan error, 1)
	p.mu.Lock()
	p.last++
	id := p.last
	p.waiting[id] = done
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.waiting, id)
		p.mu.Unlock()
	}()
	if err := p.out.write(order{Change: &c, ID: id}); err != nil {
		select {
		case <-p.ended:
			return ErrEnded
		default:
			return fmt.Errorf("send the change: %w", err)
		}
	}
	select {
	case err := <-done:
		return err
	case <-p.ended:
		return ErrEnded
	}
}

func (p *process) answer(id uint64, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if done := p.waiting[id]; done != nil {
		switch text {
		case "":
			done <- nil
		case ErrEnded.Error():
			done <- ErrEnded
		default:
			done <- errors.New(text)
		}
	}
}

// tail keeps the end of what is written to it and logs it by lines.
type tail struct {
	log *slog.Logger

	mu   sync.Mutex
	kept []byte // guarded by mu
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	if t.log != nil {
		for line := range bytes.Lines(b) {
			t.log.Warn("generator process", "stderr", string(bytes.TrimSpace(line)))
		}
	}
	return len(b), nil
}

// String returns what was kept, on one line.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.Fields(string(t.kept)), " ")
}
