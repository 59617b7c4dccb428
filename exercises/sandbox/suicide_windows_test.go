package sandbox_test

import "golang.org/x/sys/windows"

// suicide ends this process as a breach of the system's rules does.
func suicide() error {
	return windows.TerminateProcess(windows.CurrentProcess(), uint32(windows.STATUS_ACCESS_VIOLATION))
}

const signalled = "exception 0xc0000005"

// emulated reports whether the system that this runs on is a likeness of it:
// Wine keeps a job's processes together but does not count them.
func emulated() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
