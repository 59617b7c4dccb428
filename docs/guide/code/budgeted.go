package code

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNoTime means that there is too little time left to begin.
var ErrNoTime = errors.New("too little time left")

// guide:begin deadline

// Within calls work with a part of the time that is left, and keeps the rest
// for what comes after. It does not begin what cannot end in time.
func Within(ctx context.Context, left time.Duration, part float64, least time.Duration, work func(context.Context) error) error {
	share := time.Duration(float64(left) * part)
	if share < least {
		return fmt.Errorf("%w: %v, want %v", ErrNoTime, share, least)
	}
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	return work(ctx)
}

// guide:end
