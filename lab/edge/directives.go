package edge

import (
	"strconv"
	"strings"
	"time"
)

// longest is the lifetime that greater numbers stand for (RFC 9111 section
// 1.2.2): 2^31 seconds.
const longest = (1 << 31) * time.Second

// Directives are those of a Cache-Control field, by lower-case name. A directive
// that comes twice counts as written first (RFC 9111 section 4.2.1).
type Directives map[string]string

// ParseDirectives reads the lines of a Cache-Control field. What cannot be
// understood becomes a directive that nobody asks for; nothing is an error.
func ParseDirectives(lines []string) Directives {
	d := Directives{}
	for _, line := range lines {
		for _, part := range splitList(line) {
			name, value, _ := strings.Cut(part, "=")
			name = strings.ToLower(name) // a name with a blank before its = stays unknown
			if _, twice := d[name]; !twice && name != "" {
				d[name] = unquote(value)
			}
		}
	}
	return d
}

// Has reports whether the directive is there, with or without an argument.
func (d Directives) Has(name string) bool {
	_, ok := d[name]
	return ok
}

// Bare reports whether the directive is there without an argument: no-cache and
// private mean the whole answer then, and the named fields otherwise.
func (d Directives) Bare(name string) bool {
	value, ok := d[name]
	return ok && strings.TrimSpace(value) == ""
}

// Fields returns the field names that a directive lists.
func (d Directives) Fields(name string) []string {
	var out []string
	for _, part := range splitList(d[name]) {
		out = append(out, strings.TrimSpace(part))
	}
	return out
}

// Seconds returns the argument of a directive. An argument that is not a number
// of seconds is 0, so that what it limits ends at once.
func (d Directives) Seconds(name string) (time.Duration, bool) {
	value, ok := d[name]
	if !ok {
		return 0, false
	}
	s, valid := deltaSeconds(value)
	if !valid {
		return 0, true
	}
	return s, true
}

// deltaSeconds reads a number of seconds: digits and nothing else.
func deltaSeconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > int64(longest/time.Second) {
		return longest, true // too great for the type, hence for ever
	}
	return time.Duration(n) * time.Second, true
}

// splitList cuts a field's value at the commas outside quotes and trims blanks.
// Empty elements are dropped.
func splitList(s string) []string {
	var out []string
	add := func(part string) {
		if part = strings.Trim(part, " \t"); part != "" {
			out = append(out, part)
		}
	}
	begin, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++ // whatever follows is meant as it stands
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			add(s[begin:i])
			begin = i + 1
		}
	}
	add(s[min(begin, len(s)):])
	return out
}

// unquote takes the quotes of a quoted string away; anything else stays.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
