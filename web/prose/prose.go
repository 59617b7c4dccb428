// Package prose turns our own Markdown into HTML for pages: headings,
// tables, code, links. Raw HTML in the text is left out, and so is an
// address that is no address.
package prose

import (
	"bytes"
	"fmt"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// HTML renders a text. Its first heading of the first level is left out: the
// page has it as its title.
func HTML(markdown string) (string, error) {
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(util.Prioritized(titleless{}, 100))),
	)
	var out bytes.Buffer
	if err := md.Convert([]byte(markdown), &out); err != nil {
		return "", fmt.Errorf("render text: %w", err)
	}
	return out.String(), nil
}

// titleless takes the title out.
type titleless struct{}

// Transform implements parser.ASTTransformer.
func (titleless) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	if h, ok := doc.FirstChild().(*ast.Heading); ok && h.Level == 1 {
		doc.RemoveChild(doc, h)
	}
}
