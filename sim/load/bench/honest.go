package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"time"

	"workbench/sim/arrival"
	"workbench/sim/load"
	"workbench/sim/outcome"
	"workbench/sim/stat"
)

// The stall: what an open system's users feel of it is arithmetic. A tenth of
// them come during a stall and wait uniformly up to all of it.
const (
	stallFor   = 200 * time.Millisecond
	stallEvery = 2 * time.Second
	stallP99   = 180 * time.Millisecond
	stallMean  = 10 * time.Millisecond
)

// open is an open loop at a steady rate.
func open(target string, rate float64, length time.Duration, conns int) load.Plan {
	return load.Plan{
		Target: target, Seed: 1, Duration: length, Conns: conns,
		Schedule: arrival.Schedule{{For: length, Shape: arrival.Shape{Kind: arrival.Steady, Rate: rate}}},
		Ops:      []load.Op{{Name: "get", Path: "/item/{key}"}},
	}
}

func hist(d stat.Delta) *stat.Hist {
	h := &stat.Hist{}
	h.Add(d)
	return h
}

func millis(d time.Duration) float64 { return d.Seconds() * 1000 }

// schedule holds the generator to 20,000 a second.
func (b *bench) schedule(ctx context.Context) error {
	s, err := b.serve(ctx, "fast")
	if err != nil {
		return err
	}
	defer s.stop()
	p := open(s.addr, 20_000, 3*time.Second, conns)
	arrivals, err := load.Draw(p)
	if err != nil {
		return err
	}
	drawn := 0
	for range arrivals {
		drawn++
	}
	r, err := b.generate(ctx, p)
	if err != nil {
		return err
	}
	ok := float64(r.sum.Outcomes[outcome.OK])
	lag, service := hist(r.sum.Lag), hist(r.sum.Service)
	b.least("20,000/s: answered of the drawn", 100*ok/float64(drawn), 99.5, "%", fmt.Sprintf("%d drawn", drawn))
	b.most("20,000/s: memory at its peak", float64(r.rss)/(1<<20), 32, "MiB", "")
	b.note("20,000/s: lag p99", millis(lag.Quantile(0.99)), "ms", fmt.Sprintf("p50 %.3f ms; service p50 %.3f ms", millis(lag.Quantile(0.5)), millis(service.Quantile(0.5))))
	b.note("20,000/s: a request", r.cpu.Seconds()*1e6/float64(max(r.sum.Tries, 1)), "µs CPU", "")
	return nil
}

// stall compares what is reported of a stalling server with what is true.
func (b *bench) stall(ctx context.Context) error {
	s, err := b.serve(ctx, "stall")
	if err != nil {
		return err
	}
	defer s.stop()
	r, err := b.generate(ctx, open(s.addr, 5_000, 3*stallEvery, conns))
	if err != nil {
		return err
	}
	h, service := hist(r.sum.Response), hist(r.sum.Service)
	off := func(got, want time.Duration) float64 { return 100 * math.Abs(float64(got-want)) / float64(want) }
	p99 := h.Quantile(0.99)
	b.most("stall: error of p99", off(p99, stallP99), 3, "%", fmt.Sprintf("%.1f ms, true %.0f ms", millis(p99), millis(stallP99)))
	b.note("stall: mean", millis(h.Mean()), "ms", fmt.Sprintf("true %.0f ms if the 1,000 who waited were answered in no time; longest %.0f ms", millis(stallMean), millis(h.Max())))
	b.note("stall: p99 by a naive clock", millis(service.Quantile(0.99)), "ms", "service time: what a tool that starts at the send reports")
	return nil
}

// attempts is how often a verdict is tried on a machine with other work.
const attempts = 3

// verdicts checks that each limit is told from the others.
func (b *bench) verdicts(ctx context.Context) error {
	for _, c := range []struct {
		name, server string
		plan         func(addr string) load.Plan
		burners      int
		want         load.Verdict
	}{
		{"nothing", "fast", func(a string) load.Plan { return open(a, 2_000, 3*time.Second, conns) }, 0, load.Unlimited},
		{"a starved generator", "fast", func(a string) load.Plan { return open(a, 2_000, 3*time.Second, conns) }, 4, load.GeneratorLimited},
		{"4 connections", "slow", func(a string) load.Plan { return open(a, 500, 3*time.Second, 4) }, 0, load.ConnectionLimited},
		{"a stalled service", "hang", func(a string) load.Plan { return open(a, 500, 3*time.Second, conns) }, 0, load.ServiceLimited},
	} {
		// Other work on this machine makes seconds that are rightly called
		// generator-limited: they say nothing about the other verdicts.
		var got []load.Verdict
		for attempt := 0; attempt < attempts && len(got) == 0; attempt++ {
			all, err := b.verdict(ctx, c.server, c.burners, c.plan)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			for _, v := range all {
				if v != load.GeneratorLimited || c.want == load.GeneratorLimited {
					got = append(got, v)
				}
			}
		}
		if len(got) == 0 {
			b.note("verdict on "+c.name, 0, "", "skipped: other work on this machine limited the generator in every second")
			continue
		}
		right := 0
		for _, v := range got {
			if v == c.want {
				right++
			}
		}
		b.least("verdict on "+c.name+": seconds right", 100*float64(right)/float64(len(got)), 100, "%", fmt.Sprintf("want %s, got %v", c.want, got))
	}
	return nil
}

// verdict runs a plan against a server while burners take the generator's core.
func (b *bench) verdict(ctx context.Context, kind string, burners int, plan func(string) load.Plan) (got []load.Verdict, err error) {
	s, err := b.serve(ctx, kind)
	if err != nil {
		return nil, err
	}
	if !b.pin {
		burners *= runtime.NumCPU() // they are not held to the generator's core
	}
	ends := []func() error{s.stop}
	defer func() {
		for _, end := range ends {
			err = errors.Join(err, end())
		}
	}()
	for range burners {
		end, err := start(b.on(ctx, generatorCore, b.self, workBurn))
		if err != nil {
			return nil, err
		}
		ends = append(ends, end)
	}
	p := plan(s.addr)
	p.Client.Timeout = time.Second
	r, err := b.generate(ctx, p)
	if err != nil {
		return nil, err
	}
	return r.verdicts[:min(len(r.verdicts), int(p.Duration/time.Second))], nil
}

// start begins a child that ends when its stdin does.
func start(cmd *exec.Cmd) (end func() error, err error) {
	var stdin io.Closer
	if stdin, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error {
		stdin.Close()
		return cmd.Wait()
	}, nil
}
