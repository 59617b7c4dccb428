package progress_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/progress"
	"workbench/lab/incident"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/lab/trial/runner"
)

// parcel writes an export with one row in one table.
func parcel(table string, row ...any) string {
	text, err := json.Marshal(map[string]any{"kind": "traffic-workbench-progress", "format": 6, "tables": map[string]any{table: []any{row}}})
	if err != nil {
		panic(err) // a test's own rows can be written
	}
	return string(text)
}

// What could not be read later is not let in, and the error says where it lies.
func TestImportOfWhatCannotBeRead(t *testing.T) {
	p := opened(t)
	lived(t, p)
	before := export(t, p)
	for _, c := range []struct {
		name  string
		table string
		row   []any
		want  string
	}{
		{"summary is no JSON", "run", []any{7, 1, "s", "no JSON", "{}"}, "table run, row 7, column summary"},
		{"summary is another thing", "run", []any{7, 1, "s", `{"on":3}`, "{}"}, "table run, row 7, column summary"},
		{"two summaries", "run", []any{7, 1, "s", `{} {}`, "{}"}, "table run, row 7, column summary"},
		{"prediction", "run", []any{7, 1, "s", `{"prediction":"maybe"}`, "{}"}, `table run, row 7, column summary: got "maybe", want one of "", "right", "wrong"`},
		{"report", "run", []any{7, 1, "s", "{}", "["}, "table run, row 7, column report"},
		{"a state of a pattern", "run", []any{7, 1, "s", "{}", `{"patterns":{"queue":{"state":"sideways"}}}`}, "table run, row 7, column report"},
		{"date of a run", "run", []any{7, int64(1) << 60, "s", "{}", "{}"}, "row 1 of run: ended: got 1152921504606846976"},
		{"number of a run", "run", []any{-7, 1, "s", "{}", "{}"}, "row 1 of run: id: got -7, want 1 to"},
		{"last number", "run", []any{int64(math.MaxInt64), 1, "s", "{}", "{}"}, "row 1 of run: id: got 9223372036854775807"},
		{"state", "attempt", []any{3, "gate", 1, "asleep", 1, "{}", 0, ""}, `table attempt, row 3, column state: got "asleep"`},
		{"files", "attempt", []any{3, "gate", 1, "done", 1, `{"a.go":1}`, 0, ""}, "table attempt, row 3, column files"},
		{"verdict is no JSON", "attempt", []any{3, "gate", 1, "done", 1, "{}", 0, "fine"}, "table attempt, row 3, column verdict"},
		{"verdict is another thing", "attempt", []any{3, "gate", 1, "done", 1, "{}", 0, `{"cases":"all"}`}, "table attempt, row 3, column verdict"},
		{"passed twice", "attempt", []any{3, "gate", 1, "done", 1, "{}", 2, ""}, "row 1 of attempt: passed: got 2, want 0 to 1"},
		{"draft", "draft", []any{"gate", 1, 1, "package gate"}, `table draft, row "gate", column files`},
		{"version", "draft", []any{"gate", 1, int64(math.MaxInt64), "{}"}, "row 1 of draft: version: got"},
		{"hints below none", "hint", []any{"gate", "one", -1, 1}, "row 1 of hint: rungs: got -1, want 0"},
		{"evidence", "answer", []any{5, 1, "q", "t", 0, "", "[]", 1, "{}"}, "table answer, row 5, column evidence"},
		{"rulings", "answer", []any{5, 1, "q", "t", 0, "[]", `[{"verdict":"no"}]`, 1, "{}"}, `table answer, row 5, column rulings: got "no"`},
		{"result", "answer", []any{5, 1, "q", "t", 0, "[]", "[]", 1, `{"total":"many"}`}, "table answer, row 5, column result"},
		{"total", "answer", []any{5, 1, "q", "t", 0, "[]", "[]", 101, `{}`}, "row 1 of answer: total: got 101, want 0 to 100"},
		{"card", "card", []any{"c d", 1, "soon"}, `table card, row "c d", column state`},
		{"kind of a card", "card", []any{"c", 1, `{"kind":"ace"}`}, `table card, row "c", column state: got "ace"`},
		{"rehearsal", "incident", []any{2, 1, "crowd", 0, "3"}, "table incident, row 2, column result"},
		{"trial", "trial", []any{4, 1, "trial/x", "-"}, "table trial, row 4, column run"},
		{"state of a trial", "trial", []any{4, 1, "trial/x", `{"state":"lost"}`}, `table trial, row 4, column run: got "lost"`},
	} {
		err := p.Import(t.Context(), strings.NewReader(parcel(c.table, c.row...)))
		if !errors.Is(err, progress.ErrParcel) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Import = %v, want ErrParcel with %s", c.name, err, c.want)
		}
		if got := export(t, p); got != before {
			t.Fatalf("%s: the file was changed", c.name)
		}
	}
	many := strings.Replace(parcel("card", "c", 1, "soon"), `]]`, `],["d",1,"late"],["e",1,""]]`, 1)
	if err := p.Import(t.Context(), strings.NewReader(many)); err == nil || !strings.Contains(err.Error(), `row "c", column state`) || !strings.Contains(err.Error(), "and 2 more like it") {
		t.Errorf("three bad rows: %v, want the first of them and how many more", err)
	}
}

// An export holds attempts that were not over. No queue knows of them here.
func TestImportInterruptsWhatWasNotOver(t *testing.T) {
	from, to := opened(t), opened(t)
	for _, s := range []attempt.State{attempt.Queued, attempt.Running, attempt.Done, attempt.Interrupted} {
		if _, err := from.AddAttempt(t.Context(), attempt.Attempt{Slug: "gate", At: time.UnixMilli(5), State: s, Tries: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.Import(t.Context(), strings.NewReader(export(t, from))); err != nil {
		t.Fatal(err)
	}
	got, err := to.Attempts(t.Context(), "gate")
	if err != nil || len(got) != 4 {
		t.Fatalf("%d attempts, %v, want 4", len(got), err)
	}
	for i, want := range []attempt.State{attempt.Interrupted, attempt.Done, attempt.Interrupted, attempt.Interrupted} {
		if got[i].State != want || got[i].Passed {
			t.Errorf("attempt %d is %s, passed %v, want %s and not passed", got[i].ID, got[i].State, got[i].Passed, want)
		}
	}
	if left, err := to.Unfinished(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("%d are unfinished, %v, want none", len(left), err)
	}
}

// A verdict is never written on another attempt that has the number by now.
func TestVerdictOfAnAttemptThatIsNotThere(t *testing.T) {
	p := opened(t)
	a := attempt.Attempt{Slug: "gate", At: time.UnixMilli(5), State: attempt.Done}
	var err error
	if a.ID, err = p.AddAttempt(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]attempt.Attempt{
		"another exercise": {ID: a.ID, Slug: "cache", At: a.At, State: attempt.Done, Passed: true},
		"another date":     {ID: a.ID, Slug: "gate", At: time.UnixMilli(6), State: attempt.Done, Passed: true},
		"another number":   {ID: a.ID + 1, Slug: "gate", At: a.At, State: attempt.Done, Passed: true},
	} {
		if err := p.SetAttempt(t.Context(), other); !errors.Is(err, attempt.ErrUnknown) {
			t.Errorf("%s: SetAttempt = %v, want ErrUnknown", name, err)
		}
	}
	if got, err := p.Attempt(t.Context(), a.ID); err != nil || got.Passed {
		t.Errorf("the attempt is %+v, %v, want it as it was", got, err)
	}
	a.Passed = true
	if err := p.SetAttempt(t.Context(), a); err != nil {
		t.Error(err)
	}
}

// damaged opens a file in which one row of each table was spoilt, beside a
// sound one.
func damaged(t *testing.T) *progress.Progress {
	t.Helper()
	path := filepath.Join(t.TempDir(), "progress.db")
	p, err := progress.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	for range 2 {
		lived(t, p)
		_, fault := p.KeepTrial(t.Context(), runner.Run{Subject: "trial/x", State: runner.Done})
		if err := errors.Join(fault, p.KeepIncident(t.Context(), time.UnixMilli(1), incident.Result{Solved: true}), p.DropDraft(t.Context(), "cache")); err != nil {
			t.Fatal(err)
		}
	}
	_, fault := p.SetDraft(t.Context(), "gate", map[string]string{"g.go": ""}, 0, time.UnixMilli(1))
	if err := errors.Join(fault, p.SetCard(t.Context(), progress.Card{ID: "r", State: json.RawMessage(`{"kind":"run"}`)})); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(`UPDATE run SET summary = 'torn' WHERE id = 1; UPDATE attempt SET files = 'torn' WHERE id = 1; UPDATE answer SET result = 'torn' WHERE id = 1;
		UPDATE incident SET result = 'torn' WHERE id = 1; UPDATE trial SET run = 'torn' WHERE id = 1; UPDATE draft SET files = 'torn' WHERE slug = 'gate'; UPDATE card SET state = 'torn' WHERE id = 'r'`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return p
}

// lists reads all lists and returns how many each holds.
func lists(t *testing.T, p *progress.Progress) string {
	t.Helper()
	count := func(n int, err error) int {
		if err != nil {
			t.Error(err)
		}
		return n
	}
	ctx := t.Context()
	runs, err := p.Runs(ctx)
	out := fmt.Sprintf("%d runs", count(len(runs), err))
	attempts, err := p.Attempts(ctx, "")
	out += fmt.Sprintf(", %d attempts", count(len(attempts), err))
	answers, err := p.Answers(ctx, "")
	out += fmt.Sprintf(", %d answers", count(len(answers), err))
	cards, err := p.Cards(ctx)
	out += fmt.Sprintf(", %d cards", count(len(cards), err))
	held, err := p.Incidents(ctx)
	out += fmt.Sprintf(", %d rehearsals", count(len(held), err))
	trials, err := p.Trials(ctx, "")
	return out + fmt.Sprintf(", %d trials", count(len(trials), err))
}

// One row that cannot be read does not take the others with it: it is left out,
// logged once and said, and it can be deleted.
func TestOneRowThatCannotBeReadIsLeftOut(t *testing.T) {
	p := damaged(t)
	var logged strings.Builder
	p.LogTo(slog.New(slog.NewTextHandler(&logged, nil)))
	const want = "1 runs, 1 attempts, 1 answers, 1 cards, 1 rehearsals, 1 trials"
	for range 2 {
		if got := lists(t, p); got != want {
			t.Errorf("the lists hold %s, want %s", got, want)
		}
	}
	if files, version, err := p.Draft(t.Context(), "gate"); err != nil || files != nil || version != 1 {
		t.Errorf("draft %v, version %d, %v, want no files of version 1", files, version, err)
	}
	var got []string
	for _, row := range p.Unread() {
		got = append(got, row.Table+" "+row.Row+" "+row.Column)
	}
	if want := `[answer 1 result attempt 1 files card "r" state draft "gate" files incident 1 result run 1 summary trial 1 run]`; fmt.Sprint(got) != want {
		t.Errorf("unread are %v, want %s", got, want)
	}
	if n := strings.Count(logged.String(), "row left out"); n != 7 || !strings.Contains(logged.String(), "table=run row=1 column=summary") {
		t.Errorf("logged %d times, want 7, one of them for the run:\n%s", n, &logged)
	}
	if _, err := p.Run(t.Context(), 2); err != nil {
		t.Errorf("run 2: %v, want it whole", err)
	}
	if n, err := p.Mend(t.Context()); n != 7 || err != nil || len(p.Unread()) != 0 {
		t.Errorf("Mend = %d, %v, with %d unread after it; want 7, and none", n, err, len(p.Unread()))
	}
	if got := lists(t, p); got != want || len(p.Unread()) != 0 {
		t.Errorf("after mending the lists hold %s, want %s, with nothing left out", got, want)
	}
	if err := opened(t).Import(t.Context(), strings.NewReader(export(t, p))); err != nil {
		t.Errorf("the mended file's export is refused: %v", err)
	}
}

// A report that cannot be read is an error of its own kind, and noted.
func TestReportThatCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress.db")
	p := open(t, path)
	defer p.Close()
	if err := p.Keep(t.Context(), live.RunSummary{}, scenario.Report{}); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE run SET report = 'torn'"); err != nil {
		t.Fatal(err)
	}
	var row *progress.RowError
	if _, err := p.Run(t.Context(), 1); !errors.As(err, &row) || row.Column != "report" || len(p.Unread()) != 1 {
		t.Errorf("Run = %v with %d unread, want a RowError of the report and 1", err, len(p.Unread()))
	}
}

// Whatever a file holds, it is refused and changes nothing, or all of it can be
// read afterwards and taken along again.
func FuzzImport(f *testing.F) {
	f.Add(parcel("run", 7, 1, "s", "{}", "{}"))
	f.Add(parcel("run", 7, 1, "s", `{"prediction":"right"}`, `{"patterns":{"queue":{"state":"on"}}}`))
	f.Add(parcel("attempt", 3, "gate", 1, "running", 1, `{"a.go":""}`, true, `{"score":1}`))
	f.Add(parcel("answer", 5, 1, "q", "t", 0, "[]", "[]", 1, "{}"))
	f.Add(parcel("card", "c", 1, `{"kind":"run"}`))
	f.Add(parcel("incident", 2, 1, "crowd", 0, "{}"))
	f.Add(parcel("trial", 4, 1, "trial/x", `{"state":"done"}`))
	f.Add(parcel("draft", "gate", 1, 1, "{}"))
	f.Add(parcel("hint", "gate", "one", 1, 1))
	f.Fuzz(func(t *testing.T, text string) {
		p := opened(t)
		lived(t, p)
		before := export(t, p)
		if err := p.Import(t.Context(), strings.NewReader(text)); err != nil {
			if got := export(t, p); got != before {
				t.Errorf("refused with %v, and yet the file was changed", err)
			}
			return
		}
		lists(t, p)
		if bad := p.Unread(); len(bad) > 0 {
			t.Errorf("let in and cannot be read: %v", bad)
		}
		if err := opened(t).Import(t.Context(), strings.NewReader(export(t, p))); err != nil {
			t.Errorf("what was let in is no export: %v", err)
		}
	})
}
