package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// A frame is a number of records: four bytes that say how many, then so many
// records of one size. All numbers are little-endian. A side writes what has
// gathered while it wrote the frame before, so that frames grow with the load.
const (
	FrameHead = 4
	AskSize   = 32
	TellSize  = 24
	MaxBatch  = 1024
)

// Greeting is what the program writes first, when its solution is ready. One
// that is not writes Regret, and why in a line.
const (
	Greeting = "workbench plug 1\n"
	Regret   = "workbench regret\n"
)

// Op is what a record asks for.
type Op uint8

// The operations. Only Admit is answered.
const (
	Admit  Op = 1 + iota // may this request pass?
	Done                 // the request of Ticket has ended as End says
	Cancel               // whoever asked for ID has gone
)

// Ask is a record to the program.
type Ask struct {
	ID     uint32
	Op     Op
	End    uint8 // of Done: 0 well, 1 badly, 2 it says nothing
	Ticket uint32
	Key    uint64
	At     time.Duration
}

// Append writes a record.
func (a Ask) Append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, a.ID)
	b = append(b, byte(a.Op), a.End, 0, 0)
	b = le.AppendUint32(b, a.Ticket)
	b = append(b, 0, 0, 0, 0)
	b = le.AppendUint64(b, a.Key)
	return le.AppendUint64(b, uint64(a.At))
}

func readAsk(b []byte) Ask {
	le := binary.LittleEndian
	return Ask{
		ID: le.Uint32(b), Op: Op(b[4]), End: b[5], Ticket: le.Uint32(b[8:]), Key: le.Uint64(b[16:]),
		At: time.Duration(le.Uint64(b[24:])),
	}
}

// Tell is a record from the program: the answer to an Admit.
type Tell struct {
	ID     uint32
	OK     bool
	Ticket uint32 // of an admission that wants to hear of its end; 0: none
	Retry  time.Duration
}

func (t Tell) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, t.ID)
	ok := byte(0)
	if t.OK {
		ok = 1
	}
	b = append(b, ok, 0, 0, 0)
	b = le.AppendUint32(b, t.Ticket)
	b = append(b, 0, 0, 0, 0)
	return le.AppendUint64(b, uint64(t.Retry))
}

// longest is the longest time after which a refusal may say to ask again.
const longest = 24 * time.Hour

// ReadTell reads a record. It refuses what no program of ours writes.
func ReadTell(b []byte) (Tell, error) {
	le := binary.LittleEndian
	t := Tell{ID: le.Uint32(b), OK: b[4] == 1, Ticket: le.Uint32(b[8:]), Retry: time.Duration(le.Uint64(b[16:]))}
	switch {
	case b[4] > 1 || b[5] != 0 || b[6] != 0 || b[7] != 0 || le.Uint32(b[12:]) != 0:
		return t, errors.New("a record that is none of ours")
	case t.Retry < 0 || t.Retry > longest:
		return t, fmt.Errorf("a refusal says to ask again after %v, want 0s to %v", t.Retry, longest)
	}
	return t, nil
}

// ErrFrame is wrapped by the error about a frame that no program of ours writes.
var ErrFrame = errors.New("a frame that is none of ours")

// ReadFrame reads a frame of records of a size and hands over each. buf is used
// again from call to call.
func ReadFrame(r io.Reader, size int, buf []byte, each func([]byte) error) ([]byte, error) {
	var head [FrameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return buf, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n == 0 || n > MaxBatch {
		return buf, fmt.Errorf("%w: of %d records, want 1 to %d", ErrFrame, n, MaxBatch)
	}
	if want := int(n) * size; cap(buf) < want {
		buf = make([]byte, want)
	}
	buf = buf[:int(n)*size]
	if _, err := io.ReadFull(r, buf); err != nil {
		return buf, err
	}
	for i := range int(n) {
		if err := each(buf[i*size : (i+1)*size]); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// Frames writes records of a size as frames.
func Frames(w io.Writer, size int, records []byte) (frames int, err error) {
	var out []byte
	for len(records) > 0 {
		n := min(len(records)/size, MaxBatch)
		out = binary.LittleEndian.AppendUint32(out[:0], uint32(n))
		out = append(out, records[:n*size]...)
		records = records[n*size:]
		if _, err := w.Write(out); err != nil {
			return frames, err
		}
		frames++
	}
	return frames, nil
}
