//go:build !limitsonly

package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// nobody is the user as which untrusted programs run when this process is root.
const nobody = 65534

// answerWithin is for how long a child may take to become the program.
const answerWithin = 20 * time.Second

// layers are the namespaces of each kind of command. The compiler needs to see
// the machine's files, but not its processes, network and shared memory.
func layers(k Kind) uintptr {
	const both = unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC
	if k == Tool {
		return both
	}
	return both | unix.CLONE_NEWNS | unix.CLONE_NEWUTS
}

// launch starts Init in a new process, hands it what to do and waits until it
// has become the program or failed.
func (b *Box) launch(c Command, out *output, with Report) (_ *exec.Cmd, _ hold, err error) {
	s, tidy, err := plan(c, with)
	if err != nil {
		return nil, hold{}, err
	}
	defer func() {
		if err != nil {
			tidy()
		}
	}()
	s.Probe = b.probing
	program, err := os.OpenFile(c.Program, unix.O_PATH, 0)
	if err != nil {
		return nil, hold{}, err
	}
	defer program.Close()
	orders, tell, err := os.Pipe()
	if err != nil {
		return nil, hold{}, err
	}
	defer tell.Close()
	defer orders.Close()
	hear, answer, err := os.Pipe()
	if err != nil {
		return nil, hold{}, err
	}
	defer hear.Close()
	defer answer.Close()

	// The link leads to this very program, even when its file is out of reach
	// for the child's user or has been replaced by a newer one.
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append(append([]string{os.Args[0]}, b.self...), strconv.Itoa(3+len(c.Files)))
	cmd.Env = []string{"GOGC=off", "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0", marker + "=yes"}
	cmd.Stdout, cmd.Stderr = out.stdout(), out.stderr()
	cmd.ExtraFiles = append(append([]*os.File{}, c.Files...), orders, program, answer)
	cmd.SysProcAttr = attributes(c.Kind, s.Namespace)
	cmd.WaitDelay = 2 * time.Second
	if err := cmd.Start(); err != nil {
		return nil, hold{}, err
	}
	answer.Close()
	orders.Close()
	held := hold{cmd.Process, tidy}
	// A program that does not call Init would never answer.
	patience, cancel := context.WithTimeout(context.Background(), answerWithin)
	stop := context.AfterFunc(patience, held.kill)
	err = instruct(tell, hear, s)
	stop()
	cancel()
	if err != nil {
		held.kill()
		waited := cmd.Wait()
		_, text := out.texts()
		return nil, hold{}, fmt.Errorf("%w (%v) %s", err, waited, text)
	}
	return cmd, held, nil
}

// instruct sends the orders and returns what the child answers: nothing when it
// became the program.
func instruct(tell io.WriteCloser, hear io.Reader, s spec) error {
	if err := json.NewEncoder(tell).Encode(s); err != nil {
		return fmt.Errorf("instruct the child: %w", err)
	}
	if err := tell.Close(); err != nil {
		return fmt.Errorf("instruct the child: %w", err)
	}
	answer, err := io.ReadAll(hear)
	if err != nil {
		return fmt.Errorf("hear from the child: %w", err)
	}
	if len(answer) > 0 {
		return errors.New(string(answer))
	}
	return nil
}

// plan turns a command into the child's orders.
func plan(c Command, with Report) (spec, func(), error) {
	s := spec{
		Kind: c.Kind, Namespace: with.Namespaces, Landlock: with.Landlock, Seccomp: with.Seccomp,
		Args: append([]string{filepath.Base(c.Program)}, c.Args...), Env: c.Env, Dir: c.Dir, Writable: c.Writable,
		Scratch: c.Limits.Scratch, Memory: c.Limits.Memory, Procs: c.Limits.Procs,
	}
	if c.Kind == Tool {
		s.Args[0] = c.Program
		return s, func() {}, nil
	}
	var err error
	if s.Libraries, err = libraries(c.Program); err != nil {
		return spec{}, nil, err
	}
	if s.Namespace {
		return s, func() {}, nil
	}
	if s.Dir, err = os.MkdirTemp("", "workbench-scratch-"); err != nil {
		return spec{}, nil, err
	}
	return s, func() { os.RemoveAll(s.Dir) }, nil
}

func attributes(k Kind, namespaces bool) *syscall.SysProcAttr {
	// The death signal comes when the thread that started the child ends; the
	// runtime ends a thread only when a goroutine locked to it returns, which
	// none of ours does.
	a := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if !namespaces {
		return a
	}
	a.Cloneflags = layers(k)
	user, group := os.Geteuid(), os.Getegid()
	root := user == 0
	if root && k == Untrusted {
		user, group = nobody, nobody
	}
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: user, Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: group, Size: 1}}
	a.GidMappingsEnableSetgroups = root
	a.Credential = &syscall.Credential{NoSetGroups: !root}
	return a
}
