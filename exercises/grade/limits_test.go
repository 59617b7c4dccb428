//go:build !linux || limitsonly

package grade

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"workbench/exercises/sandbox"
)

// limitedGrader returns one whose box has limits alone.
func limitedGrader(t *testing.T) *Grader {
	t.Helper()
	box := sandbox.New(t.Context(), self)
	if box.Report().Root {
		t.Skip("root runs nothing without namespaces: run this as another user")
	}
	g, err := New(t.Context(), box)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestLimitsAloneAcceptWhatIsRight(t *testing.T) {
	g, e := limitedGrader(t), exercise(t)
	race, most := Clean, 100
	if !g.tools.race {
		race, most = Unchecked, 80 // nobody has looked for races
	}
	for _, dir := range e.Right {
		t.Run(dir, func(t *testing.T) {
			v := judge(t, g, e, filepath.Join(fixture, e.Folder(), dir), Options{})
			if !v.Accepted || v.State != Pass || v.Race != race || v.Leak != Clean || v.Runs != 3 || v.Of != most {
				t.Errorf("verdict %+v, want a pass of %d points", v, most)
			}
		})
	}
}

func TestLimitsAloneRefuseWhatIsWrong(t *testing.T) {
	g, e := limitedGrader(t), exercise(t)
	for _, m := range e.Mutants {
		t.Run(m.Dir, func(t *testing.T) {
			v := judge(t, g, e, filepath.Join(fixture, e.Folder(), m.Dir), Options{})
			if v.Accepted && (g.tools.race || !slices.Contains(m.MustFail, "TestConcurrent")) {
				t.Fatal("a wrong answer was accepted")
			}
			for _, name := range m.MustFail {
				if c := v.find(name); !v.Accepted && (c.OK() || c.Message == "") {
					t.Errorf("%s has not failed with a message: %+v", name, c)
				}
			}
		})
	}
}

func TestLimitsAloneRefuseCheats(t *testing.T) {
	g, e := limitedGrader(t), exercise(t)
	e.Limits.RunS, e.Limits.MemMB, e.Limits.BuildS = 2, 256, 120
	without := *g
	without.noGate = true
	for _, h := range cheats() {
		e := e
		if h.name == "flood" {
			e.Limits.RunS = 20 // where each line is a call to the system and slow
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "token_bucket.go"), []byte(h.source()), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(h.name+"/gate", func(t *testing.T) { refuse(t, g, e, dir, h.gated) })
		if !h.silent {
			t.Run(h.name+"/limits alone", func(t *testing.T) { refuse(t, &without, e, dir, h.open) })
		}
	}
}
