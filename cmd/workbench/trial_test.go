package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// called runs the program as it is, with a data directory of its own, and
// returns what it wrote.
func called(t *testing.T, args ...string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	dir := t.TempDir()
	env := func(name string) string { return map[string]string{"WORKBENCH_DATA": dir}[name] }
	code = run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, env)
	return code, stdout.String(), stderr.String()
}

func TestTrials(t *testing.T) {
	for _, c := range []struct {
		name      string
		args      string
		code      int
		out, fail string // what stdout and stderr hold
	}{
		{"right", "trial layered-retries --set users=1", exitOK, "✓ calls to the database for each click: at most 4 (measured: 4)", ""},
		{"wrong, as it should be", "trial layered-retries --set users=1 --wrong", exitOK, "✗ calls to the database for each click: at most 4 (measured: 64)", ""},
		{"both", "trial layered-retries --set users=1 --both", exitOK, "right settings", ""},
		{"one's own, which lose", "trial layered-retries --set users=1 --set retry=every", exitFailed, "yours settings", "not every claim holds"},
		{"wrong settings that win", "trial layered-retries --set users=1 --set layers=1 --wrong", exitFailed, "", "every claim held"},
		{"no name", "trial", exitUsage, "", "want one of"},
		{"unknown", "trial nothing", exitUsage, "", `trial "nothing": unknown`},
		{"bad knob", "trial layered-retries --set users=0 --set colour=red", exitUsage, "", "knob colour"},
		{"no equals sign", "trial layered-retries --set users", exitUsage, "", "KNOB=VALUE"},
		{"contradiction", "trial layered-retries --wrong --both", exitUsage, "", "want one of them"},
		{"list", "list trials", exitOK, "layered-retries", ""},
		{"checklist", "checklist", exitOK, "noisy-neighbour", ""},
		{"checklist of something", "checklist queues", exitUsage, "", "want flags alone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, fail := called(t, strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(fail, c.fail) {
				t.Errorf("%s: exit %d, out %q, err %q; want exit %d, %q and %q", c.args, code, out, fail, c.code, c.out, c.fail)
			}
		})
	}
}

func TestTrialJSON(t *testing.T) {
	_, out, _ := called(t, "trial", "layered-retries", "--set", "users=1", "--both", "--json")
	var got triedOut
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if !got.OK || len(got.Outcomes) != 2 || got.Outcomes[0].Won || !got.Outcomes[1].Won || got.Outcomes[1].Result.Component == "" {
		t.Errorf("got %+v, want lost, then won", got)
	}
}

// A line that is not built is never shown as green, and a kept proof is.
func TestChecklistJSON(t *testing.T) {
	_, out, _ := called(t, "checklist", "--json")
	var lines []checkedLine
	if err := json.Unmarshal([]byte(out), &lines); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for _, l := range lines {
		switch l.State {
		case lineKept:
			kept++
			if !strings.Contains(l.Without, "lost") || !strings.Contains(l.With, "won") {
				t.Errorf("%+v is kept, want lost without and won with", l)
			}
		case lineAsked, lineMissing:
			if l.Why == "" || l.With != "" {
				t.Errorf("%+v: want why it is not shown, and no figures", l)
			}
		default:
			t.Errorf("%+v: want nothing measured", l)
		}
	}
	if kept < 8 {
		t.Errorf("%d lines have a kept proof, want at least 8", kept)
	}
}
