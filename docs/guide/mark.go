package guide

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// mark is a figure in a text with its number before it.
var mark = regexp.MustCompile(`(-?[0-9][0-9,.]*(?:(?: (?:%|[a-zA-Zµ]+))|×|/s)?|\?)?<!--n:([a-z0-9._-]+)-->`)

// codeMark is the line before a block of code.
var codeMark = regexp.MustCompile(`^<!--code:([a-z0-9_./-]+)#([a-z0-9-]+)-->$`)

// Snippets is pieces of code by "FILE#NAME".
type Snippets map[string]string

// Fill returns a text with every marked number and every marked block of code
// as they are kept. Unknown marks stay as they are; Faults names them.
func Fill(text string, figures Figures, code Snippets) string {
	text = mark.ReplaceAllStringFunc(text, func(hit string) string {
		id := mark.FindStringSubmatch(hit)[2]
		f, ok := figures[id]
		if !ok {
			return hit
		}
		return f.Text() + "<!--n:" + id + "-->"
	})
	out, _ := eachBlock(text, func(name, _ string) (string, bool) {
		body, ok := code[name]
		return body, ok
	})
	return out
}

// Faults returns where a text prints another number or other code than is kept,
// one sentence each.
func Faults(text string, figures Figures, code Snippets) []string {
	var out []string
	for i, line := range strings.Split(text, "\n") {
		for _, hit := range mark.FindAllStringSubmatch(line, -1) {
			f, ok := figures[hit[2]]
			switch {
			case !ok:
				out = append(out, fmt.Sprintf("line %d: figure %s is not kept", i+1, hit[2]))
			case hit[1] != f.Text():
				out = append(out, fmt.Sprintf("line %d: figure %s: the text prints %q, want %q", i+1, hit[2], hit[1], f.Text()))
			}
		}
	}
	_, faults := eachBlock(text, func(name, body string) (string, bool) {
		want, ok := code[name]
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("code %s: there is no such piece", name))
		case want != body:
			out = append(out, fmt.Sprintf("code %s: the text differs from its source", name))
		}
		return "", false
	})
	return append(out, faults...)
}

// Used returns the ids of the figures that a text prints.
func Used(text string) []string {
	var out []string
	for _, hit := range mark.FindAllStringSubmatch(text, -1) {
		out = append(out, hit[2])
	}
	return out
}

// eachBlock calls f for every marked block of code and puts what it returns in
// the block's place. Marks without a block come back as faults.
func eachBlock(text string, f func(name, body string) (string, bool)) (string, []string) {
	lines := strings.SplitAfter(text, "\n")
	var out strings.Builder
	var faults []string
	for i := 0; i < len(lines); i++ {
		out.WriteString(lines[i])
		hit := codeMark.FindStringSubmatch(strings.TrimRight(lines[i], "\n"))
		if hit == nil {
			continue
		}
		name := hit[1] + "#" + hit[2]
		if i+1 >= len(lines) || strings.TrimSpace(lines[i+1]) != "```go" {
			faults = append(faults, fmt.Sprintf("code %s: got no block of Go after it, want one on the next line", name))
			continue
		}
		i++
		out.WriteString(lines[i])
		var body strings.Builder
		for i++; i < len(lines) && strings.TrimRight(lines[i], "\n") != "```"; i++ {
			body.WriteString(lines[i])
		}
		if fresh, ok := f(name, body.String()); ok {
			out.WriteString(fresh)
		} else {
			out.WriteString(body.String())
		}
		if i < len(lines) {
			out.WriteString(lines[i])
		}
	}
	return out.String(), faults
}

// The lines that enclose a piece of code in its source.
const (
	beginCode = "// guide:begin "
	endCode   = "// guide:end"
)

// ReadSnippets returns the marked pieces of all Go files of a folder, such as
// code, below root. A piece loses the indentation of its first line.
func ReadSnippets(root fs.FS, folder string) (Snippets, error) {
	names, err := fs.Glob(root, folder+"/*.go")
	if err != nil {
		return nil, fmt.Errorf("list the guide's code: %w", err)
	}
	out := Snippets{}
	for _, name := range names {
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return nil, fmt.Errorf("read the guide's code: %w", err)
		}
		if err := out.add(name, string(src)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s Snippets) add(file, src string) error {
	name, indent := "", ""
	var body strings.Builder
	for line := range strings.SplitAfterSeq(src, "\n") {
		trimmed := strings.TrimSpace(line)
		begin, isBegin := strings.CutPrefix(trimmed, beginCode)
		switch {
		case isBegin && name != "":
			return fmt.Errorf("%s: piece %s begins before %s ends", file, begin, name)
		case isBegin:
			name = file + "#" + begin
			indent = line[:strings.Index(line, "/")]
			if _, twice := s[name]; twice {
				return fmt.Errorf("%s: got the piece %s twice, want one", file, begin)
			}
		case trimmed == endCode && name == "":
			return fmt.Errorf("%s: a piece ends that did not begin", file)
		case trimmed == endCode:
			s[name] = strings.TrimSpace(body.String()) + "\n"
			name = ""
			body.Reset()
		case name != "":
			body.WriteString(strings.TrimPrefix(line, indent))
		}
	}
	if name != "" {
		return fmt.Errorf("%s: got no end of the piece, want %s", name, endCode)
	}
	return nil
}
