package edge

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// selecting returns the names of the request fields that chose an answer, sorted
// and once each.
func selecting(h http.Header) []string {
	var out []string
	for _, line := range h["Vary"] {
		for _, name := range splitList(line) {
			out = append(out, textproto.CanonicalMIMEHeaderKey(name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// varyAll reports whether an answer depends on more than fields (Vary: *), so that
// no other request can be known to match it.
func varyAll(h http.Header) bool { return slices.Contains(selecting(h), "*") }

// variant is the part of a key that the selecting fields make. Absent and empty
// differ, as RFC 9111 section 4.1 demands.
func variant(names []string, req http.Header) string {
	if len(names) == 0 {
		return ""
	}
	var b strings.Builder
	for _, name := range names {
		b.WriteString(name)
		if lines, ok := req[name]; ok {
			b.WriteString(strconv.Quote(normal(name, lines)))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// normal brings a field's value into the form in which it is compared: lines
// combined, blanks gone, and for fields whose members have no order and no case,
// sorted and in lower case. Without this a handful of browsers' spellings would
// each have a copy of its own.
func normal(name string, lines []string) string {
	var members []string
	for _, line := range lines {
		members = append(members, splitList(line)...)
	}
	switch name {
	case "Accept", "Accept-Language", "Accept-Encoding", "Accept-Charset":
		for i, m := range members {
			members[i] = strings.ToLower(strings.ReplaceAll(m, " ", ""))
		}
		slices.Sort(members)
		members = slices.Compact(members)
	}
	return strings.Join(members, ",")
}

// matches reports whether a request would have been given this copy.
func (e *entry) matches(req http.Header) bool {
	if variant(e.vary, req) == e.variant {
		return true
	}
	// A copy in the language that the request likes best answers it, whatever
	// languages the first request listed.
	if len(e.vary) != 1 || e.vary[0] != "Accept-Language" {
		return false
	}
	spoken := e.header.Get("Content-Language")
	return spoken != "" && strings.EqualFold(spoken, favourite(req["Accept-Language"]))
}

// favourite is the language with the one highest weight, or "" where there are
// several.
func favourite(lines []string) string {
	best, weight, tie := "", 0.0, false
	for _, line := range lines {
		for _, member := range splitList(line) {
			name, params, _ := strings.Cut(member, ";")
			q := 1.0
			if value, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q="); ok {
				parsed, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return ""
				}
				q = parsed
			}
			switch {
			case q > weight:
				best, weight, tie = strings.TrimSpace(name), q, false
			case q == weight:
				tie = true
			}
		}
	}
	if tie {
		return ""
	}
	return best
}
