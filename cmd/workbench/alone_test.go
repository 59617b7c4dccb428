package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestSecondOnOneDirectory starts what another process, as which this one stands
// in, is at work on.
func TestSecondOnOneDirectory(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"orders"}} {
		t.Run(args[0], func(t *testing.T) {
			dir := t.TempDir()
			held, err := alone(dir)
			if err != nil {
				t.Fatal(err)
			}
			out, complaint, code := call(t, append(args, "--addr", "127.0.0.1:0", "--data", dir)...)
			want := fmt.Sprintf("workbench %s: another workbench (pid %d) uses %s; end it or give --data another folder\n", args[0], os.Getpid(), dir)
			if code != exitFailed || complaint != want || out != "" {
				t.Errorf("exit %d, printed %q, complained %q; want exit %d and %q", code, out, complaint, exitFailed, want)
			}
			if names, err := filepath.Glob(filepath.Join(dir, "*.db")); err != nil || len(names) > 0 {
				t.Errorf("the second start made %q, %v", names, err)
			}
			if err := held.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}
