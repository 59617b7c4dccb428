package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestBullets(t *testing.T) {
	page := "# A\n- no\n## Contract\n\nText.\n- one\n- two\n  goes on\n\n## Next\n- no\n"
	if got, want := bullets(page), []string{"one", "two goes on"}; !slices.Equal(got, want) {
		t.Errorf("bullets = %q, want %q", got, want)
	}
}

func TestVerdicts(t *testing.T) {
	output := "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n    --- PASS: TestB/one (0.00s)\n    --- FAIL: TestB/two (0.00s)\n--- FAIL: TestB (0.00s)\n=== RUN   TestC\npanic: x\n"
	passed, failed := verdicts(output)
	if got := slices.Sorted(maps.Keys(passed)); !slices.Equal(got, []string{"TestA"}) {
		t.Errorf("passed = %v, want TestA alone", got)
	}
	if got := slices.Sorted(maps.Keys(failed)); !slices.Equal(got, []string{"TestB"}) {
		t.Errorf("failed = %v, want TestB alone: TestC was cut short", got)
	}
}

func TestTellers(t *testing.T) {
	output := "=== RUN   TestA\n    a_test.go:1: @1.5s Allow = true\n=== RUN   TestB\n    a_test.go:1: Allow = true\n        a_test.go:1: @1s forged\n=== RUN   TestC/sub\n    a_test.go:2: @- Push(1)\n=== RUN   TestD\n    a_test.go:2: @soon Push(1)\n"
	if got := slices.Sorted(maps.Keys(tellers(output))); !slices.Equal(got, []string{"TestA", "TestC"}) {
		t.Errorf("tellers = %v, want TestA and TestC", got)
	}
}

func TestParse(t *testing.T) {
	opt, err := parse([]string{"b", "-runs", "7", "a", "-seed=9"}, io.Discard)
	if err != nil || opt.runs != 7 || opt.seed != 9 || !slices.Equal(opt.slugs, []string{"a", "b"}) {
		t.Errorf("parse = %+v, %v; want slugs a and b, 7 runs, seed 9", opt, err)
	}
	for _, args := range [][]string{{"-runs", "0"}, {"-jobs", "0"}, {"-runs", "x"}, {"-no"}} {
		if _, err := parse(args, io.Discard); err == nil {
			t.Errorf("parse(%q) has no error, want one", args)
		}
	}
}

// sample is an exercise on which check finds nothing.
func sample() map[string]string {
	files := map[string]string{
		"exercise.json": `{"slug":"x-y","title":"X","order":7,"difficulty":1,"minutes":1,"tracks":["feed"],"chapter":1,"pattern":"","package":"xy","files":["x.go"],
			"allow_imports":["sync"],"levels":["blank"],"contract":[{"text":"It works.","tests":["TestA"]}],
			"tasks":[{"id":"a","title":"A","tests":["TestA"],"points":50,"kind":"correctness","hints":["h1","h2","h3"]},
			{"id":"b","title":"B","tests":["TestB"],"points":20,"kind":"concurrency","hints":["h1","h2","h3"]},
			{"id":"c","title":"C","tests":["TestC"],"points":20,"kind":"robustness","hints":["h1","h2","h3"]},
			{"id":"d","title":"D","tests":["TestD"],"points":10,"kind":"performance","hints":["h1","h2","h3"]}],
			"checks":{"race":true,"leaks":true,"runs":3,"bench":null},"limits":{"build_s":60,"run_s":20,"mem_mb":512},"plug":null,
			"mutants":[MUTANTS],"right":["right/a","right/b","right/c"]}`,
		"README.md":            "# X\n\n## Contract\n\n- It works.\n",
		"hints.md":             "## a\n## b\n## c\n## d\nh1 h2 h3\n",
		"start/x.go":           "package xy\n",
		"tests/x_test.go":      "package xy_test\nfunc TestA(t *testing.T) {}\nfunc TestB(t *testing.T) {}\n",
		"hidden/x_test.go":     "package xy_test\nfunc TestC(t *testing.T) {}\nfunc TestD(t *testing.T) {}\nfunc BenchmarkE(b *testing.B) {}\n",
		"right/a/x.go":         "package xy\n",
		"right/b/x.go":         "package xy\n",
		"right/c/x.go":         "package xy\n",
		"wrong/ignored.txt":    "",
		"start/notes.txt":      "",
		"right/a/leftover.txt": "",
	}
	var mutants []string
	for _, m := range []string{"m1", "m2", "m3", "m4", "m5"} {
		mutants = append(mutants, `{"dir":"wrong/`+m+`","must_fail":["TestA"],"lesson":"why"}`)
		files["wrong/"+m+"/x.go"] = "// kills: TestA — why\n\npackage xy\n"
	}
	files["exercise.json"] = strings.Replace(files["exercise.json"], "MUTANTS", strings.Join(mutants, ","), 1)
	return files
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, file, old, new, want string }{
		{"nothing wrong", "README.md", "# X", "# Y", ""},
		{"another contract", "README.md", "It works.", "It may work.", "README.md's contract is not exercise.json's"},
		{"a test without a task", "hidden/x_test.go", "func TestC(", "func TestZ(t *testing.T) {}\nfunc TestC(", "TestZ belongs to 0 tasks"},
		{"a test that is not there", "hidden/x_test.go", "func TestC(", "func testC(", "names TestC, which is no test"},
		{"points that do not add up", "exercise.json", `"points":10`, `"points":11`, "the performance tasks give 11 points, want 10"},
		{"a hint that hints.md lacks", "hints.md", "h3", "", `hints.md lacks "h3"`},
		{"a mutant's first line", "wrong/m1/x.go", "why", "because", `wrong/m1/x.go begins with`},
		{"a mutant not listed", "exercise.json", "wrong/m2", "wrong/m1", "lists the mutants"},
		{"a test that is no Go", "hidden/x_test.go", "func TestC(", "func TestC", "expected '('"},
		{"a limit that burners do not outlive", "exercise.json", `"run_s":20`, `"run_s":121`, "limits.run_s is 121"},
		{"a promise without a test", "exercise.json", `"text":"It works.","tests":["TestA"]`, `"text":"It works.","tests":[]`, `no test checks the promise "It works."`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range sample() {
				if name == c.file {
					text = strings.Replace(text, c.old, c.new, 1)
				}
				path := filepath.Join(dir, "07-x-y", filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			shelf, err := load(dir, []string{"x-y"})
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(check(shelf[0]), "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("check = %q, want %q", got, c.want)
			}
		})
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := load(dir, nil); err == nil {
		t.Error("load of an empty folder has no error, want one")
	}
	if err := os.MkdirAll(filepath.Join(dir, "01-a"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "01-a", "exercise.json"), []byte(`{"slugg":"a"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := load(dir, nil); err == nil || !strings.Contains(err.Error(), "slugg") {
		t.Errorf("load = %v, want an error that names the unknown key", err)
	}
	if _, err := load(dir, []string{"b"}); err == nil || !strings.Contains(err.Error(), "called b") {
		t.Errorf("load = %v, want an error that names what is not there", err)
	}
}

// Hidden tests may use the visible ones' helpers, and may declare one of their
// own by a name that those have: the grader takes both.
func TestVariant(t *testing.T) {
	head := "//go:build exercise\n\npackage xy_test\n\nimport xy \"workbench/exercises/07-x-y/start\"\n\n"
	for _, c := range []struct {
		name, hidden string
		want         []string
	}{
		{"a helper that is shared", "func TestB(t *testing.T) { open() }\n", []string{"answer/x.go", "right_a_check/cases_test.go", "tests/hidden_x_cases.go", "tests/x_cases.go"}},
		{"a helper of one name", "func open() {}\nfunc TestB(t *testing.T) {}\n", []string{"answer/x.go", "hidden/x_cases.go", "right_a_check/cases_test.go", "tests/x_cases.go"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "07-x-y")
			for name, text := range map[string]string{
				"exercise.json":    sample()["exercise.json"],
				"right/a/x.go":     "package xy\n",
				"tests/x_test.go":  head + "func open() {}\nfunc TestA(t *testing.T) {}\n",
				"hidden/x_test.go": head + c.hidden,
			} {
				path := filepath.Join(dir, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			all, err := load(top, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := staged{dir: t.TempDir()}
			if err := s.variant(all[0], "right/a"); err != nil {
				t.Fatal(err)
			}
			root := filepath.Join(s.dir, "right_a")
			var got []string
			err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					path, err = filepath.Rel(root, path)
					got = append(got, filepath.ToSlash(path))
				}
				return err
			})
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("staged %q, %v; want %q", got, err, c.want)
			}
		})
	}
}
