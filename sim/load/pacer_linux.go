package load

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// timer waits on a kernel timer that the runtime's network poller watches along
// with the sockets. The runtime's own timers are useless here: an idle program
// waits for them in whole milliseconds. A thread that sleeps in nanosleep is as
// exact but costs twice the processor time of this and disturbs the
// connections, since waking them crosses threads: measured at 20,000/s on one
// processor, median lag 0.10 ms against 0.37 ms, 22 against 28 µs a request.
type timer struct {
	file *os.File
	raw  syscall.RawConn
	step func(fd uintptr) bool // ready, bound once
	spec unix.ItimerSpec
	set  bool
	err  error
}

func newPacer() (pacer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	t := &timer{file: os.NewFile(uintptr(fd), "timerfd")}
	if t.raw, err = t.file.SyscallConn(); err != nil {
		return nil, errors.Join(fmt.Errorf("watch the timer: %w", err), t.file.Close())
	}
	t.step = t.ready
	return t, nil
}

// wait implements pacer.
func (t *timer) wait(d time.Duration) error {
	t.set = false
	t.spec.Value = unix.NsecToTimespec(int64(d))
	if err := t.raw.Read(t.step); err != nil {
		return fmt.Errorf("wait for the timer: %w", err)
	}
	return t.err
}

// ready is called at once, and again when the timer has fired. The expiry is
// never read: setting the timer anew forgets it.
func (t *timer) ready(fd uintptr) bool {
	if t.set {
		return true
	}
	t.set = true
	t.err = os.NewSyscallError("timerfd_settime", unix.TimerfdSettime(int(fd), 0, &t.spec, nil))
	return t.err != nil
}

// close implements pacer.
func (t *timer) close() error { return t.file.Close() }
