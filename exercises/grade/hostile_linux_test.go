package grade

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"workbench/exercises/sandbox"
)

// plain is what a piece of hostile code stands beside: a limiter that limits
// nothing.
const plain = "\ntype Bucket struct{}\n\nfunc New(rate float64, burst int) *Bucket { return &Bucket{} }\n"

const always = "\nfunc (b *Bucket) Allow(now time.Duration) bool { return true }\n"

// hostile is one answer that cheats or does harm. It prints BREACH when it gets
// through to what it should not reach.
type hostile struct {
	name    string
	imports string // beside time
	code    string // always, unless it has an Allow of its own
	gated   State  // with the gate
	open    State  // without it; empty: any but pass
	silent  bool   // nothing of it can be seen without the gate: it is not run
}

func pieces() []hostile {
	return []hostile{
		{name: "exit in init", imports: "os", code: "func init() { os.Exit(0) }", gated: Rejected, open: Fail},
		{name: "exit in a test", imports: "os", code: "func (b *Bucket) Allow(time.Duration) bool { os.Exit(0); return true }", gated: Rejected, open: Fail},
		{name: "exit by system call", imports: "syscall", code: "func init() { syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0) }", gated: Rejected, open: Fail},
		{name: "own TestMain", imports: "os testing", code: "func TestMain(m *testing.M) { os.Exit(0) }", gated: Rejected, open: Fail},
		{name: "changed arguments", imports: "os", code: `func init() { os.Args = []string{os.Args[0], "-test.run=NONE"} }`, gated: Rejected, open: Fail},
		{name: "flags set", imports: "flag testing", code: `func init() { testing.Init(); flag.Set("test.run", "NONE") }`, gated: Rejected},
		{name: "printed passes", imports: "fmt", code: `func init() { fmt.Print("=== RUN   TestStartsFull\n--- PASS: TestStartsFull (0.00s)\nPASS\nok  \tcases\t0.1s\n") }`, gated: Fail, open: Fail},
		{name: "forged report", imports: "os", code: `func init() {
	for fd := 3; fd < 12; fd++ {
		f := os.NewFile(uintptr(fd), "")
		for _, name := range []string{"TestStartsFull", "TestRefills", "TestConcurrent", "TestNeverOverflows", "TestClockGoesBack"} {
			f.WriteString("{\"event\":\"begin\",\"test\":\"" + name + "\"}\n{\"event\":\"end\",\"test\":\"" + name + "\"}\n")
		}
		f.WriteString("{\"event\":\"done\"}\n")
	}
}`, gated: Rejected, open: Rejected},
		{name: "the judge's key", imports: "io os fmt", code: `func init() {
	if text, err := io.ReadAll(os.NewFile(5, "")); err == nil && len(text) > 0 {
		fmt.Println("BREACH: the key is", string(text))
	}
}`, gated: Rejected, open: Fail},
		{name: "stdout put aside", imports: "os", code: "func init() { os.Stdout, os.Stderr = nil, nil }", gated: Rejected},
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
		{name: "endless recursion", code: "func (b *Bucket) Allow(now time.Duration) bool { return !b.Allow(now + 1) }", gated: "", open: ""},
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
		{name: "endless loop", code: "func (b *Bucket) Allow(time.Duration) bool {\n\tfor {\n\t}\n}", gated: Timeout, open: Timeout},
		{name: "wait for ever", code: "func (b *Bucket) Allow(time.Duration) bool { time.Sleep(time.Hour); return true }", gated: Timeout, open: Timeout},
		{name: "endless init", code: "func init() {\n\tfor {\n\t}\n}", gated: Timeout, open: Timeout},
		{name: "flood", imports: "fmt", code: "func (b *Bucket) Allow(time.Duration) bool {\n\tfor {\n\t\tfmt.Println(\"flood flood flood flood flood flood flood\")\n\t}\n}", gated: Fail, open: Fail},
		{name: "panic in init", code: "func init() { panic(\"in init\") }", gated: Fail, open: Fail},
		{name: "panic in a goroutine", code: "func (b *Bucket) Allow(time.Duration) bool {\n\tgo panic(\"elsewhere\")\n\ttime.Sleep(time.Second)\n\treturn true\n}", gated: Fail, open: Fail},
		{name: "another's variable", imports: "context", code: "func init() { context.DeadlineExceeded = nil }", gated: Rejected, open: Fail},
		{name: "linkname", imports: "_unsafe", code: "//go:linkname key grade/harness.key\nvar key string\n", gated: Rejected, silent: true},
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
		{name: "embedded file", imports: "_embed", code: "//go:embed ../go.mod\nvar text string\n", gated: Rejected, open: CompileError},
	}
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

func (h hostile) source() string {
	var b strings.Builder
	b.WriteString("package tokenbucket\n\nimport (\n\t\"time\"\n")
	for _, p := range strings.Fields(h.imports) {
		if blank, ok := strings.CutPrefix(p, "_"); ok {
			b.WriteString("\t_ \"" + blank + "\"\n")
			continue
		}
		b.WriteString("\t\"" + p + "\"\n")
	}
	b.WriteString(")\n" + plain + "\n" + h.code + "\n")
	if !strings.Contains(h.code, ") Allow(") {
		b.WriteString(always)
	}
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
		check := func(t *testing.T, g *Grader, want State) {
			v := judge(t, g, e, dir, Options{})
			if v.Accepted || v.State == Pass {
				t.Fatalf("was accepted: %+v", v)
			}
			// Which limit a bomb meets first is the machine's affair.
			bomb := func(s State) bool { return s == Timeout || s == Memory }
			if want != "" && v.State != want && !(bomb(want) && bomb(v.State)) {
				t.Errorf("state is %s, want %s: %s\n%s", v.State, want, v.Reason, v.Output)
			}
			if strings.Contains(v.Output, "BREACH") {
				t.Errorf("got through: %s", v.Output)
			}
			if v.Reason == "" {
				t.Error("the verdict has no reason")
			}
		}
		t.Run(h.name+"/gate", func(t *testing.T) { check(t, g, h.gated) })
		if !h.silent {
			t.Run(h.name+"/sandbox alone", func(t *testing.T) { check(t, &without, h.open) })
		}
	}
	if err := g.box.Report().Require(sandbox.Full); err != nil {
		t.Error(err)
	}
}
