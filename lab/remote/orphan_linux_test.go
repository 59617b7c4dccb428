package remote_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"workbench/lab/remote"
)

// orphanVar makes this test binary play a workbench that is killed.
const orphanVar = "WORKBENCH_TEST_ORPHAN"

// TestKilledWorkbenchLeavesNoServer kills a process that has spawned a Redis
// without letting it clean up, and wants the Redis gone too.
func TestKilledWorkbenchLeavesNoServer(t *testing.T) {
	spawnable(t)
	if os.Getenv(orphanVar) != "" {
		playVictim(t)
		return
	}
	victim := exec.Command(os.Args[0], "-test.run=^TestKilledWorkbenchLeavesNoServer$")
	victim.Env = append(os.Environ(), orphanVar+"="+t.TempDir())
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	address := ""
	for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
		address, _ = strings.CutPrefix(lines.Text(), "redis at ")
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := victim.Wait(); !errors.As(err, &exit) || address == "" {
		t.Fatalf("the victim at %q ended with %v, want an address and a kill", address, err)
	}
	opts, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	opts.DialerRetries = 1
	c := redis.NewClient(opts)
	until(t, "the orphaned redis-server is gone", func() bool { return c.Ping(t.Context()).Err() != nil })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// playVictim opens a Redis, says where, and waits to be killed.
func playVictim(t *testing.T) {
	r, err := remote.Open(t.Context(), remote.Options{Dir: os.Getenv(orphanVar)})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("redis at " + address(t, r))
	<-t.Context().Done()
}
