package classroom_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"workbench/exercises/attempt"
	"workbench/exercises/classroom"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, path string) *classroom.Class {
	t.Helper()
	c, err := classroom.Open(t.Context(), path, func() time.Time { return noon })
	if err != nil {
		t.Fatalf("Open() = %v", err)
	}
	t.Cleanup(func() { _ = c.Close() }) // a test may have closed it
	return c
}

func fresh(t *testing.T) *classroom.Class {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "class.db"))
}

func code(t *testing.T, c *classroom.Class) string {
	t.Helper()
	d, err := c.Door(t.Context())
	if err != nil {
		t.Fatalf("Door() = %v", err)
	}
	return d.Code
}

func join(t *testing.T, c *classroom.Class, name string) (classroom.Learner, string) {
	t.Helper()
	l, session, err := c.Join(t.Context(), code(t, c), name)
	if err != nil {
		t.Fatalf("Join(%q) = %v", name, err)
	}
	return l, session
}

func TestNames(t *testing.T) {
	c := fresh(t)
	for _, one := range []struct {
		name, give, want string // want "": refused
	}{
		{"plain", "Ada", "Ada"},
		{"spaces are tidied", "  Grace \t Hopper ", "Grace Hopper"},
		{"other scripts", "Łukasz 李", "Łukasz 李"},
		{"an apostrophe", "O'Neil", "O'Neil"},
		{"markup is a name like any", "<b>x</b>", "<b>x</b>"},
		{"empty", "", ""},
		{"blank", " \n ", ""},
		{"signs alone", "!!!", ""},
		{"a character that turns the line", "a\u202eb", ""},
		{"invisible", "a\u200bb", ""},
		{"a zero byte", "a\x00b", ""},
		{"no UTF-8", "a\xff", ""},
		{"too long", strings.Repeat("x", 41), ""},
		{"very long", strings.Repeat("x", 1<<20), ""},
		{"a tower of accents", "a" + strings.Repeat("\u0301", 20), ""},
	} {
		l, session, err := c.Join(t.Context(), code(t, c), one.give)
		var field *classroom.FieldError
		switch {
		case one.want == "" && (!errors.As(err, &field) || field.Field != "name" || len(field.Got) > 200):
			t.Errorf("%s: Join() = %v, %v, want a fault of the field name", one.name, l, err)
		case one.want != "" && (err != nil || l.Name != one.want || len(session) != 32):
			t.Errorf("%s: Join() = %+v, %q, %v, want %q", one.name, l, session, err, one.want)
		}
	}
}

func TestTheDoor(t *testing.T) {
	c, ctx := fresh(t), t.Context()
	old := code(t, c)
	ada, session := join(t, c, "Ada")
	if got, err := c.Who(ctx, session); err != nil || got.ID != ada.ID || got.Name != "Ada" {
		t.Errorf("Who() = %+v, %v, want Ada", got, err)
	}
	for _, wrong := range []string{"", "x", session[:31], strings.ToUpper(session) + "0"} {
		if got, err := c.Who(ctx, wrong); !errors.Is(err, classroom.ErrNobody) {
			t.Errorf("Who(%q) = %+v, %v, want ErrNobody", wrong, got, err)
		}
	}
	if _, _, err := c.Join(ctx, old, "  aDA "); !errors.Is(err, classroom.ErrTaken) {
		t.Errorf("Join of a taken name = %v, want ErrTaken", err)
	}
	if err := c.Renew(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Join(ctx, old, "Bob"); !errors.Is(err, classroom.ErrDoor) {
		t.Errorf("Join by the old link = %v, want ErrDoor", err)
	}
	if _, err := c.Who(ctx, session); err != nil {
		t.Errorf("after a new link Who() = %v, want those who are in to stay", err)
	}
	if err := c.Shut(ctx, true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Join(ctx, code(t, c), "Bob"); !errors.Is(err, classroom.ErrShut) {
		t.Errorf("Join by a shut door = %v, want ErrShut", err)
	}
	if err := c.Release(ctx, ada.ID); err != nil {
		t.Fatal(err)
	}
	again, second := join(t, c, "ada") // who is let back in passes a shut door
	if again.ID != ada.ID || again.Name != "Ada" || second == session {
		t.Errorf("after Release Join() = %+v, want Ada again with a new session", again)
	}
	if _, err := c.Who(ctx, session); !errors.Is(err, classroom.ErrNobody) {
		t.Errorf("the session before = %v, want ErrNobody", err)
	}
	if _, _, err := c.Join(ctx, code(t, c), "ada"); !errors.Is(err, classroom.ErrTaken) {
		t.Errorf("a second Join after one Release = %v, want ErrTaken", err)
	}
	if err := errors.Join(c.Remove(ctx, ada.ID), c.Shut(ctx, false)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Who(ctx, second); !errors.Is(err, classroom.ErrNobody) {
		t.Errorf("after Remove Who() = %v, want ErrNobody", err)
	}
	if other, _ := join(t, c, "Ada"); other.ID == ada.ID {
		t.Error("a freed name has the removed learner's number")
	}
	if err := c.Remove(ctx, ada.ID); !errors.Is(err, classroom.ErrUnknown) {
		t.Errorf("a second Remove = %v, want ErrUnknown", err)
	}
}

func TestManyJoinAtOnceAndTheClassIsBounded(t *testing.T) {
	c := fresh(t)
	link := code(t, c)
	var all sync.WaitGroup
	var mu sync.Mutex
	taken, in := 0, 0
	for i := range 200 {
		all.Go(func() {
			_, _, err := c.Join(context.Background(), link, fmt.Sprintf("Learner %d", i/2)) // each name twice
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				in++
			case errors.Is(err, classroom.ErrTaken):
				taken++
			default:
				t.Errorf("Join() = %v", err)
			}
		})
	}
	all.Wait()
	if in != 100 || taken != 100 {
		t.Errorf("%d joined and %d names were taken, want 100 and 100", in, taken)
	}
	for i := range classroom.MaxLearners - 100 {
		join(t, c, fmt.Sprintf("Further %d", i))
	}
	if _, _, err := c.Join(t.Context(), link, "One more"); !errors.Is(err, classroom.ErrFull) {
		t.Errorf("Join of a full class = %v, want ErrFull", err)
	}
	if got, err := c.Learners(t.Context()); err != nil || len(got) != classroom.MaxLearners {
		t.Errorf("Learners() = %d, %v, want %d", len(got), err, classroom.MaxLearners)
	}
}

func question() classroom.Question {
	return classroom.Question{Text: "How long?", Options: []string{"at once", "a minute", "never"}}
}

// A round goes through its steps; answers are taken where they are asked for,
// once, and each step can be taken from the one before it alone.
func TestARound(t *testing.T) {
	c, ctx := fresh(t), t.Context()
	if _, ok, err := c.Round(ctx); ok || err != nil {
		t.Fatalf("Round() of a new class = %v, %v, want none", ok, err)
	}
	ada, _ := join(t, c, "Ada")
	bob, _ := join(t, c, "Bob")
	r, err := c.Begin(ctx, "metastable", "The spike", question())
	if err != nil {
		t.Fatal(err)
	}
	vote := func(l classroom.Learner, half classroom.State, choice int, want error) {
		t.Helper()
		if err := c.Vote(ctx, l.ID, r.ID, half, choice); !errors.Is(err, want) {
			t.Errorf("Vote(%s, %s, %d) = %v, want %v", l.Name, half, choice, err, want)
		}
	}
	vote(ada, classroom.Before, 0, nil)
	vote(ada, classroom.Before, 0, nil) // sent twice
	vote(ada, classroom.Before, 1, classroom.ErrVoted)
	vote(ada, classroom.After, 1, classroom.ErrRound)
	var field *classroom.FieldError
	for _, choice := range []int{-1, 3, 1 << 40} {
		if err := c.Vote(ctx, bob.ID, r.ID, classroom.Before, choice); !errors.As(err, &field) || field.Field != "choice" {
			t.Errorf("Vote(%d) = %v, want a fault of the field choice", choice, err)
		}
	}
	if err := c.Show(ctx, r.ID); !errors.Is(err, classroom.ErrRound) {
		t.Errorf("Show() before it was played = %v, want ErrRound", err)
	}
	if err := c.Play(ctx, r.ID); err != nil {
		t.Fatal(err)
	}
	vote(bob, classroom.Before, 2, classroom.ErrRound) // too late
	if err := c.Measured(ctx, r, 2, 7, "Measured: never."); err != nil {
		t.Fatal(err)
	}
	if err := c.Again(ctx, r.ID, nil); err != nil {
		t.Fatal(err)
	}
	vote(ada, classroom.After, 2, nil)
	vote(bob, classroom.After, 2, nil)
	if err := c.Show(ctx, r.ID); err != nil {
		t.Fatal(err)
	}
	r, _, err = c.Round(ctx)
	if err != nil || r.State != classroom.Shown || r.First.Right != 2 || r.Run != 7 || r.Answer != "Measured: never." {
		t.Errorf("Round() = %+v, %v, want it shown with the answer 2 of run 7", r, err)
	}
	tally, err := c.Tally(ctx, r)
	if err != nil || !slices.Equal(tally.Before, []int{1, 0, 0}) || !slices.Equal(tally.After, []int{0, 0, 2}) {
		t.Errorf("Tally() = %+v, %v, want 1 0 0 before and 0 0 2 after", tally, err)
	}
	if got := tally.Ballots[bob.ID]; got != (classroom.Ballot{Before: -1, After: 2}) {
		t.Errorf("Bob's ballot = %+v, want nothing before and 2 after", got)
	}
	for l, want := range map[uint64]map[uint64]bool{ada.ID: {7: false}, bob.ID: {}} {
		if got, err := c.Predicted(ctx, l); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("Predicted(%d) = %v, %v, want %v", l, got, err, want)
		}
	}
}

func TestASecondQuestion(t *testing.T) {
	c, ctx := fresh(t), t.Context()
	r, err := c.Begin(ctx, "metastable", "The spike", question())
	if err := errors.Join(err, c.Play(ctx, r.ID), c.Measured(ctx, r, -1, 0, "")); err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]classroom.Question{
		"no text": {Options: []string{"a", "b"}, Right: -1}, "one answer": {Text: "?", Options: []string{"a"}, Right: -1},
		"seven answers": {Text: "?", Options: []string{"a", "b", "c", "d", "e", "f", "g"}}, "an empty answer": {Text: "?", Options: []string{"a", " "}},
		"a right one that is not there": {Text: "?", Options: []string{"a", "b"}, Right: 2}, "a long text": {Text: strings.Repeat("x", 301), Options: []string{"a", "b"}},
	} {
		var field *classroom.FieldError
		if err := c.Again(ctx, r.ID, &q); !errors.As(err, &field) {
			t.Errorf("%s: Again() = %v, want a fault of a field", name, err)
		}
	}
	second := classroom.Question{Text: "Which pattern?", Options: []string{"queue", "cache"}, Right: 0}
	if err := c.Again(ctx, r.ID, &second); err != nil {
		t.Fatal(err)
	}
	ada, _ := join(t, c, "Ada")
	if err := c.Vote(ctx, ada.ID, r.ID, classroom.After, 1); err != nil {
		t.Fatal(err)
	}
	r, _, err = c.Round(ctx)
	tally, fault := c.Tally(ctx, r)
	if err := errors.Join(err, fault); err != nil || r.Last().Text != "Which pattern?" || !slices.Equal(tally.After, []int{0, 1}) {
		t.Errorf("the second question is %+v with %v, %v", r.Last(), tally.After, err)
	}
}

// What was acknowledged is in the file at once, so a process that is killed
// leaves all of it; a round that was being played opens again.
func TestAKillLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "class.db")
	c, ctx := open(t, path), t.Context()
	ada, session := join(t, c, "Ada")
	r, err := c.Begin(ctx, "metastable", "The spike", question())
	if err := errors.Join(err, c.Vote(ctx, ada.ID, r.ID, classroom.Before, 1), c.Play(ctx, r.ID)); err != nil {
		t.Fatal(err)
	}
	link := code(t, c)
	again := open(t, path) // the first is never closed
	if err := again.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	got, ok, err := again.Round(ctx)
	if err != nil || !ok || got.State != classroom.Before || !got.Interrupted {
		t.Errorf("after a kill the round is %+v, %v, want it open again and said so", got, err)
	}
	tally, err := again.Tally(ctx, got)
	if err != nil || tally.Before[1] != 1 {
		t.Errorf("after a kill the answers are %v, %v, want Ada's", tally.Before, err)
	}
	if l, err := again.Who(ctx, session); err != nil || l.Name != "Ada" || code(t, again) != link {
		t.Errorf("after a kill Who() = %+v, %v, want Ada by the same link", l, err)
	}
}

// shelf keeps attempts in memory: a learner's own file, on paper.
type shelf struct {
	attempt.Store
	n uint64
}

func (s *shelf) AddAttempt(context.Context, attempt.Attempt) (uint64, error) { s.n++; return s.n, nil }
func (s *shelf) SetAttempt(context.Context, attempt.Attempt) error           { return nil }

func verdict(t *testing.T, cases ...string) json.RawMessage {
	t.Helper()
	type one struct {
		Name    string `json:"name"`
		OK      bool   `json:"ok"`
		Message string `json:"message"`
		Status  string `json:"status"`
	}
	v := struct {
		State string `json:"state"`
		Cases []one  `json:"cases"`
	}{"fail", []one{{"TestFine", true, "", "pass"}, {"TestLater", false, "", "not-run"}}}
	for _, name := range cases {
		v.Cases = append(v.Cases, one{name, false, name + " wants more", "fail"})
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhereTheyAreStuck(t *testing.T) {
	c, ctx := fresh(t), t.Context()
	changed := 0
	hand := func(slug string, s *classroom.Store, passed bool, v json.RawMessage) {
		t.Helper()
		a := attempt.Attempt{Slug: slug, At: noon, State: attempt.Queued}
		var err error
		if a.ID, err = s.AddAttempt(ctx, a); err != nil {
			t.Fatalf("AddAttempt() = %v", err)
		}
		a.State, a.Passed, a.Verdict = attempt.Done, passed, v
		if err := s.SetAttempt(ctx, a); err != nil {
			t.Fatalf("SetAttempt() = %v", err)
		}
	}
	stores := map[uint64]*classroom.Store{}
	for l := range uint64(4) {
		stores[l] = &classroom.Store{Store: &shelf{}, Class: c, Learner: l, Changed: func() { changed++ }}
	}
	hand("token-bucket", stores[0], false, verdict(t, "TestBurst", "TestRefill"))
	hand("token-bucket", stores[1], false, verdict(t, "TestBurst"))
	hand("token-bucket", stores[2], false, verdict(t, "TestOld")) // got further later
	hand("token-bucket", stores[2], false, verdict(t, "TestBurst"))
	hand("token-bucket", stores[3], true, nil)
	hand("token-bucket", stores[3], false, verdict(t, "TestBurst")) // a pass is not undone
	hand("breaker", stores[0], false, json.RawMessage(`{"state":"compile-error","reason":"does not compile"}`))
	rows, err := c.Table(ctx)
	if err != nil || len(rows) != 2 {
		t.Fatalf("Table() = %+v, %v, want two exercises", rows, err)
	}
	if r := rows[0]; r.Slug != "token-bucket" || r.Learners != 4 || r.Passed != 1 || r.Attempts != 6 || len(r.Stuck) != 2 ||
		r.Stuck[0].Case != "TestBurst" || r.Stuck[0].Learners != 3 || r.Stuck[0].Message != "TestBurst wants more" || r.Stuck[1].Learners != 1 {
		t.Errorf("the first row is %+v, want three of four stuck at TestBurst", r)
	}
	if r := rows[1]; r.Stuck[0].Case != "compile-error" || r.Stuck[0].Message != "does not compile" {
		t.Errorf("the second row is %+v, want what stopped it", r)
	}
	if changed != 14 {
		t.Errorf("told of %d changes, want 14", changed)
	}
}

func TestQuota(t *testing.T) {
	c := fresh(t)
	s := classroom.Store{Store: &shelf{}, Class: c, Learner: 1}
	for i := range 30 {
		if _, err := s.AddAttempt(t.Context(), attempt.Attempt{Slug: "breaker", At: noon.Add(time.Duration(i) * time.Second)}); err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
	_, err := s.AddAttempt(t.Context(), attempt.Attempt{Slug: "breaker", At: noon.Add(time.Minute)})
	var full *classroom.QuotaError
	if !errors.As(err, &full) || full.After != 9*time.Minute {
		t.Errorf("the 31st attempt in a minute = %v, want a QuotaError of 9 minutes", err)
	}
	other := classroom.Store{Store: &shelf{}, Class: c, Learner: 2}
	if _, err := other.AddAttempt(t.Context(), attempt.Attempt{Slug: "breaker", At: noon.Add(time.Minute)}); err != nil {
		t.Errorf("another's attempt = %v, want it taken", err)
	}
	if _, err := s.AddAttempt(t.Context(), attempt.Attempt{Slug: "breaker", At: noon.Add(11 * time.Minute)}); err != nil {
		t.Errorf("an attempt ten minutes later = %v, want it taken", err)
	}
}

// Three learners with one slot are graded in the order in which they came.
func TestShareServesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		release := make(chan struct{})
		g := classroom.Share(func(_ context.Context, slug string, _ map[string]string, _ func(string)) (json.RawMessage, bool, error) {
			<-release
			order = append(order, slug)
			return nil, true, nil
		}, 1)
		told := make(chan string, 8)
		for _, slug := range []string{"a", "b", "c"} {
			go func() { _, _, _ = g(t.Context(), slug, nil, func(s string) { told <- s }) }()
			synctest.Wait()
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := g(gone, "d", nil, func(string) {}); !errors.Is(err, context.Canceled) {
			t.Errorf("a grading whose context has ended = %v, want that error", err)
		}
		for range 3 {
			release <- struct{}{}
			synctest.Wait()
		}
		if !slices.Equal(order, []string{"a", "b", "c"}) {
			t.Errorf("graded in the order %v, want a b c", order)
		}
		if len(told) != 1 || !strings.Contains(<-told, "behind 1 of") {
			t.Error("the third was not told that it waits")
		}
	})
}
