package host

import (
	"context"
	"encoding/binary"
	"errors"
	"time"
)

// Failure is how a call of the lab's has failed.
type Failure struct {
	Transient  bool          // another try may help
	RetryAfter time.Duration // how long the server asks to be left alone
}

// Error implements error.
func (f *Failure) Error() string {
	if f.Transient {
		return "the call failed, and may not the next time"
	}
	return "the call failed"
}

const failureSize = 9

// Text writes a failure for the pipe.
func (f Failure) Text() []byte {
	b := make([]byte, failureSize)
	if f.Transient {
		b[0] = 1
	}
	binary.LittleEndian.PutUint64(b[1:], uint64(f.RetryAfter))
	return b
}

func readFailure(text string) *Failure {
	if len(text) != failureSize {
		return &Failure{}
	}
	return &Failure{Transient: text[0] == 1, RetryAfter: time.Duration(binary.LittleEndian.Uint64([]byte(text[1:])))}
}

// try has a solution see one request through.
func (h *host) try(ctx context.Context, a Ask) Tell {
	if a.Key > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(a.Key))
		defer cancel()
	}
	err := h.solution.Try(ctx, a.End == 1, func(ctx context.Context) error {
		_, err := h.load(ctx, a.ID)
		var why *refusal
		if errors.As(err, &why) {
			return readFailure(why.text)
		}
		return err
	})
	return Tell{ID: a.ID, OK: err == nil}
}
