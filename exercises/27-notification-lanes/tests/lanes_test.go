//go:build exercise

package notificationlanes_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	notificationlanes "workbench/exercises/27-notification-lanes/start"
)

// tell writes down what happened at an instant, for the verdict to list.
func tell(t testing.TB, at time.Duration, format string, args ...any) {
	t.Helper()
	t.Logf("@%v %s", at, fmt.Sprintf(format, args...))
}

// quiet is a test whose helpers write nothing down: for what is done thousands
// of times.
type quiet struct{ testing.TB }

func (quiet) Logf(string, ...any) {}

type (
	message = notificationlanes.Message
	config  = notificationlanes.Config
)

func queue(t testing.TB, c config) *notificationlanes.Queue {
	t.Helper()
	q, err := notificationlanes.New(c)
	if err != nil || q == nil {
		t.Fatalf("New(%+v) = %v, %v; want a queue", c, q, err)
	}
	return q
}

// put puts one message in and writes down what it was answered.
func put(t testing.TB, q *notificationlanes.Queue, now time.Duration, m message) error {
	t.Helper()
	err := q.Push(now, m)
	key := ""
	if m.Key != "" {
		key = fmt.Sprintf(", key %.20q", m.Key)
	}
	tell(t, now, "Push(lane %d, %q%s) = %v", m.Lane, m.Text, key, err)
	return err
}

// take takes one message out and writes it down.
func take(t testing.TB, q *notificationlanes.Queue, now time.Duration) (message, bool) {
	t.Helper()
	m, ok := q.Pop(now)
	tell(t, now, "Pop = lane %d, %q, %v", m.Lane, m.Text, ok)
	return m, ok
}

// push puts texts into a lane, without keys.
func push(t testing.TB, q *notificationlanes.Queue, now time.Duration, lane int, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := put(t, q, now, message{Lane: lane, Text: text}); err != nil {
			t.Fatalf("Push(%v, %q into lane %d) = %v, want it accepted", now, text, lane, err)
		}
	}
}

// pop wants these texts in this order.
func pop(t testing.TB, q *notificationlanes.Queue, now time.Duration, want ...string) {
	t.Helper()
	for i, text := range want {
		m, ok := take(t, q, now)
		if !ok || m.Text != text {
			t.Fatalf("Pop(%v) number %d = %q, %v; want %q", now, i+1, m.Text, ok, text)
		}
	}
}

// empty wants nothing to be left.
func empty(t testing.TB, q *notificationlanes.Queue, now time.Duration) {
	t.Helper()
	if m, ok := take(t, q, now); ok {
		t.Fatalf("Pop(%v) = %+v, want nothing: all was sent", now, m)
	}
}

func TestUrgentFirst(t *testing.T) {
	q := queue(t, config{Lanes: 3, Size: 10, Patience: time.Minute})
	push(t, q, 0, 2, "sale 1", "sale 2")
	push(t, q, 1, 1, "parcel 1")
	push(t, q, 2, 0, "code 1", "code 2")
	push(t, q, 3, 1, "parcel 2")
	pop(t, q, 4, "code 1", "code 2", "parcel 1", "parcel 2", "sale 1", "sale 2")
	empty(t, q, 4)
}

func TestOwnRoom(t *testing.T) {
	q := queue(t, config{Lanes: 2, Size: 3, Patience: time.Minute})
	push(t, q, 0, 1, "sale 1", "sale 2", "sale 3")
	if err := put(t, q, 0, message{Lane: 1, Text: "sale 4"}); !errors.Is(err, notificationlanes.ErrFull) {
		t.Errorf("the fourth message for a lane of 3: Push = %v, want ErrFull", err)
	}
	push(t, q, 0, 0, "code 1", "code 2", "code 3")
	if err := put(t, q, 0, message{Lane: 0, Text: "code 4"}); !errors.Is(err, notificationlanes.ErrFull) {
		t.Errorf("the fourth message for a lane of 3: Push = %v, want ErrFull", err)
	}
	pop(t, q, 0, "code 1", "code 2", "code 3", "sale 1", "sale 2")
	push(t, q, 0, 1, "sale 5")
	pop(t, q, 0, "sale 3", "sale 5")
	empty(t, q, 0)
}

func TestPatience(t *testing.T) {
	const patience = 10 * time.Second
	q := queue(t, config{Lanes: 2, Size: 1000, Patience: patience})
	push(t, q, 0, 1, "sale 1", "sale 2", "sale 3")
	for i := range 40 {
		push(quiet{t}, q, 0, 0, fmt.Sprint("code ", i))
	}
	pop(t, q, patience-1, "code 0", "code 1")
	// Out of patience: one message, and then it waits for as long again.
	pop(t, q, patience, "sale 1", "code 2", "code 3")
	pop(t, q, 2*patience-1, "code 4")
	pop(t, q, 2*patience, "sale 2", "code 5", "code 6")
}

func TestDuplicate(t *testing.T) {
	const window = time.Minute
	q := queue(t, config{Lanes: 2, Size: 10, Patience: time.Hour, Window: window})
	m := message{Key: "order 7 shipped", Lane: 1, Text: "shipped"}
	for _, c := range []struct {
		name string
		now  time.Duration
		lane int
		dup  bool
	}{
		{"the first", time.Second, 1, false},
		{"the same again", time.Second, 1, true},
		{"the same in another lane", 2 * time.Second, 0, true},
		{"just inside the window", window + time.Second - 1, 1, true},
		{"a window after the first", window + time.Second, 1, false},
		{"the same again, in the new window", window + 2*time.Second, 1, true},
	} {
		m.Lane = c.lane
		if err := put(t, q, c.now, m); errors.Is(err, notificationlanes.ErrDuplicate) != c.dup || !c.dup && err != nil {
			t.Errorf("%s: Push(%v) = %v, want duplicate %v", c.name, c.now, err, c.dup)
		}
	}
	other := message{Key: "order 8 shipped", Lane: 1}
	if err := put(t, q, 2*time.Second, other); err != nil {
		t.Errorf("another key: Push = %v, want it accepted", err)
	}
}
