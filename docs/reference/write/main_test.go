package main

import (
	"os"
	"strings"
	"testing"

	"workbench/lab/catalog"
)

// The kept reference is what the rooms say now.
func TestReferenceIsUpToDate(t *testing.T) {
	kept, err := os.ReadFile("../patterns.md")
	if err != nil {
		t.Fatal(err)
	}
	made, err := reference(catalog.Patterns())
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != made {
		t.Error("docs/reference/patterns.md is not what the rooms say: make generate")
	}
	for _, want := range []string{"## Circuit breaker\n", "### How it fails\n", "| `failure_share` |", "It refuses with `"} {
		if !strings.Contains(made, want) {
			t.Errorf("the reference lacks %q", want)
		}
	}
}
