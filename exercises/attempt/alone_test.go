package attempt_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"workbench/exercises/attempt"
)

// Other attempts take the place of those that are kept only while none is in
// work.
func TestAloneWaitsForNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		q := open(t, s, slow)
		defer q.Close()
		ran := 0
		alone := func() error {
			return q.Alone(func() error { ran++; return nil })
		}
		if err := alone(); err != nil || ran != 1 {
			t.Errorf("Alone of an idle queue = %v, run %d times, want nil and once", err, ran)
		}
		first, second := submit(t, q, "right"), submit(t, q, "right")
		if err := alone(); !errors.Is(err, attempt.ErrBusy) || ran != 1 {
			t.Errorf("Alone with one waiting = %v, run %d times, want ErrBusy", err, ran)
		}
		steps(t, q, first)
		synctest.Wait()
		if err := alone(); !errors.Is(err, attempt.ErrBusy) {
			t.Errorf("Alone with one in work = %v, want ErrBusy", err)
		}
		steps(t, q, second)
		full := errors.New("no room")
		if err := q.Alone(func() error { return full }); !errors.Is(err, full) {
			t.Errorf("Alone = %v, want what was run to say", err)
		}
		if err := alone(); err != nil || ran != 2 {
			t.Errorf("Alone after the verdicts = %v, run %d times, want nil and twice", err, ran)
		}
		q.Close()
		if err := alone(); !errors.Is(err, attempt.ErrClosed) {
			t.Errorf("Alone of a closed queue = %v, want ErrClosed", err)
		}
	})
}

// A verdict is not written on another attempt that has its number by now, and
// whoever waits for it hears that it is over.
func TestAttemptThatWasReplacedInMidGrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		q := open(t, s, slow)
		defer q.Close()
		id := submit(t, q, "right")
		synctest.Wait()
		other := attempt.Attempt{ID: id, Slug: "token-bucket", At: time.UnixMilli(7), State: attempt.Interrupted}
		s.replace(other)
		seen := steps(t, q, id)
		if last := seen[len(seen)-1]; last.State != attempt.Interrupted {
			t.Errorf("the last step is %v, want interrupted", last)
		}
		if got, err := q.Attempt(t.Context(), id); err != nil || got.Passed || got.State != attempt.Interrupted || got.Tries != 0 {
			t.Errorf("the attempt of that number is %+v, %v, want it as it was imported", got, err)
		}
		s.replace(other, attempt.Attempt{})
		next := submit(t, q, "right")
		steps(t, q, next)
		if got, err := q.Attempt(t.Context(), next); err != nil || !got.Passed {
			t.Errorf("the next attempt is %+v, %v, want passed", got, err)
		}
	})
}

// However handing in, grading and replacing meet, what is there in the end has
// its own verdict or none.
func TestReplacingRacesWithGrading(t *testing.T) {
	s := &shelf{}
	q := open(t, s, func(_ context.Context, slug string, _ map[string]string, _ func(string)) (json.RawMessage, bool, error) {
		return json.RawMessage(`"` + slug + `"`), true, nil
	})
	imported := attempt.Attempt{ID: 1, Slug: "imported", At: time.UnixMilli(1), State: attempt.Interrupted}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				if _, err := q.Submit(t.Context(), "own", nil); err != nil && !errors.As(err, new(*attempt.FullError)) {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 200 {
				if err := q.Alone(func() error { s.replace(imported); return nil }); err != nil && !errors.Is(err, attempt.ErrBusy) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range s.kept {
		if a.Slug == "imported" && (a.Passed || a.State != attempt.Interrupted || a.Verdict != nil) {
			t.Errorf("an imported attempt has another's verdict: %+v", a)
		}
		if a.Slug == "own" && a.State == attempt.Running {
			t.Errorf("attempt %d is left as running", a.ID)
		}
	}
}
