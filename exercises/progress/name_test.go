package progress_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestAnyName opens files whose names mean something else in a URI. Each must
// be made where the name says, and found again.
func TestAnyName(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, one := range []struct{ name, dir string }{
		{"relative", "d8"},
		{"relative with a dot", "./d9"},
		{"one up", "../d10"},
		{"absolute", t.TempDir()},
		{"blank", "my class"},
		{"question mark", "what?mode=memory"},
		{"hash", "no#1"},
		{"per cent", "100%25"},
		{"colon", "c:d"},
		{"not of ASCII", "größe"},
	} {
		t.Run(one.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && (one.name == "question mark" || one.name == "colon") {
				t.Skip("no file of Windows has such a name")
			}
			if err := os.MkdirAll(one.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(one.dir, "kept.db")
			if err := open(t, path).Close(); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Fatalf("Stat(%s) = %v, %v; want the file", path, info, err)
			}
			if err := open(t, path).Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
