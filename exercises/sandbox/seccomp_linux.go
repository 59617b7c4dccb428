//go:build !limitsonly

package sandbox

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denied lists the system calls that an untrusted program gets EPERM for, on
// every architecture. Those that only some have are beside it.
func denied() []uint32 {
	return append([]uint32{
		// the network; a socket that was inherited still works
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_BIND, unix.SYS_CONNECT, unix.SYS_LISTEN, unix.SYS_ACCEPT4,
		// other processes and programs
		unix.SYS_EXECVE, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_KCMP,
		unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO,
		unix.SYS_SETSID, unix.SYS_SETPGID, unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_SET, unix.SYS_PRLIMIT64, unix.SYS_SETRLIMIT,
		// namespaces and mounts
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOUNT_SETATTR,
		unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
		// files by other ways than their path
		unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET,
		unix.SYS_MKNODAT, unix.SYS_QUOTACTL, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_ACCT, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL,
		// memory that outlives or escapes the watch
		unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN, unix.SYS_MLOCK, unix.SYS_MLOCK2, unix.SYS_MLOCKALL, unix.SYS_VMSPLICE,
		// the kernel
		unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
		unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
		unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_SYSLOG, unix.SYS_PERSONALITY, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME,
		unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_VHANGUP,
	}, deniedHere()...)
}

// Where the kernel puts what a filter reads.
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArg    = 16 // eight bytes each, the lower half first on the machines that we know
)

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func give(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}

// when jumps over yes instructions if the loaded value passes the test, else
// over no.
func when(test uint16, value uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: yes, Jf: no, K: value}
}

const (
	refuse  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	unknown = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// only lets a call pass when its argument passes a test.
func only(call uint32, argument uint32, test uint16, value uint32) []unix.SockFilter {
	return []unix.SockFilter{
		when(unix.BPF_JEQ, call, 0, 4),
		load(offsetArg + 8*argument),
		when(test, value, 0, 1),
		give(unix.SECCOMP_RET_ALLOW),
		give(refuse),
	}
}

// program returns the filter for a process with this id.
func program(pid uint32) []unix.SockFilter {
	out := []unix.SockFilter{
		load(offsetArch),
		when(unix.BPF_JEQ, architecture, 1, 0),
		give(unix.SECCOMP_RET_KILL_PROCESS),
		load(offsetNumber),
	}
	if foreignCalls != 0 { // calls by another numbering
		out = append(out, when(unix.BPF_JGE, foreignCalls, 0, 1), give(unix.SECCOMP_RET_KILL_PROCESS))
	}
	// New threads, but no new processes; clone3 hides its flags from filters,
	// and whoever finds it missing falls back on clone.
	out = append(out, when(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), give(unknown))
	out = append(out, only(unix.SYS_CLONE, 0, unix.BPF_JSET, unix.CLONE_THREAD)...)
	// The one program that Init turns into is run from a descriptor.
	out = append(out, only(unix.SYS_EXECVEAT, 4, unix.BPF_JSET, unix.AT_EMPTY_PATH)...)
	// The runtime signals its own threads.
	out = append(out, only(unix.SYS_KILL, 0, unix.BPF_JEQ, pid)...)
	out = append(out, only(unix.SYS_TGKILL, 0, unix.BPF_JEQ, pid)...)
	for _, call := range denied() {
		out = append(out, when(unix.BPF_JEQ, call, 0, 1), give(refuse))
	}
	return append(out, give(unix.SECCOMP_RET_ALLOW))
}

// filter applies the filter to this thread and what it becomes.
func filter() error {
	code := program(uint32(unix.Getpid()))
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return fmt.Errorf("apply the seccomp filter: %w", errno)
	}
	return nil
}

// canFilter reports whether the kernel has seccomp filters and we know the
// numbers of this architecture's calls.
func canFilter() bool {
	action := uint32(unix.SECCOMP_RET_KILL_PROCESS)
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action)))
	return architecture != 0 && errno == 0
}

// execute runs the program that is open as a descriptor in place of this one.
func execute(program int, args, env []string) error {
	vector := func(texts []string) ([]*byte, error) {
		var out []*byte
		for _, text := range texts {
			p, err := unix.BytePtrFromString(text)
			if err != nil {
				return nil, fmt.Errorf("pass %q on: %w", text, err)
			}
			out = append(out, p)
		}
		return append(out, nil), nil
	}
	argv, err := vector(slices.Clone(args))
	if err != nil {
		return err
	}
	envv, err := vector(env)
	if err != nil {
		return err
	}
	empty := [1]byte{}
	_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, uintptr(program), uintptr(unsafe.Pointer(&empty[0])),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH, 0)
	return fmt.Errorf("run the program: %w", errno)
}
