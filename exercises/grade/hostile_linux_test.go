//go:build !limitsonly

package grade

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"workbench/exercises/sandbox"
)

// pieces are the cheats, and what would harm the machine outside a sandbox.
func pieces() []hostile {
	return append(cheats(), []hostile{
		{name: "exit by system call", imports: "syscall", code: "func init() { syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0) }", gated: Rejected, open: Fail},
		{name: "the tests' files", imports: "fmt os path/filepath strings", code: `func init() {
	filepath.WalkDir("/", func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, _ := os.ReadFile(name)
			if strings.Contains(name, "_test") || strings.Contains(string(text), "TestNever" + "Overflows") || strings.Contains(string(text), "keeps the instant") {
				fmt.Println("BREACH: read", name)
			}
			if os.WriteFile(name, []byte("x"), 0o600) == nil {
				fmt.Println("BREACH: changed", name)
			}
		}
		return nil
	})
	if text, err := os.ReadFile(os.Args[0]); err == nil {
		fmt.Println("BREACH: read its own program,", len(text))
	}
}`, gated: Rejected, open: Fail},
		{name: "environment and files", imports: "fmt os", code: `func init() {
	for _, name := range []string{"/etc/passwd", "/etc/shadow", "/proc/self/environ", "/root", "/home", "/proc/1/cmdline"} {
		if _, err := os.Stat(name); err == nil {
			fmt.Println("BREACH: sees", name)
		}
	}
	for _, name := range []string{"PATH", "USER", "GOCACHE", "WORKBENCH_TOKEN", "SECRET_OF_THE_TEST"} {
		if os.Getenv(name) != "" {
			fmt.Println("BREACH: knows", name)
		}
	}
}`, gated: Rejected, open: Fail},
		{name: "network", imports: "fmt net", code: `func init() {
	for _, kind := range []string{"tcp", "udp"} {
		if c, err := net.Dial(kind, "127.0.0.1:1"); err == nil || !contains(err.Error(), "not permitted") {
			fmt.Println("BREACH: network", kind, c, err)
		}
	}
	if _, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		fmt.Println("BREACH: listens")
	}
}
func contains(a, b string) bool {
	for i := range a {
		if len(a[i:]) >= len(b) && a[i:i+len(b)] == b {
			return true
		}
	}
	return false
}`, gated: Rejected, open: Fail},
		{name: "fork bomb", imports: "fmt os syscall", code: `func init() {
	for range 100 {
		if _, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{}); err == nil {
			fmt.Println("BREACH: started a process")
		}
		if pid, _, errno := syscall.RawSyscall(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0); errno == 0 && pid != 0 {
			fmt.Println("BREACH: forked")
		}
	}
}`, gated: Rejected, open: Fail},
		{name: "daemon", imports: "fmt os syscall", code: `func init() {
	if _, err := os.StartProcess("/bin/sh", []string{"sh", "-c", "sleep 600"}, &os.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: true}}); err == nil {
		fmt.Println("BREACH: left a daemon")
	}
}`, gated: Rejected, open: Fail},
		{name: "broadcast kill", imports: "fmt syscall", code: `func init() {
	if syscall.Kill(-1, syscall.SIGKILL) == nil {
		fmt.Println("BREACH: signalled everyone")
	}
	if syscall.Kill(syscall.Getppid(), 0) == nil && syscall.Getppid() != 0 {
		fmt.Println("BREACH: signalled its parent")
	}
}`, gated: Rejected, open: Fail},
		{name: "memory bomb", code: "var all [][]byte\n\nfunc (b *Bucket) Allow(time.Duration) bool {\n\tfor {\n\t\tc := make([]byte, 1<<20)\n\t\tfor i := 0; i < len(c); i += 4096 {\n\t\t\tc[i] = 1\n\t\t}\n\t\tall = append(all, c)\n\t}\n}", gated: Memory, open: Memory},
		{name: "one huge allocation", imports: "fmt", code: "func (b *Bucket) Allow(time.Duration) bool {\n\tc := make([]byte, 64<<30)\n\tfmt.Println(len(c))\n\treturn true\n}", gated: Memory, open: Memory},
		{name: "full disk", imports: "fmt os", code: `func init() {
	total := 0
	for i := range 100 {
		f, err := os.Create(fmt.Sprint(i))
		if err != nil {
			break
		}
		for {
			n, err := f.Write(make([]byte, 1<<20))
			total += n
			if err != nil {
				break
			}
		}
	}
	if total > 33<<20 {
		fmt.Println("BREACH: wrote", total)
	}
}`, gated: Rejected, open: Fail},
		{name: "patched by mprotect", imports: "fmt reflect syscall testing unsafe", code: `func init() {
	at := reflect.ValueOf((*testing.T).Fail).Pointer()
	_, _, errno := syscall.Syscall(syscall.SYS_MPROTECT, at&^4095, 8192, 7)
	if errno == 0 {
		*(*byte)(unsafe.Pointer(at)) = 0xc3
		fmt.Println("BREACH: changed the code of testing")
	}
	if _, _, errno := syscall.Syscall6(syscall.SYS_MMAP, 0, 4096, 7, 0x22, ^uintptr(0), 0); errno == 0 {
		fmt.Println("BREACH: made code")
	}
}`, gated: Rejected, open: Fail},
		{name: "patched by its memory file", imports: "fmt os", code: `func init() {
	if f, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0); err == nil {
		fmt.Println("BREACH: opened", f.Name())
	}
}`, gated: Rejected, open: Fail},
		{name: "compile bomb by types", code: doubling(), gated: Timeout, open: Timeout},
		{name: "compile bomb by an array", code: "var huge = [1 << 27]int{1<<27 - 1: 1}\n\nfunc (b *Bucket) Allow(time.Duration) bool { return huge[0] == 0 }", gated: Rejected, open: ""},
	}...)
}

// doubling is a generic function whose instances double with each level.
func doubling() string {
	var b strings.Builder
	b.WriteString("type pair[A, B any] struct {\n\ta A\n\tb B\n}\n\nfunc f0[T any](n int) int {\n\tvar v T\n\t_ = v\n\treturn n\n}\n")
	for i := 1; i <= 18; i++ {
		p, n := string(rune('a'+i-1)), string(rune('a'+i))
		if i == 1 {
			p = "f0"
		} else {
			p = "f" + p
		}
		b.WriteString("func f" + n + "[T any](n int) int { return " + p + "[pair[T, int]](n) + " + p + "[pair[int, T]](n) }\n")
	}
	b.WriteString("\nfunc (b *Bucket) Allow(time.Duration) bool { return fs[int](1) > 0 }\n")
	return b.String()
}

func TestHostileAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles and contains some sixty answers")
	}
	g, e := grader(t), exercise(t)
	t.Setenv("SECRET_OF_THE_TEST", "seen")
	e.Limits.RunS, e.Limits.MemMB, e.Limits.BuildS = 4, 256, 120
	without := *g
	without.noGate = true
	for _, h := range pieces() {
		e := e
		if strings.HasPrefix(h.name, "compile bomb") {
			e.Limits.BuildS = 4
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "token_bucket.go"), []byte(h.source()), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(h.name+"/gate", func(t *testing.T) { refuse(t, g, e, dir, h.gated) })
		if !h.silent {
			t.Run(h.name+"/sandbox alone", func(t *testing.T) { refuse(t, &without, e, dir, h.open) })
		}
	}
	if err := g.box.Report().Require(sandbox.Full); err != nil {
		t.Error(err)
	}
}
