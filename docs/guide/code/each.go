package code

import (
	"context"
	"sync"
)

// guide:begin each

// Each calls do for 0 to n-1, at most limit at a time, and returns the first
// error. After one no further call begins, and the context of those under way
// ends. It returns when all have returned: it leaves no goroutine behind.
func Each(ctx context.Context, n, limit int, do func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	places := make(chan struct{}, limit)
	var running sync.WaitGroup
	for i := range n {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		running.Go(func() {
			defer func() { <-places }()
			if err := do(ctx, i); err != nil {
				stop(err) // only the first one counts
			}
		})
	}
	running.Wait()
	return context.Cause(ctx)
}

// guide:end
