package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/chain"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

//go:embed reference.yaml
var reference []byte

// usersAtOne is how many users the reference load has at a scale of 1.
const usersAtOne = 10_000

// workRun is the child of a bench that runs the reference load once, so that
// each run has a process's time and memory to itself.
const workRun = "worker-run"

// worked is what such a child says of itself.
type worked struct {
	Requests uint64  `json:"requests"`
	Goodput  float64 `json:"goodput"`
	Hash     string  `json:"hash"`
	Cached   float64 `json:"cached"`  // share of the requests sent that a copy answered
	PeakMB   float64 `json:"peak_mb"` // 0: this system does not say
}

// cost is a run of the reference load as its parent sees it.
type cost struct {
	worked
	cpu time.Duration
}

// scale measures whole runs of the reference load: ten minutes of a million
// users, and how the cost grows with their number.
func (b *bench) scale(ctx context.Context) error {
	bare, err := b.reference(ctx, 1e6, 10*time.Minute, false)
	if err != nil {
		return err
	}
	b.most("1 M users for 10 min, patterns off", bare.cpu.Seconds(), 10, "s", fmt.Sprintf("of a core, %d requests", bare.Requests))
	b.most("  its memory", bare.PeakMB, 300, "MB", "")
	full, err := b.reference(ctx, 1e6, 10*time.Minute, true)
	if err != nil {
		return err
	}
	b.most("1 M users for 10 min, all patterns on", full.cpu.Seconds(), 20, "s", fmt.Sprintf("of a core, %d requests, %.0f %% from a copy, goodput %.2f %%", full.Requests, 100*full.Cached, 100*full.Goodput))
	b.most("  its memory", full.PeakMB, 300, "MB", "")
	var first, most float64
	for _, users := range []float64{1e6, 1e7, 1e8} {
		// The same number of requests each time: a fixed cost would not show as growth.
		length := time.Duration(6e8 / users * float64(time.Second)).Round(time.Second)
		c, err := b.reference(ctx, users, length, false)
		if err != nil {
			return err
		}
		each := float64(c.cpu.Nanoseconds()) / float64(c.Requests)
		if first == 0 {
			first = each
		}
		most = max(most, each/first)
		b.note(fmt.Sprintf("%3.0f M users for %v", users/1e6, length), c.cpu.Seconds(), "s", fmt.Sprintf("%d requests, %.0f ns each, %.3g s for a virtual second, %.0f MB", c.Requests, each, c.cpu.Seconds()/length.Seconds(), c.PeakMB))
	}
	b.most("growth beyond linear, 1 M to 100 M", most, 3, "×", "a hundred times as many are inside, more than the processor's caches hold")
	return nil
}

// reference runs the reference load in a child.
func (b *bench) reference(ctx context.Context, users float64, length time.Duration, all bool) (cost, error) {
	exe, err := os.Executable()
	if err != nil {
		return cost{}, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, exe, workRun, strconv.FormatFloat(users/usersAtOne, 'g', -1, 64), length.String(), strconv.FormatBool(all))
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("run %g users: %w: %s", users, err, strings.TrimSpace(failure.String()))
	}
	c := cost{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if err := json.Unmarshal(out.Bytes(), &c.worked); err != nil {
		return cost{}, fmt.Errorf("read what the run of %g users said: %w", users, err)
	}
	return c, nil
}

// work is what the child does.
func work(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) != 3 {
		return fmt.Errorf("%s: got %q, want a scale, a length and whether all patterns are on", workRun, args)
	}
	scale, err := strconv.ParseFloat(args[0], 64)
	if err != nil {
		return fmt.Errorf("scale: %w", err)
	}
	length, err := time.ParseDuration(args[1])
	if err != nil {
		return fmt.Errorf("length: %w", err)
	}
	spec, err := scenario.Parse("reference.yaml", reference)
	if err != nil {
		return err
	}
	spec.Traffic[0].For = length
	o := virtual.Options{Seed: 1, Scale: scale}
	if args[2] == "true" {
		o.Patterns = everything()
	}
	rep, err := virtual.Run(ctx, spec, o)
	if err != nil {
		return err
	}
	hits, err := scenario.Measure("hit_share", spec, rep)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(worked{rep.Offered, rep.GoodputShare, rep.EventsHash, hits, peak()})
}

// everything switches each pattern on, as it is by default.
func everything() []chain.Change {
	on := lab.On
	var out []chain.Change
	for _, p := range catalog.Patterns() {
		out = append(out, chain.Change{Pattern: p.Name, State: &on})
	}
	return out
}

// peak returns the most memory that this process has held, in megabytes; 0
// where the system does not say.
func peak() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 64)
			if err != nil {
				return 0
			}
			return n / 1024
		}
	}
	return 0
}
