package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"testing"

	"workbench/lab/classics"
)

// classicBench returns a bench with classics whose results are made up.
func classicBench(run func(context.Context, uint64) (classics.Result, error)) *bench {
	b := newBench()
	one := func(id string, theory float64) classics.Classic {
		return classics.Classic{ID: id, Title: "What " + id + " is", Source: "a paper", Figure: "a figure", Theory: theory, Tolerance: 1, Run: run}
	}
	b.parts.classics = []classics.Classic{one("near", 10), one("far", 20)}
	return b
}

// tens always finds ten and the seed in tenths.
func tens(_ context.Context, seed uint64) (classics.Result, error) {
	v := 10 + float64(seed)/10
	return classics.Result{Value: v, Low: v - 0.25, High: v + 0.25, Samples: 7}, nil
}

func TestClassicsCalls(t *testing.T) {
	tests := []struct {
		name           string
		args           []string
		code           int
		stdout, stderr []string
	}{
		{"one that holds", []string{"near", "--seed=2"}, 0, []string{"CLASSIC", "near     10         10.2  0.25   1          ✓  What near is"}, nil},
		{"all, and one does not", nil, 1, []string{"near", "✓", "far      20         10.1", "✗"}, []string{"not every published result is reproduced"}},
		{"unknown", []string{"near", "farther"}, 2, nil, []string{`classic "farther": unknown, want one of near, far`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := classicBench(tens)
			if code := b.call(t.Context(), append([]string{"classics"}, tt.args...)...); code != tt.code {
				t.Errorf("exit code = %d, want %d; stderr:\n%s", code, tt.code, b.stderr.String())
			}
			inOrder(t, "stdout", b.stdout.String(), tt.stdout)
			inOrder(t, "stderr", b.stderr.String(), tt.stderr)
			if tt.code == exitUsage && b.stdout.Len() > 0 {
				t.Errorf("bad usage printed %q, want nothing", b.stdout.String())
			}
		})
	}
}

func TestClassicsJSON(t *testing.T) {
	b := classicBench(tens)
	if code := b.call(t.Context(), "classics", "--json"); code != exitFailed {
		t.Errorf("exit code = %d, want %d", code, exitFailed)
	}
	var got []classics.Record
	if err := json.Unmarshal(b.stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].ID != "near" || !got[0].OK || got[0].Samples != 7 || math.Abs(got[0].High-10.35) > 1e-9 || got[1].OK || got[1].Reason == "" {
		t.Errorf("classics --json = %+v, want near reproduced and far not, with a reason", got)
	}
}

func TestClassicsBreak(t *testing.T) {
	broken := errors.New("out of memory")
	b := classicBench(func(ctx context.Context, seed uint64) (classics.Result, error) { return classics.Result{}, broken })
	if code := b.call(t.Context(), "classics"); code != exitFailed {
		t.Errorf("exit code = %d, want %d", code, exitFailed)
	}
	inOrder(t, "stderr", b.stderr.String(), []string{"classic", broken.Error()})

	ctx, stop := context.WithCancel(t.Context())
	stop()
	b = classicBench(func(ctx context.Context, _ uint64) (classics.Result, error) { return classics.Result{}, ctx.Err() })
	if code := b.call(ctx, "classics"); code != exitFailed || b.stdout.Len() > 0 {
		t.Errorf("interrupted: exit code %d and %q, want %d and nothing", code, b.stdout.String(), exitFailed)
	}
}

// TestClassicsAreWired runs a real one.
func TestClassicsAreWired(t *testing.T) {
	all := wire().classics
	i := slices.IndexFunc(all, func(c classics.Classic) bool { return c.ID == "retry-64" })
	if i < 0 {
		t.Fatalf("%d classics are wired, want retry-64 among them", len(all))
	}
	r, err := all[i].Try(t.Context(), defaultSeed)
	if err != nil || !r.OK || r.Theory != 64 {
		t.Errorf("retry-64 = %+v, %v, want 64 reproduced", r, err)
	}
}
