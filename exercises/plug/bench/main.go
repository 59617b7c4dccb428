// Command bench measures what a decision costs that a plugged-in answer makes,
// beside the lab's own pattern in this process: decisions a second and the 99th
// percentile of one, with few and with many callers at once, and from a stream
// of callers that come whether or not the ones before are done. Both take turns
// in one run, so that what else the machine does falls on both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"text/tabwriter"
	"time"

	"workbench/exercises"
	"workbench/exercises/grade"
	"workbench/exercises/plug"
	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/sim/clock"
	"workbench/sim/dist"
	"workbench/sim/stat"
)

const self = "sandbox-init"

func main() {
	if len(os.Args) > 1 && os.Args[1] == self {
		fmt.Fprintln(os.Stderr, sandbox.Init(os.Args[2:]))
		os.Exit(1)
	}
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// subject is one pattern, by ours and by an answer.
type subject struct {
	slug  string
	knobs map[string]any
}

// subjects are one that answers at once, one that may let callers wait, one that
// answers from what it has kept, and one that is asked twice for each request: may
// it wait, and who is next.
func subjects() []subject {
	return []subject{
		{"token-bucket", map[string]any{"rate": 1e6, "burst": 1000000}},
		{"fail-fast-gate", map[string]any{"limit": 1000000, "wait": "0s"}},
		{"cache-aside", map[string]any{"ttl": "1h"}},
		{"bounded-queue", map[string]any{"workers": 1000000, "length": 1000000}},
	}
}

func run(ctx context.Context, out io.Writer) error {
	length := flag.Duration("for", time.Second, "measure each for `LONG`")
	flag.Parse()
	box := sandbox.New(ctx, self)
	g, err := grade.New(ctx, box)
	if err != nil {
		return err
	}
	all, err := shelf.Open(exercises.Files)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-plug-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(out, "sandbox %s; each figure from %v; ours is the pattern in this process\n\n", box.Report(), *length)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "pattern\tcallers\tours: calls/s\tp99\tyours: calls/s\tp99\tdecisions a frame\tstood in\t")
	for _, s := range subjects() {
		if err := s.measure(ctx, w, g, box, all, dir, *length); err != nil {
			return errors.Join(err, w.Flush())
		}
	}
	return w.Flush()
}

// measure measures one subject with several crowds.
func (s subject) measure(ctx context.Context, w io.Writer, g *grade.Grader, box *sandbox.Box, all *shelf.Shelf, dir string, length time.Duration) error {
	e, err := all.Find(s.slug)
	if err != nil {
		return err
	}
	answer, err := e.Files(e.Right[0])
	if err != nil {
		return err
	}
	for name := range answer {
		if name != e.Names[0] {
			delete(answer, name)
		}
	}
	to := filepath.Join(dir, s.slug)
	if err := plug.Build(ctx, g, e, answer, to); err != nil {
		return err
	}
	p, ok := catalog.Find(e.Plug.Pattern)
	if !ok {
		return fmt.Errorf("there is no pattern %s", e.Plug.Pattern)
	}
	k, err := p.Settings(s.knobs)
	if err != nil {
		return err
	}
	guard := plug.Usual(time.Second) // all decisions are to be measured, late ones too
	env := lab.Env{Clock: clock.NewWall(), Counters: lab.NewCounters(), Log: slog.New(slog.DiscardHandler), Uniform: func() float64 { return .5 },
		Go: func(f func(context.Context)) { go f(ctx) }}
	ours, err := p.New(env, k)
	if err != nil {
		return err
	}
	yours, err := p.Yours(env, k, plug.NewProgram(s.slug, to, box, guard))
	if err != nil {
		return errors.Join(err, ours.Close())
	}
	next := lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} })
	handlers := [2]lab.Handler{ours.Wrap(next, lab.On), yours.Wrap(next, lab.Yours)}
	for _, callers := range []int{1, 64, 256, 0} {
		var got [2]figures
		before := env.Counters.All()
		for i, h := range handlers {
			if callers == 0 {
				got[i] = stream(h, length)
			} else {
				got[i] = crowd(h, callers, length)
			}
		}
		after := env.Counters.All()
		grown := func(name string) uint64 { return after[name] - before[name] }
		who := fmt.Sprint(callers)
		if callers == 0 {
			who = "5000/s"
		}
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%v\t%.0f\t%v\t%.1f\t%d\t\n", p.Name, who, got[0].rate, got[0].p99, got[1].rate, got[1].p99,
			float64(grown(lab.EventDecisions))/float64(max(1, grown(lab.EventBatches))), grown(lab.EventFallbacks))
	}
	return errors.Join(ours.Close(), yours.Close())
}

// figures are the decisions a second and the time of one.
type figures struct {
	rate float64
	p99  time.Duration
}

// crowd has callers ask one question after the other.
func crowd(h lab.Handler, callers int, length time.Duration) figures {
	wall := clock.NewWall()
	var mu sync.Mutex
	var sum stat.Hist
	var work sync.WaitGroup
	for i := range callers {
		work.Go(func() {
			var mine stat.Hist
			r := lab.Request{User: uint64(i), Key: uint64(i), Read: true}
			for at := wall.Now(); at < length; {
				h.Serve(context.Background(), &r)
				now := wall.Now()
				mine.Record(now - at)
				at = now
			}
			mu.Lock()
			defer mu.Unlock()
			sum.Merge(&mine)
		})
	}
	work.Wait()
	return figures{float64(sum.Count()) / wall.Now().Seconds(), sum.Quantile(.99)}
}

// stream has 5000 callers a second come by chance, and counts from when each was
// due.
func stream(h lab.Handler, length time.Duration) figures {
	const rate = 5000
	wall := clock.NewWall()
	gaps := dist.New(1, "arrivals")
	var sum stat.Atomic
	var work sync.WaitGroup
	for at := time.Duration(0); at < length; at += time.Duration(gaps.Exp() * float64(time.Second) / rate) {
		if wall.Wait(context.Background(), at) != nil {
			break // it has no end
		}
		work.Go(func() {
			came := wall.Now() // what the sender is late by is not the pattern's
			h.Serve(context.Background(), &lab.Request{At: came, Read: true})
			sum.Record(wall.Now() - came)
		})
	}
	work.Wait()
	var all stat.Hist
	sum.Drain(&all)
	return figures{float64(all.Count()) / wall.Now().Seconds(), all.Quantile(.99)}
}
