package grade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
)

// build makes the test program of a staged attempt. What the compiler has
// against the answer comes back as text.
func (g *Grader) build(ctx context.Context, e shelf.Exercise, dir string, race bool) (program string, objection string, state State, err error) {
	program = filepath.Join(dir, "tests.exe")
	args := []string{"test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", "-o", program}
	if race {
		args = append(args, "-race")
	}
	return g.make(ctx, e, dir, program, race, append(args, "./cases"))
}

// measured makes the program that measures an answer.
func (g *Grader) measured(ctx context.Context, e shelf.Exercise, dir string) (program string, objection string, state State, err error) {
	program = filepath.Join(dir, "bench.exe")
	return g.make(ctx, e, dir, program, false, []string{"build", "-trimpath", "-ldflags=-s -w", "-o", program, "./bench"})
}

func (g *Grader) make(ctx context.Context, e shelf.Exercise, dir, program string, race bool, args []string) (string, string, State, error) {
	limits := sandbox.Limits{Wall: e.Limits.Build(), Memory: buildMemory}
	r, err := g.call(ctx, dir, limits, race, args...)
	if err != nil {
		return "", "", "", err
	}
	switch {
	case r.Cause == sandbox.TooLong:
		return "", fmt.Sprintf("compiling took longer than %v: is there a huge array, or a generic type that grows with each use?", limits.Wall), Timeout, nil
	case r.Cause == sandbox.TooBig:
		return "", fmt.Sprintf("compiling took more than %d MiB of memory: is there a huge array, or a generic type that grows with each use?", int64(buildMemory)>>20), Memory, nil
	case r.Cause != sandbox.Exited:
		return "", "", "", fmt.Errorf("the compiler was ended: %s %s", r.Cause, r.Signal)
	case r.Code != 0:
		text, ours := objections(e, string(r.Stderr)+string(r.Stdout))
		if ours {
			return "", "", "", fmt.Errorf("the exercise could not be built, which is not the answer's fault:\n%s", text)
		}
		return "", text, CompileError, nil
	}
	// The program may be run by another user, but not read.
	if err := os.Chmod(program, 0o711); err != nil {
		return "", "", "", fmt.Errorf("prepare the test program: %w", err)
	}
	return program, "", "", nil
}

var compilerLine = regexp.MustCompile(`^(?:\.[/\\])?(?:([a-z]+)[/\\])?([\w.-]+\.go:\d+)(?::\d+)?: (.*)$`)

// objections returns what the compiler has against an answer, with the tree's
// own folders left out, or that the fault is not in the answer at all.
func objections(e shelf.Exercise, text string) (string, bool) {
	var out []string
	answers := false
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if strings.HasPrefix(line, "# ") || strings.TrimSpace(line) == "" {
			continue
		}
		m := compilerLine.FindStringSubmatch(line)
		if m == nil {
			out = append(out, line)
			continue
		}
		line = m[2] + ": " + m[3]
		switch {
		case m[1] == "answer":
			answers = true
		case strings.Contains(m[3], e.Package+".") || strings.Contains(m[3], "cannot use"):
			// The tests use what the answer no longer has.
			answers = true
			line += " (the tests need it as the exercise gave it)"
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n"), !answers
}

// advise runs vet over an answer. It never decides anything.
func (g *Grader) advise(ctx context.Context, e shelf.Exercise, dir string) []string {
	r, err := g.call(ctx, dir, sandbox.Limits{Wall: e.Limits.Build(), Memory: buildMemory}, false, "vet", "./answer")
	if err != nil || r.Cause != sandbox.Exited || r.Code == 0 {
		return nil
	}
	var out []string
	for line := range strings.SplitSeq(string(r.Stderr), "\n") {
		if m := compilerLine.FindStringSubmatch(line); m != nil {
			out = append(out, m[2]+": "+m[3])
		}
	}
	return out
}
