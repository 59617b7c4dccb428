//go:build exercise

package notificationlanes_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	notificationlanes "workbench/exercises/27-notification-lanes/start"
)

const (
	urgent = notificationlanes.Urgent
	normal = notificationlanes.Normal
	bulk   = notificationlanes.Bulk
)

// desk returns a queue with an aging of a minute and a window of ten.
func desk(room int) *notificationlanes.Queue {
	return notificationlanes.New(notificationlanes.Config{Aging: time.Minute, Window: 10 * time.Minute, Cap: room})
}

func push(t *testing.T, q *notificationlanes.Queue, now time.Duration, lane notificationlanes.Lane, body string) {
	t.Helper()
	if err := q.Push(now, notificationlanes.Message{Lane: lane, Body: body}); err != nil {
		t.Fatalf("Push(%s) = %v", body, err)
	}
}

// drain takes all messages at now.
func drain(q *notificationlanes.Queue, now time.Duration) (bodies []string) {
	for range 10_000 {
		m, ok := q.Pop(now)
		if !ok {
			return bodies
		}
		bodies = append(bodies, m.Body)
	}
	return append(bodies, "… and so on for ever")
}

func TestUrgentFirst(t *testing.T) {
	q := desk(100)
	push(t, q, 0, bulk, "newsletter")
	push(t, q, time.Second, normal, "answer")
	push(t, q, 2*time.Second, urgent, "code")
	if n := q.Len(); n != 3 {
		t.Errorf("Len = %d, want 3", n)
	}
	if got, want := drain(q, 3*time.Second), []string{"code", "answer", "newsletter"}; !slices.Equal(got, want) {
		t.Errorf("taken %v, want %v", got, want)
	}
	if _, ok := q.Pop(time.Hour); ok || q.Len() != 0 {
		t.Error("an empty queue gives a message")
	}
}

func TestOrderInLane(t *testing.T) {
	q := desk(100)
	var want []string
	for i := range 40 { // all at one instant
		want = append(want, fmt.Sprint("message ", i))
		push(t, q, 0, normal, want[i])
	}
	if got := drain(q, 0); !slices.Equal(got, want) {
		t.Errorf("taken %v, want the order in which they came", got)
	}
}

func TestAging(t *testing.T) {
	q := desk(100)
	push(t, q, 0, bulk, "bulk of 0:00, due 2:00")
	push(t, q, 30*time.Second, bulk, "bulk of 0:30, due 2:30")
	push(t, q, 65*time.Second, normal, "normal of 1:05, due 2:05")
	push(t, q, 115*time.Second, urgent, "urgent of 1:55")
	push(t, q, 120*time.Second, urgent, "urgent of 2:00")
	push(t, q, 121*time.Second, urgent, "urgent of 2:01")
	want := []string{"urgent of 1:55", "urgent of 2:00", "bulk of 0:00, due 2:00", "urgent of 2:01", "normal of 1:05, due 2:05", "bulk of 0:30, due 2:30"}
	if got := drain(q, 2*time.Minute+2*time.Second); !slices.Equal(got, want) {
		t.Errorf("taken %q\nwant  %q", got, want)
	}
}

func TestDuplicates(t *testing.T) {
	q := desk(100)
	code := notificationlanes.Message{Key: "alice/code/77", Lane: urgent, Body: "77"}
	if err := q.Push(0, code); err != nil {
		t.Fatal(err)
	}
	if err := q.Push(time.Second, code); !errors.Is(err, notificationlanes.ErrDuplicate) {
		t.Errorf("a second push while the first waits = %v, want ErrDuplicate", err)
	}
	if got := drain(q, 2*time.Second); len(got) != 1 {
		t.Errorf("taken %v, want one", got)
	}
	code.Lane = bulk
	if err := q.Push(9*time.Minute, code); !errors.Is(err, notificationlanes.ErrDuplicate) {
		t.Errorf("a push after it was sent, within the window = %v, want ErrDuplicate: redelivery is when duplicates come", err)
	}
	if err := q.Push(10*time.Minute, code); err != nil {
		t.Errorf("a push after the window = %v, want nil", err)
	}
	if err := q.Push(10*time.Minute, notificationlanes.Message{Key: "bob/code/77"}); err != nil {
		t.Errorf("another key = %v, want nil", err)
	}
}

func TestFull(t *testing.T) {
	q := desk(3)
	for i := range 5 {
		err := q.Push(0, notificationlanes.Message{Lane: bulk, Body: "sale"})
		if want := i >= 3; errors.Is(err, notificationlanes.ErrFull) != want {
			t.Errorf("bulk push %d into a lane of 3 = %v", i+1, err)
		}
	}
	for range 3 {
		push(t, q, 0, urgent, "code") // a full newsletter must not keep the codes out
		push(t, q, 0, normal, "answer")
	}
	if n := q.Len(); n != 9 {
		t.Errorf("Len = %d, want 9", n)
	}
	q.Pop(0)
	push(t, q, 0, urgent, "code")
}
