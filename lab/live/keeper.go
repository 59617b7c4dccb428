package live

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"workbench/lab/scenario"
)

// Keeper remembers finished runs. Its methods are safe for concurrent use.
type Keeper interface {
	// Keep stores a run and gives it a number of its own.
	Keep(ctx context.Context, s RunSummary, r scenario.Report) error
	// Runs lists what is kept, the latest first.
	Runs(ctx context.Context) ([]RunSummary, error)
	// Run returns a run's report, or an error that wraps ErrUnknown.
	Run(ctx context.Context, id uint64) (scenario.Report, error)
}

// Memory is a Keeper that forgets with the process. The zero value is empty
// and ready; it holds the last 50 runs.
type Memory struct {
	mu   sync.Mutex
	past []pastRun // guarded by mu; the latest last
}

type pastRun struct {
	summary RunSummary
	report  scenario.Report
}

const runsKept = 50

// Keep implements Keeper.
func (m *Memory) Keep(_ context.Context, s RunSummary, r scenario.Report) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.ID = 1
	if n := len(m.past); n > 0 {
		s.ID = m.past[n-1].summary.ID + 1
	}
	m.past = append(m.past, pastRun{s, r})
	if len(m.past) > runsKept {
		m.past = append(m.past[:0], m.past[1:]...)
	}
	return nil
}

// Runs implements Keeper.
func (m *Memory) Runs(context.Context) ([]RunSummary, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]RunSummary, 0, len(m.past))
	for _, p := range slices.Backward(m.past) {
		out = append(out, p.summary)
	}
	return out, nil
}

// Run implements Keeper.
func (m *Memory) Run(_ context.Context, id uint64) (scenario.Report, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.past {
		if p.summary.ID == id {
			return p.report, nil
		}
	}
	return scenario.Report{}, fmt.Errorf("%w: run %d", ErrUnknown, id)
}

var _ Keeper = (*Memory)(nil)
