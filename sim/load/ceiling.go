package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"workbench/sim/load/null"
)

// The measurement of a machine's ceiling.
const (
	ceilingFor   = 500 * time.Millisecond
	ceilingConns = 64
)

// Ceiling returns how many requests a second this machine carries when nothing
// else is in the way: a closed loop against a null server in this process, for
// half a second. Presets scale to a part of it. The figure is of the moment:
// whatever else runs on the machine lowers it.
func Ceiling(ctx context.Context) (rate float64, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("measure the ceiling: %w", err)
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- null.Serve(serving, l, nil) }()
	defer func() {
		stop()
		err = errors.Join(err, <-served)
	}()
	run, err := Start(ctx, Plan{
		Target: l.Addr().String(), Duration: ceilingFor, Conns: ceilingConns, Closed: true,
		Ops: []Op{{Name: "null", Path: "/"}},
	})
	if err != nil {
		return 0, fmt.Errorf("measure the ceiling: %w", err)
	}
	var sum Frame
	for f := range run.Frames() {
		sum.Add(f)
	}
	if err := run.Wait(); err != nil {
		return 0, fmt.Errorf("measure the ceiling: %w", err)
	}
	return float64(sum.Outcomes[0]) / sum.T.Seconds(), nil
}
