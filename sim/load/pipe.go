package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// maxLine bounds one line between the processes: a plan with a long trace, or
// a frame with many operations.
const maxLine = 4 << 20

// order is a line from parent to child: first a plan, then changes.
type order struct {
	Plan   *Plan   `json:"plan,omitempty"`
	Change *Change `json:"change,omitempty"`
	ID     uint64  `json:"id,omitempty"` // of a change, for its reply
}

// reply is a line from child to parent.
type reply struct {
	Ready bool   `json:"ready,omitempty"` // the plan is good and the run has begun
	ID    uint64 `json:"id,omitempty"`    // of the change that this answers
	Error string `json:"error,omitempty"` // why the plan or change was refused
	Frame *Frame `json:"frame,omitempty"`
}

// lines reads JSON values, one a line.
type lines struct{ in *bufio.Scanner }

func newLines(r io.Reader) *lines {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 0, 4<<10), maxLine)
	return &lines{in}
}

// read puts the next line into v. It returns io.EOF at the end, and refuses
// fields it does not know and anything after the value.
func (l *lines) read(v any) error {
	if !l.in.Scan() {
		err := l.in.Err()
		switch {
		case err == nil:
			return io.EOF
		case errors.Is(err, bufio.ErrTooLong):
			return fmt.Errorf("a line is over %d bytes: %w", maxLine, err)
		}
		return fmt.Errorf("read a line: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(l.in.Bytes()))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("read a line: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("read a line: there is more than one value in it")
	}
	return nil
}

// writer writes JSON values, one a line, from any goroutine.
type writer struct {
	mu  sync.Mutex
	out io.Writer // guarded by mu
}

func (w *writer) write(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode a line: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.out.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write a line: %w", err)
	}
	return nil
}
