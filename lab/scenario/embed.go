package scenario

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"workbench/sim/preset"
)

//go:embed scenarios/*.yaml
var files embed.FS

// ErrUnknown means that there is no scenario of this name.
var ErrUnknown = errors.New("unknown scenario")

// Embedded returns the program's own scenarios, in the order in which they are
// best met. Its files are named "10-metastable.yaml": the number is the order,
// the rest is the scenario's name.
func Embedded() ([]Spec, error) {
	entries, err := files.ReadDir("scenarios") // sorted by file name
	if err != nil {
		return nil, fmt.Errorf("list the embedded scenarios: %w", err)
	}
	var out []Spec
	var faults []error
	for _, e := range entries {
		spec, err := embedded(e.Name())
		faults = append(faults, err)
		out = append(out, spec)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return out, nil
}

func embedded(file string) (Spec, error) {
	src, err := files.ReadFile(path.Join("scenarios", file))
	if err != nil {
		return Spec{}, fmt.Errorf("read the embedded scenario: %w", err)
	}
	spec, err := Parse(file, src)
	if err != nil {
		return Spec{}, err
	}
	if want := nameOf(file); spec.Name != want {
		return Spec{}, spec.src.fault("name", spec.Name, want+", as the file is called")
	}
	return spec, nil
}

// nameOf returns the scenario's name in an embedded file's.
func nameOf(file string) string {
	_, name, _ := strings.Cut(strings.TrimSuffix(file, ".yaml"), "-")
	return name
}

// Names returns the names of the embedded scenarios in their order.
func Names() []string {
	entries, err := files.ReadDir("scenarios")
	if err != nil {
		return nil // the folder is part of the program
	}
	var out []string
	for _, e := range entries {
		out = append(out, nameOf(e.Name()))
	}
	return out
}

// Find returns the embedded scenario of this name, or the one made from the
// preset NAME for "preset-NAME"; otherwise an error that wraps ErrUnknown and
// lists the names.
func Find(name string) (Spec, error) {
	if rest, ok := strings.CutPrefix(name, presetPrefix); ok {
		p, err := preset.Find(rest)
		if err != nil {
			return Spec{}, fmt.Errorf("%w %q: %w", ErrUnknown, name, err)
		}
		return FromPreset(p), nil
	}
	entries, err := files.ReadDir("scenarios")
	if err != nil {
		return Spec{}, fmt.Errorf("list the embedded scenarios: %w", err)
	}
	for _, e := range entries {
		if nameOf(e.Name()) == name {
			return embedded(e.Name())
		}
	}
	return Spec{}, fmt.Errorf("%w %q: want %s", ErrUnknown, name, unknown(name, Names()))
}

// Load returns the embedded scenario of this name, or reads it from a file
// when nameOrPath has a slash or ends in .yaml or .yml.
func Load(nameOrPath string) (Spec, error) {
	isFile := strings.ContainsRune(nameOrPath, '/') || strings.HasSuffix(nameOrPath, ".yaml") || strings.HasSuffix(nameOrPath, ".yml")
	if !isFile {
		return Find(nameOrPath)
	}
	f, err := os.Open(nameOrPath)
	if err != nil {
		return Spec{}, fmt.Errorf("read the scenario: %w", err)
	}
	src, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return Spec{}, fmt.Errorf("read the scenario %s: %w", nameOrPath, err)
	}
	return Parse(nameOrPath, src)
}
