package grade

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
)

// Limits of the build of what attempts build upon. A database in one package
// needs much memory to be compiled.
const (
	warmTime   = 10 * time.Minute
	warmMemory = 6 << 30
)

// warm builds what attempts at an exercise build upon, so that the limit of an
// attempt is spent on the answer alone. A mark in the build cache says that it
// has been done; again does not believe it, as caches are emptied.
func (g *Grader) warm(ctx context.Context, e shelf.Exercise, race, again bool, tell func(Event)) error {
	database, err := e.NeedsDatabase()
	if err != nil {
		return err
	}
	name, what := "workbench-warm-"+g.tools.version, "building the standard library once, which takes up to a minute"
	if race {
		name += "-race"
	}
	packages := []string{"database/sql", "encoding/json", "net/http/httptest", "testing/synctest"}
	if database {
		name, what = name+"-database", "building the database once, which takes some minutes"
		packages = append(packages, shelf.Database)
	}
	mark := filepath.Join(g.tools.cache, name)
	if _, err := os.Stat(mark); err == nil && !again {
		return nil
	}
	tell(Event{Stage: "warm", Text: what})
	dir, err := os.MkdirTemp("", "workbench-warm-")
	if err != nil {
		return fmt.Errorf("prepare the build: %w", err)
	}
	defer os.RemoveAll(dir)
	tree, err := e.Module(module)
	if err != nil {
		return err
	}
	tree["warm_test.go"] = "package warm\n\nimport (\n\t\"testing\"\n\t_ \"" + strings.Join(packages, "\"\n\t_ \"") + "\"\n)\n\nfunc TestWarm(*testing.T) {}\n"
	if err := write(dir, tree); err != nil {
		return err
	}
	if database {
		if err := g.fetch(ctx, dir); err != nil {
			return err
		}
	}
	if err := g.prebuild(ctx, dir, race); err != nil {
		return err
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		return fmt.Errorf("note what has been built: %w", err)
	}
	return nil
}

// coldAfter is how long warm takes at least when there was something to build.
const coldAfter = 10 * time.Second

// cold reports whether an attempt's build was slow because what it builds upon
// had to be built as well. It has been, now.
func (g *Grader) cold(ctx context.Context, e shelf.Exercise, race bool, tell func(Event)) (bool, error) {
	began := g.clock.Now()
	err := g.warm(ctx, e, race, true, tell)
	return g.clock.Now()-began > coldAfter, err
}

func (g *Grader) prebuild(ctx context.Context, dir string, race bool) error {
	args := []string{"test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "warm.exe")}
	if race {
		args = append(args, "-race")
	}
	r, err := g.call(ctx, dir, sandbox.Limits{Wall: warmTime, Memory: warmMemory}, race, append(args, ".")...)
	if err != nil {
		return err
	}
	if r.Cause != sandbox.Exited || r.Code != 0 {
		return fmt.Errorf("build what exercises build upon: the go command ended as %q with status %d: %s", r.Cause, r.Code, r.Stderr)
	}
	return nil
}

// fetch has the go command download the database's module if it is not there,
// with the user's own settings and network. What it fetches is in our go.sum.
func (g *Grader) fetch(ctx context.Context, dir string) error {
	if all, _ := filepath.Glob(filepath.Join(g.tools.modules, filepath.FromSlash(shelf.Database)+"@*")); len(all) > 0 {
		return nil // whoever built the workbench has it
	}
	cmd := exec.CommandContext(ctx, g.tools.command, "mod", "download")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("this exercise needs the module %s, which is not on this machine and could not be fetched: %w: %s", shelf.Database, err, text)
	}
	return nil
}
