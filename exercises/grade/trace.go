package grade

import (
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Moment is something that a test did, and what it was answered, at an instant
// of the test's own time.
type Moment struct {
	At   string `json:"at"` // since the test began, or as it was given to the answer: "1.5s"; empty: the test has no time
	Text string `json:"text"`
}

// Bounds of what is told of a test. The text comes from a program that has run
// an answer, and may be as long as an answer makes it.
const (
	maxMoments = 20
	maxText    = 160
)

// moment is how a test writes one down: "@1.5s Allow = refused", and with a dash
// where there is no time. The layout of exercises says so; prove holds the tests
// to it.
var moment = regexp.MustCompile(`^@(\S{1,32}) (.*)$`)

// recall reads a moment; false: the test has written something else.
func recall(text string) (Moment, bool) {
	m := moment.FindStringSubmatch(text)
	if m == nil {
		return Moment{}, false
	}
	if m[1] == "-" {
		return Moment{Text: shorten(m[2])}, true
	}
	at, err := time.ParseDuration(m[1])
	if err != nil {
		return Moment{}, false
	}
	return Moment{At: at.String(), Text: shorten(m[2])}, true
}

// shorten returns a text in one line of bounded length, without characters that
// would do something to a terminal.
func shorten(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxText {
			return b.String() + "…"
		}
		if !unicode.IsPrint(r) {
			r = '·'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// trail is what one test, or one of its cases, has written down so far.
type trail struct {
	moments []Moment
	earlier int // that are no longer there
}

func (t *trail) add(m Moment) {
	if len(t.moments) == maxMoments {
		t.moments = append(t.moments[:0], t.moments[1:]...)
		t.earlier++
	}
	t.moments = append(t.moments, m)
}

// copied is the trail as it is now, whatever is added later.
func (t *trail) copied() trail {
	if t == nil {
		return trail{}
	}
	return trail{append([]Moment(nil), t.moments...), t.earlier}
}
