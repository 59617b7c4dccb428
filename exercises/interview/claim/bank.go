package claim

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Point is one thing to get right about a question: wordings of what is true, and
// of what is said instead.
type Point struct {
	Right []string
	Wrong []string
}

// Known is what is known of a question: its points, and what people say of it, true or
// false, that belongs to no single one.
type Known struct {
	Points []Point
	Right  []string
	Wrong  []string
}

// Bank holds what is known of each question, by its id.
type Bank map[string]Known

// Add puts another part of the bank to it. A question may stand in several.
func (b Bank) Add(part Bank) {
	for id, k := range part {
		old := b[id]
		b[id] = Known{append(old.Points, k.Points...), append(old.Right, k.Right...), append(old.Wrong, k.Wrong...)}
	}
}

// Parse reads a bank, or a part of one. Each line is one of
//
//	= id        the question that the points below belong to
//	+ text      a true claim
//	- text      a false claim
//	# text      a note
//
// and an empty line ends a block. A block of both kinds is a point, the first true claim
// of which is shown to who has it wrong; one of a single kind is what people say. A new
// point goes behind the others, for learners' rulings name points by their number. The
// error names every line that is wrong.
func Parse(name string, in io.Reader) (Bank, error) {
	p := parser{bank: Bank{}, file: name}
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		p.line(n, strings.TrimSpace(lines.Text()))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	p.end()
	if err := errors.Join(p.faults...); err != nil {
		return nil, err
	}
	return p.bank, nil
}

type parser struct {
	bank   Bank
	file   string
	id     string
	block  Point
	faults []error
}

func (p *parser) fault(line int, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%s:%d: %s", p.file, line, fmt.Sprintf(format, args...)))
}

func (p *parser) line(n int, text string) {
	kind, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case text == "":
		p.end()
	case kind == "#":
	case rest == "":
		p.fault(n, "%q says nothing: want a kind (= + - #), a blank and a text", text)
	case kind == "=":
		p.end()
		p.id = rest
		if _, again := p.bank[rest]; again {
			p.fault(n, "the question %s stands twice", rest)
		}
		p.bank[rest] = Known{}
	case kind != "+" && kind != "-":
		p.fault(n, "unknown kind %q: want = + - or #", kind)
	case p.id == "":
		p.fault(n, "a claim before the first question (= id)")
	default:
		p.claim(kind, rest)
	}
}

func (p *parser) claim(kind, text string) {
	if kind == "+" {
		p.block.Right = append(p.block.Right, text)
	} else {
		p.block.Wrong = append(p.block.Wrong, text)
	}
}

// end ends a block.
func (p *parser) end() {
	k := p.bank[p.id]
	switch {
	case len(p.block.Right) > 0 && len(p.block.Wrong) > 0:
		k.Points = append(k.Points, p.block)
	default:
		k.Right, k.Wrong = append(k.Right, p.block.Right...), append(k.Wrong, p.block.Wrong...)
	}
	if p.id != "" {
		p.bank[p.id] = k
	}
	p.block = Point{}
}
