package classics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"workbench/sim/stat"
)

// Classic is one published result and the run that reproduces it.
type Classic struct {
	ID        string // stable and unique, such as "mm1-wait-80"
	Title     string // one line
	Source    string // paper, section or figure
	Figure    string // the claim in words, with its numbers and their unit
	Theory    float64
	Tolerance float64 // absolute: how far a run may be from Theory, and how wide its interval
	// Run simulates it. It is deterministic in seed, safe for concurrent use, and
	// ends early with ctx's error.
	Run func(ctx context.Context, seed uint64) (Result, error)
}

// Result is what a run measured.
type Result struct {
	Value     float64
	Low, High float64 // the 95 % confidence interval; both are Value when nothing is left to chance
	Samples   int     // how many requests, or whole runs, were observed
}

// The ways not to reproduce a figure.
var (
	ErrOff   = errors.New("the result is not the published one")
	ErrVague = errors.New("the run is too short to tell")
)

// Judge returns nil when r reproduces the figure, and otherwise an error that
// wraps ErrOff or ErrVague.
func (c Classic) Judge(r Result) error {
	half := max(r.High-r.Value, r.Value-r.Low)
	switch {
	case !(half <= c.Tolerance):
		return fmt.Errorf("classic %s: %w: got %.6g ± %.2g, want an interval within ± %.2g", c.ID, ErrVague, r.Value, half, c.Tolerance)
	case !(math.Abs(r.Value-c.Theory) <= c.Tolerance):
		return fmt.Errorf("classic %s: %w: got %.6g ± %.2g, want %.6g ± %.2g", c.ID, ErrOff, r.Value, half, c.Theory, c.Tolerance)
	}
	return nil
}

// All returns the classics in the order of the page, those of one subject
// together.
func All() []Classic {
	return slices.Concat(queues(), losses(), choices(), tails(), caches(), rings(), backoffs(), overloads(), collapses())
}

// measured returns the result of a mean with its interval.
func measured(i stat.Interval, samples int) Result {
	return Result{Value: i.Mean, Low: i.Low(), High: i.High(), Samples: samples}
}

// batches is the number of batch means behind an interval of one long run.
const batches = 30

// look is how many events pass between two looks at a context.
const look = 1 << 14

// repeat runs a simulation several times with seeds of their own and returns the
// mean of what each gives.
func repeat(ctx context.Context, seed uint64, times int, run func(seed uint64) (float64, error)) (Result, error) {
	values := make([]float64, times)
	for i := range values {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		var err error
		if values[i], err = run(seed<<32 + uint64(i)); err != nil {
			return Result{}, err
		}
	}
	return measured(stat.NewInterval(values), times), nil
}
