package load

import (
	"bytes"
	"errors"
	"math"
	"time"

	"workbench/sim/outcome"
)

// The bounds of an answer. A head that does not fit in maxHead bytes, or a body
// over maxBody, ends the try as Failed.
const (
	maxHead    = 8 << 10
	maxBody    = 8 << 20
	maxInterim = 8  // 1xx answers before the final one
	maxWord    = 32 // bytes of a reason that are told apart
)

// What is wrong with an answer.
var (
	errHead     = errors.New("malformed response head")
	errHeadSize = errors.New("response head over 8 KiB")
	errFraming  = errors.New("ambiguous or unsupported message framing")
	errChunk    = errors.New("malformed chunk")
	errBodySize = errors.New("response body over 8 MiB")
	errInterim  = errors.New("too many interim responses")
)

// unnamed marks a head without a Workbench-Outcome.
const unnamed = outcome.Count

// state is where in an answer a response stands.
type state uint8

const (
	inHead state = iota
	inBody       // left bytes of body remain
	inChunkSize
	inChunk    // left bytes of the chunk remain
	inChunkEnd // the line end after a chunk
	inTrailer
	untilClose
	complete
)

// response reads one HTTP/1.1 answer piece by piece. It is strict: lines end
// with CRLF, a message has one unambiguous length, and nothing is folded. It
// allocates nothing. Use begin before each answer.
type response struct {
	at      state
	noBody  bool // the request was a HEAD
	interim uint8

	status     int
	outcome    uint8 // an outcome.Outcome, or unnamed
	cached     bool
	close      bool // the server will close, or said so
	retryAfter time.Duration
	reasonLen  uint8
	reason     [maxWord]byte

	length  int64 // Content-Length; −1: none
	chunked bool
	left    int64
	body    int64 // bytes of body so far
}

// begin prepares for the answer to a request; head says it was a HEAD.
func (r *response) begin(head bool) {
	*r = response{noBody: head, outcome: unnamed, length: -1}
}

// word returns the reason the service gave, empty for none. It is valid until
// the next begin.
func (r *response) word() []byte { return r.reason[:r.reasonLen] }

// feed reads from b, the bytes that came after those already used, and returns
// how many it used. It wants to be called again with the rest and more until
// at is complete.
func (r *response) feed(b []byte) (used int, err error) {
	for r.at != complete {
		n, err := r.advance(b[used:])
		if err != nil {
			return used, err
		}
		if n == 0 {
			return used, nil
		}
		used += n
	}
	return used, nil
}

// end is called when the server has closed the connection; it reports whether
// the answer is whole.
func (r *response) end() bool {
	if r.at == untilClose {
		r.at = complete
	}
	return r.at == complete
}

// advance takes one step in b; 0 bytes used means that more are needed.
func (r *response) advance(b []byte) (int, error) {
	switch r.at {
	case inHead:
		return r.head(b)
	case inBody, inChunk:
		n := int(min(r.left, int64(len(b))))
		r.left -= int64(n)
		if r.left == 0 {
			r.at = r.at.after()
		}
		return n, r.count(n)
	case untilClose:
		return len(b), r.count(len(b))
	default:
		return r.line(b)
	}
}

// after is the state that follows when all bytes of this one have come.
func (s state) after() state {
	if s == inChunk {
		return inChunkEnd
	}
	return complete
}

func (r *response) count(n int) error {
	r.body += int64(n)
	if r.body > maxBody {
		return errBodySize
	}
	return nil
}

// line takes one line of chunked framing.
func (r *response) line(b []byte) (int, error) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		if len(b) >= maxHead {
			return 0, errChunk
		}
		return 0, nil
	}
	if i == 0 || b[i-1] != '\r' {
		return 0, errChunk
	}
	text := b[:i-1]
	switch r.at {
	case inChunkEnd:
		if len(text) != 0 {
			return 0, errChunk
		}
		r.at = inChunkSize
	case inChunkSize:
		size, ok := hex(text)
		if !ok {
			return 0, errChunk
		}
		if size > maxBody {
			return 0, errBodySize
		}
		r.left, r.at = size, inChunk
		if size == 0 {
			r.at = inTrailer
		}
	case inTrailer:
		r.body += int64(i) // a trailer without end must not be one
		if r.body > maxBody {
			return 0, errBodySize
		}
		if len(text) == 0 {
			r.at = complete
		}
	}
	return i + 1, nil
}

// hex reads a chunk size, ignoring extensions after it.
func hex(b []byte) (int64, bool) {
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		b = bytes.TrimRight(b[:i], " \t")
	}
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | int64(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | int64(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// decimal reads a number of at most 15 digits.
func decimal(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// duration reads a count of units, at most an hour.
func duration(b []byte, unit time.Duration) (time.Duration, bool) {
	n, ok := decimal(b)
	if !ok {
		return 0, false
	}
	return time.Duration(min(n, math.MaxInt64/int64(unit))) * unit, true
}
