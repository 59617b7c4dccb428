// Command numbers measures the figures of the guide again and holds the kept
// ones, and the texts that print them, to what it finds.
//
//	go run ./docs/guide/numbers [PREFIX]…    measure, print, and fail on drift
//	go run ./docs/guide/numbers -keep        keep what is new or has drifted, and fill the texts
//	go run ./docs/guide/numbers -fill        fill the texts from what is kept and from the code
//
// It is run in the top folder of the repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"workbench/docs/guide"
	"workbench/docs/guide/measure"
)

// folder is where the guide is.
const folder = "docs/guide"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "numbers: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	set := flag.NewFlagSet("numbers", flag.ContinueOnError)
	keep := set.Bool("keep", false, "keep figures that are new or have drifted, and fill the texts")
	fillOnly := set.Bool("fill", false, "measure nothing; fill the texts from the kept figures and the code")
	if err := set.Parse(args); err != nil {
		return err
	}
	root := os.DirFS(folder)
	code, err := guide.ReadSnippets(root, "code")
	if err != nil {
		return err
	}
	if *fillOnly {
		kept, err := readKept(root)
		if err != nil {
			return err
		}
		return fill(root, kept, code)
	}
	book, err := guide.Read(root)
	if err != nil {
		return err
	}
	got, err := measure.All(ctx, book.Chapters, set.Args())
	if err != nil {
		return err
	}
	drift := compare(out, book.Figures, got)
	if *keep {
		return keepAll(root, book.Figures, got, code, set.NArg() == 0)
	}
	if set.NArg() == 0 {
		drift = append(drift, orphans(book.Figures, got)...)
		faults, err := texts(root, book.Figures, code)
		if err != nil {
			return err
		}
		drift = append(drift, faults...)
	}
	if err := errors.Join(drift...); err != nil {
		return fmt.Errorf("the guide has drifted (make guide-keep, then read what changed):\n%w", err)
	}
	return nil
}

func readKept(root fs.FS) (guide.Figures, error) {
	src, err := fs.ReadFile(root, "numbers.json")
	if err != nil {
		return nil, fmt.Errorf("read the kept figures: %w", err)
	}
	return guide.ParseFigures(src)
}

// compare prints kept and new figures side by side and returns what has
// drifted.
func compare(out io.Writer, kept, got guide.Figures) []error {
	var drift []error
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, id := range slices.Sorted(maps.Keys(got)) {
		g := got[id]
		k, ok := kept[id]
		text := "not kept"
		switch {
		case !ok:
			drift = append(drift, fmt.Errorf("%s: measured %s, and none is kept", id, g.Text()))
		default:
			text = k.Text()
			if why := k.Check(g.Value); why != "" {
				drift = append(drift, errors.New(why))
			} else if defined(k) != defined(g) {
				drift = append(drift, fmt.Errorf("%s: is measured in another way than is kept", id))
			}
		}
		fmt.Fprintf(w, "%s\t%s\tkept %s\t%s\n", id, g.Text(), text, g.How)
	}
	if err := w.Flush(); err != nil {
		drift = append(drift, fmt.Errorf("print: %w", err))
	}
	return drift
}

// defined returns a figure without its value: how it is measured and printed.
func defined(f guide.Figure) guide.Figure {
	f.Value = 0
	return f
}

// orphans returns kept figures that nothing measures.
func orphans(kept, got guide.Figures) []error {
	var out []error
	for _, id := range slices.Sorted(maps.Keys(kept)) {
		if _, ok := got[id]; !ok {
			out = append(out, fmt.Errorf("%s: is kept, and nothing measures it", id))
		}
	}
	return out
}

// texts returns where a page prints another figure or other code than is kept.
func texts(root fs.FS, kept guide.Figures, code guide.Snippets) ([]error, error) {
	var out []error
	err := eachText(root, func(name, text string) error {
		for _, line := range guide.Faults(text, kept, code) {
			out = append(out, fmt.Errorf("%s: %s", name, line))
		}
		return nil
	})
	return out, err
}

// keepAll writes the figures that are new or have drifted, and fills the texts.
// When everything was measured it forgets what nothing measures any more.
func keepAll(root fs.FS, kept, got guide.Figures, code guide.Snippets, everything bool) error {
	next := guide.Figures{}
	if !everything {
		maps.Copy(next, kept)
	}
	for id, g := range got {
		if k, ok := kept[id]; ok && k.Check(g.Value) == "" && defined(k) == defined(g) {
			g.Value = k.Value
		}
		next[id] = g
	}
	src, err := next.JSON()
	if err != nil {
		return err
	}
	if err := write("numbers.json", src); err != nil {
		return err
	}
	return fill(root, next, code)
}

// fill writes kept figures and code into the texts.
func fill(root fs.FS, kept guide.Figures, code guide.Snippets) error {
	return eachText(root, func(name, text string) error {
		filled := guide.Fill(text, kept, code)
		if filled == text {
			return nil
		}
		return write(name, []byte(filled))
	})
}

func eachText(root fs.FS, f func(name, text string) error) error {
	names, err := fs.Glob(root, "*.md")
	if err != nil {
		return fmt.Errorf("list the guide: %w", err)
	}
	for _, name := range names {
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return fmt.Errorf("read the guide: %w", err)
		}
		if err := f(name, string(src)); err != nil {
			return err
		}
	}
	return nil
}

// write replaces a file of the guide.
func write(name string, text []byte) error {
	const mode = 0o644
	if err := os.WriteFile(filepath.Join(folder, name), text, mode); err != nil {
		return fmt.Errorf("write the guide: %w", err)
	}
	return nil
}
