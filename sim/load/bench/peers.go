package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// peer is another load generator in a closed loop.
type peer struct {
	name   string
	module string  // to install it from; empty: only if it is there
	goal   float64 // our processor time a request over its; 0: none
	args   func(url, seconds, targets string) []string
}

// tools lists the peers.
func tools() []peer {
	return []peer{
		{"wrk", "", 1.15, func(url, length, _ string) []string {
			return []string{"-t1", fmt.Sprint("-c", conns), "-d" + length, url}
		}},
		{"vegeta", "github.com/tsenart/vegeta/v12@latest", 0.6, func(_, length, targets string) []string {
			return []string{"attack", "-rate=0", fmt.Sprint("-max-workers=", conns), fmt.Sprint("-connections=", conns), "-duration=" + length, "-targets=" + targets, "-output=" + os.DevNull}
		}},
		{"hey", "github.com/rakyll/hey@latest", 0, func(url, length, _ string) []string {
			return []string{"-z", length, "-c", fmt.Sprint(conns), url}
		}},
	}
}

// cost is processor time for a request, and requests a second.
type cost struct{ cpu, rate float64 }

// peers measures the closed loop, ours and theirs in turn.
func (b *bench) peers(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := b.serve(ctx, "fast")
	if err != nil {
		return err
	}
	defer s.stop()
	url := "http://" + s.addr + "/item/1"
	targets := filepath.Join(dir, "targets")
	if err := os.WriteFile(targets, []byte("GET "+url+"\n"), 0o600); err != nil {
		return err
	}
	all := tools()
	found := make([]string, len(all))
	for i, p := range all {
		found[i] = find(ctx, dir, p)
	}
	ours := make([]cost, b.rounds)
	ratios := make([][]cost, len(all)) // ours over theirs, by round
	for round := range b.rounds {
		r, err := b.generate(ctx, closed(s.addr, b.length))
		if err != nil {
			return err
		}
		ours[round] = cost{r.cpu.Seconds() * 1e6 / float64(r.sum.Tries), float64(r.sum.Tries) / b.length.Seconds()}
		for i, p := range all {
			if found[i] == "" {
				continue
			}
			c, err := b.time(ctx, s, found[i], p.args(url, fmt.Sprintf("%ds", int(b.length.Seconds())), targets))
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			ratios[i] = append(ratios[i], cost{ours[round].cpu / c.cpu, ours[round].rate / c.rate})
		}
	}
	b.note("closed loop, 64 connections: a request", median(ours).cpu, "µs CPU", fmt.Sprintf("%.0f a second", median(ours).rate))
	for i, p := range all {
		name := "CPU of a request, ours over " + p.name + "'s"
		if found[i] == "" {
			b.note(name, 0, "", "skipped: "+p.name+" is not here and could not be installed")
			continue
		}
		m := median(ratios[i])
		note := fmt.Sprintf("requests a second, ours over theirs: %.2f; rounds %s", m.rate, spread(ratios[i]))
		if p.goal > 0 {
			b.most(name, m.cpu, p.goal, "", note)
		} else {
			b.note(name, m.cpu, "", note)
		}
	}
	return nil
}

// find returns the path of a peer, installing it below dir if need be; empty
// when it cannot be had.
func find(ctx context.Context, dir string, p peer) string {
	if path, err := exec.LookPath(p.name); err == nil {
		return path
	}
	if p.module == "" {
		return ""
	}
	cmd := exec.CommandContext(ctx, "go", "install", p.module)
	cmd.Dir = dir // outside any module: the peer's own versions are used
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if cmd.Run() != nil {
		return ""
	}
	return filepath.Join(dir, p.name)
}

// time runs a tool and returns what a request cost it.
func (b *bench) time(ctx context.Context, s *server, exe string, args []string) (cost, error) {
	before, err := s.count()
	if err != nil {
		return cost{}, err
	}
	cmd := b.on(ctx, generatorCore, exe, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return cost{}, fmt.Errorf("%w: %s", err, out)
	}
	after, err := s.count()
	if err != nil {
		return cost{}, err
	}
	n := float64(max(after-before, 1))
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return cost{cpu.Seconds() * 1e6 / n, n / b.length.Seconds()}, nil
}

// median returns the middle of each figure.
func median(costs []cost) cost {
	var cpu, rate []float64
	for _, c := range costs {
		cpu, rate = append(cpu, c.cpu), append(rate, c.rate)
	}
	slices.Sort(cpu)
	slices.Sort(rate)
	return cost{cpu[len(cpu)/2], rate[len(rate)/2]}
}

func spread(costs []cost) string {
	least, most := math.Inf(1), math.Inf(-1)
	for _, c := range costs {
		least, most = min(least, c.cpu), max(most, c.cpu)
	}
	return fmt.Sprintf("%.2f–%.2f", least, most)
}
