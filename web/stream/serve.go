package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"workbench/sim/clock"
)

// Limits of one stream.
const (
	// WriteTimeout is how long a reader of the site may leave a write pending before it is
	// cut off. The kernel buffers some hundred kilobytes, so a reader that
	// stopped is noticed some minutes after it did, and costs nothing until.
	WriteTimeout = 5 * time.Second
	quiet        = 15 * time.Second // without a message a comment shows that the stream lives
	retry        = "retry: 1000\n\n"
)

// Serve writes the stream to w until the reader leaves, stops reading or the
// hub closes. first is sent before anything else. The response's deadlines,
// which bound every other request, are replaced by the hub's patience with each write.
// Serve returns nil for an end in good order.
func (r *Reader) Serve(ctx context.Context, w http.ResponseWriter, c *clock.Wall, first []byte) error {
	rc := http.NewResponseController(w)
	if err := rc.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("lift the read deadline: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not collect what is live
	w.WriteHeader(http.StatusOK)
	buf := append([]byte(retry), first...)
	for {
		if err := r.write(w, rc, c, buf); err != nil {
			return err
		}
		var err error
		buf, err = r.next(ctx, buf[:0])
		switch {
		case errors.Is(err, ErrClosed), ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

// next is Next with a sign of life when nothing happens for a while.
func (r *Reader) next(ctx context.Context, buf []byte) ([]byte, error) {
	wait, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	buf, err := r.Next(wait, buf)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return append(buf, ": still here\n\n"...), nil
	}
	return buf, err
}

func (r *Reader) write(w http.ResponseWriter, rc *http.ResponseController, c *clock.Wall, buf []byte) error {
	err := rc.SetWriteDeadline(c.Date(c.Now() + r.hub.patience))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("set the write deadline: %w", err)
	}
	if _, err = w.Write(buf); err == nil {
		err = rc.Flush()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.hub.cut.Add(1)
		return fmt.Errorf("reader did not read for %v: %w", r.hub.patience, err)
	}
	return nil // any other fault means that the reader left, which ctx says next
}
