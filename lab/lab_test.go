package lab_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/lab"
)

func TestAnswerNamesWhatHappened(t *testing.T) {
	for _, c := range []struct {
		err    error
		want   lab.Outcome
		reason lab.Reason
	}{
		{nil, lab.OK, ""},
		{lab.ErrLate, lab.Late, lab.ReasonDeadline},
		{context.DeadlineExceeded, lab.Late, lab.ReasonDeadline},
		{fmt.Errorf("gate: %w", lab.ErrFull), lab.Shed, lab.ReasonBacklog},
		{lab.ErrStop, lab.Shed, lab.ReasonShutdown},
		{context.Canceled, lab.Shed, lab.ReasonShutdown},
		{lab.ErrDown, lab.Failed, lab.ReasonDown},
		{lab.ErrBad, lab.Failed, lab.ReasonBad},
		{fmt.Errorf("no such table"), lab.Failed, lab.ReasonFault},
	} {
		got := lab.Answer([]byte("x"), c.err)
		if got.Outcome != c.want || got.Reason != c.reason {
			t.Errorf("Answer(%v) = %v for %q, want %v for %q", c.err, got.Outcome, got.Reason, c.want, c.reason)
		}
		if served := got.Outcome.Good(); served != (string(got.Body) == "x") {
			t.Errorf("Answer(%v) has body %q, want one only for a served request", c.err, got.Body)
		}
		if got.Outcome == lab.Shed && got.RetryAfter <= 0 {
			t.Errorf("Answer(%v) sheds without saying when to come back", c.err)
		}
	}
}

func TestRequestDeadlines(t *testing.T) {
	for _, c := range []struct {
		deadline, patience, now time.Duration
		expired, useless        bool
	}{
		{0, 0, time.Hour, false, false},
		{time.Second, 0, time.Second - 1, false, false},
		{time.Second, 0, time.Second, true, true},
		{0, time.Second, 2 * time.Second, false, true},
		{3 * time.Second, time.Second, 2 * time.Second, false, true},
	} {
		r := lab.Request{Deadline: c.deadline, Patience: c.patience}
		if r.Expired(c.now) != c.expired || r.Useless(c.now) != c.useless {
			t.Errorf("deadline %v, patience %v at %v: Expired %v, Useless %v; want %v, %v", c.deadline, c.patience, c.now, r.Expired(c.now), r.Useless(c.now), c.expired, c.useless)
		}
	}
}

func TestEnd(t *testing.T) {
	for _, c := range []struct{ deadline, patience, want time.Duration }{{0, 0, 0}, {5, 0, 5}, {0, 7, 7}, {5, 7, 5}, {7, 5, 5}} {
		r := lab.Request{Deadline: c.deadline, Patience: c.patience}
		if got := r.End(); got != c.want {
			t.Errorf("End(deadline %d, patience %d) = %d, want %d", c.deadline, c.patience, got, c.want)
		}
		for now := range 10 * time.Nanosecond {
			if want := c.want > 0 && now >= c.want; r.Useless(now) != want {
				t.Errorf("Useless(%d) of deadline %d and patience %d = %t, want %t", now, c.deadline, c.patience, !want, want)
			}
		}
	}
}

func TestCacheKeySeparatesOperationsAndItems(t *testing.T) {
	seen := map[uint64]string{}
	for op := range uint8(4) {
		for key := range uint64(5000) {
			r := lab.Request{Op: op, Key: key}
			name := fmt.Sprintf("op %d key %d", op, key)
			if other, ok := seen[r.CacheKey()]; ok {
				t.Fatalf("%s and %s share a cache key", name, other)
			}
			seen[r.CacheKey()] = name
		}
	}
}

func TestStateWords(t *testing.T) {
	for _, s := range []lab.State{lab.Off, lab.Shadow, lab.On, lab.Yours} {
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back lab.State
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Errorf("%v becomes %s and then %v, %v", s, b, back, err)
		}
	}
	var s lab.State
	if err := json.Unmarshal([]byte(`"onn"`), &s); err == nil || !strings.Contains(err.Error(), "off, shadow, on or yours") {
		t.Errorf(`state "onn" gives %v, want an error that lists the states`, err)
	}
	if got := lab.State(9).String(); got != "state(9)" {
		t.Errorf("State(9) = %q, want state(9)", got)
	}
}

func TestCountersSurviveAndAdd(t *testing.T) {
	c := lab.NewCounters()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			n := c.Get("hit")
			for range 1000 {
				n.Add(1)
			}
		})
	}
	wg.Wait()
	c.Get("miss")
	if got := c.All(); got["hit"] != 8000 || got["miss"] != 0 || len(got) != 2 {
		t.Errorf("All() = %v, want hit 8000 and miss 0", got)
	}
}
