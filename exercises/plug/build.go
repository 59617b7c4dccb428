package plug

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"workbench/exercises/grade"
	"workbench/exercises/shelf"
)

// The inside of a program, as text.
//
//go:embed host
var inside embed.FS

// ErrNoSlot is wrapped when there is no pattern that could be replaced.
var ErrNoSlot = errors.New("an answer to this exercise has no place in the lab")

// alongside returns the files that are compiled with an answer: the exercise's
// adapter and the host that it uses.
func alongside(e shelf.Exercise) (map[string]string, error) {
	if e.Plug == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoSlot, e.Slug)
	}
	adapter, err := e.Files("plug")
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	imports := strings.NewReplacer(`"`+e.ImportPath()+`"`, `"grade/answer"`, `"workbench/exercises/plug/host"`, `"grade/host"`)
	for name, text := range adapter {
		out["plug/"+name] = imports.Replace(text)
	}
	entries, err := fs.ReadDir(inside, "host")
	if err != nil {
		return nil, fmt.Errorf("read the host: %w", err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		text, err := fs.ReadFile(inside, path.Join("host", entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the host: %w", err)
		}
		out["host/"+entry.Name()] = string(text)
	}
	return out, nil
}

// Build compiles an answer into a program.
func Build(ctx context.Context, g *grade.Grader, e shelf.Exercise, answer map[string]string, to string) error {
	ours, err := alongside(e)
	if err != nil {
		return err
	}
	return g.Program(ctx, e, answer, ours, to)
}
