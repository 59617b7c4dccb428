package grade

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"workbench/exercises/shelf"
)

// What is staged beside the answer. It is not a package of this module, as it
// must have state that is made before the answer's.
//
//go:embed stage
var stage embed.FS

// module is the name of the module that an attempt is built in.
const module = "grade"

// layout returns the files of the tree in which an attempt is built, by path.
// Nothing of the learner's gets there but the named files' text.
func layout(e shelf.Exercise, answer map[string]string) (map[string]string, error) {
	out, err := e.Module(module)
	if err != nil {
		return nil, err
	}
	entries, err := stage.ReadDir("stage")
	if err != nil {
		return nil, fmt.Errorf("read the harness: %w", err)
	}
	for _, entry := range entries {
		text, err := stage.ReadFile(path.Join("stage", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the harness: %w", err)
		}
		out["harness/"+strings.TrimSuffix(entry.Name(), ".txt")] = string(text)
	}
	for name, text := range answer {
		out["answer/"+name] = text
	}
	out["answer/zz_judge.go"] = "package " + e.Package + "\n\nimport _ \"grade/harness\"\n"
	suites, err := e.Suites()
	if err != nil {
		return nil, err
	}
	suites = shelf.Merged(suites)
	for _, s := range suites {
		for name, text := range s.Files {
			out[s.Dir+"/"+cased(name)] = staged(e, name, text, "grade/answer")
		}
	}
	out["cases/cases_test.go"] = cases(suites)
	if e.Checks.Bench == nil {
		return out, nil
	}
	return out, compared(e, suites, out)
}

// compared adds the program that measures the answer against the reference.
func compared(e shelf.Exercise, suites []shelf.Suite, out map[string]string) error {
	if len(e.Right) == 0 {
		return fmt.Errorf("exercise %s: has no right answer to measure against", e.Slug)
	}
	right, err := e.Files(e.Right[0])
	if err != nil {
		return err
	}
	for name, text := range right {
		if strings.HasSuffix(name, ".go") {
			out["right/"+name] = text
		}
	}
	for _, s := range suites {
		for _, b := range s.Benchmarks {
			if b != e.Checks.Bench.Name {
				continue
			}
			for name, text := range s.Files {
				out["measure/"+cased(name)] = staged(e, name, text, "grade/right")
			}
			out["bench/main.go"] = fmt.Sprintf("package main\n\nimport (\n\t\"grade/harness\"\n\tanswer \"grade/%s\"\n\tright \"grade/measure\"\n)\n\nfunc main() { harness.Compare(answer.%s, right.%s) }\n", s.Dir, b, b)
			return nil
		}
	}
	return fmt.Errorf("exercise %s: there is no benchmark %s", e.Slug, e.Checks.Bench.Name)
}

// cased is the name of a test file as part of an ordinary package.
func cased(name string) string { return strings.TrimSuffix(name, "_test.go") + "_cases.go" }

// staged is a test file's text for the tree: its build tag is replaced by a
// directive by which messages keep its own name and lines.
func staged(e shelf.Exercise, name, text, answer string) string {
	text = strings.ReplaceAll(text, `"`+e.ImportPath()+`"`, `"`+answer+`"`)
	if _, rest, ok := strings.Cut(text, "\n"); ok && strings.HasPrefix(text, shelf.TestTag) {
		return "//line " + name + ":2\n" + rest
	}
	return "//line " + name + ":1\n" + text
}

// cases is the test package that is run: our own TestMain, and each expected
// test in the harness's care.
func cases(suites []shelf.Suite) string {
	var b strings.Builder
	b.WriteString("package cases\n\nimport (\n\t\"testing\"\n\n\t\"grade/harness\"\n")
	for _, s := range suites {
		fmt.Fprintf(&b, "\t%s \"grade/%s\"\n", s.Dir, s.Dir)
	}
	b.WriteString(")\n\nfunc TestMain(m *testing.M) { harness.Main(m) }\n")
	for _, s := range suites {
		for _, name := range s.Tests {
			fmt.Fprintf(&b, "func %s(t *testing.T) { harness.Case(t, %s.%s) }\n", name, s.Dir, name)
		}
	}
	return b.String()
}

// write writes a tree.
func write(dir string, files map[string]string) error {
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("stage the attempt: %w", err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return fmt.Errorf("stage the attempt: %w", err)
		}
	}
	return nil
}

// read returns the answer that is in a directory, and what is wrong with the
// files as such. It follows no links and opens nothing but regular files.
func read(e shelf.Exercise, dir string) (map[string]string, []Refusal, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open the answer's directory: %w", err)
	}
	defer root.Close()
	files := map[string]string{}
	var refused []Refusal
	for _, name := range e.Names {
		info, err := root.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			refused = append(refused, Refusal{name, 0, "is missing: the exercise is solved in this file"})
			continue
		case err != nil:
			return nil, nil, fmt.Errorf("read the answer: %w", err)
		case !info.Mode().IsRegular():
			refused = append(refused, Refusal{name, 0, "is not an ordinary file: links and devices are not read"})
			continue
		case info.Size() > maxFile:
			refused = append(refused, Refusal{name, 0, fmt.Sprintf("has %d bytes, at most %d are read", info.Size(), maxFile)})
			continue
		}
		text, err := root.ReadFile(name)
		if err != nil {
			return nil, nil, fmt.Errorf("read the answer: %w", err)
		}
		files[name] = string(text)
	}
	more, err := strangers(root, e.Names)
	return files, append(refused, more...), err
}

// strangers refuses files that the learner's own `go test` compiles and the
// grader does not. Tests may be there, and are the learner's own.
func strangers(root *os.Root, known []string) ([]Refusal, error) {
	top, err := root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("look into the answer's directory: %w", err)
	}
	defer top.Close()
	names, err := top.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("look into the answer's directory: %w", err)
	}
	ours := map[string]bool{}
	for _, name := range known {
		ours[name] = true
	}
	var out []Refusal
	for _, name := range names {
		switch filepath.Ext(name) {
		case ".go", ".s", ".S", ".c", ".h", ".cc", ".cpp", ".m", ".syso", ".swig":
			if !ours[name] && !strings.HasSuffix(name, "_test.go") {
				out = append(out, Refusal{name, 0, "is no file of this exercise: write everything in " + strings.Join(known, ", ")})
			}
		}
	}
	return out, nil
}

// treePrefix begins the name of the directory of each attempt; the id of its
// grader follows.
const treePrefix = "workbench-grade-"

// sweep removes what graders left that were killed in the middle of an attempt.
// What cannot be removed is not ours.
func sweep(temp string) {
	all, _ := filepath.Glob(filepath.Join(temp, treePrefix+"*")) // the pattern is right
	for _, dir := range all {
		id, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), treePrefix), "-")
		pid, err := strconv.Atoi(id)
		if err != nil {
			continue
		}
		if gone(pid) {
			_ = os.RemoveAll(dir)
		}
	}
}
