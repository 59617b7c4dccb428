package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"workbench/exercises/sandbox"
)

// With these as first argument this test binary is not a test but the sandbox's
// first process, or what runs inside the sandbox.
const (
	self    = "sandbox-init"
	hostile = "hostile"
	deaf    = "deaf" // does not call Init, as it should
	owner   = "owner"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case self:
			fmt.Fprintln(os.Stderr, sandbox.Init(os.Args[2:]))
			os.Exit(1)
		case deaf:
			defer func() { fmt.Fprintln(os.Stderr, recover()); os.Exit(1) }()
			sandbox.New(context.Background(), deaf)
		case hostile:
			misbehave(os.Args[2])
		case owner:
			own()
		}
	}
	os.Exit(m.Run())
}

// box returns a sandbox, or skips a test that would run hostile code without
// one.
func box(t *testing.T) *sandbox.Box {
	t.Helper()
	b := sandbox.New(t.Context(), self)
	if err := b.Report().Require(sandbox.Full); err != nil {
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "sandbox") {
			t.Fatal(err)
		}
		t.Skipf("HOSTILE CODE IS NOT TESTED HERE: %v", err)
	}
	return b
}

// run runs this binary in the sandbox, as a piece of hostile code.
func run(t *testing.T, b *sandbox.Box, what string, l sandbox.Limits) sandbox.Result {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Run(t.Context(), sandbox.Command{Program: exe, Args: []string{hostile, what}, Env: []string{"INSIDE=yes"}, Limits: l})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRequire(t *testing.T) {
	lack := []sandbox.Lack{{Layer: "namespaces", Why: "the kernel forbids them", Help: "permit them"}}
	for _, c := range []struct {
		have, want sandbox.Level
		ok         bool
	}{
		{sandbox.Full, sandbox.Full, true},
		{sandbox.Full, sandbox.None, true},
		{sandbox.Partial, sandbox.Full, false},
		{sandbox.Partial, sandbox.Partial, true},
		{sandbox.None, sandbox.Partial, false},
	} {
		err := sandbox.Report{Level: c.have, Missing: lack}.Require(c.want)
		if (err == nil) != c.ok {
			t.Errorf("a sandbox that is %s, required to be %s: %v", c.have, c.want, err)
		}
		if err != nil && (!errors.Is(err, sandbox.ErrWeak) || !strings.Contains(err.Error(), "permit them")) {
			t.Errorf("the error does not say what is missing and what to do: %v", err)
		}
	}
}

func TestInitRefusesPeople(t *testing.T) {
	for _, args := range [][]string{nil, {"x"}, {"2"}, {"3", "4"}} {
		if err := sandbox.Init(args); err == nil || !strings.Contains(err.Error(), "for the sandbox alone") {
			t.Errorf("Init(%q) = %v, want a refusal", args, err)
		}
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	b := box(t)
	ctx := t.Context()
	for _, c := range []struct {
		name    string
		command sandbox.Command
		want    string
	}{
		{"no such program", sandbox.Command{Program: "/no/such/program"}, "no such file"},
		{"not a program", sandbox.Command{Program: "sandbox_test.go"}, "as a program"},
		{"no such directory", sandbox.Command{Kind: sandbox.Tool, Program: "/bin/true", Dir: "/no/such/dir"}, "go to /no/such/dir"},
		{"not writable", sandbox.Command{Kind: sandbox.Tool, Program: "/bin/true", Dir: "/", Writable: []string{"/no/such/dir"}}, "let Landlock permit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := b.Run(ctx, c.command); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestContextEndsTheProcess(t *testing.T) {
	b := box(t)
	exe, _ := os.Executable()
	ctx, cancel := context.WithCancel(t.Context())
	p, err := b.Start(ctx, sandbox.Command{Program: exe, Args: []string{hostile, "loop"}, Env: []string{"INSIDE=yes"}, Limits: sandbox.Standard()})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if r := p.Wait(); r.Cause != sandbox.Stopped {
		t.Errorf("ended as %q, want %q", r.Cause, sandbox.Stopped)
	}
}

// A program that forgets to call Init would start itself without end.
func TestNewEndsWhatDoesNotCallInit(t *testing.T) {
	box(t)
	r := sandbox.New(t.Context(), deaf).Report()
	if r.Level != sandbox.None || !strings.Contains(r.String(), "does not call Init") {
		t.Errorf("found %v, want no sandbox, because Init is not called", r)
	}
}
