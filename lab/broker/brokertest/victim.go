package brokertest

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// victimVar has a test binary play a process that is going to be killed.
const victimVar = "WORKBENCH_TEST_VICTIM"

// Victim returns what the parent gave this process when it is a victim: the
// test then does its work, and says what it has acknowledged, until it is
// killed.
func Victim() (with string, is bool) { return os.LookupEnv(victimVar) }

// Acked tells the parent that a message was acknowledged. It is heard also if
// the kill comes at the next instruction.
func Acked(id string) { fmt.Println("acked " + id) }

// Random returns a random number from 1 to n: when to kill. It is not seeded,
// because what a kill meets cannot be repeated anyway.
func Random(t *testing.T, n int64) int {
	t.Helper()
	k, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		t.Fatal(err)
	}
	return 1 + int(k.Int64())
}

// Kill runs the calling test in a process of its own, with what is to be its
// Victim, kills it after it has said Acked as many times, and returns all that
// it acknowledged, which may be more.
func Kill(t *testing.T, with string, after int) []string {
	t.Helper()
	victim := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=60s")
	victim.Env = append(os.Environ(), victimVar+"="+with)
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	victim.Stderr = &said
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	var acked []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		id, ok := strings.CutPrefix(lines.Text(), "acked ")
		if !ok {
			said.WriteString(lines.Text() + "\n")
			continue
		}
		acked = append(acked, id)
		if len(acked) == after {
			if err := victim.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := victim.Wait(); !errors.As(err, &exit) || len(acked) < after || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the victim acknowledged %d of %d and ended with %v, want a kill; it said: %s", len(acked), after, err, said.String())
	}
	return acked
}
