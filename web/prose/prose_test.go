package prose_test

import (
	"strings"
	"testing"

	"workbench/web/prose"
)

func TestHTML(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want, not  []string
	}{
		{"title", "# Token bucket\n\nIt fills.\n\n## Contract\n", []string{"<p>It fills.</p>", `<h2 id="contract">Contract</h2>`}, []string{"Token bucket"}},
		{"title further down", "It fills.\n\n# Late\n", []string{"Late"}, nil},
		{"code", "    a < b\n\n```go\nx := <-ch\n```\n", []string{"a &lt; b", `<code class="language-go">x := &lt;-ch`}, nil},
		{"table", "| a | b |\n|---|---|\n| 1 | 2 |\n", []string{"<table>", "<td>2</td>"}, nil},
		{"raw HTML", "a <script>alert(1)</script> b\n\n<iframe src=x></iframe>\n", []string{"a "}, []string{"<script", "<iframe"}},
		{"script address", "[x](javascript:alert(1))", nil, []string{"javascript:"}},
		{"nothing", "", nil, []string{"<"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := prose.HTML(c.text)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("HTML = %q, want it to hold %q", got, w)
				}
			}
			for _, n := range c.not {
				if strings.Contains(got, n) {
					t.Errorf("HTML = %q, want it without %q", got, n)
				}
			}
		})
	}
}
