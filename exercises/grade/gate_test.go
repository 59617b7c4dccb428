package grade

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"workbench/exercises/shelf"
)

func TestGate(t *testing.T) {
	e := shelf.Exercise{Package: "tokenbucket", AllowImports: []string{"context", "fmt", "io", "math/rand/v2", "net/http", "sync", "time"}}
	const head = "package tokenbucket\n"
	for _, c := range []struct {
		name, text string
		want       string // in a refusal; empty: none
	}{
		{"plain", head + "import \"sync\"\ntype T struct{ mu sync.Mutex; n int }\nfunc (t *T) F() { t.mu.Lock(); t.n++; p := &t.n; *p = 1 }\n", ""},
		{"own state", head + "var n int\nfunc f() { n = 1; q := &n; *q++ }\n", ""},
		{"own variable that hides a package", head + "import \"time\"\nvar _ = time.Second\nfunc f() { time := struct{ n int }{}; time.n = 1; _ = time }\n", ""},
		{"a struct's address", head + "import \"net/http\"\nvar c = &http.Client{}\n", ""},
		{"a map with large keys", head + "var m = map[int]int{5000000: 1}\n", ""},
		{"a comment that mentions one", head + "// see go:linkname\n// + build\n", ""},
		{"another package", "package main\n", "is of package main"},
		{"os", head + "import \"os\"\nvar _ = os.Args\n", `imports "os"`},
		{"os by another name", head + "import fine \"os\"\nvar _ = fine.Args\n", `imports "os"`},
		{"reflect", head + "import \"reflect\"\nvar _ = reflect.ValueOf\n", `imports "reflect"`},
		{"unsafe", head + "import \"unsafe\"\nvar _ unsafe.Pointer\n", `imports "unsafe"`},
		{"syscall", head + "import _ \"syscall\"\n", `imports "syscall"`},
		{"runtime", head + "import \"runtime\"\nvar _ = runtime.GC\n", `imports "runtime"`},
		{"testing", head + "import \"testing\"\nvar _ testing.T\n", `imports "testing"`},
		{"the harness", head + "import \"grade/harness\"\nvar _ = harness.Main\n", `imports "grade/harness"`},
		{"cgo", head + "// #include <stdlib.h>\nimport \"C\"\n", `imports "C"`},
		{"embed", head + "import _ \"embed\"\n//go:embed x\nvar x string\n", `imports "embed"`},
		{"a dot import", head + "import . \"sync\"\nvar _ Mutex\n", "with a dot"},
		{"linkname", head + "import \"sync\"\nvar _ sync.Mutex\n//go:linkname exit os.runtime_beforeExit\nfunc exit(int)\n", "an order to the compiler"},
		{"noescape", head + "//go:noescape\nfunc f()\n", "an order to the compiler"},
		{"a build tag", "//go:build !race\n\n" + head, "a build tag"},
		{"an old build tag", "// +build ignore\n\n" + head, "a build tag"},
		{"a line directive", head + "//line tests.go:1\nvar x int\n", "a line directive"},
		{"a line directive in a block", head + "/*line tests.go:1*/ var x int\n", "a line directive"},
		{"cgo export", head + "//export F\nfunc F() {}\n", "an order to cgo"},
		{"no body", head + "func f()\n", "has no body"},
		{"another's variable", head + "import \"context\"\nfunc init() { context.DeadlineExceeded = nil }\n", "changes context.DeadlineExceeded"},
		{"another's variable in brackets", head + "import \"io\"\nfunc init() { (io.EOF) = nil }\n", "changes io.EOF"},
		{"its address", head + "import \"io\"\nvar p = &io.EOF\n", "changes io.EOF"},
		{"its field", head + "import \"net/http\"\nfunc init() { http.DefaultClient.Timeout = 1 }\n", "changes http.DefaultClient"},
		{"through its pointer", head + "import \"net/http\"\nfunc init() { *http.DefaultClient = http.Client{} }\n", "changes http.DefaultClient"},
		{"by a range", head + "import \"io\"\nfunc init() { for _, io.EOF = range []error{nil} {} }\n", "changes io.EOF"},
		{"by a receive", head + "import \"io\"\nfunc f(c chan error) { select { case io.EOF = <-c: } }\n", "changes io.EOF"},
		{"by another name", head + "import q \"io\"\nfunc init() { q.EOF = nil }\n", "changes q.EOF"},
		{"with a version in the path", head + "import \"math/rand/v2\"\nfunc init() { rand.X = nil }\n", "changes rand.X"},
		{"a huge array", head + "var a [1<<27]int\n", "an array of 134217728 elements"},
		{"a huge literal", head + "var a = []int{1<<27: 1}\n", "an element number 134217728"},
		{"an array beyond numbers", head + "var a [1<<200]int\n", "an array of"},
		{"an array of a product", head + "var a [4096*4096]byte\n", "an array of 16777216 elements"},
		{"no text", head + "var s = \"\xff\"\n", "UTF-8"},
		{"a zero", head + "// \x00\n", "UTF-8"},
		{"too much", head + strings.Repeat("// text\n", 20000), "at most 131072 are read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused, syntax := inspect(e, map[string]string{"a.go": c.text})
			if len(syntax) > 0 {
				t.Fatalf("the sample is not Go: %v", syntax)
			}
			text := fmt.Sprint(refused)
			if c.want == "" && len(refused) > 0 {
				t.Errorf("refused: %v, want nothing", refused)
			}
			if !strings.Contains(text, c.want) || c.want != "" && len(refused) == 0 {
				t.Errorf("refused: %v, want %q", refused, c.want)
			}
		})
	}
}

func TestGateSaysWhatIsNotGo(t *testing.T) {
	refused, syntax := inspect(shelf.Exercise{Package: "a"}, map[string]string{"a.go": "package a\n\nfunc f( {\n"})
	if len(refused) != 0 || len(syntax) == 0 || syntax[0].Line != 3 {
		t.Errorf("refused %v, syntax %v, want an error in line 3", refused, syntax)
	}
}

func FuzzGate(f *testing.F) {
	f.Add("package tokenbucket\nimport \"io\"\nvar a [1<<3*2]int\nfunc f() { io.EOF = nil }\n")
	f.Add("//go:build x\npackage a\nfor range x")
	e := shelf.Exercise{Package: "tokenbucket", AllowImports: []string{"io"}}
	f.Fuzz(func(t *testing.T, text string) {
		refused, syntax := inspect(e, map[string]string{"a.go": text})
		if strings.Contains(text, "import \"os\"") && len(refused)+len(syntax) == 0 && strings.HasPrefix(text, "package tokenbucket\nimport \"os\"") {
			t.Errorf("passed: %q", text)
		}
	})
}

func TestReadTakesOrdinaryFilesAlone(t *testing.T) {
	e := shelf.Exercise{Names: []string{"a.go"}}
	for _, c := range []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"ordinary", func(dir string) error { return os.WriteFile(filepath.Join(dir, "a.go"), []byte("package a"), 0o600) }, ""},
		{"missing", func(string) error { return nil }, "a.go: is missing"},
		{"a link", func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "a.go")) }, "a.go: is not an ordinary file"},
		{"a directory", func(dir string) error { return os.Mkdir(filepath.Join(dir, "a.go"), 0o700) }, "a.go: is not an ordinary file"},
		{"large", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "a.go"), make([]byte, maxFile+1), 0o600)
		}, "a.go: has 131073 bytes"},
		{"assembly beside it", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "b.s"), []byte("TEXT"), 0o600)
		}, "b.s: is no file of this exercise"},
		{"another file", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "b.go"), []byte("package a"), 0o600)
		}, "b.go: is no file of this exercise"},
		{"a test", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "a.go"), []byte("package a"), 0o600)
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := c.make(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "a_test.go"), []byte("package a"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, refused, err := read(e, dir)
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(refused); !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("refused %q, want %q", got, c.want)
			}
		})
	}
}
