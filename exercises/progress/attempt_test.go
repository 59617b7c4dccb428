package progress_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/progress"
)

func TestAttemptsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress.db")
	p, err := progress.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_700_000_000_123)
	a := attempt.Attempt{Slug: "breaker", At: at, State: attempt.Queued, Files: map[string]string{"breaker.go": "package breaker\n"}}
	if a.ID, err = p.AddAttempt(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if left, err := p.Unfinished(t.Context()); err != nil || len(left) != 1 || !reflect.DeepEqual(left[0], a) {
		t.Errorf("unfinished %+v, %v, want %+v", left, err, a)
	}
	a.State, a.Tries, a.Passed, a.Verdict = attempt.Done, 1, true, json.RawMessage(`{"accepted":true}`)
	if err := p.SetAttempt(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err = progress.Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got, err := p.Attempt(t.Context(), a.ID); err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("after a restart %+v, %v, want %+v", got, err, a)
	}
	if left, err := p.Unfinished(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("unfinished %+v, %v, want none", left, err)
	}
	if _, err := p.Attempt(t.Context(), 99); !errors.Is(err, attempt.ErrUnknown) {
		t.Errorf("attempt 99: %v, want ErrUnknown", err)
	}
	for slug, want := range map[string]int{"breaker": 1, "": 1, "cache": 0} {
		if got, err := p.Attempts(t.Context(), slug); err != nil || len(got) != want {
			t.Errorf("%d attempts at %q, %v, want %d", len(got), slug, err, want)
		}
	}
}

func TestDraftsAreNotOverwritten(t *testing.T) {
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	save := func(text string, from int64) (int64, error) {
		return p.SetDraft(t.Context(), "cache", map[string]string{"cache.go": text}, from, time.UnixMilli(1))
	}
	for i, text := range []string{"one", "two"} {
		if v, err := save(text, int64(i)); err != nil || v != int64(i+1) {
			t.Fatalf("save %q = version %d, %v, want %d", text, v, err, i+1)
		}
	}
	for _, from := range []int64{0, 1, 3} {
		if _, err := save("other", from); !errors.Is(err, progress.ErrStale) {
			t.Errorf("save from version %d: %v, want ErrStale", from, err)
		}
	}
	if files, v, err := p.Draft(t.Context(), "cache"); err != nil || v != 2 || files["cache.go"] != "two" {
		t.Errorf("draft %v, version %d, %v, want two, 2", files, v, err)
	}
	if s, err := p.Standings(t.Context()); err != nil || s["cache"] != (progress.Standing{Slug: "cache", Drafted: true}) {
		t.Errorf("standing %+v, %v, want a draft", s["cache"], err)
	}
	if err := p.DropDraft(t.Context(), "cache"); err != nil {
		t.Fatal(err)
	}
	if files, v, err := p.Draft(t.Context(), "cache"); err != nil || v != 0 || files != nil {
		t.Errorf("dropped draft %v, version %d, %v, want none", files, v, err)
	}
}

func TestHintsComeRungByRung(t *testing.T) {
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, want := range []int{1, 2, 2} {
		if got, err := p.TakeHint(t.Context(), "cache", "stampede", 2, time.UnixMilli(1)); err != nil || got != want {
			t.Errorf("hint %d, %v, want %d", got, err, want)
		}
	}
	if got, err := p.Hints(t.Context(), "cache"); err != nil || !reflect.DeepEqual(got, map[string]int{"stampede": 2}) {
		t.Errorf("hints %v, %v, want two of stampede", got, err)
	}
}

func TestStandings(t *testing.T) {
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, passed := range []bool{false, true, false} {
		id, err := p.AddAttempt(t.Context(), attempt.Attempt{Slug: "hedge", At: time.UnixMilli(1), State: attempt.Running})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SetAttempt(t.Context(), attempt.Attempt{ID: id, Slug: "hedge", At: time.UnixMilli(1), State: attempt.Done, Passed: passed}); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]progress.Standing{"hedge": {Slug: "hedge", Attempts: 3, Passed: true}}
	if got, err := p.Standings(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("standings %+v, %v, want %+v", got, err, want)
	}
}

func TestAccepted(t *testing.T) {
	p, err := progress.Open(t.Context(), filepath.Join(t.TempDir(), "progress.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Accepted(t.Context(), "breaker"); !errors.Is(err, progress.ErrNoneAccepted) {
		t.Errorf("Accepted before any attempt = %v, want ErrNoneAccepted", err)
	}
	for i, a := range []attempt.Attempt{{Slug: "breaker"}, {Slug: "breaker", Passed: true}, {Slug: "breaker", Passed: true}, {Slug: "breaker"}, {Slug: "cache", Passed: true}} {
		a.At, a.State = time.UnixMilli(int64(i)), attempt.Done
		if _, err := p.AddAttempt(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if a, err := p.Accepted(t.Context(), "breaker"); err != nil || a.ID != 3 {
		t.Errorf("Accepted = attempt %d, %v, want 3, the latest that passed", a.ID, err)
	}
}
