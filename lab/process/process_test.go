package process_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"workbench/lab/process"
)

// role has this test binary play a program: one that says much and ends, or one
// that waits to be killed.
const role = "WORKBENCH_TEST_PROCESS"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "talk":
		fmt.Println("first", strings.Repeat("x", 10_000), "last")
		os.Exit(3)
	case "wait":
		never, _, err := os.Pipe()
		if err == nil {
			_, err = never.Read(make([]byte, 1)) // until it is killed
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(4)
	}
	os.Exit(m.Run())
}

func begin(t *testing.T, as string) *process.Process {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), role+"="+as)
	p, err := process.Begin(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEndByItself(t *testing.T) {
	p := begin(t, "talk")
	if err := p.Err(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("Err() = %v, want exit status 3", err)
	}
	if said := p.Said(); strings.HasPrefix(said, "first") || !strings.HasSuffix(said, "last") || len(said) > 4096 {
		t.Errorf("Said() has %d bytes and ends %.20q, want the last 4096", len(said), said[max(0, len(said)-20):])
	}
	if err := p.End(os.Kill); err != nil {
		t.Errorf("End() of what has ended = %v, want nil", err)
	}
}

func TestKill(t *testing.T) {
	p := begin(t, "wait")
	select {
	case <-p.Done():
		t.Fatalf("it has ended: %v", p.Err())
	default:
	}
	if err := p.End(os.Kill); err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err == nil {
		t.Error("Err() of a killed process = nil, want how it ended")
	}
}

func TestNoProgram(t *testing.T) {
	if p, err := process.Begin(exec.Command("/nowhere/at/all")); err == nil || !strings.Contains(err.Error(), "start /nowhere/at/all") {
		t.Errorf("Begin() = %v, %v; want an error that names the program", p, err)
	}
}

func TestFreePort(t *testing.T) {
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatalf("port %d is not free: %v", port, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
