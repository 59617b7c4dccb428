package pattern_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"workbench/lab/catalog"
	"workbench/lab/pattern"
)

func TestEveryPatternExplainsItself(t *testing.T) {
	for _, p := range catalog.Patterns() {
		text, err := pattern.Doc(p.Name)
		if err != nil {
			t.Errorf("Doc(%s) = %v", p.Name, err)
			continue
		}
		for _, section := range []string{"Idea", "When", "Knobs", "Cost", "How it fails", "Source"} {
			if !strings.Contains(text, "# "+section+"\n") {
				t.Errorf("the documentation of %s has no section %q", p.Name, section)
			}
		}
	}
}

func TestDocOfNoPattern(t *testing.T) {
	for _, name := range []string{"", "nosuch", "../chain", "breaker/../breaker", "patterntest/x"} {
		if text, err := pattern.Doc(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Doc(%q) = %q, %v; want fs.ErrNotExist", name, text, err)
		}
	}
}
