// Package outcome names what can become of a request.
//
// The seven words are used alike by the traffic generator, the patterns, the
// metrics, the page and the documents, so a number can be followed from the
// socket to the screen.
package outcome

import "fmt"

// Outcome is what became of one request. The zero value is OK.
type Outcome uint8

// The outcomes, in the order every report lists them.
const (
	OK      Outcome = iota // answered, fresh
	Stale                  // answered with an older copy
	Limited                // refused: the caller is over its quota (429)
	Shed                   // refused: the server is saturated (503)
	Open                   // refused: a circuit breaker is open (503)
	Late                   // no answer in time (504, or the client gave up)
	Failed                 // an error answer, or a broken connection
	Count   = 7
)

var names = [Count]string{"ok", "stale", "limited", "shed", "open", "late", "failed"}

// String returns the outcome's word, such as "shed".
func (o Outcome) String() string {
	if o < Count {
		return names[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// Good reports whether the caller got an answer it can use: OK or Stale.
func (o Outcome) Good() bool { return o <= Stale }

// Parse returns the outcome that a word names. It allocates nothing for a
// known word and returns an error that lists the words for any other.
func Parse(word string) (Outcome, error) {
	for i, n := range names {
		if n == word {
			return Outcome(i), nil
		}
	}
	return 0, fmt.Errorf("unknown outcome %q (want one of %v)", word, names)
}

// Names returns the seven words in order; index i names Outcome(i).
func Names() [Count]string { return names }

// MarshalText writes the outcome's word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads an outcome's word.
func (o *Outcome) UnmarshalText(b []byte) error {
	v, err := Parse(string(b))
	if err != nil {
		return err
	}
	*o = v
	return nil
}
