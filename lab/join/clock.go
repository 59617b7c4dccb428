package join

import (
	"context"
	"time"

	"workbench/sim/clock"
)

// shifted is this machine's clock as the lab's run reads its own: what is kept
// in a shared Redis has ages on it.
type shifted struct {
	wall *clock.Wall
	by   time.Duration
}

// Now implements clock.Clock.
func (s shifted) Now() time.Duration { return max(1, s.wall.Now()+s.by) }

// Wait implements clock.Clock.
func (s shifted) Wait(ctx context.Context, until time.Duration) error {
	return s.wall.Wait(ctx, until-s.by)
}

var _ clock.Clock = shifted{}
