package shelf_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"workbench/exercises"
	"workbench/exercises/shelf"
)

const fixture = "../grade/testdata/shelf"

// copied returns the fixture as files that a test may change.
func copied(t *testing.T) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(fixture), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(fixture + "/" + name)
		out[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const folder = "01-token-bucket/"

// edit changes a field of exercise.json.
func edit(t *testing.T, files fstest.MapFS, change func(map[string]any)) {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(files[folder+"exercise.json"].Data, &all); err != nil {
		t.Fatal(err)
	}
	change(all)
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	files[folder+"exercise.json"] = &fstest.MapFile{Data: text}
}

func replace(files fstest.MapFS, name, old, new string) {
	files[folder+name] = &fstest.MapFile{Data: []byte(strings.Replace(string(files[folder+name].Data), old, new, 1))}
}

func TestFixtureIsWhole(t *testing.T) {
	s, err := shelf.Open(copied(t))
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Find("token-bucket")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}

// TestExercises holds the exercises of the repository to their layout.
func TestExercises(t *testing.T) {
	s, err := shelf.Open(exercises.Files)
	if err != nil {
		t.Error(err)
	}
	for _, e := range s.All() {
		if err := e.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestFind(t *testing.T) {
	s, err := shelf.Open(nil, copied(t), os.DirFS("/no/such/directory"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"token-bucket", "01-token-bucket", "1", "01"} {
		if e, err := s.Find(name); err != nil || e.Slug != "token-bucket" {
			t.Errorf("Find(%q) = %q, %v", name, e.Slug, err)
		}
	}
	for _, name := range []string{"", "2", "token", "../01-token-bucket"} {
		if _, err := s.Find(name); !errors.Is(err, shelf.ErrUnknown) || !strings.Contains(err.Error(), "token-bucket") {
			t.Errorf("Find(%q) = %v, want an error that lists what there is", name, err)
		}
	}
}

func TestLaterLayerStandsInForAnEarlierOne(t *testing.T) {
	mine := copied(t)
	edit(t, mine, func(m map[string]any) { m["title"] = "Mine" })
	s, err := shelf.Open(copied(t), mine)
	if err != nil || len(s.All()) != 1 || s.All()[0].Title != "Mine" {
		t.Errorf("All = %v, %v, want the later one alone", s.All(), err)
	}
}

func TestOpenLeavesOutWhatItCannotRead(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		want   string
	}{
		{"slug", func(m map[string]any) { m["slug"] = "other" }, "slug is \"other\""},
		{"order", func(m map[string]any) { m["order"] = 7 }, "order is 7, want 1"},
		{"package", func(m map[string]any) { m["package"] = "Token Bucket" }, "package is"},
		{"files", func(m map[string]any) { m["files"] = []string{"../x.go"} }, "files is \"../x.go\""},
		{"no files", func(m map[string]any) { m["files"] = []string{} }, "files is empty"},
		{"imports", func(m map[string]any) { m["allow_imports"] = []string{"unsafe"} }, "allow_imports is \"unsafe\""},
		{"limits", func(m map[string]any) { m["limits"] = map[string]int{"run_s": 10} }, "limits is"},
		{"runs", func(m map[string]any) { m["checks"] = map[string]int{"runs": 0} }, "checks.runs is 0"},
		{"an unknown field", func(m map[string]any) { m["colour"] = "red" }, `unknown field "colour"`},
		{"a wrong type", func(m map[string]any) { m["order"] = "one" }, "exercise.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := copied(t)
			edit(t, files, c.change)
			s, err := shelf.Open(files)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "01-token-bucket") {
				t.Errorf("Open = %v, want an error with %q", err, c.want)
			}
			if s == nil || len(s.All()) != 0 {
				t.Error("an exercise that cannot be used is on the shelf")
			}
		})
	}
}

func TestValidate(t *testing.T) {
	task := func(m map[string]any, i int) map[string]any { return m["tasks"].([]any)[i].(map[string]any) }
	for _, c := range []struct {
		name   string
		change func(t *testing.T, files fstest.MapFS)
		want   string
	}{
		{"points", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) { task(m, 0)["points"] = 21 })
		}, "points of kind correctness sum to 51, want 50"},
		{"a test without a task", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) { task(m, 1)["tests"] = []string{"TestRefills"} })
		}, "test TestNeverOverflows belongs to 0 tasks"},
		{"a task with an unknown test", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) { task(m, 0)["tests"] = []string{"TestNone"} })
		}, "there is no test TestNone"},
		{"hints", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) { task(m, 0)["hints"] = []string{"one"} })
		}, "has 1 hints, want 3"},
		{"hints.md", func(_ *testing.T, f fstest.MapFS) { replace(f, "hints.md", "A bucket begins", "It begins") }, "does not repeat the hint"},
		{"a promise that is not in the README", func(_ *testing.T, f fstest.MapFS) { replace(f, "README.md", "- Time that", "- A clock that") }, "is no bullet of the README's Contract"},
		{"a hidden demand", func(_ *testing.T, f fstest.MapFS) {
			replace(f, "README.md", "## Contract\n", "## Contract\n\n- It is green.\n")
		}, `says "It is green."`},
		{"level without a folder", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) { m["levels"] = []string{"bug"} })
		}, "there is no folder bug"},
		{"no build tag", func(_ *testing.T, f fstest.MapFS) {
			replace(f, "tests/token_bucket_test.go", "//go:build exercise", "// exercise")
		}, "begins with"},
		{"another import of the answer", func(_ *testing.T, f fstest.MapFS) {
			replace(f, "tests/token_bucket_test.go", "\ttokenbucket \"", "\ttb \"")
		}, "does not import the answer as"},
		{"TestMain", func(_ *testing.T, f fstest.MapFS) {
			replace(f, "hidden/edge_test.go", "func TestClockGoesBack", "func TestMain(m *testing.M) {}\n\nfunc TestClockGoesBack")
		}, "has a TestMain"},
		{"one name twice", func(_ *testing.T, f fstest.MapFS) {
			replace(f, "hidden/edge_test.go", "TestClockGoesBack", "TestRefills")
		}, "two tests are called TestRefills"},
		{"few right answers", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) { m["right"] = []string{"right/a"} })
		}, "right has 1 answers"},
		{"an answer of another package", func(_ *testing.T, f fstest.MapFS) {
			replace(f, "right/b/token_bucket.go", "package tokenbucket", "package other")
		}, "right/b/token_bucket.go is of package other"},
		{"an answer that imports more", func(_ *testing.T, f fstest.MapFS) {
			replace(f, "right/c/token_bucket.go", "import \"time\"", "import (\n\"os\"\n\"time\"\n)\nvar _ = os.Args")
		}, "imports os"},
		{"a mutant without a lesson", func(_ *testing.T, f fstest.MapFS) {
			replace(f, "wrong/free/token_bucket.go", "// kills:", "// see")
		}, "no file begins with"},
		{"a mutant that nobody kills", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) { m["mutants"].([]any)[0].(map[string]any)["must_fail"] = []string{} })
		}, "must_fail and lesson must be there"},
		{"bench", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) {
				m["checks"].(map[string]any)["bench"] = map[string]any{"name": "BenchmarkNone", "full": 2, "zero": 1}
			})
		}, `there is no benchmark "BenchmarkNone"`},
		{"a bench without points", func(t *testing.T, f fstest.MapFS) {
			edit(t, f, func(m map[string]any) {
				fast := m["tasks"].([]any)[4].(map[string]any)
				m["tasks"].([]any)[3].(map[string]any)["tests"] = []string{}
				fast["tests"] = []string{"TestClockGoesBack"}
			})
		}, "BenchmarkAllow has no points"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := maps.Clone(copied(t))
			c.change(t, files)
			s, err := shelf.Open(files)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.All()[0].Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Validate = %v, want an error with %q", err, c.want)
			}
		})
	}
}

// The modules of exercises are the workbench's own, in the same versions.
func TestModulesAreTheWorkbenchs(t *testing.T) {
	for own, root := range map[string]string{"modules/sqlite.mod.txt": "../../go.mod", "modules/sqlite.sum.txt": "../../go.sum"} {
		text, err := os.ReadFile(own)
		if err != nil {
			t.Fatal(err)
		}
		all, err := os.ReadFile(root)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			words := strings.TrimPrefix(strings.TrimSpace(line), "require ")
			module, rest, ok := strings.Cut(words, " ")
			if !ok || module == "(" || strings.HasPrefix(rest, "(") {
				continue
			}
			version, _, _ := strings.Cut(rest, " ")
			if strings.Contains(string(all), module+" ") && !strings.Contains(string(all), module+" "+version) {
				t.Errorf("%s has %s %s, and %s another version: make it anew with go mod tidy", own, module, version, root)
			}
		}
	}
}
