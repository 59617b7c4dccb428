package edge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A part is an entry of its own beside the whole: a 206 with one range of a body
// whose length is known (RFC 9111 section 3.3). It answers requests for ranges
// that lie within it, and nothing else.

// partKey is the key of a resource's parts. No address begins like it.
func partKey(key string) string { return "part " + key }

// contentRange reads the place of a part: "bytes 0-4/10". A place without the
// length of the whole is of no use here.
func contentRange(s string) (part span, size int64, ok bool) {
	unit, rest, found := strings.Cut(strings.TrimSpace(s), " ")
	place, total, cut := strings.Cut(rest, "/")
	first, last, dash := strings.Cut(place, "-")
	if !found || !cut || !dash || !strings.EqualFold(unit, "bytes") {
		return span{}, 0, false
	}
	from, ok1 := position(first)
	to, ok2 := position(last)
	size, ok3 := position(total)
	if !ok1 || !ok2 || !ok3 || to < from || to >= size {
		return span{}, 0, false
	}
	return span{from, to + 1}, size, true
}

// conditioned reports whether a request has conditions of its own, on which a
// part has no say.
func conditioned(h http.Header) bool {
	return len(h["If-None-Match"]) > 0 || len(h["If-Modified-Since"]) > 0
}

// servePart answers a request for a range from a part that holds it, and reports
// whether it could.
func (x *exchange) servePart() bool {
	if x.r.Method != http.MethodGet || x.r.Header.Get("Range") == "" || conditioned(x.r.Header) {
		return false
	}
	e, _ := x.store.find(partKey(x.key), x.r.Header)
	if e == nil || e.terms.Decide(e.age(x.now()), x.want) != UseFresh || !rangeHolds(x.r.Header, e.header) {
		return false
	}
	want, none, ok := parseRange(x.r.Header.Get("Range"), e.whole)
	if !ok || none || want.from < e.part.from || want.end > e.part.end {
		return false
	}
	x.counts.hits.Add(1)
	x.status.hit = true
	x.present(e, true)
	body := e.body[want.from-e.part.from : want.end-e.part.from]
	head := x.w.Header()
	head.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", want.from, want.end-1, e.whole))
	head["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.w.WriteHeader(http.StatusPartialContent)
	x.deadline()
	n, _ := x.w.Write(body) // an error means that the client has left
	x.counts.bytesSaved.Add(uint64(n))
	return true
}

// partial passes a 206 on and keeps it, if it may be kept, and reports whether it
// did so. Only what states its lifetime is kept: a range is asked for again soon
// or never.
func (x *exchange) partial(e *entry, res answered, spoiled func() bool, end func()) bool {
	if res.StatusCode != http.StatusPartialContent || x.r.Method != http.MethodGet || x.r.Header.Get("Range") == "" || conditioned(x.r.Header) {
		return false
	}
	part, size, ok := contentRange(res.Header.Get("Content-Range"))
	if !ok || !e.terms.Explicit || part.end-part.from > x.set.MaxBody {
		return false
	}
	if ok, _ := Storable(x.r.Header, http.StatusOK, e.header, e.terms, x.set.Policy); !ok {
		return false
	}
	x.status.stored = true
	own := *e // its reader gets all of it
	e.key, e.part, e.whole, e.header = partKey(x.key), part, size, x.presentable(e)
	body := newFill(res.Body, res.ContentLength >= 0)
	x.work.Go(func() {
		got, taken, err := body.run(x.set.MaxBody)
		if !taken {
			defer end()
		}
		// A body that is not as long as it says stands at no known place.
		if errors.Is(err, io.EOF) && int64(len(got)) == part.end-part.from && !spoiled() {
			kept := *e
			kept.body = got
			x.keepPart(&kept)
			x.counts.stored.Add(1)
		}
	})
	defer func() {
		if body.leave() {
			end() // only now: it ends the request whose body was read here
		}
	}()
	x.serveFill(&own, body)
	return true
}

// keepPart keeps a part together with the one that is there already, if both are
// of the same body and leave no gap (RFC 9111 section 3.4). What is then the whole
// is kept as such.
func (x *exchange) keepPart(e *entry) {
	if old, _ := x.store.find(e.key, x.r.Header); old != nil {
		join(e, old)
	}
	if e.part != (span{0, e.whole}) {
		x.store.put(e)
		return
	}
	x.store.invalidate(e.key)
	e.key, e.status, e.header = x.key, http.StatusOK, e.header.Clone()
	e.header.Del("Content-Range")
	e.header["Content-Length"] = []string{strconv.Itoa(len(e.body))}
	x.store.put(e)
}

// join adds to a new part what an older one has beyond it. Only a strong tag says
// that both are cut from the same bytes (RFC 9110 section 15.3.7.3).
func join(e, old *entry) {
	tag := e.header.Get("Etag")
	if !strong(tag) || old.header.Get("Etag") != tag || old.whole != e.whole || old.variant != e.variant ||
		old.part.from > e.part.end || old.part.end < e.part.from {
		return
	}
	before, after := []byte(nil), []byte(nil)
	if old.part.from < e.part.from {
		before = old.body[:e.part.from-old.part.from]
	}
	if old.part.end > e.part.end {
		after = old.body[e.part.end-old.part.from:]
	}
	e.body = slices.Concat(before, e.body, after)
	e.part = span{min(e.part.from, old.part.from), max(e.part.end, old.part.end)}
}
