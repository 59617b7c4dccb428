package lock_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"workbench/lab/lock"
)

// holderVar makes this test binary hold the directory that it names, until it
// is killed.
const holderVar = "WORKBENCH_TEST_HOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderVar); dir != "" {
		held, err := lock.Take(dir)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("held")
		if _, err := io.Copy(io.Discard, os.Stdin); err != nil { // ends when the test does
			fmt.Println(err)
		}
		runtime.KeepAlive(held)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func busy(t *testing.T, dir string, pid int) {
	t.Helper()
	var b *lock.Busy
	if _, err := lock.Take(dir); !errors.As(err, &b) || b.Dir != dir || b.PID != strconv.Itoa(pid) {
		t.Fatalf("Take() = %v, want that process %d uses %s", err, pid, dir)
	}
}

func take(t *testing.T, dir string) *lock.Held {
	t.Helper()
	h, err := lock.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	for range 3 {
		h := take(t, dir)
		busy(t, dir, os.Getpid())
		other := take(t, t.TempDir())
		if err := errors.Join(h.Release(), other.Release()); err != nil {
			t.Fatal(err)
		}
	}
	var none *lock.Held
	if err := none.Release(); err != nil {
		t.Error(err)
	}
	if _, err := lock.Take(dir + "/none"); err == nil || !strings.Contains(err.Error(), "open the lock of") {
		t.Errorf("Take() of no directory = %v", err)
	}
}

// TestKilledHolderLetsGo kills a process that holds a directory, with no time to
// clean up.
func TestKilledHolderLetsGo(t *testing.T) {
	dir := t.TempDir()
	holder := exec.CommandContext(t.Context(), os.Args[0])
	holder.Env = append(os.Environ(), holderVar+"="+dir)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the holder said %q, %v", line, err)
	}
	busy(t, dir, holder.Process.Pid)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := holder.Wait(); !errors.As(err, &exit) {
		t.Fatalf("the holder ended with %v, want a kill", err)
	}
	if err := take(t, dir).Release(); err != nil {
		t.Error(err)
	}
}
