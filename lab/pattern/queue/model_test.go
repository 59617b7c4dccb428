package queue_test

import (
	"slices"
	"testing"
	"time"

	"workbench/lab/pattern/queue"
)

// model is the queue as one would write it on a blackboard.
type model struct {
	room []entry
	busy int
}

type entry struct {
	ticket  queue.Ticket
	useless time.Duration
}

// FuzzQueue plays random calls against the model.
func FuzzQueue(f *testing.F) {
	f.Add([]byte{0, 4, 8, 12, 0, 1, 1, 2, 1, 3}, uint8(1), uint8(3), false, true)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 9, 1, 1, 1, 1}, uint8(2), uint8(2), true, false)
	f.Add([]byte{0, 0, 0, 1, 1, 1, 1, 0, 6, 2}, uint8(0), uint8(0), true, true)
	f.Fuzz(func(t *testing.T, ops []byte, workers, length uint8, lifo, drop bool) {
		k := queue.Defaults()
		k.Workers, k.Length, k.DropExpired = int(workers%4)+1, int(length%6), drop
		if lifo {
			k.Order = "lifo"
		}
		q, err := queue.New(k)
		if err != nil {
			t.Fatal(err)
		}
		m := &model{}
		for i, op := range ops {
			now := time.Duration(i + 1)
			switch op % 4 {
			case 0, 3:
				m.enter(t, q, &k, now, time.Duration(op/4))
			case 1:
				m.leave(t, q, &k, now)
			case 2:
				m.giveUp(t, q, now, int(op/4), drop)
			}
			if q.Depth() != len(m.room) || q.Busy() != m.busy || m.busy > k.Workers || len(m.room) > k.Length {
				t.Fatalf("op %d: depth %d and busy %d, want %d of %d and %d of %d", i, q.Depth(), q.Busy(), len(m.room), k.Length, m.busy, k.Workers)
			}
		}
	})
}

func (m *model) enter(t *testing.T, q *queue.Queue, k *queue.Knobs, now, useless time.Duration) {
	got := q.Enter(now, useless)
	want := queue.Wait
	switch full := len(m.room) >= k.Length; {
	case k.DropExpired && useless > 0 && now >= useless:
		want = queue.Expired
	case m.busy < k.Workers:
		want = queue.Serve
		m.busy++
	case full && (k.Order == "fifo" || k.Length == 0):
		want = queue.Full
	case full:
		if got.Evicted != m.room[0].ticket {
			t.Fatalf("Enter of a full room evicted %d, want the oldest, %d", got.Evicted, m.room[0].ticket)
		}
		m.room = m.room[1:]
	}
	if got.Fate != want {
		t.Fatalf("Enter(%d, %d) = %+v, want fate %d", now, useless, got, want)
	}
	if want == queue.Wait {
		m.room = append(m.room, entry{got.Ticket, useless})
	}
}

func (m *model) leave(t *testing.T, q *queue.Queue, k *queue.Knobs, now time.Duration) {
	if m.busy == 0 {
		return
	}
	q.Leave()
	m.busy--
	for ticket, f, ok := q.Next(now); ok; ticket, f, ok = q.Next(now) {
		if len(m.room) == 0 {
			t.Fatalf("Next of an empty room = %d", ticket)
		}
		at := 0
		if k.Order == "lifo" {
			at = len(m.room) - 1
		}
		e := m.room[at]
		m.room = slices.Delete(m.room, at, at+1)
		want := queue.Serve
		if k.DropExpired && e.useless > 0 && now >= e.useless {
			want = queue.Expired
		}
		if ticket != e.ticket || f != want {
			t.Fatalf("Next(%d) = %d with fate %d, want %d with %d", now, ticket, f, e.ticket, want)
		}
		if f == queue.Serve {
			m.busy++
		}
	}
	if len(m.room) > 0 && m.busy < k.Workers {
		t.Fatalf("%d wait while %d of %d work", len(m.room), m.busy, k.Workers)
	}
}

func (m *model) giveUp(t *testing.T, q *queue.Queue, now time.Duration, at int, drop bool) {
	if len(m.room) == 0 {
		return
	}
	at %= len(m.room)
	e := m.room[at]
	m.room = slices.Delete(m.room, at, at+1)
	want := queue.Slow
	if drop && e.useless > 0 && now >= e.useless {
		want = queue.Expired
	}
	if f, ok := q.GiveUp(now, e.ticket); !ok || f != want {
		t.Fatalf("GiveUp(%d) = %d, %v, want %d", e.ticket, f, ok, want)
	}
}
