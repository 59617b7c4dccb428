package grade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"workbench/exercises/shelf"
)

// ErrUnfit is wrapped when an answer cannot be compiled as a program.
var ErrUnfit = errors.New("the answer cannot be made into a program")

// Program compiles an answer together with files of ours, which import it as
// "grade/answer", and leaves the program of their package "grade/plug" in a file.
// The answer passes the gate again: it may come from anywhere.
func (g *Grader) Program(ctx context.Context, e shelf.Exercise, answer, ours map[string]string, to string) (err error) {
	refused, syntax := inspect(e, answer)
	if refused = append(refused, syntax...); len(refused) > 0 {
		return fmt.Errorf("%w: %s", ErrUnfit, lines(refused))
	}
	tree, err := e.Module(module)
	if err != nil {
		return err
	}
	for name, text := range answer {
		tree["answer/"+name] = text
	}
	for name, text := range ours {
		tree[name] = text
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", treePrefix, os.Getpid()))
	if err != nil {
		return fmt.Errorf("stage the program: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := write(dir, tree); err != nil {
		return err
	}
	program := filepath.Join(dir, "program")
	_, objection, _, err := g.make(ctx, e, dir, program, false, []string{"build", "-trimpath", "-ldflags=-s -w", "-o", program, "./plug"})
	switch {
	case err != nil:
		return err
	case objection != "":
		return fmt.Errorf("%w: %s", ErrUnfit, strings.ReplaceAll(objection, "\n", "; "))
	}
	return move(program, to)
}

// move copies a program and lets every user run it, but not read it.
func move(from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("keep the program: %w", err)
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o711)
	if err != nil {
		return fmt.Errorf("keep the program: %w", err)
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	if _, err := io.Copy(dst, src); err != nil {
		return fmt.Errorf("keep the program: %w", err)
	}
	return dst.Chmod(0o711)
}
