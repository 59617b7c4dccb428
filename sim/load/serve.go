package load

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Serve is what a generator process runs: it reads a plan and then changes from
// stdin, and writes frames to stdout, one JSON value a line. It returns when
// the run has ended. The end of stdin stops the run, so that a child never
// outlives its parent; the goroutine that reads stdin ends with it.
func Serve(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	in, out := newLines(stdin), &writer{out: stdout}
	run, err := begin(ctx, in)
	if err != nil {
		return errors.Join(err, out.write(reply{Error: err.Error()}))
	}
	if err := out.write(reply{Ready: true}); err != nil {
		stop()
		return errors.Join(err, run.Wait())
	}
	faults := make(chan error, 1)
	go func() {
		faults <- obey(run, in, out)
		stop()
	}()
	for f := range run.Frames() {
		if err = out.write(reply{Frame: &f}); err != nil {
			stop() // the parent has gone; the frames that are left go nowhere
			break
		}
	}
	if end := run.Wait(); end != nil && !errors.Is(end, context.Canceled) {
		err = errors.Join(err, end)
	}
	select {
	case fault := <-faults:
		err = errors.Join(err, fault)
	default:
	}
	return err
}

// begin starts the run that the first line describes.
func begin(ctx context.Context, in *lines) (*Run, error) {
	var first order
	if err := in.read(&first); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if first.Plan == nil || first.Change != nil {
		return nil, errors.New("plan: the first line must hold a plan alone")
	}
	pace, err := newPacer()
	if err != nil {
		return nil, err
	}
	return start(ctx, *first.Plan, pace, true)
}

// obey applies the changes that come, and answers each. It returns nil at the
// end of the input.
func obey(run *Run, in *lines, out *writer) error {
	for {
		var next order
		switch err := in.read(&next); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("change: %w", err)
		case next.Change == nil || next.Plan != nil:
			return errors.New("change: a line after the first must hold a change alone")
		}
		answer := reply{ID: next.ID}
		if err := run.Apply(*next.Change); err != nil {
			answer.Error = err.Error()
		}
		if err := out.write(answer); err != nil {
			return err
		}
	}
}
