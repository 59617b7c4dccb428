//go:build !linux

package sandbox

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// Init is for systems with namespaces.
func Init([]string) error {
	return errors.New("this system has no namespaces: nothing starts this subcommand here")
}

// probe says that there are limits alone.
func (b *Box) probe(context.Context) Report {
	r := Report{Root: os.Geteuid() == 0, Memory: watched}
	r.Missing = []Lack{{"confinement", "on " + runtime.GOOS + " only time and output are limited, and a process group is ended as a whole", "use Linux, or a Linux container or virtual machine, to grade code of other people"}}
	r.grade()
	return r
}

// launch starts the command with the limits that this system has.
func (b *Box) launch(c Command, out *output, _ Report) (*exec.Cmd, func(), error) {
	dir, tidy := c.Dir, func() {}
	if c.Kind == Untrusted {
		var err error
		if dir, err = os.MkdirTemp("", "workbench-scratch-"); err != nil {
			return nil, nil, err
		}
		tidy = func() { os.RemoveAll(dir) }
	}
	cmd := exec.Command(c.Program, c.Args...)
	cmd.Env, cmd.Dir, cmd.ExtraFiles = c.Env, dir, c.Files
	cmd.Stdout, cmd.Stderr = out.stdout(), out.stderr()
	cmd.WaitDelay = 2 * time.Second
	group(cmd)
	if err := cmd.Start(); err != nil {
		tidy()
		return nil, nil, err
	}
	return cmd, tidy, nil
}

// await cannot see an exit before the process is reaped here.
func await(int) bool { return false }
