package main

import (
	"os"
	"strings"
	"testing"

	"workbench/lab/checklist"
	"workbench/lab/system/kind"
	"workbench/lab/trial/list"
)

// The kept reference of the trials is what they say now.
func TestTrialReferenceIsUpToDate(t *testing.T) {
	kept, err := os.ReadFile("../trials.md")
	if err != nil {
		t.Fatal(err)
	}
	now := trialReference(list.Trials(), checklist.Rows())
	if string(kept) != now {
		t.Error("docs/reference/trials.md is not what the trials say: make generate")
	}
	for _, want := range []string{"## A page deep in the feed\n", "Wrong: `way=offset`. Right: `way=keyset`.", "| `rows` |", "| 5 | composite indexes |"} {
		if !strings.Contains(now, want) {
			t.Errorf("the reference lacks %q", want)
		}
	}
}

// The kept reference is what the rooms say now.
func TestReferenceIsUpToDate(t *testing.T) {
	kept, err := os.ReadFile("../patterns.md")
	if err != nil {
		t.Fatal(err)
	}
	made, err := reference(kind.AllPatterns())
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
