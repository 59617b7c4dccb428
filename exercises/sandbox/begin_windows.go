package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// limited says what holds a process on this system.
const limited = "time, memory and output are limited, and a job object ends a program with all that it started, also when the workbench ends"

// own are the variables that tell a program where its scratch directory is.
func own(dir string) []string { return []string{"TMP=" + dir, "TEMP=" + dir} }

// begin starts a command in a job of its own. The process stands still until it
// is in the job, so that nothing of it can be left outside.
func begin(cmd *exec.Cmd, c Command, tidy func()) (_ hold, err error) {
	h := hold{tidy: tidy, counters: windows.NewLazySystemDLL("kernel32.dll").NewProc("K32GetProcessMemoryInfo")}
	if h.job, err = jobOf(c.Kind); err != nil {
		return hold{}, err
	}
	defer func() {
		if err != nil {
			windows.CloseHandle(h.job) // which ends what is in it
		}
	}()
	passed, numbers, err := inheritable(c.Files)
	defer closeAll(passed)
	if err != nil {
		return hold{}, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NEW_PROCESS_GROUP | console(c.Kind), AdditionalInheritedHandles: passed}
	if len(numbers) > 0 {
		cmd.Env = append(cmd.Env, FilesVar+"="+strings.Join(numbers, " "))
	}
	if err := cmd.Start(); err != nil {
		return hold{}, err
	}
	if err = h.admit(cmd.Process); err != nil {
		_ = cmd.Process.Kill() // it stands still, and may have ended for the same reason
		return hold{}, errors.Join(err, cmd.Wait())
	}
	return h, nil
}

// console says what console a process has. One of its own would be a window on
// the screen, and a process more in the job.
func console(k Kind) uint32 {
	if k == Untrusted {
		return windows.DETACHED_PROCESS
	}
	return windows.CREATE_NO_WINDOW
}

// jobOf makes a job that ends its processes with this one. An untrusted program
// can start no other.
func jobOf(k Kind) (windows.Handle, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0, fmt.Errorf("create the job object: %w", err)
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	if k == Untrusted {
		info.BasicLimitInformation.LimitFlags |= windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS
		info.BasicLimitInformation.ActiveProcessLimit = 1
	}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info))); err != nil {
		return 0, errors.Join(fmt.Errorf("limit the job object: %w", err), windows.CloseHandle(job))
	}
	return job, nil
}

// inheritable returns handles of the files that a child may have, which keep
// their numbers in it. They are to be closed also when there is an error.
func inheritable(files []*os.File) (out []syscall.Handle, numbers []string, err error) {
	for _, f := range files {
		conn, err := f.SyscallConn()
		if err != nil {
			return out, nil, fmt.Errorf("hand on %s: %w", f.Name(), err)
		}
		var twin windows.Handle
		var failed error
		err = conn.Control(func(fd uintptr) {
			self := windows.CurrentProcess()
			failed = windows.DuplicateHandle(self, windows.Handle(fd), self, &twin, 0, true, windows.DUPLICATE_SAME_ACCESS)
		})
		if err = errors.Join(err, failed); err != nil {
			return out, nil, fmt.Errorf("hand on %s: %w", f.Name(), err)
		}
		out, numbers = append(out, syscall.Handle(twin)), append(numbers, strconv.FormatUint(uint64(twin), 10))
	}
	return out, numbers, nil
}

func closeAll(handles []syscall.Handle) {
	for _, h := range handles {
		syscall.CloseHandle(h)
	}
}
