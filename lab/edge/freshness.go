package edge

import (
	"net/http"
	"strings"
	"time"
)

// Policy is what the RFCs leave to whoever runs the cache.
type Policy struct {
	// DefaultTTL is the lifetime of an answer that says nothing of its own and has
	// no Last-Modified to go by. 0: such an answer is not fresh.
	DefaultTTL time.Duration
	// HeuristicShare is the part of the time since Last-Modified for which an
	// answer without a lifetime is taken to be fresh; HeuristicMax is the most.
	HeuristicShare float64
	HeuristicMax   time.Duration
	// StaleWhileRevalidate and StaleIfError hold where an answer does not say.
	StaleWhileRevalidate time.Duration
	StaleIfError         time.Duration
	// Offline is how long past its lifetime a copy may answer while the origin
	// cannot be reached at all (RFC 9111 section 4.2.4 calls that disconnected).
	Offline time.Duration
	// Cookies says what becomes of answers with Set-Cookie.
	Cookies Cookies
}

// Cookies is a policy for answers that set cookies.
type Cookies int

const (
	// CookiesExplicit stores them only if they state their lifetime: RFC 9111
	// section 7.3 leaves the decision to the origin's Cache-Control.
	CookiesExplicit Cookies = iota
	// CookiesStrip stores them without the cookie.
	CookiesStrip
	// CookiesRefuse never stores them.
	CookiesRefuse
)

// DefaultPolicy is that of `workbench edge`.
func DefaultPolicy() Policy {
	return Policy{HeuristicShare: 0.1, HeuristicMax: 24 * time.Hour, Offline: 10 * time.Minute}
}

// Terms are what one answer allows a shared cache.
type Terms struct {
	Life     time.Duration // how old it may grow and still be fresh
	Explicit bool          // the answer said so; else it was estimated

	NoStore        bool // not to be kept
	Private        bool // for one user
	NoCache        bool // to be validated before each use
	MustRevalidate bool // never to be used stale
	SharedLife     bool // s-maxage: not to be used stale unless the answer itself permits it
	Public         bool
	Immutable      bool

	StaleWhileRevalidate time.Duration
	StaleIfError         time.Duration

	Hidden []string // fields that must not be stored or reused: of private="…" and no-cache="…"

	understand bool // must-understand
	permits    bool // stale-while-revalidate or stale-if-error came from the answer
}

// Read works out the terms of an answer that was received at an instant.
func Read(status int, h http.Header, received time.Time, p Policy) Terms {
	d, targeted := directives(h)
	t := Terms{
		NoStore:        d.Has("no-store"),
		Private:        d.Bare("private"),
		NoCache:        d.Bare("no-cache"),
		MustRevalidate: d.Has("must-revalidate") || d.Has("proxy-revalidate"),
		SharedLife:     d.Has("s-maxage"),
		Public:         d.Has("public"),
		Immutable:      d.Has("immutable"),
		understand:     d.Has("must-understand"),
		Hidden:         append(d.Fields("private"), d.Fields("no-cache")...),
	}
	var while, failing bool
	t.StaleWhileRevalidate, while = d.Seconds("stale-while-revalidate")
	t.StaleIfError, failing = d.Seconds("stale-if-error")
	t.permits = while || failing
	if !while {
		t.StaleWhileRevalidate = p.StaleWhileRevalidate
	}
	if !failing {
		t.StaleIfError = p.StaleIfError
	}
	if t.understand && understood(status) {
		t.NoStore = false // RFC 9111 section 5.2.2.3
	}
	t.Life, t.Explicit = lifetime(status, h, d, targeted, received, p)
	return t
}

// lifetime applies RFC 9111 section 4.2.1: the first of s-maxage, max-age and
// Expires that is there, else an estimate.
func lifetime(status int, h http.Header, d Directives, targeted bool, received time.Time, p Policy) (life time.Duration, explicit bool) {
	for _, name := range [...]string{"s-maxage", "max-age"} {
		if s, ok := d.Seconds(name); ok {
			return s, true
		}
	}
	if lines := h["Expires"]; len(lines) > 0 && !targeted {
		until, ok := ParseDate(lines[0])
		if !ok {
			return 0, true // an invalid date, such as 0, is in the past
		}
		return max(0, until.Sub(dateOf(h, received))), true
	}
	if !d.Has("public") && !heuristic(status) || h.Get("Set-Cookie") != "" {
		return 0, false
	}
	if modified, ok := ParseDate(h.Get("Last-Modified")); ok {
		since := dateOf(h, received).Sub(modified)
		return min(p.HeuristicMax, max(0, time.Duration(float64(since)*p.HeuristicShare))), false
	}
	return p.DefaultTTL, false
}

// heuristic reports whether an answer of that status may be given a lifetime that
// it did not ask for (RFC 9110 section 15.1). 206 is among them there, but this
// cache keeps only those parts that state their lifetime.
func heuristic(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// understood reports whether this cache knows what the status means for caching.
func understood(status int) bool {
	switch status {
	case 302, 303, 307, 400, 403, 500, 502, 503, 504:
		return true
	}
	return heuristic(status)
}

// InitialAge is how old an answer was when it came (RFC 9111 section 4.2.3).
func InitialAge(h http.Header, asked, received time.Time) time.Duration {
	apparent := max(0, received.Sub(dateOf(h, received)))
	return max(apparent, ageValue(h)+max(0, received.Sub(asked)))
}

// ageValue reads Age. Of a list the first member counts, and what is not a number
// is passed over (RFC 9111 section 5.1), but for a number with parameters, whose
// meaning leaves no doubt.
func ageValue(h http.Header) time.Duration {
	lines := h["Age"]
	if len(lines) == 0 {
		return 0
	}
	first, _, _ := strings.Cut(lines[0], ",")
	first, _, _ = strings.Cut(first, ";")
	age, _ := deltaSeconds(strings.TrimSpace(first))
	return age
}

// dateOf is the Date of an answer, or else when it was received.
func dateOf(h http.Header, received time.Time) time.Time {
	if at, ok := ParseDate(h.Get("Date")); ok {
		return at
	}
	return received
}

// ParseDate reads an HTTP date in any of its three forms, however its letters are
// cased. Anything else is no date (RFC 9110 section 5.6.7): time.Parse passes over
// doubled blanks, an hour of one digit, fractions and the names of other zones,
// so what was read must be written as it came. The day of the week is not
// compared; whoever got it wrong still means that day.
func ParseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	_, rest, _ := strings.Cut(s, " ")
	for _, layout := range []string{http.TimeFormat, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		at, err := time.Parse(layout, casedZone(s))
		if err != nil {
			continue
		}
		if _, again, _ := strings.Cut(at.Format(layout), " "); strings.EqualFold(again, rest) {
			return at, true
		}
	}
	return time.Time{}, false
}

// casedZone writes the zone of a date in capitals, as time.Parse wants it.
func casedZone(s string) string {
	if n := len(s) - len(" GMT"); n >= 0 && strings.EqualFold(s[n:], " GMT") {
		return s[:n] + " GMT"
	}
	return s
}
