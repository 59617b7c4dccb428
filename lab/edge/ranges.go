package edge

import (
	"strconv"
	"strings"
)

// span is a part of a body: bytes from until, but not including, end.
type span struct{ from, end int64 }

// parseRange reads a Range of one part against a body of size bytes. ok is false
// for what is not such a range: it is then passed over, as RFC 9110 section 14.2
// allows, and the whole body is the answer. none means that the range lies outside.
func parseRange(s string, size int64) (part span, none, ok bool) {
	unit, set, found := strings.Cut(s, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return span{}, false, false
	}
	first, last, found := strings.Cut(strings.TrimSpace(set), "-")
	if !found || strings.Contains(set, ",") {
		return span{}, false, false
	}
	if first == "" {
		n, valid := position(last)
		if !valid {
			return span{}, false, false
		}
		return span{max(0, size-n), size}, n == 0 || size == 0, true
	}
	from, valid := position(first)
	if !valid {
		return span{}, false, false
	}
	end := size
	if last != "" {
		to, valid := position(last)
		if !valid || to < from {
			return span{}, false, false
		}
		end = min(size, to+1)
	}
	return span{from, end}, from >= size, true
}

// position reads a place in a body; one beyond any body is cut to that.
func position(s string) (int64, bool) {
	for _, c := range []byte(s) {
		if !digit(c) {
			return 0, false
		}
	}
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 1 << 62, true
	}
	return min(n, 1<<62), true
}
