package progress_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"workbench/exercises/progress"
	"workbench/lab/trial"
	"workbench/lab/trial/runner"
)

// What a trial measured outlives the program, and an export carries it.
func TestTrialsAreKept(t *testing.T) {
	dir := t.TempDir()
	p, err := progress.Open(t.Context(), filepath.Join(dir, "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_770_000_000_000)
	run := runner.Run{ID: 9, Subject: "trial/pages", Title: "Pages", Guess: "100", Seed: 3, At: at, State: runner.Done, Parts: []string{"right"}, Outcomes: []runner.Outcome{
		{Part: "right", Won: true, Result: &trial.Result{Component: "SQLite", Claims: []trial.Claim{trial.AtLeast("times", 1342, 500, "×")}}},
	}}
	first, err := p.KeepTrial(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	run.Subject = "trial/others"
	if _, err := p.KeepTrial(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	var parcel bytes.Buffer
	if err := errors.Join(p.Export(t.Context(), &parcel), p.Close()); err != nil {
		t.Fatal(err)
	}
	q, err := progress.Open(t.Context(), filepath.Join(dir, "b.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if err := q.Import(t.Context(), &parcel); err != nil {
		t.Fatal(err)
	}
	got, err := q.Trial(t.Context(), first)
	if err != nil || got.ID != first || !got.At.Equal(at) || got.Guess != "100" || got.Outcomes[0].Result.Claims[0].Got != "1,342 ×" {
		t.Errorf("Trial(%d) = %+v, %v; want what was kept", first, got, err)
	}
	for subject, want := range map[string]int{"": 2, "trial/pages": 1, "trial/none": 0} {
		if list, err := q.Trials(t.Context(), subject); err != nil || len(list) != want {
			t.Errorf("Trials(%q) = %d results, %v; want %d", subject, len(list), err, want)
		}
	}
	if _, err := q.Trial(t.Context(), 99); !errors.Is(err, progress.ErrNoTrial) {
		t.Errorf("Trial(99) = %v, want ErrNoTrial", err)
	}
}
