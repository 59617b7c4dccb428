package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fixture holds the exercise of the grader's own tests.
const fixture = "../../exercises/grade/testdata/shelf"

// call carries out one call of the program in a directory of its own.
func call(t *testing.T, args ...string) (out, err string, code int) {
	t.Helper()
	var o, e strings.Builder
	code = run(t.Context(), args, strings.NewReader(""), &o, &e, func(name string) string {
		if name == "WORKBENCH_DATA" {
			return filepath.Join(os.TempDir(), "no-such-workbench-data")
		}
		return ""
	})
	return o.String(), e.String(), code
}

func TestStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	out, complaint, code := call(t, "start", "token-bucket", dir, "--exercises", fixture)
	if code != exitOK || !strings.Contains(out, "workbench check token-bucket") {
		t.Fatalf("exit %d, printed %q, complained %q", code, out, complaint)
	}
	for name, want := range map[string]string{
		"token_bucket.go": "package tokenbucket", "token_bucket_test.go": `"exercise/tokenbucket"`, "README.md": "## Contract", "go.mod": "module exercise/tokenbucket",
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %v, want it to contain %q", name, err, want)
		}
		if strings.Contains(string(text), "go:build") {
			t.Errorf("%s has kept its build tag", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "token_bucket.go"), []byte("my work"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, complaint, code := call(t, "start", "token-bucket", dir, "--exercises", fixture); code != exitFailed || !strings.Contains(complaint, "is there already") {
		t.Errorf("a second start: exit %d, complained %q", code, complaint)
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "token_bucket.go")); string(text) != "my work" {
		t.Errorf("a second start overwrote the learner's work with %q", text)
	}
}

func TestCheckUsage(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", []string{"check"}, "got 0 arguments"},
		{"too much", []string{"check", "a", "b", "c"}, "got 3 arguments"},
		{"unknown", []string{"check", "nothing-like-it", "--exercises", fixture}, "no such exercise"},
		{"no directory", []string{"check", "token-bucket", "/no/such/dir", "--exercises", fixture}, "is not a directory"},
		{"no such level", []string{"start", "token-bucket", t.TempDir(), "--level", "bug", "--exercises", fixture}, `has no level "bug"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, complaint, code := call(t, c.args...); code != exitUsage || !strings.Contains(complaint, c.want) {
				t.Errorf("exit %d, complained %q, want exit %d and %q", code, complaint, exitUsage, c.want)
			}
		})
	}
}

// TestCheckJSON holds the verdict's JSON to its keys, which scripts rely on.
func TestCheckJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles answers")
	}
	for _, c := range []struct {
		dir      string
		accepted bool
		reason   string
		code     int
	}{
		{"right/a", true, "pass: ", exitOK},
		{"wrong/unlocked", false, "race: ", exitFailed},
		{"start", false, "fail: ", exitFailed},
	} {
		t.Run(c.dir, func(t *testing.T) {
			out, complaint, code := call(t, "check", "token-bucket", filepath.Join(fixture, "01-token-bucket", c.dir), "--json", "--exercises", fixture)
			if strings.Contains(complaint, "warning: the sandbox is") || strings.Contains(complaint, "exercises need the go command") {
				t.Skipf("ANSWERS ARE NOT GRADED HERE: %s", complaint)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatalf("%v: %s%s", err, out, complaint)
			}
			var keys []string
			for key := range got {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			if want := []string{"accepted", "cases", "duration_ms", "exercise", "leak", "race", "reason", "score"}; !slices.Equal(keys, want) {
				t.Errorf("keys %q, want %q", keys, want)
			}
			if got["accepted"] != c.accepted || code != c.code || !strings.HasPrefix(got["reason"].(string), c.reason) {
				t.Errorf("accepted %v, exit %d, reason %q", got["accepted"], code, got["reason"])
			}
			one := got["cases"].([]any)[0].(map[string]any)
			delete(one, "trace") // of one that failed
			delete(one, "earlier")
			if _, ok := one["name"].(string); !ok || len(one) != 4 {
				t.Errorf("a case is %v, want name, ok, points and message", one)
			}
		})
	}
}

func TestListExercises(t *testing.T) {
	out, _, code := call(t, "list", "exercises", "--json")
	var all []listedExercise
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitOK {
		t.Errorf("exit %d, %v: %s", code, err, out)
	}
}
