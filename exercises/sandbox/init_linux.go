//go:build !limitsonly

package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Init turns this process, which Start began, into the command that Start was
// asked for. It returns only when that cannot be done. args are what follows
// Box.Self.
func Init(args []string) error {
	// All that follows belongs to the thread that becomes the program.
	runtime.LockOSThread()
	if len(args) != 1 {
		return fmt.Errorf("got %q, want the number of a descriptor: this subcommand is for the sandbox alone", args)
	}
	first, err := strconv.Atoi(args[0])
	if err != nil || first < 3 {
		return fmt.Errorf("got %q, want the number of a descriptor: this subcommand is for the sandbox alone", args[0])
	}
	// Whoever started the workbench may have left it files open as well.
	if err := unix.CloseRange(uint(first), ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		for fd := first; fd < 1<<16; fd++ {
			unix.CloseOnExec(fd)
		}
	}
	orders := os.NewFile(uintptr(first), "orders")
	answer := os.NewFile(uintptr(first+2), "answer")
	var s spec
	if err := json.NewDecoder(io.LimitReader(orders, 1<<20)).Decode(&s); err != nil {
		return fmt.Errorf("read the sandbox's orders: %w", err)
	}
	err = become(s, first+1)
	fmt.Fprint(answer, err)
	return err
}

// become confines this thread and runs the program that is open as a
// descriptor in its place. The order matters: each step takes away what the
// ones before it needed.
func become(s spec, program int) error {
	// Changing users clears the death signal, so it is asked for again.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("ask to end with the parent: %w", err)
	}
	if s.Kind == Untrusted {
		unix.Umask(0o077)
	}
	if s.Kind == Untrusted && s.Namespace {
		if err := emptyRoot(s); err != nil {
			return err
		}
	} else if err := unix.Chdir(s.Dir); err != nil {
		return fmt.Errorf("go to %s: %w", s.Dir, err)
	}
	if err := limit(s); err != nil {
		return err
	}
	if err := dropPrivileges(); err != nil {
		return err
	}
	if s.Landlock > 0 {
		if err := landlock(s, program); err != nil {
			return err
		}
	}
	if s.Seccomp && s.Kind == Untrusted {
		if err := filter(); err != nil {
			return err
		}
	}
	if s.Probe {
		os.Exit(0)
	}
	return execute(program, s.Args, s.Env)
}

// limit sets what the kernel counts itself.
func limit(s spec) error {
	set := func(name string, resource int, value uint64) error {
		if err := unix.Prlimit(0, resource, &unix.Rlimit{Cur: value, Max: value}, nil); err != nil {
			return fmt.Errorf("limit %s to %d: %w", name, value, err)
		}
		return nil
	}
	if err := set("core dumps", unix.RLIMIT_CORE, 0); err != nil {
		return err
	}
	if s.Kind == Tool {
		return nil
	}
	if err := set("open files", unix.RLIMIT_NOFILE, 256); err != nil {
		return err
	}
	if s.Scratch > 0 {
		if err := set("the size of a file", unix.RLIMIT_FSIZE, uint64(s.Scratch)); err != nil {
			return err
		}
	}
	if s.Memory > 0 {
		// Addresses are not memory: the runtime reserves far more than it uses.
		// This stops one huge reservation; the watch does the rest.
		if err := set("addresses", unix.RLIMIT_AS, uint64(4*s.Memory)+2<<30); err != nil {
			return err
		}
	}
	if s.Procs > 0 && s.Namespace { // elsewhere all of the user's processes would count
		return set("threads", unix.RLIMIT_NPROC, uint64(s.Procs))
	}
	return nil
}

// dropPrivileges gives up every capability, for ever.
func dropPrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forgo new privileges: %w", err)
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) // there are none to begin with
	for c := uintptr(0); c < 64; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			break // past the last capability, or none may be dropped and so none is held
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}
