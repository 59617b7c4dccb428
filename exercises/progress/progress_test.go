package progress_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/exercises/progress"
	"workbench/lab"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

func open(t *testing.T, path string) *progress.Progress {
	t.Helper()
	p, err := progress.Open(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRunsAreKeptOverARestart(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "progress.db")
	p := open(t, path)
	report := scenario.Report{
		Scenario: "metastable", Engine: "live", Seed: 4, GoodputShare: 0.25, Outcomes: map[string]uint64{"ok": 5},
		Series: []scenario.Point{{T: 1, Offered: 160, Good: 40}}, Patterns: map[string]scenario.PatternRun{"queue": {State: lab.On}},
		Claims: []scenario.Verdict{{Text: "it recovers", OK: false, Value: 0.25}},
	}
	at := time.UnixMilli(1_780_000_000_123)
	for i := range 3 {
		s := live.RunSummary{Scenario: "metastable", At: at.Add(time.Duration(i) * time.Second), GoodputShare: 0.25, On: []string{"queue"}, Prediction: "wrong"}
		if err := p.Keep(ctx, s, report); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	p = open(t, path)
	defer p.Close()
	runs, err := p.Runs(ctx)
	if err != nil || len(runs) != 3 {
		t.Fatalf("Runs() = %d runs, %v; want 3", len(runs), err)
	}
	if runs[0].ID != 3 || runs[2].ID != 1 || !runs[2].At.Equal(at) || runs[0].Prediction != "wrong" || !reflect.DeepEqual(runs[0].On, []string{"queue"}) {
		t.Errorf("Runs() = %+v, want the latest first with what was kept", runs)
	}
	got, err := p.Run(ctx, 2)
	if err != nil || !reflect.DeepEqual(got, report) {
		t.Errorf("Run(2) = %+v, %v; want %+v", got, err, report)
	}
	if _, err := p.Run(ctx, 99); !errors.Is(err, live.ErrUnknown) {
		t.Errorf("Run(99) = %v, want ErrUnknown", err)
	}
}

func TestConcurrentKeepLosesNothing(t *testing.T) {
	ctx := context.Background()
	p := open(t, filepath.Join(t.TempDir(), "progress.db"))
	defer p.Close()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := p.Keep(ctx, live.RunSummary{Scenario: "x"}, scenario.Report{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if runs, err := p.Runs(ctx); err != nil || len(runs) != 20 {
		t.Errorf("Runs() = %d, %v; want 20", len(runs), err)
	}
}

func TestNewerFileIsRefusedAndLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if _, err := progress.Open(context.Background(), path); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("Open of a newer file = %v, want an error that says so", err)
	}
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != 99 {
		t.Errorf("user_version = %d, %v; want 99 as it was", version, err)
	}
}

func TestOpenNamesThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", "folder", "progress.db")
	if _, err := progress.Open(context.Background(), path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open(%s) = %v, want an error with the path", path, err)
	}
}
