package pgtest

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"workbench/lab/process"
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
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
