// Package process starts the servers that tests need, and awaits their end.
//
// It knows no test: what a server is, when it is ready and how it is ended is
// for the rooms that start one.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// Process is a started command whose end is awaited. Its methods are safe for
// concurrent use.
type Process struct {
	command *exec.Cmd
	said    tail
	done    chan struct{} // closed when the process is gone
	err     error         // how it ended; valid after done
}

// Begin starts a command, and keeps the last of what it says. One goroutine
// starts and awaits it without leaving its thread, because Linux takes the end of
// the starting thread for the end of the parent, with which a command may be told
// to end.
func Begin(c *exec.Cmd) (*Process, error) {
	p := &Process{command: c, done: make(chan struct{})}
	c.Stdout, c.Stderr = &p.said, &p.said
	c.WaitDelay = time.Second // a grandchild may hold the output open
	started := make(chan error, 1)
	go func() { // ends with the process, which its owner awaits
		defer close(p.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.Start()
		started <- err
		if err == nil {
			p.err = c.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return p, nil
}

// Done is closed when the process is gone.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits until the process is gone, and returns how it ended.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Said returns the last of what the process has said.
func (p *Process) Said() string { return p.said.String() }

// End sends a signal, and waits until the process is gone. One that is gone
// already is no error.
func (p *Process) End(how os.Signal) error {
	err := p.command.Process.Signal(how)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if err == nil {
		<-p.done
	}
	return err
}

// FreePort returns a loopback port on which nobody listens.
func FreePort() (port int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// tail keeps the last bytes written to it. It is safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

const most = 4096 // bytes of a tail

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if extra := len(t.buf) - most; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(b), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
