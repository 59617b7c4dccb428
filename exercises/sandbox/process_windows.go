package sandbox

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// hold is what a started process is held by: its job.
type hold struct {
	job      windows.Handle
	process  windows.Handle
	counters *windows.LazyProc // K32GetProcessMemoryInfo
	tidy     func()            // removes what the process leaves behind
}

// admit puts a process that stands still into the job and lets it go.
func (h *hold) admit(p *os.Process) error {
	var failed error
	err := p.WithHandle(func(fd uintptr) {
		self := windows.CurrentProcess()
		if failed = windows.DuplicateHandle(self, windows.Handle(fd), self, &h.process, 0, false, windows.DUPLICATE_SAME_ACCESS); failed == nil {
			failed = windows.AssignProcessToJobObject(h.job, h.process)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		err = fmt.Errorf("put the process into its job: %w", err)
	} else {
		err = resume(uint32(p.Pid))
	}
	if err != nil && h.process != 0 {
		err = errors.Join(err, windows.CloseHandle(h.process))
	}
	return err
}

// resume lets the threads of a process run that was started suspended.
func resume(pid uint32) error {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return fmt.Errorf("list the threads: %w", err)
	}
	defer windows.CloseHandle(all)
	found := false
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	for err = windows.Thread32First(all, &entry); err == nil; err = windows.Thread32Next(all, &entry) {
		if entry.OwnerProcessID != pid {
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return fmt.Errorf("open the process's thread: %w", err)
		}
		_, err = windows.ResumeThread(thread)
		if err = errors.Join(err, windows.CloseHandle(thread)); err != nil {
			return fmt.Errorf("let the process run: %w", err)
		}
		found = true
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return fmt.Errorf("list the threads: %w", err)
	}
	if !found {
		return errors.New("let the process run: it has no thread")
	}
	return nil
}

// killed is the exit status of what is ended by its job.
const killed = 1

// kill ends the process and all that it started.
func (h hold) kill() { _ = windows.TerminateJobObject(h.job, killed) } // it may have ended

// quit does nothing: no request has a Go program print its goroutines here.
func (h hold) quit() {}

// release ends the hold when the process has been reaped, and what it started
// with it.
func (h hold) release() {
	h.kill()
	windows.CloseHandle(h.process)
	windows.CloseHandle(h.job)
	h.tidy()
}

// processCounters is PROCESS_MEMORY_COUNTERS.
type processCounters struct {
	size, pageFaults                       uint32
	peakWorkingSet, workingSet             uintptr
	quotaPeakPaged, quotaPaged             uintptr
	quotaPeakNonPaged, quotaNonPaged       uintptr
	pagefileUsage, peakPagefileUsageOfLife uintptr
}

// most is how many processes of one job are counted.
const most = 256

// processList is JOBOBJECT_BASIC_PROCESS_ID_LIST.
type processList struct {
	assigned, listed uint32
	ids              [most]uintptr
}

// memory returns how many bytes the process has in memory, or all of its job.
func (h hold) memory(descendants bool) int64 {
	if !descendants {
		return h.inMemory(h.process)
	}
	var list processList
	err := windows.QueryInformationJobObject(h.job, windows.JobObjectBasicProcessIdList, uintptr(unsafe.Pointer(&list)), uint32(unsafe.Sizeof(list)), nil)
	if err != nil && !errors.Is(err, windows.ERROR_MORE_DATA) {
		return h.inMemory(h.process)
	}
	var total int64
	for _, id := range list.ids[:min(list.listed, most)] {
		p, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(id))
		if err != nil {
			continue // it has ended
		}
		total += h.inMemory(p)
		windows.CloseHandle(p)
	}
	return total
}

// inMemory returns the working set of one process; 0: it has ended.
func (h hold) inMemory(p windows.Handle) int64 {
	c := processCounters{size: uint32(unsafe.Sizeof(processCounters{}))}
	if ok, _, _ := h.counters.Call(uintptr(p), uintptr(unsafe.Pointer(&c)), uintptr(c.size)); ok == 0 {
		return 0
	}
	return int64(c.workingSet)
}

// firstException is where the exit statuses begin with which the system ends a
// process that broke its rules.
const firstException = 0xC0000000

// signal names the exception that ended a process; empty: none.
func signal(s *os.ProcessState) string {
	if code := uint32(s.ExitCode()); code >= firstException && code != 1<<32-1 {
		return fmt.Sprintf("exception %#x", code)
	}
	return ""
}

// peak is left to the watch.
func peak(*os.ProcessState) int64 { return 0 }
