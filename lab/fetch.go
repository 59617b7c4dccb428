package lab

import "context"

// What crosses to a solution that keeps answers, at most.
const (
	MaxKey  = 128      // bytes of a key
	MaxText = 64 << 10 // bytes of an answer
)

// Fetcher is a Foreign that answers from what it has kept, and has what is
// missing loaded.
type Fetcher interface {
	Foreign
	// Fetch asks for the answer under a key. It has the time that its keeper gives
	// a decision, beside what loads of that key take meanwhile. ErrForeign means
	// that there is no answer, and that the pattern's own must do.
	Fetch(ctx context.Context, q Fetch) (Fetched, error)
}

// Fetch is one question to a Fetcher.
type Fetch struct {
	Key string // at most MaxKey
	// Load gets the answer from where it really is. It is called at most once, on
	// a goroutine of its own, perhaps after Fetch has returned: others may wait
	// for what it brings.
	Load func() Loaded
	// Known returns an error for a text that no load for this key has brought.
	Known func(text []byte) error
}

// Loaded is what a load has brought: an answer that may be kept, or one that may
// not and is only for those who waited for this load. A text longer than MaxText
// does not cross.
type Loaded struct {
	Keep bool
	Text []byte
}

// Fetched is a solution's answer: the text of a load. Hit means that no load of
// this key was under way meanwhile. An answer without a text and without Keep is
// an error of the solution's own or of a load whose text could not cross.
type Fetched struct {
	Loaded
	Hit bool
}
