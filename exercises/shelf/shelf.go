package shelf

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Shelf holds the exercises, in their order.
type Shelf struct{ all []Exercise }

// ErrUnknown is wrapped by the error about an exercise that is not there.
var ErrUnknown = errors.New("no such exercise")

var folderName = regexp.MustCompile(`^(\d\d)-([a-z0-9]+(?:-[a-z0-9]+)*)$`)

// Open reads the metadata of every exercise in the layers. An exercise in a
// later layer takes the place of one with the same slug. A nil layer is empty.
// The error joins what is wrong with each folder; the shelf then holds the
// others.
func Open(layers ...fs.FS) (*Shelf, error) {
	found := map[string]Exercise{}
	var faults []error
	for _, layer := range layers {
		if layer == nil {
			continue
		}
		entries, err := fs.ReadDir(layer, ".")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for exercises: %w", err)
		}
		for _, entry := range entries {
			if !entry.IsDir() || !folderName.MatchString(entry.Name()) {
				continue
			}
			e, err := load(layer, entry.Name())
			if err != nil {
				faults = append(faults, err)
				continue
			}
			found[e.Slug] = e
		}
	}
	s := &Shelf{all: slices.SortedFunc(maps.Values(found), func(a, b Exercise) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Slug, b.Slug))
	})}
	return s, errors.Join(faults...)
}

// load reads one folder's exercise.json.
func load(layer fs.FS, folder string) (Exercise, error) {
	files, err := fs.Sub(layer, folder)
	if err != nil {
		return Exercise{}, fmt.Errorf("exercise %s: %w", folder, err)
	}
	text, err := fs.ReadFile(files, "exercise.json")
	if err != nil {
		return Exercise{}, fmt.Errorf("exercise %s: %w", folder, err)
	}
	e := Exercise{folder: folder, files: files}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		return Exercise{}, fmt.Errorf("exercise %s: exercise.json: %w", folder, err)
	}
	return e, e.essential()
}

// essential checks what the rest of the program relies on, so that a folder
// that a learner has changed cannot lead it astray.
func (e Exercise) essential() error {
	var faults []error
	wrong := func(field string, got any, want string) {
		faults = append(faults, fmt.Errorf("exercise %s: exercise.json: %s is %v, want %s", e.folder, field, got, want))
	}
	m := folderName.FindStringSubmatch(e.folder)
	if e.Slug != m[2] {
		wrong("slug", strconv.Quote(e.Slug), strconv.Quote(m[2])+", as in the folder's name")
	}
	if n, _ := strconv.Atoi(m[1]); e.Order != n { // two digits, by the pattern
		wrong("order", e.Order, fmt.Sprintf("%d, as in the folder's name", n))
	}
	if !regexp.MustCompile(`^[a-z][a-z0-9]*$`).MatchString(e.Package) || e.Package == "main" {
		wrong("package", strconv.Quote(e.Package), "a package's name in small letters")
	}
	if len(e.Names) == 0 {
		wrong("files", "empty", "the names of the files that the learner writes")
	}
	for _, name := range e.Names {
		if !regexp.MustCompile(`^[a-z][a-z0-9_]*\.go$`).MatchString(name) || strings.HasSuffix(name, "_test.go") {
			wrong("files", strconv.Quote(name), "the name of a Go file that is no test")
		}
	}
	for _, path := range e.AllowImports {
		if slices.Contains(Forbidden(), path) {
			wrong("allow_imports", strconv.Quote(path), "packages with which an answer cannot reach around its tests")
		}
	}
	if l := e.Limits; l.BuildS < 1 || l.BuildS > 600 || l.RunS < 1 || l.RunS > 600 || l.MemMB < 64 || l.MemMB > 8192 {
		wrong("limits", fmt.Sprintf("%+v", l), "build_s and run_s of 1 to 600, mem_mb of 64 to 8192")
	}
	if e.Checks.Runs < 1 || e.Checks.Runs > 100 {
		wrong("checks.runs", e.Checks.Runs, "1 to 100")
	}
	return errors.Join(faults...)
}

// All returns the exercises in their order.
func (s *Shelf) All() []Exercise { return slices.Clone(s.all) }

// Find returns the exercise with a slug, a folder's name or a number.
func (s *Shelf) Find(name string) (Exercise, error) {
	for _, e := range s.all {
		if n, err := strconv.Atoi(name); name == e.Slug || name == e.folder || err == nil && n == e.Order {
			return e, nil
		}
	}
	var slugs []string
	for _, e := range s.all {
		slugs = append(slugs, e.Slug)
	}
	if len(slugs) == 0 {
		return Exercise{}, fmt.Errorf("%w: %q; there is none at all", ErrUnknown, name)
	}
	return Exercise{}, fmt.Errorf("%w: %q, want one of %s", ErrUnknown, name, strings.Join(slugs, ", "))
}

// Files returns the text of the files that are directly in a folder of the
// exercise, by name.
func (e Exercise) Files(dir string) (map[string]string, error) {
	entries, err := fs.ReadDir(e.files, dir)
	if err != nil {
		return nil, fmt.Errorf("exercise %s: %w", e.folder, err)
	}
	out := map[string]string{}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		text, err := fs.ReadFile(e.files, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("exercise %s: %w", e.folder, err)
		}
		out[entry.Name()] = string(text)
	}
	return out, nil
}

// Text returns one file of the exercise, such as README.md.
func (e Exercise) Text(name string) (string, error) {
	text, err := fs.ReadFile(e.files, name)
	if err != nil {
		return "", fmt.Errorf("exercise %s: %w", e.folder, err)
	}
	return string(text), nil
}

// Has reports whether the exercise has a folder.
func (e Exercise) Has(dir string) bool {
	info, err := fs.Stat(e.files, dir)
	return err == nil && info.IsDir()
}
