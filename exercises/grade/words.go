package grade

import (
	"regexp"
	"strings"
)

// said is what a test printed: the first of its complaints in parts.
type said struct {
	message       string
	at            string // file:line
	expected, got string
}

var (
	place = regexp.MustCompile(`^\s*([\w.-]+\.go:\d+): (.*)$`)
	// The styles "X = got, want expected" and "got X, want expected".
	compare = regexp.MustCompile(`(?s)^.*?(?: = |\bgot )(.*), (?:want|expected) (.*)$`)
	marks   = strings.NewReplacer("\x16", "", "\x0e", "", "\x0f", "")
)

// attribute sorts what the testing package printed by test, and keeps the first
// complaint of each that failed. It serves to tell the learner what was wrong;
// no verdict depends on it.
func attribute(words []byte) map[string]said {
	out := map[string]said{}
	current := ""
	var open string // the test whose message may go on in the next line
	for line := range strings.SplitSeq(string(words), "\n") {
		line = marks.Replace(line)
		if name, ok := frame(line); ok {
			current, open = name, ""
			continue
		}
		test, _, _ := strings.Cut(current, "/")
		m := place.FindStringSubmatch(line)
		switch {
		case m != nil && test != "":
			open = ""
			if _, have := out[test]; !have {
				out[test] = said{message: m[2], at: m[1]}
				open = test
			}
		case open != "" && strings.HasPrefix(line, "        "):
			s := out[open]
			s.message += "\n" + strings.TrimSpace(line)
			out[open] = s
		default:
			open = ""
		}
	}
	for test, s := range out {
		if m := compare.FindStringSubmatch(s.message); m != nil {
			s.got, s.expected = m[1], m[2]
			out[test] = s
		}
	}
	return out
}

// frame returns the test that a line of the testing package is about.
func frame(line string) (string, bool) {
	for _, head := range []string{"=== RUN ", "=== NAME ", "=== CONT ", "=== PAUSE "} {
		if rest, ok := strings.CutPrefix(line, head); ok {
			return strings.TrimSpace(rest), true
		}
	}
	for _, head := range []string{"--- FAIL: ", "--- PASS: ", "--- SKIP: "} {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), head); ok {
			name, _, _ := strings.Cut(rest, " ")
			return name, true
		}
	}
	return "", false
}

// crash returns what a Go program says on stderr when it falls: the panic or
// fatal error, and where in the answer that was.
func crash(stderr []byte) said {
	var s said
	lines := strings.Split(string(stderr), "\n")
	for i, line := range lines {
		for _, head := range []string{"panic: ", "fatal error: "} {
			if strings.HasPrefix(line, head) && s.message == "" {
				s.message = strings.TrimSuffix(line, " [recovered, repanicked]")
				s.at = within(lines[i:])
			}
		}
	}
	return s
}

// within returns the first place of the answer in a stack.
func within(lines []string) string {
	for _, line := range lines {
		if at, ok := strings.CutPrefix(strings.TrimSpace(line), "grade/answer/"); ok {
			at, _, _ = strings.Cut(at, " ")
			return at
		}
	}
	return ""
}

// stuck returns where in the answer a program stood that was asked to say so.
func stuck(stderr []byte) string {
	text := string(stderr)
	if _, after, ok := strings.Cut(text, "SIGQUIT"); ok {
		text = after
	}
	return within(strings.Split(text, "\n"))
}

// raced describes the first race that the detector printed: which two places of
// the answer touch the same memory.
func raced(stderr []byte) string {
	_, text, ok := strings.Cut(string(stderr), "WARNING: DATA RACE")
	if !ok {
		return ""
	}
	text, _, _ = strings.Cut(text, "==================")
	first, rest, _ := strings.Cut(text, "Previous ")
	second, _, _ := strings.Cut(rest, "\n\n")
	what := func(part string) string {
		lines := strings.Split(part, "\n")
		at := within(lines)
		if at == "" {
			return ""
		}
		word := "reads"
		if strings.Contains(strings.ToLower(part), "write") {
			word = "writes"
		}
		return at + " " + word
	}
	a, b := what(strings.SplitN(first, "\n\n", 2)[0]), what(second)
	switch {
	case a == "" && b == "":
		return "two goroutines use the same memory at once, and one of them writes"
	case a == "" || b == "":
		return a + b + " memory that another goroutine uses at the same time"
	}
	return a + " what " + strings.TrimSuffix(strings.TrimSuffix(b, " reads"), " writes") + " " + b[strings.LastIndex(b, " ")+1:] + " at the same time"
}
