package edge

import (
	"net/http"
	"time"
)

// Use is what a copy is good for when a request comes.
type Use int

const (
	// UseNot means that the copy must be validated, or fetched again, first.
	UseNot Use = iota
	// UseFresh means that the copy answers.
	UseFresh
	// UseWhile means that the copy is stale and answers, while somebody
	// validates it (RFC 5861 section 3).
	UseWhile
	// UseStale means that the copy is stale and answers because the client
	// accepts that.
	UseStale
)

// Demand is what a request asks of caches.
type Demand struct {
	NoStore      bool
	NoCache      bool
	OnlyIfCached bool

	MaxAge, MinFresh, MaxStale, StaleIfError          time.Duration
	hasMaxAge, hasMaxStale, anyStale, hasStaleIfError bool
}

// ReadDemand reads the directives of a request. Pragma counts where there is no
// Cache-Control (RFC 9111 section 5.4).
func ReadDemand(h http.Header) Demand {
	lines := h["Cache-Control"]
	if len(lines) == 0 {
		lines = h["Pragma"]
		d := ParseDirectives(lines)
		return Demand{NoCache: d.Has("no-cache")}
	}
	d := ParseDirectives(lines)
	out := Demand{NoStore: d.Has("no-store"), NoCache: d.Has("no-cache"), OnlyIfCached: d.Has("only-if-cached")}
	out.MaxAge, out.hasMaxAge = d.Seconds("max-age")
	out.MinFresh, _ = d.Seconds("min-fresh")
	out.MaxStale, out.hasMaxStale = d.Seconds("max-stale")
	out.anyStale = d.Bare("max-stale") // any staleness will do
	out.StaleIfError, out.hasStaleIfError = d.Seconds("stale-if-error")
	return out
}

// Decide says what a copy of a given age is good for (RFC 9111 section 4).
func (t Terms) Decide(age time.Duration, want Demand) Use {
	if t.NoCache || want.NoCache || want.NoStore {
		return UseNot
	}
	fresh := age < t.Life
	if fresh && t.Immutable && want.hasMaxAge && want.MaxAge == 0 {
		return UseFresh // a reload of what does not change (RFC 8246 section 2)
	}
	if want.hasMaxAge && age > want.MaxAge && !want.hasMaxStale {
		return UseNot
	}
	if want.MinFresh > 0 && t.Life-age < want.MinFresh {
		return UseNot
	}
	stale := age - t.Life
	switch {
	case fresh:
		return UseFresh
	case t.mayBeStale() && want.hasMaxStale && (want.anyStale || stale <= want.MaxStale):
		return UseStale
	case t.mayBeStale() && !want.hasMaxAge && stale < t.StaleWhileRevalidate:
		return UseWhile
	}
	return UseNot
}

// mayBeStale reports whether the answer may be used past its lifetime at all.
// s-maxage forbids it (RFC 9111 section 4.2.4), unless the same answer names a
// window in which stale use is wanted: then that is the more definite word.
func (t Terms) mayBeStale() bool {
	return !t.NoCache && !t.MustRevalidate && (!t.SharedLife || t.permits)
}

// OnError reports whether a copy may answer although, or because, the origin
// failed. unreachable means that there was no answer at all.
func (t Terms) OnError(age time.Duration, want Demand, unreachable bool, p Policy) bool {
	if !t.mayBeStale() || want.NoCache || want.NoStore {
		return false
	}
	stale := age - t.Life
	window := t.StaleIfError
	if want.hasStaleIfError {
		window = max(window, want.StaleIfError)
	}
	if unreachable {
		window = max(window, p.Offline)
	}
	return stale < window
}

// errorStatus reports whether a status says that the origin is in trouble (RFC
// 5861 section 4).
func errorStatus(status int) bool {
	return status == 500 || status == 502 || status == 503 || status == 504
}

// Storable reports whether an answer may be kept, and if not, in a word, why (RFC
// 9111 section 3). It is about answers to GET.
func Storable(req http.Header, status int, h http.Header, t Terms, p Policy) (bool, string) {
	switch {
	case ReadDemand(req).NoStore:
		return false, "request-no-store"
	case t.NoStore:
		return false, "no-store"
	case t.Private:
		return false, "private"
	case status < 200 || status == http.StatusPartialContent || status == http.StatusNotModified:
		return false, "status"
	case t.understand && !understood(status):
		return false, "must-understand"
	case varyAll(h):
		return false, "vary"
	case len(req["Authorization"]) > 0 && !t.Public && !t.SharedLife && !t.MustRevalidate:
		return false, "authorization"
	case !t.Explicit && !t.Public && !heuristic(status):
		return false, "status"
	case h.Get("Set-Cookie") != "" && (p.Cookies == CookiesRefuse || p.Cookies == CookiesExplicit && !t.Explicit):
		return false, "set-cookie"
	case h.Get("Etag") == "" && h.Get("Last-Modified") == "" && (t.NoCache || t.Life == 0 && t.StaleWhileRevalidate == 0 && t.StaleIfError == 0):
		return false, "useless" // it could neither answer nor be validated
	}
	return true, ""
}

// shareable reports whether the answer to one request may also answer those that
// came while it was on its way.
func (t Terms) shareable(age time.Duration) bool { return t.Decide(age, Demand{}) == UseFresh }
