package web_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func parse(t *testing.T, source string) *html.Node {
	t.Helper()
	n, err := html.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatalf("parse the page: %v", err)
	}
	return n
}

// all returns the elements that a selector of the forms name, [attr],
// [attr=value] or name[attr=value] finds.
func all(root *html.Node, selector string) []*html.Node {
	name, rest, _ := strings.Cut(selector, "[")
	key, value, exact := strings.Cut(strings.TrimSuffix(rest, "]"), "=")
	var out []*html.Node
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || name != "" && n.Data != name {
			continue
		}
		if key != "" && (!has(n, key) || exact && attr(n, key) != value) {
			continue
		}
		out = append(out, n)
	}
	return out
}

func one(t *testing.T, root *html.Node, selector string) *html.Node {
	t.Helper()
	found := all(root, selector)
	if len(found) != 1 {
		t.Fatalf("%d elements are %s, want 1", len(found), selector)
	}
	return found[0]
}

func has(n *html.Node, key string) bool {
	for _, a := range n.Attr {
		if a.Key == key {
			return true
		}
	}
	return false
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func words(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
			b.WriteByte(' ')
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
