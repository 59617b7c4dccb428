//go:build !limitsonly

package sandbox

import (
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// libraryDirs is where the dynamic linker looks for libraries by default.
func libraryDirs(machine elf.Machine) []string {
	dirs := []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"}
	switch machine {
	case elf.EM_X86_64:
		dirs = append([]string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"}, dirs...)
	case elf.EM_AARCH64:
		dirs = append([]string{"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu"}, dirs...)
	}
	return dirs
}

// libraries returns the files that a program needs beside itself: its dynamic
// linker and, all the way down, the libraries that it links. A program that is
// linked statically needs none.
func libraries(program string) ([]string, error) {
	f, err := elf.Open(program)
	if err != nil {
		return nil, fmt.Errorf("read %s as a program: %w", program, err)
	}
	defer f.Close()
	var out []string
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(p.Open())
			if err != nil {
				return nil, fmt.Errorf("read which linker %s needs: %w", program, err)
			}
			out = append(out, strings.TrimRight(string(name), "\x00"))
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return needed(f, out)
}

// needed adds the libraries of f, and theirs, to out.
func needed(f *elf.File, out []string) ([]string, error) {
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("read which libraries a program needs: %w", err)
	}
	for _, name := range names {
		file := ""
		for _, dir := range libraryDirs(f.Machine) {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				file = filepath.Join(dir, name)
				break
			}
		}
		if file == "" {
			return nil, fmt.Errorf("the program needs the library %s, which is in none of the usual directories", name)
		}
		if slices.ContainsFunc(out, func(have string) bool { return filepath.Base(have) == name }) {
			continue
		}
		out = append(out, file)
		library, err := elf.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read the library %s: %w", file, err)
		}
		out, err = needed(library, out)
		library.Close()
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
