package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"workbench/exercises/grade"
	"workbench/exercises/shelf"
)

// TestNothingRan checks answers that no test could be run on: the reason comes
// first, the tests are one line, and no hint tells of a mistake that was not seen.
func TestNothingRan(t *testing.T) {
	empty, broken := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "token_bucket.go"), []byte("package tokenbucket\n\nfunc {\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dir, reason string }{
		{"a syntax error", broken, "token_bucket.go:3"},
		{"a wrong directory", empty, "token_bucket.go: is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"check", "token-bucket", c.dir, "--exercises", fixture}
			out, complaint, code := call(t, args...)
			if strings.Contains(complaint, "exercises need the go command") {
				t.Skipf("ANSWERS ARE NOT GRADED HERE: %s", complaint)
			}
			lines := strings.Split(out, "\n")
			if code != exitFailed || len(lines) < 3 || !strings.Contains(lines[2], c.reason) {
				t.Errorf("exit %d, printed %q, want %q in the third line", code, out, c.reason)
			}
			if strings.Contains(out, "hint") || strings.Contains(out, "✗") || strings.Count(out, " not run") != 1 || strings.Count(out, lines[2]) != 1 {
				t.Errorf("printed %q, want the reason and one line of tests, once each, and no hint", out)
			}
			out, _, _ = call(t, append(args, "--json")...)
			var sheet struct {
				Reason string           `json:"reason"`
				Cases  []map[string]any `json:"cases"`
			}
			if err := json.Unmarshal([]byte(out), &sheet); err != nil || len(sheet.Cases) < 2 || !strings.Contains(sheet.Reason, c.reason) {
				t.Errorf("%v: the JSON is %s", err, out)
			}
		})
	}
}

// TestPrintVerdict holds the page of a verdict in which some tests ran.
func TestPrintVerdict(t *testing.T) {
	v := grade.Verdict{State: grade.Fail, Of: 100, Score: 10, Reason: "fail: 1 of 4 tests pass", Cases: []grade.Case{
		{Name: "TestA", State: grade.Pass, Points: 10, Of: 10},
		{Name: "TestB", State: grade.Fail, Of: 30, Message: "no", Hint: "look", Earlier: 1, Trace: []grade.Moment{{At: "0s", Text: "Push(1)"}, {At: "1.5s", Text: "Pop = 2"}}},
		{Name: "TestC", State: grade.NotRun, Of: 30, Message: "the program ended before"},
		{Name: "TestD", State: grade.NotRun, Of: 30, Message: "the program ended before"},
	}}
	var out strings.Builder
	(&program{out: &out, name: "workbench"}).printVerdict(shelf.Exercise{Slug: "x", Title: "An X"}, v)
	want := `x: An X

  ✓ TestA                            10/10
  ✗ TestB                             0/30
      no
      what happened, in the test's own time:
        … 1 event before, left out
          0s  Push(1)
        1.5s  Pop = 2
      hint: look
  – 2 tests not run: the program ended before

not accepted: 10 of 100 points, 0.00 s
fail: 1 of 4 tests pass
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}
