package plug

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"workbench/exercises/grade"
	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/lab/beside"
	"workbench/lab/catalog"
)

// Lab is where solutions are plugged in: a *live.Lab.
type Lab interface {
	Plug(pattern string, s lab.Solution) error
	Unplug(pattern string) error
	Plugged(pattern string) string
	// Remark says something beside a pattern; empty: nothing any more.
	Remark(pattern, text string)
}

// Config is what a desk is made from. All fields are needed.
type Config struct {
	Lab    Lab
	Grader *grade.Grader
	Box    *sandbox.Box
	Dir    string // for the programs: of this process alone
	Guard  Guard
	Keep   Keeper
	Log    *slog.Logger
}

// Desk compiles accepted answers and plugs them into a lab. It is safe for
// concurrent use; it does one thing at a time. Close it.
type Desk struct {
	cfg  Config
	busy chan struct{} // one slot: somebody compiles or compares
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex
	made     int                      // guarded by mu; programs
	programs map[string]*Program      // guarded by mu; plugged in, by exercise
	results  map[string]beside.Result // guarded by mu; the last comparison, by exercise
	resumed  map[string]string        // guarded by mu; what there is to say of answers from before, by exercise
}

// NewDesk returns a desk on which nothing lies.
func NewDesk(cfg Config) *Desk {
	d := &Desk{cfg: cfg, busy: make(chan struct{}, 1), programs: map[string]*Program{}, results: map[string]beside.Result{}, resumed: map[string]string{}}
	d.life, d.end = context.WithCancel(context.Background())
	return d
}

// Errors of a desk.
var (
	ErrBusy       = errors.New("another solution is being compiled or compared: try again in a few seconds")
	ErrNotPlugged = errors.New("no answer to this exercise is plugged in: plug it in first")
)

// take reserves the desk.
func (d *Desk) take() (free func(), err error) {
	select {
	case d.busy <- struct{}{}:
		return func() { <-d.busy }, nil
	default:
		return nil, ErrBusy
	}
}

// Plug compiles an answer that was accepted, makes it the state "yours" of its
// exercise's pattern, and remembers that.
func (d *Desk) Plug(ctx context.Context, e shelf.Exercise, answer map[string]string) error {
	if e.Plug == nil {
		return fmt.Errorf("%w: %s", ErrNoSlot, e.Slug)
	}
	free, err := d.take()
	if err != nil {
		return err
	}
	defer free()
	if err := d.plug(ctx, e, answer); err != nil {
		return err
	}
	k := Kept{Pattern: e.Plug.Pattern, Slug: e.Slug, Digest: Digest(answer), Files: answer}
	d.say(k, "")
	if err := d.cfg.Keep.SetPlug(ctx, k); err != nil {
		return fmt.Errorf("it is plugged in until the workbench ends, and will not be afterwards: %w", err)
	}
	return nil
}

// plug compiles an answer and plugs it in. Whoever calls it has the desk.
func (d *Desk) plug(ctx context.Context, e shelf.Exercise, answer map[string]string) error {
	d.mu.Lock()
	d.made++
	to := filepath.Join(d.cfg.Dir, e.Slug+"-"+strconv.Itoa(d.made))
	old := d.programs[e.Slug]
	d.mu.Unlock()
	if err := os.MkdirAll(d.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("make a directory for the program: %w", err)
	}
	if err := Build(ctx, d.cfg.Grader, e, answer, to); err != nil {
		return err
	}
	p := NewProgram(e.Slug, to, d.cfg.Box, d.cfg.Guard)
	if err := d.cfg.Lab.Plug(e.Plug.Pattern, p); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	d.mu.Lock()
	d.programs[e.Slug] = p
	delete(d.results, e.Slug) // it was another answer's
	d.mu.Unlock()
	if old != nil {
		return os.Remove(old.path) // the lab has replaced what ran from it
	}
	return nil
}

// Unplug takes an exercise's solution out of the lab, and forgets it. One that is
// not there is no error.
func (d *Desk) Unplug(ctx context.Context, e shelf.Exercise) error {
	switch {
	case e.Plug == nil:
		return nil
	case d.Again(e.Slug) != "": // it is remembered, and not there
		d.say(Kept{Pattern: e.Plug.Pattern, Slug: e.Slug}, "")
		return d.cfg.Keep.DropPlug(ctx, e.Plug.Pattern)
	case !d.Plugged(e):
		return nil
	}
	if err := d.cfg.Keep.DropPlug(ctx, e.Plug.Pattern); err != nil {
		return err
	}
	if err := d.cfg.Lab.Unplug(e.Plug.Pattern); err != nil {
		return err
	}
	d.mu.Lock()
	old := d.programs[e.Slug]
	delete(d.programs, e.Slug)
	delete(d.results, e.Slug)
	d.mu.Unlock()
	if old == nil {
		return nil // another call was faster
	}
	return os.Remove(old.path)
}

// Plugged reports whether it is an answer to this exercise that its pattern can
// hand its decision to.
func (d *Desk) Plugged(e shelf.Exercise) bool {
	if e.Plug == nil || d.cfg.Lab.Plugged(e.Plug.Pattern) != e.Slug {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.programs[e.Slug] != nil
}

// Compare plays the same arrivals without the exercise's pattern, with ours and
// with the plugged-in solution, and keeps the result.
func (d *Desk) Compare(ctx context.Context, e shelf.Exercise) (beside.Result, error) {
	if e.Plug == nil {
		return beside.Result{}, fmt.Errorf("%w: %s", ErrNoSlot, e.Slug)
	}
	free, err := d.take()
	if err != nil {
		return beside.Result{}, err
	}
	defer free()
	if !d.Plugged(e) {
		return beside.Result{}, ErrNotPlugged
	}
	d.mu.Lock()
	program := d.programs[e.Slug]
	d.mu.Unlock()
	p, ok := catalog.Find(e.Plug.Pattern)
	if !ok {
		return beside.Result{}, fmt.Errorf("%w: there is no pattern %s", ErrNoSlot, e.Plug.Pattern)
	}
	r, err := beside.Run(ctx, p, program, 1, d.cfg.Log)
	if err != nil {
		return beside.Result{}, err
	}
	d.mu.Lock()
	d.results[e.Slug] = r
	d.mu.Unlock()
	return r, nil
}

// Compared returns the last comparison of an exercise's solution; false: there
// was none since it was plugged in.
func (d *Desk) Compared(e shelf.Exercise) (beside.Result, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.results[e.Slug]
	return r, ok
}
