package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copied puts a copy of the guide into a scratch folder and goes there. The
// command itself is under test, which cannot be imported: so this test is
// inside its package.
func copied(t *testing.T) {
	t.Helper()
	top := filepath.Join("..", "..", "..")
	scratch := t.TempDir()
	for _, pattern := range []string{"docs/guide/*.md", "docs/guide/numbers.json", "docs/guide/code/*.go"} {
		names, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(names))
		}
		for _, name := range names {
			rel, err := filepath.Rel(top, name)
			if err != nil {
				t.Fatal(err)
			}
			src, err := os.ReadFile(name)
			if err == nil {
				err = os.MkdirAll(filepath.Dir(filepath.Join(scratch, rel)), 0o755)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(scratch, rel), src, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Chdir(scratch)
}

// alter replaces a text in a file of the copy, once.
func alter(t *testing.T, name, from, to string) {
	t.Helper()
	name = filepath.Join(folder, name)
	src, err := os.ReadFile(name)
	if err != nil || !bytes.Contains(src, []byte(from)) {
		t.Fatalf("%s holds no %q (%v)", name, from, err)
	}
	if err := os.WriteFile(name, bytes.Replace(src, []byte(from), []byte(to), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestNumbers(t *testing.T) {
	t.Run("as kept", func(t *testing.T) {
		copied(t)
		var out strings.Builder
		if err := run(t.Context(), []string{"queues.backlog"}, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "queues.backlog.refuses") || strings.Contains(out.String(), "queues.outbox") {
			t.Errorf("printed %q, want the figures of queues.backlog alone", out.String())
		}
	})
	t.Run("an altered kept figure", func(t *testing.T) {
		copied(t)
		alter(t, "numbers.json", "\"id\": \"queues.backlog.age\",\n  \"value\": 40,", "\"id\": \"queues.backlog.age\",\n  \"value\": 41,")
		err := run(t.Context(), []string{"queues.backlog"}, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "queues.backlog.age: measured 40, kept 41") {
			t.Fatalf("run = %v, want the drift of queues.backlog.age", err)
		}
		if err := run(t.Context(), []string{"-keep", "queues.backlog"}, io.Discard); err != nil {
			t.Fatal(err)
		}
		if err := run(t.Context(), []string{"queues.backlog"}, io.Discard); err != nil {
			t.Errorf("after -keep: %v, want nil", err)
		}
	})
	t.Run("an altered text", func(t *testing.T) {
		copied(t)
		alter(t, "06-queues.md", "40 s<!--n:queues.backlog.age-->", "39 s<!--n:queues.backlog.age-->")
		kept, err := readKept(os.DirFS(folder))
		if err != nil {
			t.Fatal(err)
		}
		faults, err := texts(os.DirFS(folder), kept, nil)
		if err != nil || !strings.Contains(errorText(faults), `prints "39 s", want "40 s"`) {
			t.Errorf("texts = %v, %v; want the altered number", errorText(faults), err)
		}
		if err := run(t.Context(), []string{"-fill"}, io.Discard); err != nil {
			t.Fatal(err)
		}
		src, err := os.ReadFile(filepath.Join(folder, "06-queues.md"))
		if err != nil || !bytes.Contains(src, []byte("40 s<!--n:queues.backlog.age-->")) {
			t.Errorf("-fill did not put the number back (%v)", err)
		}
	})
	t.Run("a figure that nothing measures", func(t *testing.T) {
		copied(t)
		kept, err := readKept(os.DirFS(folder))
		if err != nil {
			t.Fatal(err)
		}
		if got := errorText(orphans(kept, nil)); !strings.Contains(got, "queues.backlog.age: is kept, and nothing measures it") {
			t.Errorf("orphans = %q, want all figures", got)
		}
	})
	t.Run("an unknown flag", func(t *testing.T) {
		copied(t)
		if err := run(t.Context(), []string{"-guess"}, io.Discard); err == nil {
			t.Error("run -guess = nil, want an error")
		}
	})
}

func errorText(faults []error) string {
	var out []string
	for _, f := range faults {
		out = append(out, f.Error())
	}
	return strings.Join(out, "\n")
}
