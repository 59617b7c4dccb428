package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"workbench/lab/proof"
)

// TestKeptStripTestIsWhatThisProgramMeasures takes the patterns away again and
// holds the kept table to what is lost.
func TestKeptStripTestIsWhatThisProgramMeasures(t *testing.T) {
	if testing.Short() {
		t.Skip("plays the scenarios of the orders service nine times each")
	}
	kept, err := proof.Strips()
	if err != nil {
		t.Fatal(err)
	}
	again, err := stripTest(t.Context(), kept.Seed)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(kept, again) {
		t.Errorf("kept %+v\nmeasured %+v\nrun make proof if the change is meant", kept, again)
	}
	lost := map[string]bool{}
	for _, taken := range again.Without {
		lost[taken.Pattern] = len(taken.Lost) > 0
	}
	for _, name := range []string{"ratelimit", "shed", "idempotency", "outbox", "sequencer"} {
		if !lost[name] {
			t.Errorf("without %s nothing is lost: then no scenario of the orders service needs it", name)
		}
	}
	chapter, err := os.ReadFile("../../docs/guide/09-complete-example.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, taken := range kept.Without {
		line := fmt.Sprintf("| `%s` | | nothing that these scenarios claim | | |", taken.Pattern)
		for _, h := range taken.Lost {
			line = fmt.Sprintf("| `%s` | `%s` | %s (`%s`) | %.4g | %s |", taken.Pattern, h.Scenario, h.Claim, h.Metric, h.Value, h.Want)
			if !strings.Contains(string(chapter), line+"\n") {
				t.Errorf("chapter 9 lacks %q", line)
			}
		}
		if len(taken.Lost) == 0 && !strings.Contains(string(chapter), line+"\n") {
			t.Errorf("chapter 9 lacks %q", line)
		}
	}
	rows := stripRows(again)
	if len(rows) < len(kept.Complete)+2 || !strings.Contains(strings.Join(rows[1], " "), "ratelimit, shed") {
		t.Errorf("rows %v, want the complete service and one for each pattern", rows)
	}
}
