package code

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"workbench/sim/clock"
)

// guide:begin budget

// Budget pays for retries out of first tries: each first try puts in share of a
// retry, each retry takes one out. However much fails, retries add at most that
// share to the load.
type Budget struct {
	Share  float64 // 0.1: one retry for ten first tries
	Most   float64 // savings are worth at most so many retries
	mu     sync.Mutex
	saving float64 // guarded by mu
}

func (b *Budget) earn() {
	b.mu.Lock()
	b.saving = min(b.Most, b.saving+b.Share)
	b.mu.Unlock()
}

func (b *Budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.saving < 1 {
		return false
	}
	b.saving--
	return true
}

// guide:end

// ErrPermanent marks an error that another try cannot help.
var ErrPermanent = errors.New("permanent")

// Caller makes calls that may be repeated.
type Caller struct {
	Clock     clock.Clock
	Draw      func() float64 // between 0 and 1
	Budget    *Budget        // shared by all calls to one service
	Tries     int            // at most, the first included
	Base, Cap time.Duration
}

// guide:begin retry

// Do tries call until it succeeds, for as long as another try may help: the
// error is not permanent, tries and budget are left, and so is time. Only give
// it calls that may happen twice.
func (c Caller) Do(ctx context.Context, call func(context.Context) error) error {
	c.Budget.earn()
	for try := 1; ; try++ {
		err := call(ctx)
		if err == nil || errors.Is(err, ErrPermanent) || ctx.Err() != nil {
			return err
		}
		if try >= c.Tries || !c.Budget.spend() {
			return err
		}
		ceiling := min(float64(c.Cap), float64(c.Base)*math.Pow(2, float64(try-1)))
		pause := time.Duration(c.Draw() * ceiling) // full jitter: anywhere up to the ceiling
		if c.Clock.Wait(ctx, c.Clock.Now()+pause) != nil {
			return err // the caller's time is up: what failed says more than that
		}
	}
}

// guide:end
