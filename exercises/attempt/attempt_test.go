package attempt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"workbench/exercises/attempt"
	"workbench/sim/clock"
)

// shelf is a store in memory.
type shelf struct {
	mu   sync.Mutex
	kept []attempt.Attempt // guarded by mu; number n at n-1
	fail error             // guarded by mu; of the next write
}

func (s *shelf) AddAttempt(_ context.Context, a attempt.Attempt) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	a.ID = uint64(len(s.kept) + 1)
	s.kept = append(s.kept, a)
	return a.ID, nil
}

func (s *shelf) SetAttempt(_ context.Context, a attempt.Attempt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.ID < 1 || a.ID > uint64(len(s.kept)) || s.kept[a.ID-1].Slug != a.Slug || !s.kept[a.ID-1].At.Equal(a.At) {
		return fmt.Errorf("%w: %d of %s", attempt.ErrUnknown, a.ID, a.Slug)
	}
	s.kept[a.ID-1] = a
	return nil
}

// replace puts other attempts in the place of those that are kept.
func (s *shelf) replace(with ...attempt.Attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = with
}

func (s *shelf) Attempt(_ context.Context, id uint64) (attempt.Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id < 1 || id > uint64(len(s.kept)) {
		return attempt.Attempt{}, fmt.Errorf("%w: %d", attempt.ErrUnknown, id)
	}
	return s.kept[id-1], nil
}

func (s *shelf) Unfinished(context.Context) ([]attempt.Attempt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []attempt.Attempt
	for _, a := range s.kept {
		if !a.State.Final() {
			out = append(out, a)
		}
	}
	return out, nil
}

// slow passes what says "right", a second after it was asked.
func slow(ctx context.Context, _ string, files map[string]string, doing func(string)) (json.RawMessage, bool, error) {
	doing("runs the tests")
	if c := clock.NewWall(); c.Wait(ctx, c.Now()+time.Second) != nil {
		return nil, true, ctx.Err() // a pass that must not count
	}
	switch files["a.go"] {
	case "right":
		return json.RawMessage(`{"accepted":true}`), true, nil
	case "broken grader":
		return nil, true, errors.New("no room on the disk")
	}
	return json.RawMessage(`{"accepted":false}`), false, nil
}

func open(t *testing.T, s *shelf, grade attempt.Grader) *attempt.Queue {
	t.Helper()
	q, err := attempt.New(t.Context(), attempt.Config{Store: s, Grade: grade, Length: 3, Clock: clock.NewWall(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func submit(t *testing.T, q *attempt.Queue, text string) uint64 {
	t.Helper()
	a, err := q.Submit(t.Context(), "token-bucket", map[string]string{"a.go": text})
	if err != nil {
		t.Fatal(err)
	}
	return a.ID
}

func steps(t *testing.T, q *attempt.Queue, id uint64) []attempt.Step {
	t.Helper()
	ch, err := q.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var out []attempt.Step
	for s := range ch {
		out = append(out, s)
	}
	return out
}

func TestAttemptsAreGradedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		q := open(t, s, slow)
		defer q.Close()
		first, second := submit(t, q, "wrong"), submit(t, q, "right")
		synctest.Wait()
		seen := steps(t, q, second)
		want := []attempt.Step{{State: attempt.Queued, Ahead: 1}, {State: attempt.Running, Doing: "runs the tests"}, {State: attempt.Done}}
		for i, at := range []int{0, len(seen) - 2, len(seen) - 1} {
			if len(seen) < 3 || seen[at] != want[i] {
				t.Fatalf("steps %v, want %v, perhaps with others between", seen, want)
			}
		}
		for id, passed := range map[uint64]bool{first: false, second: true} {
			if a, err := q.Attempt(t.Context(), id); err != nil || a.State != attempt.Done || a.Passed != passed || a.Tries != 1 {
				t.Errorf("attempt %d is %+v, %v, want done, passed %v", id, a, err, passed)
			}
		}
		if again := steps(t, q, second); fmt.Sprint(again) != fmt.Sprint(want[2:]) {
			t.Errorf("steps of a finished attempt %v, want %v", again, want[2:])
		}
	})
}

func TestFullQueueSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		q := open(t, s, slow)
		defer q.Close()
		submit(t, q, "right")
		synctest.Wait() // the first is being graded
		for range 3 {
			submit(t, q, "right")
		}
		_, err := q.Submit(t.Context(), "token-bucket", nil)
		var full *attempt.FullError
		if !errors.As(err, &full) || full.Waiting != 3 || full.After != 6*time.Second {
			t.Errorf("Submit to a full queue = %v, want a FullError of 3 waiting, 6s", err)
		}
		if len(s.kept) != 4 || q.Waiting() != 3 {
			t.Errorf("%d attempts are kept and %d wait, want 4 and 3: what is refused leaves nothing", len(s.kept), q.Waiting())
		}
		steps(t, q, 4)
		if q.Waiting() != 0 {
			t.Errorf("%d wait after five seconds, want 0", q.Waiting())
		}
		submit(t, q, "right")
	})
}

func TestUnkeptAttemptIsNotAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("disk full")
		q := open(t, &shelf{fail: full}, slow)
		defer q.Close()
		if _, err := q.Submit(t.Context(), "x", nil); !errors.Is(err, full) || q.Waiting() != 0 {
			t.Errorf("Submit = %v with %d waiting, want the store's error and 0", err, q.Waiting())
		}
	})
}

func TestFaultOfTheGraderIsNoVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, &shelf{}, slow)
		defer q.Close()
		id := submit(t, q, "broken grader")
		steps(t, q, id)
		a, err := q.Attempt(t.Context(), id)
		if err != nil || a.Passed || a.State != attempt.Done {
			t.Fatalf("attempt %+v, %v, want done and not passed", a, err)
		}
		var v struct {
			Accepted bool
			Reason   string
		}
		if err := json.Unmarshal(a.Verdict, &v); err != nil || v.Accepted || v.Reason != "The grader failed, which is no fault of your answer: no room on the disk" {
			t.Errorf("verdict %s, %v", a.Verdict, err)
		}
	})
}

// An orderly end in mid-grade counts as no try; the next process grades what is
// left, in order.
func TestAnOrderlyEndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		q := open(t, s, slow)
		first, second := submit(t, q, "right"), submit(t, q, "right")
		synctest.Wait()
		if err := q.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := q.Submit(t.Context(), "x", nil); !errors.Is(err, attempt.ErrClosed) {
			t.Errorf("Submit after Close = %v, want ErrClosed", err)
		}
		for _, a := range s.kept {
			if a.State != attempt.Queued || a.Tries != 0 || a.Passed {
				t.Errorf("after the end attempt %d is %+v, want queued, untried and not passed", a.ID, a)
			}
		}
		q = open(t, s, slow)
		defer q.Close()
		steps(t, q, second)
		for _, id := range []uint64{first, second} {
			if a, _ := q.Attempt(t.Context(), id); !a.Passed {
				t.Errorf("attempt %d is %+v, want passed", id, a)
			}
		}
	})
}

// A killed process leaves an attempt as running. It is graded once more; one
// that has seen two such ends is set down as interrupted, and never as passed.
func TestKilledInMidGrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{kept: []attempt.Attempt{
			{ID: 1, State: attempt.Running, Tries: 1, Files: map[string]string{"a.go": "right"}},
			{ID: 2, State: attempt.Running, Tries: 2, Files: map[string]string{"a.go": "right"}},
		}}
		q := open(t, s, slow)
		defer q.Close()
		steps(t, q, 1)
		if a := s.kept[0]; a.State != attempt.Done || !a.Passed || a.Tries != 2 {
			t.Errorf("attempt 1 is %+v, want done at its second try", a)
		}
		if a := s.kept[1]; a.State != attempt.Interrupted || a.Passed {
			t.Errorf("attempt 2 is %+v, want interrupted", a)
		}
	})
}

func TestWatcherThatLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, &shelf{}, slow)
		defer q.Close()
		id := submit(t, q, "right")
		ctx, cancel := context.WithCancel(t.Context())
		ch, err := q.Watch(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		for range ch {
		}
		steps(t, q, id) // and the others still hear of it
	})
}

func TestUnknownAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, &shelf{}, slow)
		defer q.Close()
		if _, err := q.Watch(t.Context(), 7); !errors.Is(err, attempt.ErrUnknown) {
			t.Errorf("Watch = %v, want ErrUnknown", err)
		}
	})
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	if _, err := attempt.New(t.Context(), attempt.Config{}); err == nil {
		t.Error("New of an empty Config succeeded")
	}
}
