package progress_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/progress"
	"workbench/lab/live"
	"workbench/lab/scenario"
)

func opened(t *testing.T) *progress.Progress {
	t.Helper()
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// lived puts a little of everything into a file.
func lived(t *testing.T, p *progress.Progress) {
	t.Helper()
	at := time.UnixMilli(1_700_000_000_001)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(nil, p.Keep(t.Context(), live.RunSummary{At: at, Scenario: "metastable", GoodputShare: .25}, scenario.Report{Scenario: "metastable", Offered: 1 << 53}))
	must(p.AddAttempt(t.Context(), attempt.Attempt{Slug: "breaker", At: at, State: attempt.Done, Passed: true, Files: map[string]string{"a.go": "…"}, Verdict: json.RawMessage(`{"score":90}`)}))
	must(p.SetDraft(t.Context(), "cache", map[string]string{"b.go": "\x00ü"}, 0, at))
	must(p.TakeHint(t.Context(), "cache", "one", 3, at))
	must(p.AddAnswer(t.Context(), progress.Answer{At: at, Question: "q", Text: "I would", Elapsed: 42 * time.Second, Evidence: json.RawMessage("[]"), Rulings: json.RawMessage("[]"), Total: 61, Result: json.RawMessage("{}")}))
	must(nil, p.SetCard(t.Context(), progress.Card{ID: "q", Due: at, State: json.RawMessage(`{"id":"q","kind":"question"}`)}))
}

func export(t *testing.T, p *progress.Progress) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Export(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestExportAndImportLoseNothing(t *testing.T) {
	from, to := opened(t), opened(t)
	lived(t, from)
	lived(t, to)
	lived2 := export(t, from)
	if _, err := to.AddAnswer(t.Context(), progress.Answer{Question: "another"}); err != nil {
		t.Fatal(err)
	}
	if err := to.Import(t.Context(), strings.NewReader(lived2)); err != nil {
		t.Fatal(err)
	}
	if got := export(t, to); got != lived2 {
		t.Errorf("after the round trip:\n%s\nwant\n%s", got, lived2)
	}
	if a, err := to.Answers(t.Context(), ""); err != nil || len(a) != 1 || a[0].Total != 61 || a[0].Elapsed != 42*time.Second {
		t.Errorf("answers %+v, %v", a, err)
	}
	if r, err := to.Run(t.Context(), 1); err != nil || r.Offered != 1<<53 {
		t.Errorf("run %+v, %v: a large number was bent", r.Offered, err)
	}
}

// A file that cannot be taken whole is not taken at all.
func TestWrongImportChangesNothing(t *testing.T) {
	p := opened(t)
	lived(t, p)
	before := export(t, p)
	for name, text := range map[string]string{
		"nothing":           "",
		"no JSON":           "hello",
		"another file":      `{"kind":"shopping list"}`,
		"newer":             `{"kind":"traffic-workbench-progress","format":99,"tables":{}}`,
		"unknown table":     `{"kind":"traffic-workbench-progress","format":1,"tables":{"sqlite_master":[[1]]}}`,
		"short row":         `{"kind":"traffic-workbench-progress","format":1,"tables":{"card":[["a"]]}}`,
		"wrong type":        `{"kind":"traffic-workbench-progress","format":1,"tables":{"card":[["a","soon","{}"]]}}`,
		"broken number":     `{"kind":"traffic-workbench-progress","format":1,"tables":{"card":[["a",1.5,"{}"]]}}`,
		"the same twice":    `{"kind":"traffic-workbench-progress","format":1,"tables":{"card":[["a",1,"{}"],["a",1,"{}"]]}}`,
		"a bent date":       `{"kind":"traffic-workbench-progress","format":1,"tables":{"card":[["a",9223372036854775807,"{}"]]}}`,
		"an unfinished one": before[:len(before)/2],
	} {
		if err := p.Import(t.Context(), strings.NewReader(text)); !errors.Is(err, progress.ErrParcel) {
			t.Errorf("%s: %v, want ErrParcel", name, err)
		}
		if got := export(t, p); got != before {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestForget(t *testing.T) {
	p := opened(t)
	lived(t, p)
	if err := p.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := export(t, p), export(t, opened(t)); got != want {
		t.Errorf("left over: %s", got)
	}
}

func TestAnswers(t *testing.T) {
	p := opened(t)
	a := progress.Answer{At: time.UnixMilli(7), Question: "q1", Text: "because", Elapsed: time.Minute, Evidence: json.RawMessage(`[{"run":1}]`), Rulings: json.RawMessage("[]"), Total: 40, Result: json.RawMessage(`{"total":40}`)}
	var err error
	if a.ID, err = p.AddAnswer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Answer(t.Context(), a.ID); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("answer %+v, %v, want %+v", got, err, a)
	}
	if err := p.SetRulings(t.Context(), a.ID, json.RawMessage(`[{"concept":"c"}]`), 55, json.RawMessage(`{"total":55}`)); err != nil {
		t.Fatal(err)
	}
	if err := p.SetRulings(t.Context(), 99, nil, 0, nil); !errors.Is(err, progress.ErrNoAnswer) {
		t.Errorf("rulings of answer 99: %v, want ErrNoAnswer", err)
	}
	if _, err := p.Answer(t.Context(), 99); !errors.Is(err, progress.ErrNoAnswer) {
		t.Errorf("answer 99: %v, want ErrNoAnswer", err)
	}
	if b, err := p.Bests(t.Context()); err != nil || b["q1"] != (progress.Best{Total: 55, Answers: 1}) {
		t.Errorf("bests %+v, %v, want 55 of one", b, err)
	}
	if got, err := p.Answers(t.Context(), "q2"); err != nil || len(got) != 0 {
		t.Errorf("answers to q2 %+v, %v, want none", got, err)
	}
}

func TestCardsComeByTheirDay(t *testing.T) {
	p := opened(t)
	for i, id := range []string{"late", "soon", "late"} {
		if err := p.SetCard(t.Context(), progress.Card{ID: id, Due: time.UnixMilli(int64(100 - 10*i)), State: json.RawMessage(`{"kind":"run"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := p.Cards(t.Context())
	if err != nil || len(got) != 2 || got[0].ID != "late" || got[0].Due.UnixMilli() != 80 || got[1].ID != "soon" {
		t.Errorf("cards %+v, %v, want late at 80, then soon at 90", got, err)
	}
}

// A file of the first format, with a run in it, is brought up to date as it is
// opened, and loses nothing.
func TestOlderFileIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	const old = `CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, ended INTEGER NOT NULL, scenario TEXT NOT NULL, summary TEXT NOT NULL, report TEXT NOT NULL) STRICT;
		INSERT INTO run VALUES (7, 1700000000000, 'metastable', '{"scenario":"metastable","goodput_share":0.5}', '{"scenario":"metastable","offered":3}');
		PRAGMA user_version = 1`
	if _, err := db.Exec(old); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := progress.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if runs, err := p.Runs(t.Context()); err != nil || len(runs) != 1 || runs[0].ID != 7 || runs[0].GoodputShare != .5 {
		t.Errorf("runs %+v, %v, want run 7", runs, err)
	}
	lived(t, p)
	if runs, err := p.Runs(t.Context()); err != nil || len(runs) != 2 || runs[0].ID != 8 {
		t.Errorf("runs %+v, %v, want run 8 after run 7", runs, err)
	}
}
