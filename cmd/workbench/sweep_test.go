package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"workbench/lab/knob"
	"workbench/lab/scenario"
	"workbench/sim/load"
)

func TestSweepCalls(t *testing.T) {
	path := file(t, mine)
	none := file(t, strings.Replace(mine, "ablation:", "# ", 1))
	tests := []struct {
		name           string
		args           []string
		code           int
		stdout, stderr []string // in order
	}{
		{"where it tips", []string{path, "--vary=queue.length=100..900", "--steps=5", "--seeds=2"}, 0, []string{
			"mine: My own", "engine quick, queue.length under 2 seeds", "QUEUE.LENGTH  GOODPUT_SHARE",
			"100           1 ", "2 of 2  ####", "300           1 ", "500           1 ", "700           0 ", "0 of 2\n", "900           0 ",
			"queue.length tips between 500 (won) and 700 (lost)",
		}, nil},
		{"where it does not", []string{path, "--vary=queue.length=501..510", "--steps=3", "--seeds=1"}, 0, []string{"501           0              -", "does not tip in this range: lost at every value"}, nil},
		{"whole numbers, each once", []string{path, "--vary=queue.length=1..3", "--steps=9", "--seeds=1", "--engine=real"}, 0, []string{"engine real", "\n1  ", "\n2  ", "\n3  ", "won at every value"}, nil},
		{"equal ratios", []string{path, "--vary=queue.length=1..1000", "--steps=4", "--seeds=1", "--log"}, 0, []string{"\n1  ", "\n10  ", "\n100  ", "\n1000  ", "tips between 100 (won) and 1000 (lost)"}, nil},
		{"nothing to vary", []string{path}, 2, nil, []string{`flag --vary: got "", want PATTERN.KNOB=LOW..HIGH`}},
		{"no range", []string{path, "--vary=queue.length=5"}, 2, nil, []string{"want PATTERN.KNOB=LOW..HIGH"}},
		{"unknown pattern", []string{path, "--vary=cue.length=1..5"}, 2, nil, []string{`flag --vary: pattern "cue": unknown, want one of queue, breaker`}},
		{"unknown knob", []string{path, "--vary=queue.size=1..5"}, 2, nil, []string{`pattern queue: knob "size": unknown, want one of length`}},
		{"no number", []string{path, "--vary=queue.length=1..many"}, 2, nil, []string{`queue.length: got "many", want a whole number`}},
		{"the larger first", []string{path, "--vary=queue.length=5..1"}, 2, nil, []string{"got 5..1, want the smaller value first"}},
		{"ratios from nothing", []string{path, "--vary=queue.length=0..5", "--log"}, 2, nil, []string{"flag --log: got 0..5, want a range above 0"}},
		{"beyond the knob", []string{path, "--vary=queue.length=5..5000"}, 2, nil, []string{"knob length: got"}},
		{"one step", []string{path, "--vary=queue.length=1..5", "--steps=1"}, 2, nil, []string{"flag --steps: got 1, want 2 to 200"}},
		{"all at once", []string{path, "--vary=queue.length=1..5", "--seeds=0", "--seed=4", "--off=queue"}, 2, nil, []string{"flag --seeds: got 0", "flag --seed: got one seed", "flag --vary: got queue off, want it on"}},
		{"no ablation", []string{none, "--vary=queue.length=1..5"}, 2, nil, []string{"got no ablation, want one in its file"}},
		{"no scenario", []string{"--vary=queue.length=1..5"}, 2, nil, []string{"got 0 scenarios, want one"}},
		{"no such engine", []string{path, "--vary=queue.length=1..5", "--engine=slow"}, 2, nil, []string{`flag --engine: got "slow", want one of real, quick`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			if code := b.call(t.Context(), append([]string{"sweep"}, tt.args...)...); code != tt.code {
				t.Errorf("exit code = %d, want %d; stderr:\n%s", code, tt.code, b.stderr.String())
			}
			inOrder(t, "stdout", b.stdout.String(), tt.stdout)
			inOrder(t, "stderr", b.stderr.String(), tt.stderr)
			if tt.code == exitUsage && (len(b.ran) > 0 || b.stdout.Len() > 0) {
				t.Errorf("bad usage ran %q and printed %q, want nothing done", b.ran, b.stdout.String())
			}
		})
	}
}

func TestReadings(t *testing.T) {
	tests := []struct {
		low, high, kind string
		log             bool
		want            []string
	}{
		{"50ms", "1s", "duration", false, []string{"50ms", "525ms", "1s"}},
		{"1ms", "1s", "duration", true, []string{"1ms", "31.623ms", "1s"}},
		{"0.1", "0.2", "number", false, []string{"0.1", "0.15", "0.2"}},
		{"-2", "4", "integer", false, []string{"-2", "1", "4"}},
	}
	for _, tt := range tests {
		from, to := reading{kind: knob.Kind(tt.kind)}, reading{kind: knob.Kind(tt.kind)}
		if err := errors.Join(from.parse(tt.low), to.parse(tt.high)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, share := range []float64{0, 0.5, 1} {
			got = append(got, reading{from.kind, between(from.value, to.value, share, tt.log)}.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s..%s (log %v) = %q, want %q", tt.low, tt.high, tt.log, got, tt.want)
		}
	}
	for _, text := range []string{"", "NaN", "+Inf", "1e999", "x"} {
		r := reading{kind: knob.Kind("number")}
		if err := r.parse(text); err == nil {
			t.Errorf("parse(%q) = %v, want an error", text, r.value)
		}
	}
	choice := reading{kind: knob.Kind("choice")}
	if err := choice.parse("fifo"); err == nil || !strings.Contains(err.Error(), "got a choice") {
		t.Errorf("parse of a choice = %v, want that it cannot be divided", err)
	}
}

// TestSweepRunsSeveralAtOnce holds the result of several workers to that of one.
func TestSweepRunsSeveralAtOnce(t *testing.T) {
	var outs []string
	for _, jobs := range []int{1, 4} {
		b := newBench()
		b.parts.engines[1].jobs = jobs
		if code := b.call(t.Context(), "sweep", file(t, mine), "--vary=queue.length=100..900", "--seeds=3", "--json"); code != exitOK {
			t.Fatalf("exit code = %d; stderr:\n%s", code, b.stderr.String())
		}
		if len(b.ran) != 9*3+1 || b.ran[len(b.ran)-1] != "quick closed" {
			t.Errorf("%d jobs ran %d things, the last %q, want 27 runs and then closed", jobs, len(b.ran), b.ran[len(b.ran)-1])
		}
		outs = append(outs, b.stdout.String())
	}
	if outs[0] != outs[1] {
		t.Errorf("four jobs printed\n%s\nwant what one prints:\n%s", outs[1], outs[0])
	}
	var got sweepTable
	if err := json.Unmarshal([]byte(outs[0]), &got); err != nil {
		t.Fatal(err)
	}
	if want := []tip{{"500", "600", false}}; !slices.Equal(got.Tips, want) || len(got.Points) != 9 || got.Points[0].Won != 3 || got.Points[0].Mean != 1 || *got.Points[0].Half != 0 {
		t.Errorf("table = %+v, want nine points, the first won three times, and tips %+v", got, want)
	}
}

// TestSweepIsCutShort shows what has run before an interruption or a fault.
func TestSweepIsCutShort(t *testing.T) {
	path := file(t, mine)
	tests := []struct {
		name   string
		set    func(*bench, context.CancelFunc)
		stderr string
	}{
		{"interrupted", func(b *bench, stop context.CancelFunc) { b.parts.engines[1] = cutAfter(b, 3, nil, stop) }, "context canceled"},
		{"broken", func(b *bench, _ context.CancelFunc) {
			b.parts.engines[1] = cutAfter(b, 3, func(f *fake) { f.fail = errors.New("the wire broke") }, nil)
		}, "the wire broke"},
		{"spoiled", func(b *bench, _ context.CancelFunc) {
			b.parts.engines[1] = cutAfter(b, 3, func(f *fake) { f.verdict = load.GeneratorLimited }, nil)
		}, "not to be trusted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			tt.set(b, stop)
			code := b.call(ctx, "sweep", path, "--vary=queue.length=100..900", "--steps=3", "--seeds=2")
			if code != exitFailed || !strings.Contains(b.stderr.String(), tt.stderr) {
				t.Errorf("exit code = %d, stderr %q, want %d and %q", code, b.stderr.String(), exitFailed, tt.stderr)
			}
			inOrder(t, "stdout", b.stdout.String(), []string{"100           1 ", "2 of 2"})
			if strings.Contains(b.stdout.String(), "500 ") {
				t.Errorf("printed a value of which a run is missing:\n%s", b.stdout.String())
			}
			if last := b.ran[len(b.ran)-1]; last != "quick closed" {
				t.Errorf("last was %q, want the engine closed", last)
			}
		})
	}
}

// cutter is a fake that is changed, or whose caller is stopped, when its nth
// run begins.
type cutter struct {
	*fake
	left   int
	change func(*fake)
	stop   context.CancelFunc
}

func cutAfter(b *bench, n int, change func(*fake), stop context.CancelFunc) engineKind {
	f := &fake{name: "quick", known: b.parts.known(), ran: &b.ran}
	return engineKind{name: "quick", open: func(context.Context, *program) (engine, error) { return &cutter{f, n, change, stop}, nil }}
}

func (c *cutter) Run(ctx context.Context, spec scenario.Spec, o runOptions, show watcher) (scenario.Report, error) {
	if c.left--; c.left == 0 {
		if c.change != nil {
			c.change(c.fake)
		}
		if c.stop != nil {
			c.stop()
		}
	}
	return c.fake.Run(ctx, spec, o, show)
}
