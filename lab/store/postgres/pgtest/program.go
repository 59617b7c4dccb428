package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Installed returns the folder of PostgreSQL's programs, the newest version
// first, or false.
func Installed() (bin string, ok bool) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is right, so there is no error
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 for what is no number: last
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), true
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), true
	}
	return "", false
}

// need returns the folder of the programs. Without them the test is skipped, or
// fails if WORKBENCH_REQUIRE asks for postgres.
func need(t testing.TB) string {
	t.Helper()
	bin, ok := Installed()
	const advice = "there is no PostgreSQL here (no initdb in /usr/lib/postgresql/*/bin or on PATH): apt-get install postgresql"
	switch {
	case ok:
		return bin
	case strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "postgres"):
		t.Fatalf("%s; and WORKBENCH_REQUIRE asks for postgres", advice)
	default:
		t.Skip(advice)
	}
	return ""
}

// account is as whom the programs run: PostgreSQL refuses to run as root.
type account struct{ uid, gid int }

// find returns the account of the servers: ourselves, or the user postgres when
// we are root.
func find(t testing.TB) *account {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("PostgreSQL does not run as root, and there is no user postgres: %v", err)
	}
	uid, err := strconv.Atoi(u.Uid)
	gid, bad := strconv.Atoi(u.Gid)
	if err := errors.Join(err, bad); err != nil {
		t.Fatal(err)
	}
	return &account{uid, gid}
}

// command returns a program that runs as the account and ends with us. Linux's
// setpriv sees to both: a tie to the parent is lost when the user changes, so it
// has to be made after that.
func (a *account) command(program string, args ...string) *exec.Cmd {
	var before []string
	if path, err := exec.LookPath("setpriv"); err == nil {
		before = append(before, path, "--pdeathsig", "KILL")
		if a != nil {
			before = append(before, "--reuid", strconv.Itoa(a.uid), "--regid", strconv.Itoa(a.gid), "--init-groups")
		}
	}
	all := slices.Concat(before, []string{program}, args)
	c := exec.Command(all[0], all[1:]...)
	c.Dir = os.TempDir() // the test's own folder may be closed to the account
	c.Env = append(os.Environ(), "PGPASSWORD="+Password, "LC_ALL=C")
	return c
}

// folder makes a folder that belongs to the account and goes with the test. A
// test's own would not do: others cannot enter it.
func (a *account) folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "workbench-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if a != nil {
		if err := os.Chown(dir, a.uid, a.gid); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// process is a started program whose end is awaited.
type process struct {
	command *exec.Cmd
	said    *tail
	done    chan struct{} // closed when the process is gone
	err     error         // how it ended; valid after done
}

// begin starts a command. One goroutine starts and awaits it without leaving
// its thread, because Linux takes the end of the starting thread for the end of
// the parent, with which the command is to end.
func begin(c *exec.Cmd) (*process, error) {
	p := &process{command: c, said: &tail{}, done: make(chan struct{})}
	c.Stdout, c.Stderr = p.said, p.said
	c.WaitDelay = time.Second // a grandchild may hold the output open
	started := make(chan error, 1)
	go func() { // ends with the process, which its server awaits
		defer close(p.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.Start()
		started <- err
		if err == nil {
			p.err = c.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	return p, nil
}

// tail keeps the last bytes written to it. It is safe for concurrent use.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	const most = 4096
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if extra := len(t.buf) - most; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(b), nil
}

// String returns what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
