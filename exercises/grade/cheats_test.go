package grade

import (
	"strings"
	"testing"

	"workbench/exercises/shelf"
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

// cheats are those that harm nobody, wherever they run.
func cheats() []hostile {
	return []hostile{
		{name: "exit in init", imports: "os", code: "func init() { os.Exit(0) }", gated: Rejected, open: Fail},
		{name: "exit in a test", imports: "os", code: "func (b *Bucket) Allow(time.Duration) bool { os.Exit(0); return true }", gated: Rejected, open: Fail},
		{name: "own TestMain", imports: "os testing", code: "func TestMain(m *testing.M) { os.Exit(0) }", gated: Rejected, open: Fail},
		{name: "changed arguments", imports: "os", code: `func init() { os.Args = []string{os.Args[0], "-test.run=NONE"} }`, gated: Rejected, open: Fail},
		{name: "flags set", imports: "flag testing", code: `func init() { testing.Init(); flag.Set("test.run", "NONE") }`, gated: Rejected},
		{name: "printed passes", imports: "fmt", code: `func init() { fmt.Print("=== RUN   TestStartsFull\n--- PASS: TestStartsFull (0.00s)\nPASS\nok  \tcases\t0.1s\n") }`, gated: Fail, open: Fail},
		{name: "forged report", imports: "os", code: `func init() {
	for fd := 3; fd < 1024; fd++ {
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
		{name: "endless recursion", code: "func (b *Bucket) Allow(now time.Duration) bool { return !b.Allow(now + 1) }", gated: "", open: ""},
		{name: "endless loop", code: "func (b *Bucket) Allow(time.Duration) bool {\n\tfor {\n\t}\n}", gated: Timeout, open: Timeout},
		{name: "wait for ever", code: "func (b *Bucket) Allow(time.Duration) bool { time.Sleep(time.Hour); return true }", gated: Timeout, open: Timeout},
		{name: "endless init", code: "func init() {\n\tfor {\n\t}\n}", gated: Timeout, open: Timeout},
		{name: "flood", imports: "fmt", code: "func (b *Bucket) Allow(time.Duration) bool {\n\tfor {\n\t\tfmt.Println(\"flood flood flood flood flood flood flood\")\n\t}\n}", gated: Fail, open: Fail},
		{name: "panic in init", code: "func init() { panic(\"in init\") }", gated: Fail, open: Fail},
		{name: "panic in a goroutine", code: "func (b *Bucket) Allow(time.Duration) bool {\n\tgo panic(\"elsewhere\")\n\ttime.Sleep(time.Second)\n\treturn true\n}", gated: Fail, open: Fail},
		{name: "another's variable", imports: "context", code: "func init() { context.DeadlineExceeded = nil }", gated: Rejected, open: Fail},
		{name: "linkname", imports: "_unsafe", code: "//go:linkname key grade/harness.key\nvar key string\n", gated: Rejected, silent: true},
		{name: "embedded file", imports: "_embed", code: "//go:embed ../go.mod\nvar text string\n", gated: Rejected, open: CompileError},
		{name: "the judge's key by its name", imports: "fmt io os strconv strings", code: `func init() {
	for _, name := range strings.Fields(os.Getenv("WORKBENCH_FILES") + " 3 4 5") {
		n, _ := strconv.ParseUint(name, 10, 64)
		f := os.NewFile(uintptr(n), "")
		if f == nil {
			continue
		}
		f.WriteString("begin =TestStartsFull 0 0 0 0 0 0 0\nend =TestStartsFull 0 0 0 0 0 0 0\ndone = 0 0 0 0 0 0 0\n")
	}
	if all := strings.Fields(os.Getenv("WORKBENCH_FILES")); len(all) == 3 {
		n, _ := strconv.ParseUint(all[2], 10, 64)
		if text, err := io.ReadAll(os.NewFile(uintptr(n), "")); err == nil && len(text) > 0 {
			fmt.Println("BREACH: the key is", string(text))
		}
	}
}`, gated: Rejected, open: Rejected},
	}
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

// refuse grades a hostile answer and fails the test unless it is refused, in
// the state that is wanted.
func refuse(t *testing.T, g *Grader, e shelf.Exercise, dir string, want State) {
	t.Helper()
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
