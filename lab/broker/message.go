package broker

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Limits of a message. They are far below those of every broker that we know.
const (
	MaxName    = 255     // bytes of an ID, a key, and a header's name
	MaxHeaders = 32      // headers of one message
	MaxValue   = 4096    // bytes of a header's value
	MaxBody    = 1 << 20 // bytes of a body
)

// Names of headers that the workbench itself writes and reads.
const (
	HeaderCorrelation = "correlation-id" // what belongs to one request, over all its messages
	HeaderTrace       = "traceparent"    // W3C Trace Context: the span that published the message
)

// Message is one piece of work on its way.
type Message struct {
	ID      string            // chosen by the publisher, the same at each repetition: consumers deduplicate by it
	Key     string            // messages of one key keep their order where Caps.PerKeyOrder; empty: belongs to no key
	Body    []byte            // shared: it is not to be changed
	Headers map[string]string // nil: none
	Attempt int               // 1 at the first delivery; set by the broker, ignored by Publish
}

// Validate reports everything that is wrong with m, with the name of the
// field. Its error is an ErrBad.
func (m Message) Validate() error {
	var faults []error
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if m.ID == "" || !named(m.ID) {
		add("ID has %d bytes (want 1 to %d, of UTF-8 without NUL)", len(m.ID), MaxName)
	}
	if !named(m.Key) {
		add("Key has %d bytes (want at most %d, of UTF-8 without NUL)", len(m.Key), MaxName)
	}
	if len(m.Body) > MaxBody {
		add("Body has %d bytes (want at most %d)", len(m.Body), MaxBody)
	}
	if len(m.Headers) > MaxHeaders {
		add("Headers has %d entries (want at most %d)", len(m.Headers), MaxHeaders)
	}
	for name, value := range m.Headers {
		if name == "" || !named(name) {
			add("Headers: the name %.40q (want 1 to %d bytes of UTF-8 without NUL)", name, MaxName)
		}
		if len(value) > MaxValue || !utf8.ValidString(value) {
			add("Headers[%.40q] has %d bytes (want at most %d, of UTF-8)", name, len(value), MaxValue)
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %w", ErrBad, errors.Join(faults...))
	}
	return nil
}

// named reports whether s may serve as a name: every broker carries it as is.
func named(s string) bool {
	if len(s) > MaxName || !utf8.ValidString(s) {
		return false
	}
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
	}
	return true
}

// Dead is a message that was given up, and why.
type Dead struct {
	Message
	Reason string
}
