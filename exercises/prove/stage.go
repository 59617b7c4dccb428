package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"workbench/exercises/shelf"
)

// attempt is the module into which answers are staged.
const attempt = "attempt"

// buildTime bounds the compilation of all variants of one exercise. The first
// one of a machine also compiles the standard library for the race detector.
const buildTime = 8 * time.Minute

// staged is a folder with the compiled variants of one exercise.
type staged struct {
	dir    string
	output string // of the compiler
}

// binary returns the test binary of a variant; empty when it did not compile.
func (s staged) binary(variant string) string {
	path := filepath.Join(s.dir, "bin", name(variant)+"_check.test")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// name turns a variant into a folder's name: right/a becomes right_a.
func name(variant string) string {
	return strings.NewReplacer("/", "_", "-", "_").Replace(variant)
}

// stage copies the variants and the tests into a module of its own and
// compiles each variant once. The caller removes the folder.
func stage(ctx context.Context, e exercise, variants []string) (staged, error) {
	dir, err := os.MkdirTemp("", "prove-")
	if err != nil {
		return staged{}, err
	}
	s := staged{dir: dir}
	if err := s.module(filepath.Join(e.dir, "..", "..")); err != nil {
		return s, err
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		return s, err
	}
	args := []string{"test", "-race", "-c", "-vet=off", "-o", "bin" + string(filepath.Separator)}
	for _, v := range variants {
		if err := s.variant(e, v); err != nil {
			return s, err
		}
		args = append(args, fmt.Sprintf("./%s/%[1]s_check", name(v)))
	}
	ctx, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	group(cmd, 0)
	_ = cmd.Run() // what did not compile has no binary, and the output says why
	s.output = strings.TrimSpace(out.String())
	if ctx.Err() != nil {
		return s, fmt.Errorf("compiling took longer than %v: %w", buildTime, ctx.Err())
	}
	return s, nil
}

// module writes a go.mod with the requirements of the checkout, so that an
// exercise may use what the checkout has.
func (s staged) module(root string) error {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	mod = regexp.MustCompile(`(?m)^module .*$`).ReplaceAll(mod, []byte("module "+attempt))
	if err := os.WriteFile(filepath.Join(s.dir, "go.mod"), mod, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, "go.sum"), sum, 0o644)
}

// variant stages the named files of one answer, and the tests: the visible and
// the hidden ones are one package or two, as the grader has them, so that hidden
// tests may use the visible ones' helpers and helpers of one name do not
// collide. A package of its own runs them all.
func (s staged) variant(e exercise, v string) error {
	files := map[string]string{}
	for _, file := range e.Names {
		src, err := os.ReadFile(filepath.Join(e.dir, v, file))
		if err != nil {
			return err
		}
		files["answer/"+file] = string(src)
	}
	from := fmt.Sprintf(`"workbench/exercises/%s/start"`, filepath.Base(e.dir))
	to := fmt.Sprintf(`"%s/%s/answer"`, attempt, name(v))
	cases := "package check\n\nimport (\n\t\"testing\"\n\n"
	calls := ""
	suites, err := e.Suites()
	if err != nil {
		return err
	}
	for _, suite := range shelf.Merged(suites) {
		cases += fmt.Sprintf("\t%s \"%s/%s/%[1]s\"\n", suite.Dir, attempt, name(v))
		for file, text := range suite.Files {
			text, ok := strings.CutPrefix(text, "//go:build exercise\n")
			if !ok || !strings.Contains(text, from) {
				return fmt.Errorf("%s/%s: want the build line first and an import of %s", suite.Dir, file, from)
			}
			files[suite.Dir+"/"+strings.TrimSuffix(file, "_test.go")+"_cases.go"] = strings.ReplaceAll(text, from, to)
		}
		for _, test := range suite.Tests {
			calls += fmt.Sprintf("\nfunc %s(t *testing.T) { %s.%[1]s(t) }\n", test, suite.Dir)
		}
	}
	files[name(v)+"_check/cases_test.go"] = cases + ")\n" + calls
	for file, text := range files {
		path := filepath.Join(s.dir, name(v), filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// group puts a command into the process group of leader, or for 0 into one of
// its own, and has the command's context end the whole group.
func group(cmd *exec.Cmd, leader int) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: leader}
	cmd.Cancel = func() error {
		if leader == 0 {
			leader = cmd.Process.Pid
		}
		return syscall.Kill(-leader, syscall.SIGKILL)
	}
	cmd.WaitDelay = 2 * time.Second
}
