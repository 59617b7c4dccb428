package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"workbench/sim/clock"
)

// Kind says what a command may do.
type Kind int

const (
	// Untrusted is a program that may compute, and use its scratch directory.
	Untrusted Kind = iota
	// Tool is a compiler: it may read the machine's files, write to the
	// directories that it is given, and start processes that end with it.
	Tool
)

// Limits bound a command; 0 means no limit. Each has its own Cause.
type Limits struct {
	Wall    time.Duration
	Memory  int64 // bytes in memory, of the process and its children
	Output  int64 // bytes of stdout and stderr together
	Scratch int64 // bytes in the scratch directory
	Procs   int   // threads
}

// Standard returns the limits of an untrusted program.
func Standard() Limits {
	return Limits{Wall: 20 * time.Second, Memory: 512 << 20, Output: 1 << 20, Scratch: 32 << 20, Procs: 64}
}

// Command is what to run.
type Command struct {
	Kind     Kind
	Program  string     // path of an executable file
	Args     []string   // without the program's name
	Env      []string   // all of it: nothing is inherited
	Dir      string     // Tool only: where it runs
	Writable []string   // Tool only: directories in which it may write
	Files    []*os.File // become descriptors 3, 4, …, or what FilesVar says; the caller closes them
	Limits   Limits
}

// FilesVar is, on systems on which descriptors have no numbers that a parent
// could choose, the variable of the environment that lists those of Files, in
// their order, with blanks between.
const FilesVar = "WORKBENCH_FILES"

// Cause is why a command ended.
type Cause string

const (
	Exited   Cause = "exited"    // by itself: see Result.Code
	Stopped  Cause = "stopped"   // Process.Stop, or the context
	TooLong  Cause = "too long"  // Limits.Wall
	TooBig   Cause = "too big"   // Limits.Memory
	TooLoud  Cause = "too loud"  // Limits.Output
	Signaled Cause = "signalled" // a signal that was not ours
)

// Result is how a command ended.
type Result struct {
	Cause          Cause
	Code           int    // the exit status, when Cause is Exited
	Signal         string // when Cause is Signaled
	Stdout, Stderr []byte // up to the output limit
	Wall           time.Duration
	CPU            time.Duration
	Peak           int64 // most bytes in memory, as the watch saw it
}

// Box starts confined commands. Make one with New; it is safe for concurrent
// use.
type Box struct {
	self  []string
	clock clock.Clock
	found Report

	probing bool // children end before they become the program
}

// marker is set in the environment of children that should do nothing but Init.
const marker = "WORKBENCH_SANDBOX_INIT"

// New returns a box that confines as well as this machine can, which it finds
// out by trying. self are the arguments with which this program calls Init. It
// panics in a child that should have called Init: each would start another.
func New(ctx context.Context, self ...string) *Box {
	if os.Getenv(marker) != "" {
		panic(fmt.Sprintf("sandbox: this program does not call Init when its arguments are %q", self))
	}
	b := &Box{self: self, clock: clock.NewWall()}
	b.found = b.probe(ctx)
	return b
}

// Report returns how well the box confines.
func (b *Box) Report() Report { return b.found }

// poll is how often the watch looks. A program can fill about 50 MB of memory
// between two looks.
const poll = 10 * time.Millisecond

// lastWords is for how long a program that took too long may say where it
// stands.
const lastWords = 300 * time.Millisecond

// Process is a command that was started. Its methods are safe for concurrent
// use.
type Process struct {
	cmd    *exec.Cmd
	hold   hold
	out    *output
	clock  clock.Clock
	kind   Kind
	began  time.Duration
	limits Limits

	mu    sync.Mutex
	cause Cause         // guarded by mu; set once, by whoever ends the process
	ended bool          // guarded by mu: its id may belong to another process now
	peak  int64         // guarded by mu
	until time.Duration // guarded by mu: when it has taken too long; 0: never

	cancel context.CancelFunc // ends the watch
	watch  sync.WaitGroup
}

// errRefused is wrapped by the errors of a box that will not run a command.
var errRefused = errors.New("the sandbox refuses")

// Start starts a command. The command ends with ctx. The caller must call Wait.
func (b *Box) Start(ctx context.Context, c Command) (*Process, error) {
	if err := b.permit(c); err != nil {
		return nil, err
	}
	return b.start(ctx, c, b.found)
}

// permit refuses what could harm the machine whatever limits it has.
func (b *Box) permit(c Command) error {
	if c.Kind == Untrusted && b.found.Root && !b.found.Processes {
		return fmt.Errorf("%w: as root, and without a process namespace, one stray signal of this program could end every process of the machine; run the workbench as an ordinary user, or on a kernel that permits namespaces (%s)", errRefused, b.found.missing())
	}
	return nil
}

func (b *Box) start(ctx context.Context, c Command, with Report) (*Process, error) {
	p := &Process{clock: b.clock, kind: c.Kind, limits: c.Limits}
	p.out = newOutput(c.Limits.Output, func() { p.end(TooLoud) })
	var err error
	p.mu.Lock() // what it prints may end it before launch returns
	p.cmd, p.hold, err = b.launch(c, p.out, with)
	p.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("start %s in the sandbox: %w", c.Program, err)
	}
	p.began = b.clock.Now()
	p.Extend()
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.cancel = cancel
	p.watch.Go(func() { p.guard(watching) })
	stop := context.AfterFunc(ctx, p.Stop)
	p.watch.Go(func() { <-watching.Done(); stop() })
	return p, nil
}

// Stop ends the process now. It may be called at any time.
func (p *Process) Stop() { p.end(Stopped) }

// Extend lets the process run for its wall limit from now on.
func (p *Process) Extend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limits.Wall > 0 {
		p.until = p.clock.Now() + p.limits.Wall
	}
}

// overdue returns by how much the process has taken too long.
func (p *Process) overdue() (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	late := p.clock.Now() - p.until
	return late, p.until > 0 && late >= 0
}

// end kills the process and all that belong to it, for a cause.
func (p *Process) end(why Cause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == "" {
		p.cause = why
	}
	if !p.ended {
		p.hold.kill()
	}
}

// guard watches the process until ctx ends.
func (p *Process) guard(ctx context.Context) {
	var asked bool
	for p.clock.Wait(ctx, p.clock.Now()+poll) == nil {
		if p.limits.Memory > 0 {
			used := p.hold.memory(p.kind == Tool)
			p.mu.Lock()
			p.peak = max(p.peak, used)
			p.mu.Unlock()
			if used > p.limits.Memory {
				p.end(TooBig)
			}
		}
		late, is := p.overdue()
		if !is {
			continue
		}
		if !asked {
			asked = true
			p.ask()
		}
		if late >= lastWords {
			p.end(TooLong)
		}
	}
}

// ask has a Go program print where it stands and exit.
func (p *Process) ask() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == "" {
		p.cause = TooLong
	}
	if !p.ended {
		p.hold.quit()
	}
}

// Wait returns how the process ended, when it has. It must be called once.
func (p *Process) Wait() Result {
	err := p.reap()
	p.cancel()
	p.watch.Wait()
	p.hold.release()

	p.mu.Lock()
	defer p.mu.Unlock()
	r := Result{Cause: p.cause, Wall: p.clock.Now() - p.began, Peak: p.peak}
	r.Stdout, r.Stderr = p.out.texts()
	if state := p.cmd.ProcessState; state != nil {
		r.CPU = state.UserTime() + state.SystemTime()
		r.Code = state.ExitCode()
		r.Signal = signal(state)
		r.Peak = max(r.Peak, peak(state))
	}
	switch {
	case r.Cause != "":
	case r.Signal != "":
		r.Cause = Signaled
	case err != nil && p.cmd.ProcessState == nil:
		r.Cause, r.Signal = Signaled, err.Error()
	default:
		r.Cause = Exited
	}
	return r
}

// reap waits for the process and ends what it left behind in its group. Where
// the system permits it, the exit is seen before the process is reaped, so that
// no signal can reach another one that got the same id.
func (p *Process) reap() error {
	seen := await(p.cmd.Process.Pid)
	var err error
	if !seen {
		err = p.cmd.Wait()
	}
	p.mu.Lock()
	p.ended = true
	if seen {
		p.hold.kill()
	}
	p.mu.Unlock()
	if seen {
		err = p.cmd.Wait()
	}
	return err
}

// Run starts a command and waits for its end.
func (b *Box) Run(ctx context.Context, c Command) (Result, error) {
	p, err := b.Start(ctx, c)
	if err != nil {
		return Result{}, err
	}
	return p.Wait(), nil
}
