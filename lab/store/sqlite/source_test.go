package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"workbench/lab/store/sqlite"
)

// TestSourceOfAnyName opens files whose names mean something else in a URI. Each
// must be made where the name says, and found again with what was written.
func TestSourceOfAnyName(t *testing.T) {
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
			do(t, path, "CREATE TABLE kept (n)")
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Fatalf("Stat(%s) = %v, %v; want the file", path, info, err)
			}
			do(t, path, "INSERT INTO kept VALUES (1)")
		})
	}
}

// do opens the file at path, runs one statement and closes the file.
func do(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", sqlite.Source(path, "journal_mode(wal)"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Errorf("Close(%s) = %v", path, err)
		}
	}()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s in %s: %v", statement, path, err)
	}
}
