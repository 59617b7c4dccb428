package guide

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// Where a site serves the guide and the exercises: links in the HTML lead
// there.
const (
	Path         = "/guide/"
	ExercisePath = "/exercises/"
)

// The titles of the two sections whose lists are read as data.
const (
	exercisesTitle = "Exercises"
	questionsTitle = "Interview questions"
)

// Marks survive rendering between characters that no text uses.
const (
	figureOpen, figureMid, figureClose = "\uE000", "\uE001", "\uE002"
	sourceOpen, sourceClose            = "\uE003", "\uE004"
)

var (
	figureSpan  = regexp.MustCompile(figureOpen + `([^` + figureMid + `]*)` + figureMid + `([^` + figureClose + `]*)` + figureClose)
	sourceSpan  = regexp.MustCompile(`<p>` + sourceOpen + `([^#]*)#[^` + sourceClose + `]*` + sourceClose + `</p>`)
	codeLine    = regexp.MustCompile(`(?m)^<!--code:([a-z0-9_./-]+#[a-z0-9-]+)-->$`)
	exerciseRef = regexp.MustCompile(`^[0-9]{2}-[a-z0-9-]+$`)
	tag         = regexp.MustCompile(`<[^>]*>`)
)

// reader turns the Markdown of one page into a document.
type reader struct {
	doc     *document
	figures Figures
	md      goldmark.Markdown
	src     []byte
	buf     bytes.Buffer // HTML that is not in a part yet
	ids     map[string]bool
	faults  []error
}

func newReader(d *document, figures Figures) *reader {
	md := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	return &reader{doc: d, figures: figures, md: md, ids: map[string]bool{}}
}

func (r *reader) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

// read goes through the blocks of a page in their order.
func (r *reader) read(body []byte) {
	marked := mark.ReplaceAll(body, []byte(figureOpen+"$2"+figureMid+"$1"+figureClose))
	r.src = codeLine.ReplaceAll(marked, []byte(sourceOpen+"$1"+sourceClose+"\n"))
	root := r.md.Parser().Parse(text.NewReader(r.src))
	r.links(root)
	r.doc.sections = []Section{{}}
	for n := root.FirstChild(); n != nil; n = n.NextSibling() {
		r.block(n)
	}
	r.flush()
	if first := r.doc.sections[0]; len(first.Parts) == 0 && first.Title == "" {
		r.doc.sections = r.doc.sections[1:]
	}
}

// block takes one block of the page.
func (r *reader) block(n ast.Node) {
	switch n := n.(type) {
	case *ast.Heading:
		if n.Level == 1 {
			r.fault("got the heading %q of the first level, want the title in the front matter alone", n.Lines().Value(r.src))
			return
		}
		if n.Level == 2 {
			r.flush()
			id, _ := n.AttributeString("id")
			name, _ := id.([]byte)
			r.doc.sections = append(r.doc.sections, Section{ID: string(name), Title: string(n.Lines().Value(r.src))})
			return
		}
	case *ast.FencedCodeBlock:
		switch string(n.Language(r.src)) {
		case experimentBlock:
			r.experiment(n)
			return
		case challengeBlock:
			c, err := parseChallenge(n.Lines().Value(r.src))
			if err != nil {
				r.faults = append(r.faults, err)
			}
			r.doc.challenge = c
			return
		}
	case *ast.List:
		r.list(n)
	}
	if err := r.md.Renderer().Render(&r.buf, r.src, n); err != nil {
		r.fault("render: %w", err)
	}
}

// section returns the section that blocks go to.
func (r *reader) section() *Section { return &r.doc.sections[len(r.doc.sections)-1] }

// flush makes a part of the HTML so far.
func (r *reader) flush() {
	if r.buf.Len() == 0 {
		return
	}
	page := r.dress(r.buf.String())
	r.buf.Reset()
	s := r.section()
	s.Parts = append(s.Parts, Part{HTML: page})
	s.Text = strings.TrimSpace(s.Text + " " + strings.Join(strings.Fields(html.UnescapeString(tag.ReplaceAllString(page, " "))), " "))
}

// dress turns the marks into elements: a figure says how it was measured, and
// code where it is from.
func (r *reader) dress(page string) string {
	page = figureSpan.ReplaceAllStringFunc(page, func(hit string) string {
		m := figureSpan.FindStringSubmatch(hit)
		f, ok := r.figures[m[1]]
		if !ok {
			return m[2] // Faults names it
		}
		how := f.How
		if f.Formula != "" {
			how += ": " + f.Formula
		}
		return fmt.Sprintf(`<data class="figure" id="n-%s" value="%g" title="%s">%s</data>`, r.once(m[1]), f.Value, html.EscapeString(how+" ("+f.Command+")"), m[2])
	})
	return sourceSpan.ReplaceAllString(page, `<p class="code-source">docs/guide/$1</p>`)
}

// once returns a figure's id for HTML, in which each may stand once: a figure
// that is printed again gets a number.
func (r *reader) once(id string) string {
	name := id
	for i := 2; r.ids[name]; i++ {
		name = fmt.Sprintf("%s-%d", id, i)
	}
	r.ids[name] = true
	return name
}

func (r *reader) experiment(n *ast.FencedCodeBlock) {
	e, err := parseExperiment(n.Lines().Value(r.src))
	if err != nil {
		r.faults = append(r.faults, err)
		return
	}
	r.flush()
	s := r.section()
	s.Parts = append(s.Parts, Part{Experiment: e})
	s.Text = strings.TrimSpace(s.Text + " " + strings.Join([]string{e.Title, e.Question, e.See}, " "))
}

// list reads the lists of exercises and questions, and links exercises.
func (r *reader) list(n *ast.List) {
	title := r.section().Title
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		switch title {
		case exercisesTitle:
			r.exercise(item)
		case questionsTitle:
			r.doc.questions = append(r.doc.questions, Question{Number: len(r.doc.questions) + 1, Text: words(item, r.src)})
		}
	}
}

func (r *reader) exercise(item ast.Node) {
	block := item.FirstChild()
	if block == nil {
		return
	}
	code, ok := block.FirstChild().(*ast.CodeSpan)
	if !ok {
		r.fault("exercise %q: got no name first, want one such as `01-token-bucket`", words(item, r.src))
		return
	}
	slug := words(code, r.src)
	if !exerciseRef.MatchString(slug) {
		r.fault("exercise %q: want a name such as 01-token-bucket", slug)
		return
	}
	why := strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(words(item, r.src), slug), ":"))
	r.doc.exercises = append(r.doc.exercises, Exercise{Slug: slug, Why: why})
	link := ast.NewLink()
	link.Destination = []byte(ExercisePath + slug)
	block.ReplaceChild(block, code, link)
	link.AppendChild(link, code)
}

// words returns the text inside a node, without markup and on one line.
func words(n ast.Node, src []byte) string {
	var out strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		switch n := n.(type) {
		case *ast.Text:
			if entering {
				out.Write(n.Segment.Value(src))
				if n.SoftLineBreak() {
					out.WriteByte(' ')
				}
			}
		case *ast.String:
			if entering {
				out.Write(n.Value)
			}
		}
		return ast.WalkContinue, nil
	})
	plain := figureSpan.ReplaceAllString(out.String(), "$2")
	return strings.Join(strings.Fields(plain), " ")
}

// links turns links between the guide's files into links of the site, and
// refuses HTML that is written into a page.
func (r *reader) links(root ast.Node) {
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the walker returns no error
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.RawHTML:
			r.fault("got HTML in the text (%s), want Markdown", n.Segments.Value(r.src))
		case *ast.HTMLBlock:
			r.fault("got a block of HTML (%s), want Markdown", n.Lines().Value(r.src))
		case *ast.Image:
			r.fault("got the picture %q, want none: the site would not find it", n.Destination)
		case *ast.Link:
			r.link(n)
		}
		return ast.WalkContinue, nil
	})
}

func (r *reader) link(n *ast.Link) {
	file, part, _ := strings.Cut(string(n.Destination), "#")
	if part != "" {
		part = "#" + part
	}
	switch {
	case file == "" || strings.HasPrefix(file, "https://"):
		return
	case chapterFile.MatchString(file):
		n.Destination = []byte(Path + chapterFile.FindStringSubmatch(file)[2] + part)
	case strings.HasSuffix(file, ".md") && !strings.ContainsRune(file, '/'):
		n.Destination = []byte(Path + strings.TrimSuffix(file, ".md") + part)
	default:
		r.fault("links to %q, want a page of the guide", n.Destination)
	}
}
