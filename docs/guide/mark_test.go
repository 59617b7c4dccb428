package guide_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"workbench/docs/guide"
)

func TestFigure(t *testing.T) {
	for _, c := range []struct {
		f    guide.Figure
		want string
	}{
		{guide.Figure{Value: 0.5, Unit: "ms", Digits: 1}, "0.5 ms"},
		{guide.Figure{Value: 1755.4, Unit: "×", Digits: -2}, "1,800×"},
		{guide.Figure{Value: 4000, Unit: ""}, "4,000"},
		{guide.Figure{Value: 70_000_000}, "70,000,000"},
		{guide.Figure{Value: 99.93, Unit: "%"}, "100 %"},
		{guide.Figure{Value: 6944.4, Unit: "/s"}, "6,944/s"},
		{guide.Figure{Value: -1234.5, Digits: 1}, "-1,234.5"},
		{guide.Figure{Value: -0.001, Digits: 1}, "0.0"},
	} {
		if got := c.f.Text(); got != c.want {
			t.Errorf("Text of %+v = %q, want %q", c.f, got, c.want)
		}
	}
	exact := guide.Figure{ID: "a", Value: 12, Digits: 0}
	rough := guide.Figure{ID: "b", Value: 100, Tolerance: 1}
	for _, c := range []struct {
		f   guide.Figure
		got float64
		ok  bool
	}{{exact, 12.4, true}, {exact, 12.6, false}, {rough, 50, true}, {rough, 200, true}, {rough, 49, false}, {rough, 201, false}} {
		if why := c.f.Check(c.got); (why == "") != c.ok {
			t.Errorf("Check(%v) of %+v = %q, want ok %v", c.got, c.f, why, c.ok)
		}
	}
}

func TestFillAndFaults(t *testing.T) {
	figures := guide.Figures{"a.b": {ID: "a.b", Value: 3, Unit: "ms"}, "a.c": {ID: "a.c", Value: 1200, Unit: "×"}}
	code := guide.Snippets{"code/x.go#one": "func one() {}\n"}
	const text = "It takes ?<!--n:a.b--> and 7×<!--n:a.c-->.\n\n<!--code:code/x.go#one-->\n```go\nold\n```\n"
	if got := guide.Faults(text, figures, code); len(got) != 3 {
		t.Errorf("Faults = %q, want three", got)
	}
	filled := guide.Fill(text, figures, code)
	const want = "It takes 3 ms<!--n:a.b--> and 1,200×<!--n:a.c-->.\n\n<!--code:code/x.go#one-->\n```go\nfunc one() {}\n```\n"
	if filled != want {
		t.Errorf("Fill = %q, want %q", filled, want)
	}
	if got := guide.Faults(filled, figures, code); len(got) != 0 {
		t.Errorf("Faults of a filled text = %q, want none", got)
	}
	if got := guide.Fill(filled, figures, code); got != filled {
		t.Errorf("filled twice = %q, want no change", got)
	}
	for name, c := range map[string]struct{ text, want string }{
		"unknown figure": {"5<!--n:x.y-->", "figure x.y is not kept"},
		"unknown code":   {"<!--code:code/x.go#two-->\n```go\n```\n", "there is no such piece"},
		"no block":       {"<!--code:code/x.go#one-->\n\ntext\n", "no block of Go"},
		"more digits":    {"13 ms<!--n:a.b-->", `prints "13 ms"`},
		"another unit":   {"3 s<!--n:a.b-->", `prints "3 s"`},
	} {
		if got := guide.Faults(c.text, figures, code); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: Faults = %q, want one with %q", name, got, c.want)
		}
	}
	if got := guide.Used(filled); !slices.Equal(got, []string{"a.b", "a.c"}) {
		t.Errorf("Used = %v, want a.b a.c", got)
	}
}

// TestEachFigureCanBeFilled finds a figure whose printed form is not recognised
// again, so that it would be printed twice.
func TestEachFigureCanBeFilled(t *testing.T) {
	for id, f := range open(t).Figures {
		const before = "a line with "
		filled := guide.Fill(before+"?<!--n:"+id+"-->", guide.Figures{id: f}, nil)
		if filled != before+f.Text()+"<!--n:"+id+"-->" || guide.Fill(filled, guide.Figures{id: f}, nil) != filled {
			t.Errorf("figure %s prints as %q, and again as %q", id, filled, guide.Fill(filled, guide.Figures{id: f}, nil))
		}
	}
}

func TestReadSnippets(t *testing.T) {
	read := func(src string) (guide.Snippets, error) {
		return guide.ReadSnippets(fstest.MapFS{"code/x.go": {Data: []byte(src)}}, "code")
	}
	got, err := read("package x\n\n// guide:begin one\nfunc a() {}\n// guide:end\n\nfunc f() {\n\t// guide:begin two\n\tx()\n\tif y {\n\t\tz()\n\t}\n\t// guide:end\n}\n")
	if err != nil || got["code/x.go#one"] != "func a() {}\n" || got["code/x.go#two"] != "x()\nif y {\n\tz()\n}\n" {
		t.Errorf("ReadSnippets = %q, %v", got, err)
	}
	for name, src := range map[string]string{
		"no end":     "// guide:begin one\n",
		"no begin":   "// guide:end\n",
		"one inside": "// guide:begin one\n// guide:begin two\n// guide:end\n",
		"twice":      "// guide:begin one\n// guide:end\n// guide:begin one\n// guide:end\n",
	} {
		if got, err := read(src); err == nil {
			t.Errorf("%s: ReadSnippets = %q, nil; want an error", name, got)
		}
	}
}

// FuzzRead holds the reader to pages that nobody would write: an error is fine,
// a panic is not, and no tag of a page reaches the site.
func FuzzRead(f *testing.F) {
	const head = "---\ntitle: T\nslug: page\nsummary: S\n---\n"
	f.Add("## A\n\ntext 3 ms<!--n:a.b-->\n\n| a | b |\n|---|---|\n| 1<!--n:a.b--> | 2 |\n")
	f.Add("```experiment\nid: a\n```\n```challenge\n```\n")
	f.Add("## Exercises\n\n- `01-a`: x\n-\n\n## Interview questions\n\n1. a\n")
	f.Add("<script>alert(1)</script> <b onclick=x>y</b> [a](javascript:alert(1)) ![x](y)\n")
	f.Add("<!--code:code/x.go#one-->\n```go\nx\n```\n\uE000\uE001\uE002\uE003#\uE004")
	f.Fuzz(func(t *testing.T, text string) {
		book, err := guide.Read(fstest.MapFS{"page.md": {Data: []byte(head + text)}, "numbers.json": {Data: []byte(`[{"id":"a.b","value":3,"unit":"ms"}]`)}})
		if err != nil {
			return
		}
		for _, p := range book.Pages {
			for _, s := range p.Sections {
				for _, part := range s.Parts {
					if low := strings.ToLower(part.HTML); strings.Contains(low, "<script") || strings.Contains(low, "href=\"javascript:") {
						t.Errorf("page %q gives %q", text, part.HTML)
					}
				}
			}
		}
	})
}

func FuzzFill(f *testing.F) {
	f.Add("a 3 ms<!--n:a.b--> b\n<!--code:code/x.go#one-->\n```go\nx\n```\n")
	f.Add("<!--n:a.b-->")
	f.Add("<!--code:code/x.go#one-->\n```go\nnever ends")
	figures := guide.Figures{"a.b": {ID: "a.b", Value: 3, Unit: "ms"}}
	code := guide.Snippets{"code/x.go#one": "func one() {}\n"}
	f.Fuzz(func(t *testing.T, text string) {
		once := guide.Fill(text, figures, code)
		if twice := guide.Fill(once, figures, code); twice != once {
			t.Errorf("Fill of %q is not settled: %q, then %q", text, once, twice)
		}
	})
}
