package plug

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"workbench/exercises/sandbox"
	"workbench/lab"
)

// limits bound a solution's process. Its life has no bound.
func limits() sandbox.Limits {
	l := sandbox.Standard()
	l.Wall, l.Memory, l.Output, l.Scratch = 0, 256<<20, 256<<10, 1<<20
	return l
}

// Program is an accepted answer that was compiled, as a lab.Solution.
type Program struct {
	slug  string
	path  string
	box   *sandbox.Box
	guard Guard
}

// NewProgram returns a program that runs in a box.
func NewProgram(slug, path string, box *sandbox.Box, g Guard) *Program {
	return &Program{slug: slug, path: path, box: box, guard: g}
}

// Name implements lab.Solution.
func (p *Program) Name() string { return p.slug }

// Open implements lab.Solution.
func (p *Program) Open(env lab.Env, t lab.Terms) (lab.Foreign, error) {
	terms, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write the settings: %w", err)
	}
	return Open(env, t, p.guard, func(ctx context.Context) (Process, error) { return p.start(ctx, string(terms)) })
}

// start starts the program in the box.
func (p *Program) start(ctx context.Context, terms string) (Process, error) {
	ours, theirs, err := pair()
	if err != nil {
		return nil, fmt.Errorf("make a socket pair: %w", err)
	}
	defer theirs.Close()
	proc, err := p.box.Start(ctx, sandbox.Command{
		Program: p.path, Args: []string{terms},
		// One processor: a loop without end must not take the lab's as well.
		Env:   []string{"HOME=/tmp", "TMPDIR=/tmp", "TZ=UTC", "GOMAXPROCS=1", "GOMEMLIMIT=128MiB", "GOTRACEBACK=single"},
		Files: []*os.File{theirs}, Limits: limits(),
	})
	if err != nil {
		ours.Close()
		return nil, err
	}
	return &confined{File: ours, proc: proc}, nil
}

// confined is a process in the sandbox.
type confined struct {
	*os.File
	proc *sandbox.Process
}

// Stop implements Process.
func (c *confined) Stop() {
	c.proc.Stop()
	c.File.Close()
}

// Wait implements Process.
func (c *confined) Wait() string {
	r := c.proc.Wait()
	c.File.Close()
	switch r.Cause {
	case sandbox.Exited:
		return strings.TrimSuffix(fmt.Sprintf("it ended by itself with status %d: %s", r.Code, lastWords(r.Stderr)), ": ")
	case sandbox.TooBig:
		return fmt.Sprintf("it took more than %d MiB of memory", limits().Memory>>20)
	case sandbox.TooLoud:
		return fmt.Sprintf("it printed more than %d KiB", limits().Output>>10)
	case sandbox.Stopped:
		return "it was stopped"
	}
	return strings.TrimSuffix(fmt.Sprintf("it was ended by a signal: %s: %s", r.Signal, lastWords(r.Stderr)), ": ")
}

// lastWords is the line in which a Go program says why it ends.
func lastWords(stderr []byte) string {
	first := ""
	for line := range strings.Lines(string(stderr)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			return short(line)
		}
		if first == "" {
			first = line
		}
	}
	return short(first)
}

// short bounds what a page shows of a learner's own words.
func short(s string) string {
	if r := []rune(strings.ToValidUTF8(s, "?")); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}
