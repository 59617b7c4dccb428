package edge

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Unmodified reports whether a client's own condition comes to "you have it
// already", so that 304 is the answer (RFC 9111 section 4.3.2). If-None-Match
// decides alone where it is there.
func Unmodified(req, stored http.Header, received time.Time) bool {
	if lines := req["If-None-Match"]; len(lines) > 0 {
		return anyTag(lines, stored.Get("Etag"))
	}
	since, ok := ParseDate(req.Get("If-Modified-Since"))
	if !ok {
		return false
	}
	changed, ok := ParseDate(stored.Get("Last-Modified"))
	if !ok {
		changed = dateOf(stored, received)
	}
	return !changed.After(since)
}

// anyTag reports whether one of the entity tags in a list is the stored one, in
// the weak comparison (RFC 9110 section 8.8.3.2).
func anyTag(lines []string, stored string) bool {
	for _, line := range lines {
		for _, tag := range splitList(line) {
			if tag == "*" || stored != "" && weaken(tag) == weaken(stored) {
				return true
			}
		}
	}
	return false
}

func weaken(tag string) string { return strings.TrimPrefix(tag, "W/") }

// strong reports whether an entity tag may stand for its bytes.
func strong(tag string) bool { return tag != "" && !strings.HasPrefix(tag, "W/") }

// forOrigin reports whether a request has a condition that only the origin may
// judge (RFC 9111 section 4.3.2).
func forOrigin(req http.Header) bool {
	return len(req["If-Match"]) > 0 || len(req["If-Unmodified-Since"]) > 0
}

// rangeHolds reports whether the range that a client asks for is to be cut out of
// this copy: always, unless If-Range names another one (RFC 9110 section 13.1.5).
func rangeHolds(req, stored http.Header) bool {
	if req.Get("Range") == "" {
		return false
	}
	want := req.Get("If-Range")
	if want == "" {
		return true
	}
	if strings.HasSuffix(want, `"`) {
		return strong(want) && want == stored.Get("Etag")
	}
	asked, ok := ParseDate(want)
	changed, known := ParseDate(stored.Get("Last-Modified"))
	// A date is strong enough only if the answer is clearly younger than the
	// change (RFC 9110 section 8.8.2.2).
	return ok && known && asked.Equal(changed) && dateOf(stored, changed).Sub(changed) >= time.Minute
}

// condition puts the validators of copies on a request to the origin, in place of
// the client's own (RFC 9111 section 4.3.1).
func condition(out http.Header, copies ...*entry) {
	for _, name := range [...]string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		delete(out, name)
	}
	var tags []string
	for _, e := range copies {
		if tag := e.header.Get("Etag"); tag != "" && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) > 0 {
		out["If-None-Match"] = []string{strings.Join(tags, ", ")}
	}
	if len(copies) == 1 {
		if changed := copies[0].header.Get("Last-Modified"); changed != "" {
			out["If-Modified-Since"] = []string{changed}
		}
	}
}

// validates picks the copy that a 304 is about (RFC 9111 section 4.3.4), nil if it
// names none of those that were asked for.
func validates(answer http.Header, asked []*entry) *entry {
	tag := answer.Get("Etag")
	if tag == "" {
		if len(asked) == 1 {
			return asked[0] // there is nothing else it could mean
		}
		return nil
	}
	for _, e := range asked {
		if weaken(e.header.Get("Etag")) == weaken(tag) {
			return e
		}
	}
	if len(asked) == 1 && (!strong(tag) || asked[0].header.Get("Etag") == "") {
		return asked[0]
	}
	return nil
}

// freshen returns a stored header with what a 304 brings (RFC 9111 section 3.2).
// Fields that describe the stored bytes stay as they are.
func freshen(stored, answer http.Header) http.Header {
	out := stored.Clone()
	delete(out, "Age") // it was that of the old answer
	for name, values := range answer {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Range", "Content-Md5", "Etag":
			if _, ok := stored[name]; ok || name == "Content-Length" {
				continue
			}
		}
		out[name] = values
	}
	return out
}
