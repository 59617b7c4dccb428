//go:build !limitsonly

package sandbox_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"workbench/exercises/sandbox"
)

// misbehave runs inside the sandbox. It prints BREACH and what got through, or
// "held"; some pieces never come to an end by themselves.
func misbehave(what string) {
	if os.Getenv("INSIDE") == "" {
		fmt.Println("this is not the sandbox: nothing was tried")
		os.Exit(3)
	}
	act, ok := map[string]func() string{
		"files": snoop, "own binary": ownBinary, "write outside": writeOutside, "environment": environment, "network": network,
		"fork": fork, "daemon": daemon, "kill all": killAll, "signal parent": signalParent, "namespaces": namespaces, "privileges": privileges,
		"disk": disk, "descriptors": descriptors, "syscalls": syscalls, "limits": raise, "foreign calls": foreign,
		"loop": func() string { select {} }, "spin": spin,
		"memory": fill, "flood": flood, "threads": threads, "hello": func() string { return "" },
	}[what]
	if !ok {
		fmt.Println("no such piece: " + what)
		os.Exit(3)
	}
	if got := act(); got != "" {
		fmt.Println("BREACH: " + got)
		os.Exit(1)
	}
	fmt.Println("held")
	os.Exit(0)
}

func snoop() string {
	for _, name := range []string{"/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/1/mem", "/proc/self/mem", "/sys/kernel", "/home", "/root", "/dev/null", "/usr/bin"} {
		if _, err := os.Stat(name); err == nil {
			return "saw " + name
		}
	}
	found := ""
	_ = filepath.WalkDir("/", func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(name, ".so") {
			found = "saw " + name
		}
		return nil
	})
	return found
}

func ownBinary() string {
	for _, name := range []string{os.Args[0], "/proc/self/exe", "/proc/1/exe"} {
		if _, err := os.ReadFile(name); err == nil {
			return "read " + name
		}
	}
	return ""
}

func writeOutside() string {
	for _, name := range []string{"/x", "/tmp/../y", "/lib/x", "/lib64/ld-linux-x86-64.so.2", "/dev/shm/x"} {
		if err := os.WriteFile(name, []byte("x"), 0o666); err == nil {
			return "wrote " + name
		}
	}
	if err := os.WriteFile("own", []byte("x"), 0o600); err != nil {
		return "the scratch directory is closed: " + err.Error()
	}
	if err := os.Chmod("own", 0o700); err == nil {
		if _, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, ^uintptr(99), 0, 0, 0, 0, 0); errno == 0 {
			return "ran a file"
		}
		if exec.Command("./own").Run() == nil {
			return "ran a file"
		}
	}
	return ""
}

func environment() string {
	if env := os.Environ(); len(env) > 1 {
		return fmt.Sprint(env)
	}
	return ""
}

func network() string {
	for _, network := range []string{"tcp", "udp", "unix"} {
		address := "127.0.0.1:9"
		if network == "unix" {
			address = "@abstract"
		}
		if c, err := net.Dial(network, address); err == nil {
			c.Close()
			return "dialled by " + network
		} else if network != "unix" && !strings.Contains(err.Error(), "not permitted") {
			return "opened a socket: " + err.Error()
		}
	}
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		return "listened on " + l.Addr().String()
	}
	if _, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0); err == nil {
		return "opened netlink"
	}
	return ""
}

func fork() string {
	for range 40 {
		if pid, _, errno := unix.RawSyscall(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0); errno == 0 {
			if pid == 0 {
				select {}
			}
			return "forked"
		}
	}
	if err := exec.Command(os.Args[0], hostile, "loop").Start(); err == nil {
		return "started a process"
	}
	if _, err := os.StartProcess("/bin/sh", []string{"sh"}, &os.ProcAttr{}); err == nil {
		return "started a shell"
	}
	return ""
}

func daemon() string {
	if _, err := unix.Setsid(); err == nil {
		return "left the session"
	}
	return fork()
}

// killAll would end every process of the user if it could. It asks first
// whether it may, by a signal that does nothing.
func killAll() string {
	if err := unix.Kill(-1, 0); err != unix.EPERM {
		return fmt.Sprintf("may send signals to everyone: %v", err)
	}
	if err := unix.Kill(-1, unix.SIGKILL); err == nil {
		return "sent a signal to everyone"
	}
	return ""
}

func signalParent() string {
	if pid := unix.Getppid(); pid != 0 {
		return "sees its parent: " + strconv.Itoa(pid)
	}
	for pid := 2; pid < 400; pid++ {
		if unix.Kill(pid, 0) == nil {
			return "sees process " + strconv.Itoa(pid)
		}
	}
	return ""
}

func namespaces() string {
	for _, flag := range []int{unix.CLONE_NEWUSER, unix.CLONE_NEWNS, unix.CLONE_NEWNET, unix.CLONE_NEWPID} {
		if unix.Unshare(flag) == nil {
			return fmt.Sprintf("unshared %#x", flag)
		}
	}
	if unix.Mount("tmpfs", "/tmp", "tmpfs", 0, "") == nil {
		return "mounted"
	}
	if unix.Chroot("/tmp") == nil {
		return "changed the root"
	}
	return ""
}

func privileges() string {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil || data[0].Effective|data[0].Permitted|data[1].Permitted != 0 {
		return fmt.Sprintf("holds capabilities %v %v", data, err)
	}
	if got, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil || got != 1 {
		return "may gain privileges"
	}
	if err := unix.Setgroups(nil); err == nil {
		return "changed groups"
	}
	return ""
}

func disk() string {
	total := 0
	block := make([]byte, 1<<20)
	for i := range 64 {
		f, err := os.Create(strconv.Itoa(i))
		if err != nil {
			break
		}
		for {
			n, err := f.Write(block)
			total += n
			if err != nil {
				break
			}
		}
	}
	if total > 33<<20 {
		return fmt.Sprintf("wrote %d bytes", total)
	}
	if total < 30<<20 {
		return fmt.Sprintf("the scratch directory took only %d bytes", total)
	}
	for i := range 10000 {
		if os.WriteFile("e"+strconv.Itoa(i), nil, 0o600) != nil {
			return ""
		}
	}
	return "made 10000 files"
}

func descriptors() string {
	for fd := 3; fd < 256; fd++ {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT != 0 && st.Mode&unix.S_IFMT != unix.S_IFIFO {
			return fmt.Sprintf("inherited descriptor %d, mode %o", fd, st.Mode)
		}
	}
	return ""
}

func syscalls() string {
	for name, call := range map[string]uintptr{
		"ptrace": unix.SYS_PTRACE, "bpf": unix.SYS_BPF, "perf_event_open": unix.SYS_PERF_EVENT_OPEN, "io_uring_setup": unix.SYS_IO_URING_SETUP,
		"userfaultfd": unix.SYS_USERFAULTFD, "keyctl": unix.SYS_KEYCTL, "memfd_create": unix.SYS_MEMFD_CREATE, "process_vm_writev": unix.SYS_PROCESS_VM_WRITEV,
		"pidfd_open": unix.SYS_PIDFD_OPEN, "shmget": unix.SYS_SHMGET, "mq_open": unix.SYS_MQ_OPEN, "reboot": unix.SYS_REBOOT, "execve": unix.SYS_EXECVE,
	} {
		if _, _, errno := unix.Syscall6(call, 0, 0, 0, 0, 0, 0); errno != unix.EPERM {
			return fmt.Sprintf("%s gives %v, want %v", name, errno, unix.EPERM)
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_CLONE3, 0, 0, 0); errno != unix.ENOSYS {
		return fmt.Sprintf("clone3 gives %v", errno)
	}
	return ""
}

func raise() string {
	for _, resource := range []int{unix.RLIMIT_AS, unix.RLIMIT_NOFILE, unix.RLIMIT_NPROC, unix.RLIMIT_FSIZE, unix.RLIMIT_CORE} {
		if unix.Setrlimit(resource, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}) == nil {
			return fmt.Sprintf("raised limit %d", resource)
		}
	}
	return ""
}

// foreign calls getpid by the numbering of x32; the kernel ends the process.
func foreign() string {
	unix.RawSyscall(0x40000000+unix.SYS_GETPID, 0, 0, 0)
	return "called by another numbering"
}

func spin() string {
	n := uint64(1)
	for n > 0 {
		n |= uint64(os.Getpid())
	}
	return "counted to the end"
}

func fill() string {
	var all [][]byte
	for range 4096 {
		all = append(all, bytes.Repeat([]byte{1}, 1<<20))
	}
	return fmt.Sprintf("filled %d MiB", len(all))
}

func flood() string {
	line := bytes.Repeat([]byte("x"), 1<<16)
	for range 1 << 14 {
		os.Stdout.Write(line)
	}
	return "printed 1 GiB"
}

func threads() string {
	var first [2]int
	if err := unix.Pipe(first[:]); err != nil {
		return err.Error()
	}
	for range 2000 {
		go func() {
			var fds [2]int
			if unix.Pipe(fds[:]) == nil {
				_, _ = syscall.Read(fds[0], make([]byte, 1))
			}
		}()
	}
	_, _ = syscall.Read(first[0], make([]byte, 1)) // for ever
	return "started 2000 threads"
}

func TestHostileCodeIsContained(t *testing.T) {
	b := box(t)
	short := sandbox.Standard()
	short.Wall = time.Second
	small := sandbox.Standard()
	small.Memory = 128 << 20
	for _, c := range []struct {
		name   string
		limits sandbox.Limits
		cause  sandbox.Cause
	}{
		{"hello", sandbox.Standard(), sandbox.Exited},
		{"files", sandbox.Standard(), sandbox.Exited},
		{"own binary", sandbox.Standard(), sandbox.Exited},
		{"write outside", sandbox.Standard(), sandbox.Exited},
		{"environment", sandbox.Standard(), sandbox.Exited},
		{"network", sandbox.Standard(), sandbox.Exited},
		{"fork", sandbox.Standard(), sandbox.Exited},
		{"daemon", sandbox.Standard(), sandbox.Exited},
		{"kill all", sandbox.Standard(), sandbox.Exited},
		{"signal parent", sandbox.Standard(), sandbox.Exited},
		{"namespaces", sandbox.Standard(), sandbox.Exited},
		{"privileges", sandbox.Standard(), sandbox.Exited},
		{"disk", sandbox.Standard(), sandbox.Exited},
		{"descriptors", sandbox.Standard(), sandbox.Exited},
		{"syscalls", sandbox.Standard(), sandbox.Exited},
		{"limits", sandbox.Standard(), sandbox.Exited},
		{"foreign calls", sandbox.Standard(), sandbox.Signaled},
		{"spin", short, sandbox.TooLong},
		{"loop", short, sandbox.TooLong},
		{"memory", small, sandbox.TooBig},
		{"flood", sandbox.Standard(), sandbox.TooLoud},
		{"threads", short, sandbox.Exited},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := run(t, b, c.name, c.limits)
			text := string(r.Stdout)
			if len(text) > 200 {
				text = text[:200]
			}
			if strings.Contains(text, "BREACH") || r.Cause != c.cause {
				t.Fatalf("ended as %q (status %d, signal %q), want %q; printed %s", r.Cause, r.Code, r.Signal, c.cause, text+string(r.Stderr[:min(len(r.Stderr), 1500)]))
			}
			if c.cause == sandbox.Exited && c.name != "threads" && strings.TrimSpace(text) != "held" {
				t.Errorf("printed %q, want held", text)
			}
			switch c.name {
			case "memory":
				if r.Peak > 256<<20 {
					t.Errorf("grew to %d MiB before it was ended", r.Peak>>20)
				}
			case "loop":
				if !strings.Contains(string(r.Stderr), "goroutine") {
					t.Errorf("did not say where it stood: %q", r.Stderr)
				}
			case "flood":
				if len(r.Stdout)+len(r.Stderr) > 1<<20 {
					t.Errorf("kept %d bytes", len(r.Stdout))
				}
			case "threads":
				if r.Code == 1 {
					t.Errorf("status %d: %s", r.Code, r.Stderr)
				}
			}
		})
	}
}

// TestWithoutNamespaces runs what the other two layers must hold off alone.
func TestWithoutNamespaces(t *testing.T) {
	b := box(t).WithoutNamespaces()
	if b.Report().Root {
		exe, _ := os.Executable()
		_, err := b.Run(t.Context(), sandbox.Command{Program: exe, Args: []string{hostile, "hello"}, Limits: sandbox.Standard()})
		if err == nil || b.Report().Level != sandbox.None || !strings.Contains(err.Error(), "run the workbench as an ordinary user") {
			t.Errorf("as root without a process namespace: %v at level %s, want a refusal and what to do", err, b.Report().Level)
		}
		return
	}
	if b.Report().Level != sandbox.Partial {
		t.Errorf("level %s, want %s", b.Report().Level, sandbox.Partial)
	}
	for _, what := range []string{"hello", "network", "fork", "daemon", "kill all", "namespaces", "privileges", "syscalls", "limits", "write outside"} {
		t.Run(what, func(t *testing.T) {
			if r := run(t, b, what, sandbox.Standard()); r.Cause != sandbox.Exited || strings.TrimSpace(string(r.Stdout)) != "held" {
				t.Errorf("ended as %q with status %d: %s%s", r.Cause, r.Code, r.Stdout, r.Stderr)
			}
		})
	}
}
