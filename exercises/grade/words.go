package grade

import (
	"regexp"
	"strings"
)

// said is what a test printed: the first of its complaints in parts, and what
// it had written down before.
type said struct {
	message       string
	at            string // file:line
	expected, got string
	trail         trail
}

var (
	// The testing package puts four spaces before what a test says, and eight
	// before each further line of it: no text of an answer can look like the
	// former.
	place = regexp.MustCompile(`^    ([\w.-]+\.go:\d+): (.*)$`)
	// The styles "X = got, want expected" and "got X, want expected".
	compare = regexp.MustCompile(`(?s)^.*?(?: = |\bgot )(.*), (?:want|expected) (.*)$`)
	marks   = strings.NewReplacer("\x16", "", "\x0e", "", "\x0f", "")
)

// hearing sorts what the testing package prints by test.
type hearing struct {
	out     map[string]said
	trails  map[string]*trail // by the full name of a test or one of its cases
	last    map[string]string // of a test: which of its trails grew last
	current string
	inside  bool   // something that a test says, which may go on in the next line
	open    string // the test whose complaint that is
}

// attribute sorts what the testing package printed by test, and keeps the first
// complaint of each that failed with what the test had written down before. It
// serves to tell the learner what was wrong; no verdict depends on it.
func attribute(words []byte) map[string]said {
	h := hearing{out: map[string]said{}, trails: map[string]*trail{}, last: map[string]string{}}
	for line := range strings.SplitSeq(string(words), "\n") {
		h.line(marks.Replace(line))
	}
	for test, name := range h.last { // those that never complained: they may have been cut short
		if _, have := h.out[test]; !have {
			h.out[test] = said{trail: h.trails[name].copied()}
		}
	}
	for test, s := range h.out {
		if m := compare.FindStringSubmatch(s.message); m != nil {
			s.got, s.expected = m[1], m[2]
			h.out[test] = s
		}
	}
	return h.out
}

func (h *hearing) line(line string) {
	if h.inside && strings.HasPrefix(line, "        ") {
		if s, ok := h.out[h.open]; ok {
			s.message += "\n" + strings.TrimSpace(line)
			h.out[h.open] = s
		}
		return
	}
	h.inside, h.open = false, ""
	if name, ok := frame(line); ok {
		h.current = name
		if strings.HasPrefix(line, "=== RUN ") { // once more, perhaps: what went well before is of no interest
			delete(h.trails, name)
			test, _, _ := strings.Cut(name, "/")
			delete(h.last, test)
		}
		return
	}
	test, _, _ := strings.Cut(h.current, "/")
	if m := place.FindStringSubmatch(line); m != nil && test != "" {
		h.inside = true
		h.says(test, m[1], m[2])
	}
}

// says takes in the first line of something that a test says.
func (h *hearing) says(test, at, text string) {
	if _, have := h.out[test]; have {
		return
	}
	if m, ok := recall(text); ok {
		if h.trails[h.current] == nil {
			h.trails[h.current] = &trail{}
		}
		h.trails[h.current].add(m)
		h.last[test] = h.current
		return
	}
	its := h.trails[h.current]
	if its == nil { // a case that says nothing of its own: what was before it
		its = h.trails[test]
	}
	h.out[test] = said{message: text, at: at, trail: its.copied()}
	h.open = test
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
