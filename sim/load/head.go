package load

import (
	"bytes"
	"time"

	"workbench/sim/outcome"
)

// head takes a whole head: the status line, the fields and the empty line. It
// uses nothing until the empty line has come.
func (r *response) head(b []byte) (int, error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) >= maxHead {
			return 0, errHeadSize
		}
		return 0, nil
	}
	if end > maxHead {
		return 0, errHeadSize
	}
	rest := b[:end+2]
	n := bytes.IndexByte(rest, '\n')
	if err := r.statusLine(rest[:n+1]); err != nil {
		return 0, err
	}
	for rest = rest[n+1:]; len(rest) > 0; rest = rest[n+1:] {
		n = bytes.IndexByte(rest, '\n')
		if n == 0 || rest[n-1] != '\r' {
			return 0, errHead
		}
		if err := r.field(rest[:n-1]); err != nil {
			return 0, err
		}
	}
	return end + 4, r.frame()
}

// statusLine reads "HTTP/1.1 200 OK\r\n"; the text after the code is ignored.
func (r *response) statusLine(b []byte) error {
	const prefix = len("HTTP/1.x 200")
	if len(b) < prefix+2 || string(b[:7]) != "HTTP/1." || b[8] != ' ' || b[len(b)-2] != '\r' {
		return errHead
	}
	if b[prefix] != ' ' && b[prefix] != '\r' {
		return errHead
	}
	code, ok := decimal(b[9:prefix])
	if !ok || code < 100 || code > 599 || b[7] != '0' && b[7] != '1' {
		return errHead
	}
	r.status = int(code)
	r.close = b[7] == '0'
	return nil
}

// field reads one header line without its line end.
func (r *response) field(b []byte) error {
	colon := bytes.IndexByte(b, ':')
	if colon <= 0 {
		return errHead
	}
	name, value := b[:colon], b[colon+1:]
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return errHead
		}
	}
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
	}
	for len(value) > 0 && (value[len(value)-1] == ' ' || value[len(value)-1] == '\t') {
		value = value[:len(value)-1]
	}
	switch {
	case is(name, "content-length"):
		n, ok := decimal(value)
		if !ok || r.length >= 0 && r.length != n {
			return errFraming
		}
		r.length = n
	case is(name, "transfer-encoding"):
		if r.chunked || !is(value, "chunked") {
			return errFraming
		}
		r.chunked = true
	case is(name, "connection"):
		r.close = r.close || is(value, "close")
	case len(name) >= len("retry-after"):
		r.meaning(name, value)
	}
	return nil
}

// meaning reads the fields that say what became of the request. What it cannot
// read is as if it were absent: a service must not be able to fail its answers
// by a wrong hint.
func (r *response) meaning(name, value []byte) {
	switch {
	case is(name, "workbench-outcome"):
		for i, word := range outcome.Names() {
			if string(value) == word {
				r.outcome = uint8(i)
			}
		}
	case is(name, "workbench-cache"):
		r.cached = string(value) == "hit"
	case is(name, "workbench-reason"):
		r.reasonLen = uint8(copy(r.reason[:], value))
	case is(name, "workbench-retry-after-ms"):
		if d, ok := duration(value, time.Millisecond); ok {
			r.retryAfter = d // finer than the seconds of Retry-After, so it wins
		}
	case is(name, "retry-after"):
		if d, ok := duration(value, time.Second); ok && r.retryAfter == 0 {
			r.retryAfter = d
		}
	}
}

// is reports whether b is the lower-case word, whatever its own case.
func is(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// frame decides by RFC 9112 section 6.3 how the body ends.
func (r *response) frame() error {
	switch {
	case r.chunked && r.length >= 0 || r.status == 101:
		return errFraming // a length in two ways invites smuggling; we never ask to switch protocols
	case r.status < 200:
		if r.interim++; r.interim > maxInterim {
			return errInterim
		}
		interim := r.interim
		r.begin(r.noBody)
		r.interim = interim
	case r.noBody || r.status == 204 || r.status == 304 || r.length == 0:
		r.at = complete
	case r.chunked:
		r.at = inChunkSize
	case r.length > maxBody:
		return errBodySize
	case r.length > 0:
		r.left, r.at = r.length, inBody
	default:
		r.at, r.close = untilClose, true
	}
	return nil
}
