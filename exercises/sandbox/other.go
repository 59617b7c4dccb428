//go:build !linux || limitsonly

package sandbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"time"
)

// Init is for systems with namespaces.
func Init([]string) error {
	return errors.New("this subcommand is for the sandbox alone, and nothing starts it on a system without namespaces")
}

// probe says that there are limits alone.
func (b *Box) probe(context.Context) Report {
	r := Report{Root: os.Geteuid() == 0, Memory: true}
	r.Missing = []Lack{{"confinement", "on " + runtime.GOOS + " only " + limited, "use Linux, or a Linux container or virtual machine, to grade code of other people"}}
	r.grade()
	return r
}

// launch starts the command with the limits that this system has.
func (b *Box) launch(c Command, out *output, _ Report) (*exec.Cmd, hold, error) {
	dir, tidy := c.Dir, func() {}
	env := c.Env
	if c.Kind == Untrusted {
		var err error
		if dir, err = os.MkdirTemp("", "workbench-scratch-"); err != nil {
			return nil, hold{}, err
		}
		tidy = func() { os.RemoveAll(dir) }
		env = append(slices.Clone(env), own(dir)...)
	}
	cmd := exec.Command(c.Program, c.Args...)
	cmd.Env, cmd.Dir = env, dir
	cmd.Stdout, cmd.Stderr = out.stdout(), out.stderr()
	cmd.WaitDelay = 2 * time.Second
	held, err := begin(cmd, c, tidy)
	if err != nil {
		tidy()
		return nil, hold{}, err
	}
	return cmd, held, nil
}

// await cannot see an exit before the process is reaped here.
func await(int) bool { return false }
