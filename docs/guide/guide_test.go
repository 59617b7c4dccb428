package guide_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"workbench/docs/guide"
	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

func open(t *testing.T) guide.Book {
	t.Helper()
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func TestChaptersAreWhole(t *testing.T) {
	book := open(t)
	want := []string{"mental-model", "async-io", "backpressure", "caching", "databases", "queues", "resilience", "observability", "complete-example"}
	var got []string
	for _, c := range book.Chapters {
		got = append(got, c.Slug)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("chapters %v, want %v", got, want)
	}
	for _, c := range book.Chapters {
		t.Run(c.Slug, func(t *testing.T) {
			if n := len(c.Experiments()); n < 3 {
				t.Errorf("%d experiments, want at least 3", n)
			}
			if n := len(c.Exercises); n < 2 {
				t.Errorf("%d exercises, want at least 2", n)
			}
			if n := len(c.Questions); n < 8 {
				t.Errorf("%d questions, want at least 8", n)
			}
			if c.Challenge.Seconds != 90 {
				t.Errorf("the challenge takes %d s, want 90", c.Challenge.Seconds)
			}
			order := []string{"Keep it alive", "The idea", "In Go", "Experiments", "What to notice", "What it costs and how it fails", "Exercises", "Interview questions"}
			var titles []string
			for _, s := range c.Sections {
				if slices.Contains(order, s.Title) {
					titles = append(titles, s.Title)
				}
			}
			if !slices.Equal(titles, order) {
				t.Errorf("sections %v, want %v in this order", titles, order)
			}
			code := regexp.MustCompile(`class="code-source"`)
			shown := 0
			for _, s := range c.Sections {
				for _, p := range s.Parts {
					shown += len(code.FindAllString(p.HTML, -1))
				}
			}
			if shown == 0 {
				t.Error("shows no tested code")
			}
		})
	}
	for _, slug := range []string{"crib", "glossary", "map", "original"} {
		if !slices.ContainsFunc(book.Pages, func(p guide.Page) bool { return p.Slug == slug }) {
			t.Errorf("there is no page %s", slug)
		}
	}
}

// exercises are those of the program, by folder.
var exercises = strings.Fields(`01-token-bucket 02-keyed-limiter 03-bounded-queue 04-cache-aside 05-lock-cleanup 06-fail-fast-gate 07-retry-budget
	08-breaker 09-bulkhead 10-deadline-propagation 11-idempotency-key 12-outbox-relay 13-keyset-page 14-n-plus-one 15-etag-304 16-consistent-hash
	17-lifo-codel 18-graceful-shutdown 19-correlation-id 20-mergeable-histogram 21-serve-stale 22-hedge 23-open-loop 24-login-limiter 25-feed-merge
	26-matching-engine 27-notification-lanes`)

func TestExercisesAreKnown(t *testing.T) {
	named := map[string]bool{}
	for _, c := range open(t).Chapters {
		for _, e := range c.Exercises {
			named[e.Slug] = true
			if !slices.Contains(exercises, e.Slug) {
				t.Errorf("%s: exercise %s is not known", c.Slug, e.Slug)
			}
			if e.Why == "" {
				t.Errorf("%s: exercise %s has no reason", c.Slug, e.Slug)
			}
		}
	}
	for _, e := range exercises {
		if !named[e] {
			t.Errorf("no chapter sends its reader to exercise %s", e)
		}
	}
}

// TestScenariosRun holds what experiments and challenges name to the engine.
func TestScenariosRun(t *testing.T) {
	check := func(t *testing.T, name string, flags []string) {
		t.Helper()
		spec, err := scenario.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		set, err := scenario.ParseFlags(flags)
		if err == nil {
			_, _, err = scenario.Apply(spec, set, virtual.Known())
		}
		if err != nil {
			t.Errorf("%s %v: %v", name, flags, err)
		}
	}
	for _, c := range open(t).Chapters {
		for _, try := range c.Challenge.Try {
			check(t, c.Challenge.Scenario, strings.Fields(try))
		}
		for _, e := range c.Experiments() {
			for _, run := range e.Runs {
				check(t, e.Scenario, run.Flags)
			}
		}
	}
}

// TestIDs holds ids to be unique where a link needs them.
func TestIDs(t *testing.T) {
	for _, c := range open(t).Chapters {
		seen := map[string]bool{}
		for _, s := range c.Sections {
			if seen[s.ID] {
				t.Errorf("%s: two sections %q", c.Slug, s.ID)
			}
			seen[s.ID] = true
		}
		for _, e := range c.Experiments() {
			if seen["x-"+e.ID] {
				t.Errorf("%s: two experiments %q", c.Slug, e.ID)
			}
			seen["x-"+e.ID] = true
		}
	}
}

// TestLinks follows every link of the rendered pages.
func TestLinks(t *testing.T) {
	book := open(t)
	targets := map[string]bool{}
	pages := map[string][]guide.Section{}
	for _, c := range book.Chapters {
		pages[c.Slug] = c.Sections
	}
	for _, p := range book.Pages {
		pages[p.Slug] = p.Sections
	}
	id := regexp.MustCompile(` id="([^"]+)"`)
	for slug, sections := range pages {
		targets[guide.Path+slug] = true
		for _, s := range sections {
			targets[guide.Path+slug+"#"+s.ID] = true
			for _, p := range s.Parts {
				for _, m := range id.FindAllStringSubmatch(p.HTML, -1) {
					targets[guide.Path+slug+"#"+m[1]] = true
				}
			}
		}
	}
	href := regexp.MustCompile(`href="([^"]*)"`)
	for slug, sections := range pages {
		for _, s := range sections {
			for _, p := range s.Parts {
				for _, m := range href.FindAllStringSubmatch(p.HTML, -1) {
					to := m[1]
					if strings.HasPrefix(to, "#") {
						to = guide.Path + slug + to
					}
					known := targets[to] || slices.Contains(exercises, strings.TrimPrefix(to, guide.ExercisePath))
					if !known {
						t.Errorf("%s: links to %s, which is not there", slug, m[1])
					}
				}
			}
		}
	}
}

func snippets(t *testing.T) guide.Snippets {
	t.Helper()
	code, err := guide.ReadSnippets(os.DirFS("."), "code")
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// texts returns the guide's pages by file.
func texts(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(guide.Files(), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, name := range names {
		src, err := fs.ReadFile(guide.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(src)
	}
	return out
}

// TestTextsPrintWhatIsKept holds each number and each piece of code in the
// texts to what was measured and what is compiled.
func TestTextsPrintWhatIsKept(t *testing.T) {
	book, code := open(t), snippets(t)
	used := map[string]bool{}
	for name, text := range texts(t) {
		for _, line := range guide.Faults(text, book.Figures, code) {
			t.Errorf("%s: %s (make guide-keep)", name, line)
		}
		for _, id := range guide.Used(text) {
			used[id] = true
		}
	}
	for id := range book.Figures {
		if !used[id] && !ofExperiment(book, id) {
			t.Errorf("figure %s is kept, and no text prints it", id)
		}
	}
	for name := range code {
		if !strings.Contains(strings.Join(all(texts(t)), "\n"), "<!--code:"+name+"-->") {
			t.Errorf("the piece of code %s is marked, and no text shows it", name)
		}
	}
}

// ofExperiment reports whether a figure is an experiment's own, which a page
// shows beside it.
func ofExperiment(book guide.Book, id string) bool {
	for _, c := range book.Chapters {
		for _, e := range c.Experiments() {
			for _, run := range e.Runs {
				for _, r := range e.Reads {
					if e.Figure(c.Slug, run, r) == id {
						return true
					}
				}
			}
		}
	}
	return false
}

func all(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// TestAnAlteredNumberIsFound changes each number of the texts, one at a time.
func TestAnAlteredNumberIsFound(t *testing.T) {
	book, code := open(t), snippets(t)
	digit := regexp.MustCompile(`[0-9]([^0-9<\n]*)<!--n:`)
	altered := 0
	for name, text := range texts(t) {
		for _, at := range digit.FindAllStringIndex(text, -1) {
			other := byte('1')
			if text[at[0]] == '1' {
				other = '2'
			}
			begin, end := strings.LastIndexByte(text[:at[0]], '\n')+1, at[1]+strings.IndexByte(text[at[1]:], '\n')
			copied := text[begin:at[0]] + string(other) + text[at[0]+1:end]
			if len(guide.Faults(copied, book.Figures, code)) == 0 {
				t.Errorf("%s: an altered number is not found: %q", name, copied)
			}
			altered++
		}
	}
	if altered < 50 {
		t.Errorf("altered %d numbers, want at least 50", altered)
	}
}

// TestAnAlteredFigureIsFound changes each kept value by more than its
// tolerance.
func TestAnAlteredFigureIsFound(t *testing.T) {
	for id, f := range open(t).Figures {
		if why := f.Check(f.Value); why != "" {
			t.Errorf("%s differs from itself: %s", id, why)
		}
		unit := 1.
		for range f.Digits {
			unit /= 10
		}
		if f.Check(f.Value*(1+2*f.Tolerance)+unit) == "" {
			t.Errorf("%s: a value that has drifted is not found", id)
		}
	}
}

// TestEachExperimentHasItsAnswer finds an experiment of which nothing is kept.
func TestEachExperimentHasItsAnswer(t *testing.T) {
	book := open(t)
	for _, c := range book.Chapters {
		for _, e := range c.Experiments() {
			got := len(book.Answers(c.Slug, e))
			if want := len(e.Runs) * len(e.Reads); e.Scenario != "" && got != want || got == 0 {
				t.Errorf("%s %s: %d kept figures, want %d, or some for a program", c.Slug, e.ID, got, want)
			}
		}
	}
}

func TestCommands(t *testing.T) {
	for _, c := range open(t).Chapters {
		for _, e := range c.Experiments() {
			if !strings.HasPrefix(e.Command(), "bin/workbench ") && !strings.HasPrefix(e.Command(), "go run ./docs/guide/numbers ") {
				t.Errorf("%s %s: command %q", c.Slug, e.ID, e.Command())
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	const head = "---\ntitle: T\nslug: page\nsummary: S\n---\n"
	const chapter = "---\ntitle: T\nslug: one\nsummary: S\nminutes: 1\n---\n"
	const task = "```challenge\nscenario: metastable\nseconds: 90\ngoal: g\ntry: [--on=queue]\ntrap: t\n```\n"
	for _, c := range []struct{ name, file, text, want string }{
		{"a sound page", "page.md", head + "## A\n\ntext\n", ""},
		{"a sound chapter", "01-one.md", chapter + task, ""},
		{"no front matter", "page.md", "text", "no front matter"},
		{"an unknown field", "page.md", "---\ntitle: T\nslug: page\nsummary: S\ncolour: red\n---\n", "colour"},
		{"another slug", "page.md", strings.Replace(head, "slug: page", "slug: other", 1), `got "other", want "page"`},
		{"no minutes", "01-one.md", strings.Replace(chapter, "minutes: 1", "minutes: 0", 1) + task, "minutes: got 0"},
		{"no challenge", "01-one.md", chapter, "challenge"},
		{"a gap", "02-one.md", chapter + task, "got chapter 2, want 1"},
		{"HTML", "page.md", head + "<script>alert(1)</script>\n", "block of HTML"},
		{"HTML in a line", "page.md", head + "a <b>c</b>\n", "HTML in the text"},
		{"a link to nowhere", "page.md", head + "[a](../../go.mod)\n", "want a page of the guide"},
		{"a picture", "page.md", head + "![a](a.png)\n", "the picture"},
		{"a second title", "page.md", head + "# A\n", "first level"},
		{"an unknown metric", "page.md", head + "```experiment\nid: a\ntitle: t\nquestion: q\nsee: s\nscenario: metastable\nruns: {a: []}\nreads: [{metric: joy}]\n```\n", `"joy": unknown`},
		{"an unknown flag", "page.md", head + "```experiment\nid: a\ntitle: t\nquestion: q\nsee: s\nscenario: metastable\nruns: {a: [--fly]}\nreads: [{metric: p50_ms}]\n```\n", "--fly"},
		{"an experiment of nothing", "page.md", head + "```experiment\nid: a\ntitle: t\nquestion: q\nsee: s\n```\n", "want one of them"},
		{"an exercise without a name", "page.md", head + "## Exercises\n\n- do it\n", "got no name first"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := guide.Read(fstest.MapFS{c.file: {Data: []byte(c.text)}, "numbers.json": {Data: []byte("[]")}})
			switch {
			case c.want == "" && err != nil:
				t.Errorf("Read = %v, want nil", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("Read = %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	index := open(t).Index()
	for _, c := range []struct{ query, link string }{
		{"retry budget", "/guide/resilience"},
		{"keyset", "/guide/databases"},
		{"single-flight", "/guide/caching"},
		{"IDEMPOTENCY", "/guide/queues"},
		{"coordin omission", "/guide/mental-model"},
	} {
		hits := index.Search(c.query, 3)
		if !slices.ContainsFunc(hits, func(h guide.Hit) bool { return strings.HasPrefix(h.Link, c.link) }) {
			t.Errorf("Search(%q) = %+v, want a hit in %s", c.query, hits, c.link)
		}
	}
	if hits := index.Search("xylophone", 5); len(hits) > 0 {
		t.Errorf("Search(xylophone) = %v, want nothing", hits)
	}
	if hits := index.Search("  ", 5); len(hits) > 0 {
		t.Errorf("Search of nothing = %v, want nothing", hits)
	}
	if hits := index.Search("the", 4); len(hits) != 4 {
		t.Errorf("Search(the) = %d hits, want the 4 asked for", len(hits))
	}
}
