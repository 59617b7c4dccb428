package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"workbench/sim/clock"
)

// burnTime bounds the life of burners whose run did not end them. No exercise
// may run for longer.
const burnTime = 2 * time.Minute

// way is one way to run a binary.
type way struct {
	name string
	seed uint64 // of the shuffle
	cpus int    // GOMAXPROCS; 0: as the machine has
	busy bool   // with burners beside it
}

func (w way) String() string { return fmt.Sprintf("%s, -test.shuffle=%d", w.name, w.seed) }

// result is what became of one run.
type result struct {
	passed, failed map[string]bool
	told           map[string]bool // tests that wrote down what happened
	ok             bool            // exit status 0
	hung           bool            // ended by us at the limit
	took           time.Duration
	output         string
}

// play runs a test binary for at most limit, with all tests or with some.
func play(ctx context.Context, binary string, limit time.Duration, w way, only ...string) result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	args := []string{"-test.v", "-test.shuffle=" + strconv.FormatUint(w.seed, 10)}
	if len(only) > 0 {
		args = append(args, "-test.run=^("+strings.Join(only, "|")+")$")
	}
	leader := 0
	if w.busy {
		end, pid, err := burners(ctx)
		if err != nil {
			return result{output: "start the burners: " + err.Error()}
		}
		defer end()
		leader = pid
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if w.cpus > 0 {
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+strconv.Itoa(w.cpus))
	}
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	group(cmd, leader)
	began := clock.NewWall()
	err := cmd.Run()
	r := result{ok: err == nil, hung: errors.Is(ctx.Err(), context.DeadlineExceeded), took: began.Now(), output: out.String()}
	r.passed, r.failed = verdicts(r.output)
	r.told = tellers(r.output)
	return r
}

var (
	section = regexp.MustCompile(`^=== (?:RUN|NAME|CONT) +(\w+)`)
	// moment is what the grader takes for something that happened: an instant,
	// or a dash where the exercise has no time.
	moment = regexp.MustCompile(`^    [\w.-]+\.go:\d+: @(?:-|[0-9.hmsuµn]+) .`)
)

// tellers reads the names of the tests that wrote down what happened.
func tellers(output string) map[string]bool {
	told, current := map[string]bool{}, ""
	for line := range strings.Lines(output) {
		if m := section.FindStringSubmatch(line); m != nil {
			current = m[1]
		} else if moment.MatchString(line) {
			told[current] = true
		}
	}
	return told
}

var verdict = regexp.MustCompile(`(?m)^\s*--- (PASS|FAIL): (Test\w+)[ /(]`)

// verdicts reads the names of the tests that passed and failed. A test that a
// panic cut short is in neither.
func verdicts(output string) (passed, failed map[string]bool) {
	passed, failed = map[string]bool{}, map[string]bool{}
	for _, m := range verdict.FindAllStringSubmatch(output, -1) {
		if m[1] == "PASS" {
			passed[m[2]] = true
		} else {
			failed[m[2]] = true
		}
	}
	for name := range failed {
		delete(passed, name) // some of its cases passed
	}
	return passed, failed
}

// burnWord is the argument by which this program runs as a burner.
const burnWord = "burn"

// burn keeps every processor busy until ctx ends or every run must be over.
func burn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, burnTime)
	defer cancel()
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			for x := uint64(1); ctx.Err() == nil; {
				for range 1 << 20 {
					x = x*6364136223846793005 + 1442695040888963407
				}
			}
		})
	}
	all.Wait()
}

// burners starts a process that keeps every processor busy. It leads a process
// group, which the binary under test joins; end ends the group.
func burners(ctx context.Context) (end func(), pid int, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, 0, err
	}
	cmd := exec.CommandContext(ctx, self, burnWord)
	group(cmd, 0)
	if err := cmd.Start(); err != nil {
		return nil, 0, err
	}
	return func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // gone already: fine
		_ = cmd.Wait()                                      // killed: always an error
	}, cmd.Process.Pid, nil
}
