package list_test

import (
	"strings"
	"testing"

	"workbench/lab/trial/list"
)

// Trials are found by name, each once, in the order of the chapters, and ask
// before they tell.
func TestTrials(t *testing.T) {
	seen, chapter := map[string]bool{}, 0
	for _, one := range list.Trials() {
		if seen[one.Name] {
			t.Errorf("trial %s is there twice", one.Name)
		}
		if one.Chapter < chapter {
			t.Errorf("trial %s of chapter %d comes after one of chapter %d", one.Name, one.Chapter, chapter)
		}
		seen[one.Name], chapter = true, one.Chapter
		if got, ok := list.Find(one.Name); !ok || got.Title != one.Title {
			t.Errorf("Find(%q) = %q, %v", one.Name, got.Title, ok)
		}
		if !strings.HasSuffix(one.Question, "?") || !strings.HasSuffix(one.Lesson, ".") {
			t.Errorf("trial %s asks %q and teaches %q; want a question and a sentence", one.Name, one.Question, one.Lesson)
		}
		for side, changes := range map[string]map[string]any{"wrong": one.Wrong, "right": one.Right} {
			if _, err := one.Settings(changes); err != nil {
				t.Errorf("trial %s, %s: %v", one.Name, side, err)
			}
		}
	}
	if _, ok := list.Find("none"); ok {
		t.Error("Find finds what is not there")
	}
}
