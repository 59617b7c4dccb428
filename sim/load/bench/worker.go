package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"workbench/sim/clock"
	"workbench/sim/load"
	"workbench/sim/load/null"
)

// The children of a bench: the same program with one of these as argument.
const (
	workGenerate = "worker-generate" // load.Serve
	workNull     = "worker-null"     // a null server: fast, or "stall", "slow" or "hang"
	workBurn     = "worker-burn"     // takes a core's time away
)

func isWorker(arg string) bool { return strings.HasPrefix(arg, "worker-") }

// work is what a child does until its stdin ends.
func work(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	switch args[0] {
	case workGenerate:
		return load.Serve(ctx, stdin, stdout)
	case workNull:
		if len(args) == 2 {
			return serveNull(ctx, args[1], stdin, stdout)
		}
	case workBurn:
		return burn(ctx, stdin)
	}
	return fmt.Errorf("unknown worker %q", args)
}

// burn spins until stdin ends.
func burn(ctx context.Context, stdin io.Reader) error {
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer stop()
		// The end of stdin is the message, an error as good as any.
		_, _ = io.Copy(io.Discard, stdin)
	}()
	for ctx.Err() == nil {
	}
	return nil
}

// serveNull prints its address, and for each line it reads the count of
// requests so far.
func serveNull(ctx context.Context, kind string, stdin io.Reader, stdout io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	var count atomic.Uint64
	hold := gate(ctx, kind)
	go func() {
		served <- null.Serve(ctx, l, func() {
			count.Add(1)
			hold()
		})
	}()
	fmt.Fprintln(stdout, l.Addr())
	for in := bufio.NewScanner(stdin); in.Scan(); {
		fmt.Fprintln(stdout, count.Load())
	}
	stop()
	return <-served
}

// gate is how a server of a kind holds its answers back.
func gate(ctx context.Context, kind string) null.Gate {
	clk := clock.NewWall()
	switch kind {
	case "stall":
		return func() {
			if now := clk.Now(); now%stallEvery < stallFor {
				// The context's end closes the connection: nothing is left to report.
				_ = clk.Wait(ctx, now-now%stallEvery+stallFor)
			}
		}
	case "slow":
		return func() { _ = clk.Wait(ctx, clk.Now()+50*time.Millisecond) }
	case "hang":
		return func() { <-ctx.Done() }
	}
	return func() {}
}

// newBench finds out what this machine has.
func newBench(rounds int, length time.Duration) (*bench, error) {
	if rounds < 1 || length < time.Second || length > time.Minute || length%time.Second != 0 {
		return nil, errors.New("--rounds must be at least 1 and --for whole seconds between 1s and 1m, as wrk wants them")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	_, missing := exec.LookPath("taskset")
	return &bench{self: self, pin: missing == nil && runtime.NumCPU() > 1, rounds: rounds, length: length}, nil
}

// The cores that servers and generators are pinned to.
const (
	serverCore    = "0"
	generatorCore = "1"
)

// on returns a command that runs on a core where that can be had.
func (b *bench) on(ctx context.Context, core, exe string, args ...string) *exec.Cmd {
	if b.pin {
		return exec.CommandContext(ctx, "taskset", append([]string{"-c", core, exe}, args...)...)
	}
	return exec.CommandContext(ctx, exe, args...)
}

// server is a null server in a child process.
type server struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
	addr  string
}

func (b *bench) serve(ctx context.Context, kind string) (*server, error) {
	cmd := b.on(ctx, serverCore, b.self, workNull, kind)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	s := &server{cmd: cmd, stdin: stdin, out: bufio.NewReader(stdout)}
	if s.addr, err = s.out.ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("start a server: %w", err), s.stop())
	}
	s.addr = strings.TrimSpace(s.addr)
	return s, nil
}

// count returns how many requests the server has had.
func (s *server) count() (n uint64, err error) {
	if _, err := fmt.Fprintln(s.stdin); err != nil {
		return 0, fmt.Errorf("ask the server: %w", err)
	}
	if _, err := fmt.Fscanln(s.out, &n); err != nil {
		return 0, fmt.Errorf("ask the server: %w", err)
	}
	return n, nil
}

func (s *server) stop() error {
	s.stdin.Close()
	return s.cmd.Wait()
}

// result is what a generator of ours reported, and what it cost.
type result struct {
	sum      load.Frame
	verdicts []load.Verdict // of each whole second
	cpu      time.Duration
	rss      uint64 // the most bytes resident at any second
}

// generate runs a plan in a child process, as the product does.
func (b *bench) generate(ctx context.Context, p load.Plan) (*result, error) {
	cmd := b.on(ctx, generatorCore, b.self, workGenerate)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOMEMLIMIT=64MiB")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a generator: %w", err)
	}
	r := &result{}
	err = errors.Join(json.NewEncoder(stdin).Encode(map[string]any{"plan": p}), r.read(stdout))
	stdin.Close()
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("generator: %w", err)
	}
	r.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return r, nil
}

// read adds a generator's frames up until the last.
func (r *result) read(stdout io.Reader) error {
	for in := json.NewDecoder(stdout); !r.sum.Done; {
		var line struct {
			Error string
			Frame *load.Frame
		}
		if err := in.Decode(&line); err != nil {
			return err
		}
		if line.Error != "" {
			return errors.New(line.Error)
		}
		if line.Frame == nil {
			continue
		}
		second := r.sum.T / time.Second
		r.sum.Add(*line.Frame)
		r.rss = max(r.rss, line.Frame.RSS)
		if r.sum.T/time.Second != second {
			r.verdicts = append(r.verdicts, line.Frame.Verdict)
		}
	}
	return nil
}
