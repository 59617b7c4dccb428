package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// A frame is a number of records: four bytes that say how many, then so many
// records of one size, each with its text right behind it; how long that is
// stands in the record, and for most it is 0. All numbers are little-endian. A
// side writes what has gathered while it wrote the frame before, so that frames
// grow with the load.
const (
	FrameHead = 4
	AskSize   = 32
	TellSize  = 24
	MaxBatch  = 1024
	MaxText   = 64 << 10
	textAt    = 12 // where in a record of either kind the length of its text stands
)

// Greeting is what the program writes first, when its solution is ready. One
// that is not writes Regret, and why in a line.
const (
	Greeting = "workbench plug 1\n"
	Regret   = "workbench regret\n"
)

// Op is what a record asks for.
type Op uint8

// The operations. Admit, Get, Push and Pop are answered.
const (
	Admit  Op = 1 + iota // may this request pass?
	Done                 // the request of Ticket has ended as End says
	Cancel               // whoever asked for ID has gone
	Get                  // what is the value of the key in Text?
	Loaded               // the load that question ID asked for has ended: End 0 with a value in Text, 1 without one
	Push                 // the item Ticket comes to wait
	Pop                  // who is next?
)

// Ask is a record to the program.
type Ask struct {
	ID     uint32
	Op     Op
	End    uint8 // of Done: 0 well, 1 badly, 2 it says nothing
	Ticket uint32
	Key    uint64
	At     time.Duration
	Text   []byte
}

// Append writes a record with its text.
func (a Ask) Append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, a.ID)
	b = append(b, byte(a.Op), a.End, 0, 0)
	b = le.AppendUint32(b, a.Ticket)
	b = le.AppendUint32(b, uint32(len(a.Text)))
	b = le.AppendUint64(b, a.Key)
	b = le.AppendUint64(b, uint64(a.At))
	return append(b, a.Text...)
}

// readAsk reads a record. Its text is good until the next one is read.
func readAsk(b, text []byte) Ask {
	le := binary.LittleEndian
	return Ask{
		ID: le.Uint32(b), Op: Op(b[4]), End: b[5], Ticket: le.Uint32(b[8:]), Key: le.Uint64(b[16:]),
		At: time.Duration(le.Uint64(b[24:])), Text: text,
	}
}

// Word is what a record from the program says.
type Word uint8

// The words.
const (
	Answer Word = iota // to the question ID
	Call               // question ID wants its key loaded
	Drop               // the item Ticket waits no more: OK when it gave way to a newer one
)

// Tell is a record from the program.
type Tell struct {
	ID     uint32
	OK     bool
	Word   Word
	Ticket uint32 // of an admission that wants to hear of its end, 0: none; the item of a Pop or a Drop
	Retry  time.Duration
	Text   []byte // the value of a Get that is OK; else with what its load was refused, if that is why
}

func (t Tell) append(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, t.ID)
	ok := byte(0)
	if t.OK {
		ok = 1
	}
	b = append(b, ok, byte(t.Word), 0, 0)
	b = le.AppendUint32(b, t.Ticket)
	b = le.AppendUint32(b, uint32(len(t.Text)))
	b = le.AppendUint64(b, uint64(t.Retry))
	return append(b, t.Text...)
}

// longest is the longest time after which a refusal may say to ask again.
const longest = 24 * time.Hour

// ReadTell reads a record, whose text is good until the next one is read. It
// refuses what no program of ours writes.
func ReadTell(b, text []byte) (Tell, error) {
	le := binary.LittleEndian
	t := Tell{ID: le.Uint32(b), OK: b[4] == 1, Word: Word(b[5]), Ticket: le.Uint32(b[8:]), Retry: time.Duration(le.Uint64(b[16:])), Text: text}
	switch {
	case b[4] > 1 || t.Word > Drop || b[6] != 0 || b[7] != 0 || t.Word != Answer && len(text) > 0:
		return t, errors.New("a record that is none of ours")
	case t.Retry < 0 || t.Retry > longest:
		return t, fmt.Errorf("a refusal says to ask again after %v, want 0s to %v", t.Retry, longest)
	}
	return t, nil
}

// ErrFrame is wrapped by the error about a frame that no program of ours writes.
var ErrFrame = errors.New("a frame that is none of ours")

// ReadFrame reads a frame of records of a size and hands over each with its
// text. buf is used again from record to record and from call to call.
func ReadFrame(r io.Reader, size int, buf []byte, each func(record, text []byte) error) ([]byte, error) {
	var head [FrameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return buf, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n == 0 || n > MaxBatch {
		return buf, fmt.Errorf("%w: of %d records, want 1 to %d", ErrFrame, n, MaxBatch)
	}
	for range n {
		buf = slices.Grow(buf[:0], size)[:size]
		if _, err := io.ReadFull(r, buf); err != nil {
			return buf, err
		}
		length := binary.LittleEndian.Uint32(buf[textAt:])
		if length > MaxText {
			return buf, fmt.Errorf("%w: a text of %d bytes, want at most %d", ErrFrame, length, MaxText)
		}
		buf = slices.Grow(buf, int(length))[:size+int(length)]
		if _, err := io.ReadFull(r, buf[size:]); err != nil {
			return buf, err
		}
		if err := each(buf[:size], buf[size:]); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// Frames writes records of a size, each with its text, as frames.
func Frames(w io.Writer, size int, records []byte) (frames int, err error) {
	var out []byte
	for len(records) > 0 {
		n, end := 0, 0
		for ; n < MaxBatch && end < len(records); n++ {
			end += size + int(binary.LittleEndian.Uint32(records[end+textAt:]))
		}
		out = binary.LittleEndian.AppendUint32(out[:0], uint32(n))
		out = append(out, records[:end]...)
		records = records[end:]
		if _, err := w.Write(out); err != nil {
			return frames, err
		}
		frames++
	}
	return frames, nil
}
