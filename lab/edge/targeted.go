package edge

import (
	"net/http"
	"strconv"
	"strings"
)

// targetField is the field for caches like this one. Where it is well formed it
// stands in place of Cache-Control and Expires (RFC 9213).
const targetField = "Cdn-Cache-Control"

// directives returns what an answer's fields demand of this cache, and whether
// they were addressed to it alone.
func directives(h http.Header) (d Directives, targeted bool) {
	if lines := h[targetField]; len(lines) > 0 {
		if d, ok := parseDictionary(strings.Join(lines, ",")); ok && len(d) > 0 {
			return d, true
		}
	}
	return ParseDirectives(h["Cache-Control"]), false
}

// parseDictionary reads a structured field of type dictionary (RFC 8941), as far
// as cache directives need it: keys with tokens, strings, numbers or booleans.
// Any fault makes the whole field void, as the RFC demands. A number of seconds
// that is not an integer is left out.
func parseDictionary(s string) (Directives, bool) {
	d := Directives{}
	s = strings.Trim(s, " ")
	for s != "" {
		n := 0
		for n < len(s) && keyByte(s[n], n == 0) {
			n++
		}
		if n == 0 {
			return nil, false
		}
		name, rest := s[:n], s[n:]
		value, bare := "", true
		if strings.HasPrefix(rest, "=") {
			n = bareItem(rest[1:])
			if n == 0 {
				return nil, false
			}
			value, bare = rest[1:1+n], false
			rest = rest[1+n:]
		}
		rest, ok := parameters(rest)
		if !ok {
			return nil, false
		}
		take(d, name, value, bare)
		rest = strings.TrimLeft(rest, " \t")
		if rest == "" {
			return d, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		if s = strings.TrimLeft(rest[1:], " \t"); s == "" {
			return nil, false // a comma with nothing after it
		}
	}
	return d, true
}

// take keeps a member; the last of one name counts (RFC 8941 section 4.2.2).
func take(d Directives, name, value string, bare bool) {
	delete(d, name)
	switch name {
	case "max-age", "s-maxage", "stale-while-revalidate", "stale-if-error":
		if _, err := strconv.ParseUint(value, 10, 64); err != nil {
			return
		}
	}
	if value == "?0" {
		return // said to be absent
	}
	if bare || value == "?1" {
		value = ""
	}
	d[name] = unquote(value)
}

// parameters skips those of a member, which no directive uses.
func parameters(s string) (string, bool) {
	for strings.HasPrefix(s, ";") {
		s = strings.TrimLeft(s[1:], " ")
		n := 0
		for n < len(s) && keyByte(s[n], n == 0) {
			n++
		}
		if n == 0 {
			return "", false
		}
		if s = s[n:]; strings.HasPrefix(s, "=") {
			if n = bareItem(s[1:]); n == 0 {
				return "", false
			}
			s = s[1+n:]
		}
	}
	return s, true
}

// bareItem returns how many bytes the item at the beginning of s has, 0 if there
// is none.
func bareItem(s string) int {
	if s == "" {
		return 0
	}
	if s[0] == '"' {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
		return 0
	}
	if strings.HasPrefix(s, "?0") || strings.HasPrefix(s, "?1") {
		return 2
	}
	n := 0
	for n < len(s) && (letter(s[n]) || digit(s[n]) || strings.IndexByte("!#$%&'*+-.^_`|~:/", s[n]) >= 0) {
		n++
	}
	if n == 0 || !letter(s[0]) && !digit(s[0]) && s[0] != '-' && s[0] != '*' {
		return 0
	}
	return n
}

func keyByte(c byte, first bool) bool {
	lower := c >= 'a' && c <= 'z' || c == '*'
	return lower || !first && (digit(c) || c == '_' || c == '-' || c == '.')
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }
