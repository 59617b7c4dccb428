package grade

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"workbench/exercises/shelf"
)

// answer writes an answer to a directory of its own.
func answer(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token_bucket.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func right(t *testing.T, e shelf.Exercise) string {
	t.Helper()
	files, err := e.Files(e.Right[0])
	if err != nil {
		t.Fatal(err)
	}
	return files["token_bucket.go"]
}

// find returns the case of a test.
func (v Verdict) find(name string) Case {
	for _, c := range v.Cases {
		if c.Name == name {
			return c
		}
	}
	return Case{}
}

func TestWhatTheCompilerSays(t *testing.T) {
	g, e := grader(t), exercise(t)
	good := right(t, e)
	for _, c := range []struct{ name, text, want string }{
		{"no Go", strings.Replace(good, "func New(", "func New((", 1), "token_bucket.go:"},
		{"a wrong type", strings.Replace(good, "b.tokens--", "b.tokens = \"none\"", 1), "token_bucket.go:"},
		{"what the tests need is gone", strings.ReplaceAll(good, "Allow(", "Permit("), "the tests need it as the exercise gave it"},
		{"an unused import", strings.Replace(good, "\"sync\"", "\"sync\"\n\t\"fmt\"", 1), `"fmt" imported and not used`},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := judge(t, g, e, answer(t, c.text), Options{})
			if v.State != CompileError || v.Accepted || v.Score != 0 || !strings.Contains(v.Reason, c.want) || strings.Contains(v.Reason, "grade/") || strings.Contains(v.Reason, os.TempDir()) {
				t.Errorf("verdict %+v, want a compile error with %q and no path of ours", v, c.want)
			}
			if c := v.find("TestStartsFull"); c.State != NotRun || c.Hint != "" {
				t.Errorf("a test that did not run is %q, with the hint %q", c.State, c.Hint)
			}
		})
	}
}

func TestLeakedGoroutineIsFound(t *testing.T) {
	g, e := grader(t), exercise(t)
	text := strings.Replace(right(t, e), "\tif b.tokens < 1 {", "\tgo func() { select {} }()\n\tif b.tokens < 1 {", 1)
	v := judge(t, g, e, answer(t, text), Options{})
	first := slices.IndexFunc(v.Cases, func(c Case) bool { return c.State == Leak }) // whichever ran first: leaks are looked for until one is found
	if v.State != Leak || v.Leak != Found || v.Accepted || first < 0 || !strings.HasPrefix(v.Cases[first].At, "token_bucket.go:") {
		t.Errorf("verdict %+v, want a leak with its place", v)
	}
	if v.find("TestConcurrent").Points != 0 {
		t.Error("a leak left the points of concurrency")
	}
}

// A verdict tells what happened up to the complaint, of the run that failed and
// no more; of a test that fell, up to its fall.
func TestTraceIsTold(t *testing.T) {
	g, e := grader(t), exercise(t)
	for _, c := range []struct {
		name, from, to string
		want           []Moment
	}{
		{"a complaint", "b.tokens--", "b.tokens -= 2", []Moment{{"1s", "Allow, asked 10 times, let 1 through"}}},
		{"a fall", "\tif b.tokens < 1 {", "\tif now == 2500*time.Millisecond {\n\t\tpanic(\"too late\")\n\t}\n\tif b.tokens < 1 {", []Moment{
			{"1s", "Allow, asked 10 times, let 2 through"}, {"1.5s", "Allow, asked 10 times, let 1 through"}, {"1.6s", "Allow, asked 10 times, let 0 through"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := judge(t, g, e, answer(t, strings.Replace(right(t, e), c.from, c.to, 1)), Options{})
			if got := v.find("TestRefills"); got.State != Fail || !slices.Equal(got.Trace, c.want) || got.Earlier != 0 {
				t.Errorf("TestRefills is %+v, want that it failed after %v", got, c.want)
			}
		})
	}
}

// The panic is put down to the test in which it happened, whatever the others
// did before it, and the tests after it still run.
func TestPanicIsItsTestsFailure(t *testing.T) {
	g, e := grader(t), exercise(t)
	v := judge(t, g, e, answer(t, `package tokenbucket

import "time"

type Bucket struct{ last time.Duration }

func New(float64, int) *Bucket { return &Bucket{} }

func (b *Bucket) Allow(now time.Duration) bool {
	if now < b.last {
		panic("the clock went back")
	}
	b.last = now
	return true
}
`), Options{})
	for name, want := range map[string]string{"TestClockGoesBack": "panic: the clock went back", "TestStartsFull": ""} {
		if c := v.find(name); c.State != Fail || !strings.Contains(c.Message, want) {
			t.Errorf("%s is %q: %s; want that it fails with %q", name, c.State, c.Message, want)
		}
	}
}

// A goroutine that is about to end is no leak.
func TestGoroutineThatEndsIsNoLeak(t *testing.T) {
	g, e := grader(t), exercise(t)
	text := strings.Replace(right(t, e), "\tif b.tokens < 1 {", "\tgo func() { time.Sleep(20 * time.Millisecond) }()\n\tif b.tokens < 1 {", 1)
	e.Checks.Runs, e.Checks.Bench = 1, nil
	if v := judge(t, g, e, answer(t, text), Options{}); v.State != Pass || v.Leak != Clean {
		t.Errorf("verdict %+v, want a pass", v)
	}
}

func TestWithoutARaceDetectorNothingIsPromised(t *testing.T) {
	g, e := grader(t), exercise(t)
	without := *g
	without.tools.race, without.tools.raceLacks = false, "the race detector needs the C compiler gcc; install gcc"
	e.Checks.Bench = nil
	v := judge(t, &without, e, filepath.Join(fixture, e.Folder(), "right/a"), Options{})
	if v.State != Pass || v.Race != Unchecked || v.Of != 80 || v.Score > 80 || !strings.Contains(v.Reason, "races: not checked") {
		t.Errorf("verdict %+v, want a pass out of 80 that says what was not checked", v)
	}
	if c := v.find("TestConcurrent"); c.Points != 0 || !strings.Contains(c.Message, "not checked") {
		t.Errorf("the test of concurrency is %+v, want no points and the reason", c)
	}
}

func TestSeedIsKept(t *testing.T) {
	g, e := grader(t), exercise(t)
	e.Checks.Bench = nil
	v := judge(t, g, e, filepath.Join(fixture, e.Folder(), "right/a"), Options{Seed: 42})
	if v.Seed != 42 || !strings.Contains(v.Reason, "seed 42") {
		t.Errorf("seed %d, reason %q, want 42", v.Seed, v.Reason)
	}
}

func TestContextEndsAnAttempt(t *testing.T) {
	g, e := grader(t), exercise(t)
	text := strings.Replace(right(t, e), "b.mu.Lock()\n", "b.mu.Lock()\n\tselect {}\n", 1)
	ctx, cancel := context.WithCancel(t.Context())
	var stages []string
	_, err := g.Grade(ctx, e, answer(t, text), Options{Tell: func(ev Event) {
		stages = append(stages, ev.Stage)
		if ev.Stage == "run" {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Grade = %v, want %v", err, context.Canceled)
	}
	if all := strings.Join(stages, " "); !strings.HasPrefix(all, "gate ") || !strings.Contains(all, "build run") {
		t.Errorf("was told of %q, want gate, build and run", all)
	}
}

func TestFaultOfTheMachineIsNoVerdict(t *testing.T) {
	g, e := grader(t), exercise(t)
	without := *g
	without.tools.command = "/no/such/go"
	if v, err := without.Grade(t.Context(), e, filepath.Join(fixture, e.Folder(), "right/a"), Options{}); err == nil {
		t.Errorf("verdict %+v without a compiler, want an error", v)
	}
	if v, err := g.Grade(t.Context(), e, "/no/such/answer", Options{}); err == nil {
		t.Errorf("verdict %+v without an answer, want an error", v)
	}
}

func TestCrash(t *testing.T) {
	s := crash([]byte("panic: boom [recovered, repanicked]\n\ngoroutine 7 [running]:\ngrade/tests.TestA(0x1)\n\tgrade/tests/a_cases.go:9 +0x1\ngrade/answer.(*Bucket).Allow(...)\n\tgrade/answer/token_bucket.go:31 +0x25\n"))
	if s.message != "panic: boom" || s.at != "token_bucket.go:31" {
		t.Errorf("crash = %+v", s)
	}
}

func TestReportNeedsItsKey(t *testing.T) {
	const key = "0123"
	for _, c := range []struct {
		name, text   string
		done, forged bool
	}{
		{"as it should be", "0123 1 ready = 0 0 1 0 0 0 0\n0123 2 begin =TestA 0 0 0 0 0 0 0\n0123 3 end =TestA 0 0 0 0 12 0 0\n0123 4 run = 0 0 0 0 0 0 0\n0123 5 done = 0 0 0 0 0 0 0\n", true, false},
		{"another key", "0124 1 done = 0 0 0 0 0 0 0\n", false, true},
		{"no key", "done = 0 0 0 0 0 0 0\n", false, true},
		{"a line said twice", "0123 1 ready = 0 0 1 0 0 0 0\n0123 1 done = 0 0 0 0 0 0 0\n", false, true},
		{"a line left out", "0123 2 done = 0 0 0 0 0 0 0\n", false, true},
		{"not a record", "0123 1 done\n", false, true},
		{"nothing", "", false, false},
		{"a line that breaks off", "0123 1 ready = 0 0 1 0 0 0 0\n0123 2 done = 0 0", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &round{}
			r.listen(strings.NewReader(c.text), key, func(record) {})
			if r.done != c.done || r.forged != c.forged {
				t.Errorf("done %v, forged %v, want %v, %v", r.done, r.forged, c.done, c.forged)
			}
		})
	}
}
