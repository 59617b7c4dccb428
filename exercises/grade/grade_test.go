package grade

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"workbench/exercises/sandbox"
	"workbench/exercises/shelf"
)

// self is how this test binary becomes the sandbox's first process.
const self = "sandbox-init"

// lonely has this test binary grade an answer and wait to be killed.
const lonely = "lonely"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case self:
			fmt.Fprintln(os.Stderr, sandbox.Init(os.Args[2:]))
			os.Exit(1)
		case lonely:
			gradeForEver(os.Args[2])
		}
	}
	os.Exit(m.Run())
}

// grader returns one with a full sandbox, or skips the test.
func grader(t *testing.T) *Grader {
	t.Helper()
	box := sandbox.New(t.Context(), self)
	err := box.Report().Require(sandbox.Full)
	if err == nil {
		var g *Grader
		if g, err = New(t.Context(), box); err == nil {
			if g.tools.race {
				return g
			}
			err = fmt.Errorf("%s", g.tools.raceLacks)
		}
	}
	if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "sandbox") {
		t.Fatal(err)
	}
	t.Skipf("ANSWERS ARE NOT GRADED HERE: %v", err)
	return nil
}

const fixture = "testdata/shelf"

func exercise(t *testing.T) shelf.Exercise {
	t.Helper()
	s, err := shelf.Open(os.DirFS(fixture))
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Find("token-bucket")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func judge(t *testing.T, g *Grader, e shelf.Exercise, dir string, o Options) Verdict {
	t.Helper()
	v, err := g.Grade(t.Context(), e, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v.Duration, v.Score, v.Reason)
	return v
}

func TestRightAnswersPass(t *testing.T) {
	g, e := grader(t), exercise(t)
	for _, dir := range e.Right {
		t.Run(dir, func(t *testing.T) {
			v := judge(t, g, e, filepath.Join(fixture, e.Folder(), dir), Options{})
			if !v.Accepted || v.State != Pass || v.Score < 90 || v.Of != 100 || v.Race != Clean || v.Leak != Clean || v.Runs != 3 {
				t.Errorf("verdict %+v, want a pass", v)
			}
		})
	}
}

func TestMutantsFail(t *testing.T) {
	g, e := grader(t), exercise(t)
	for _, m := range e.Mutants {
		t.Run(m.Dir, func(t *testing.T) {
			v := judge(t, g, e, filepath.Join(fixture, e.Folder(), m.Dir), Options{})
			if v.Accepted {
				t.Fatal("a wrong answer was accepted")
			}
			for _, name := range m.MustFail {
				i := slices.IndexFunc(v.Cases, func(c Case) bool { return c.Name == name })
				if c := v.Cases[i]; c.OK() || c.Message == "" || c.Hint == "" {
					t.Errorf("%s has not failed with a message and a hint: %+v", name, c)
				}
			}
		})
	}
}
