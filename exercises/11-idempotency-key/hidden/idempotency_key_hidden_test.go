//go:build exercise

package idempotencykey_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	idempotencykey "workbench/exercises/11-idempotency-key/start"
)

// Two hundred orders, each sent twenty times at once by clients that retry.
func TestRush(t *testing.T) {
	const orders, copies = 200, 20
	s := store(t, usual)
	var asked, charged [orders]atomic.Int64
	var answered atomic.Int64
	var come [orders]chan struct{} // closed when the last copy comes
	for i := range come {
		come[i] = make(chan struct{})
	}
	var all sync.WaitGroup
	start := make(chan struct{})
	tell(t, 0, "%d goroutines begin to Begin the same %d orders", copies, orders)
	for range copies {
		all.Go(func() {
			<-start
			for i := range orders {
				key := fmt.Sprintf("order %d", i)
				if asked[i].Add(1) == copies {
					close(come[i])
				}
				ticket, r, err := s.Begin(0, "ann", key, []byte(key))
				switch {
				case err == nil && r == nil:
					charged[i].Add(1)
					<-come[i] // the work: it takes until all the others have come
					if err := s.Complete(0, ticket, idempotencykey.Response{Status: 201, Body: key}); err != nil {
						t.Errorf("Complete of the only attempt = %v, want no error", err)
					}
				case r != nil:
					answered.Add(1)
					if r.Body != key || r.Status != 201 {
						t.Errorf("%s was answered %v, want its own response", key, *r)
					}
				case !errors.Is(err, idempotencykey.ErrInFlight):
					t.Errorf("Begin(%s) = %v, want a ticket, a response or in flight", key, err)
				}
			}
		})
	}
	close(start)
	all.Wait()
	for i := range charged {
		if n := charged[i].Load(); n != 1 {
			tell(t, 0, "Begin(order %d) by 20 goroutines: %d got a ticket", i, n)
			t.Fatalf("order %d was charged %d times, want once", i, n)
		}
	}
}

// The lease of a dead attempt is over and everybody asks at once.
func TestRushAfterCrash(t *testing.T) {
	s := store(t, usual)
	tell(t, time.Minute, "8 goroutines Begin what another has begun and left, 50 times over")
	for i := range 50 {
		key := fmt.Sprintf("order %d", i)
		begin(quiet{t}, s, 0, "ann", key, buyOne, 1)
		var tickets atomic.Int64
		var all sync.WaitGroup
		start := make(chan struct{})
		for range 8 {
			all.Go(func() {
				<-start
				if ticket, r, err := s.Begin(time.Minute, "ann", key, buyOne); err == nil && r == nil {
					tickets.Add(1)
					if ticket.Attempt != 2 {
						t.Errorf("after a crash: attempt %d, want 2", ticket.Attempt)
					}
				}
			})
		}
		close(start)
		all.Wait()
		if n := tickets.Load(); n != 1 {
			tell(t, time.Minute, "Begin(%s) by 8 goroutines after the lease: %d got a ticket", key, n)
			t.Fatalf("%d attempts took over from a dead one, want 1", n)
		}
	}
}

// The process was killed between the charge and the answer.
func TestCrash(t *testing.T) {
	s := store(t, usual)
	begin(t, s, 0, "ann", "k1", buyOne, 1)
	refused(t, s, 29*time.Second, "ann", "k1", buyOne, idempotencykey.ErrInFlight)
	refused(t, s, 31*time.Second, "ann", "k1", buyTwo, idempotencykey.ErrOtherBody)
	second := begin(t, s, 31*time.Second, "ann", "k1", buyOne, 2)
	refused(t, s, 60*time.Second, "ann", "k1", buyOne, idempotencykey.ErrInFlight)
	third := begin(t, s, 62*time.Second, "ann", "k1", buyOne, 3)
	if err := finish(t, s, 63*time.Second, second, idempotencykey.Response{Status: 500}); !errors.Is(err, idempotencykey.ErrLost) {
		t.Errorf("Complete of the second attempt after the third began = %v, want ErrLost", err)
	}
	complete(t, s, 64*time.Second, third, created)
	replayed(t, s, 65*time.Second, "ann", "k1", buyOne, created)
}

// An attempt that was slow, but that nobody has replaced, did its work.
func TestLateComplete(t *testing.T) {
	s := store(t, usual)
	ticket := begin(t, s, 0, "ann", "k1", buyOne, 1)
	complete(t, s, time.Hour, ticket, created)
	replayed(t, s, time.Hour, "ann", "k1", buyOne, created)
}

func TestSecondComplete(t *testing.T) {
	s := store(t, usual)
	ticket := begin(t, s, 0, "ann", "k1", buyOne, 1)
	complete(t, s, time.Second, ticket, created)
	if err := finish(t, s, 2*time.Second, ticket, idempotencykey.Response{Status: 500}); !errors.Is(err, idempotencykey.ErrLost) {
		t.Errorf("a second Complete of one ticket = %v, want ErrLost", err)
	}
	replayed(t, s, 3*time.Second, "ann", "k1", buyOne, created)
	if err := finish(t, s, 3*time.Second, idempotencykey.Ticket{Who: "ann", Key: "k1", Attempt: 1}, idempotencykey.Response{}); !errors.Is(err, idempotencykey.ErrLost) {
		t.Errorf("Complete of a ticket that nobody gave out = %v, want ErrLost", err)
	}
}

func TestLateAbandon(t *testing.T) {
	s := store(t, usual)
	first := begin(t, s, 0, "ann", "k1", buyOne, 1)
	second := begin(t, s, time.Minute, "ann", "k1", buyOne, 2)
	abandon(t, s, time.Minute, first)
	refused(t, s, 61*time.Second, "ann", "k1", buyOne, idempotencykey.ErrInFlight)
	complete(t, s, 62*time.Second, second, created)
	abandon(t, s, 62*time.Second, second)
	replayed(t, s, 63*time.Second, "ann", "k1", buyOne, created)
	abandon(t, s, 63*time.Second, idempotencykey.Ticket{})
}

func TestExpiry(t *testing.T) {
	s := store(t, usual)
	ticket := begin(t, s, 0, "ann", "k1", buyOne, 1)
	complete(t, s, 20*time.Second, ticket, created)
	replayed(t, s, 24*time.Hour+19*time.Second, "ann", "k1", buyOne, created)
	begin(t, s, 24*time.Hour+21*time.Second, "ann", "k1", buyTwo, 1)
}

// A ticket from an earlier life of its key opens nothing in the next.
func TestAncientTicket(t *testing.T) {
	s := store(t, usual)
	ancient := begin(t, s, 0, "ann", "k1", buyOne, 1)
	now := 25 * time.Hour
	ticket := begin(t, s, now, "ann", "k1", buyTwo, 1)
	if err := finish(t, s, now, ancient, idempotencykey.Response{Status: 500}); !errors.Is(err, idempotencykey.ErrLost) {
		t.Errorf("Complete a day late = %v, want ErrLost", err)
	}
	abandon(t, s, now, ancient)
	complete(t, s, now+time.Second, ticket, created)
	replayed(t, s, now+2*time.Second, "ann", "k1", buyTwo, created)
}

// Keys are chosen by clients: two of them may choose the same.
func TestCallersApart(t *testing.T) {
	s := store(t, usual)
	complete(t, s, 0, begin(t, s, 0, "ann", "k1", buyOne, 1), created)
	begin(t, s, time.Second, "ben", "k1", buyOne, 1)
	for _, pair := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a:b", "c"}, {"a", "b:c"}, {"a/b", "c"}, {"a", "b/c"}, {"a\x00b", "c"}, {"a", "b\x00c"}, {"a|b", "c"}, {"a", "b|c"}} {
		begin(t, s, time.Second, pair[0], pair[1], buyOne, 1)
	}
}

// A server reads each body into the same buffer.
func TestBufferReused(t *testing.T) {
	s := store(t, usual)
	buffer := append([]byte(nil), buyOne...)
	ticket := begin(t, s, 0, "ann", "k1", buffer, 1)
	copy(buffer, buyTwo)
	refused(t, s, time.Second, "ann", "k1", buffer, idempotencykey.ErrOtherBody)
	complete(t, s, time.Second, ticket, created)
	replayed(t, s, 2*time.Second, "ann", "k1", buyOne, created)
}

// Who gets a response may write into it.
func TestResponseIsACopy(t *testing.T) {
	s := store(t, usual)
	complete(t, s, 0, begin(t, s, 0, "ann", "k1", buyOne, 1), created)
	if _, r, _ := ask(t, s, time.Second, "ann", "k1", buyOne); r != nil {
		r.Status, r.Body = 418, "scribbled"
	}
	replayed(t, s, 2*time.Second, "ann", "k1", buyOne, created)
}

func TestBadKey(t *testing.T) {
	s := store(t, usual)
	refused(t, s, 0, "ann", "", buyOne, idempotencykey.ErrBadKey)
	refused(t, s, 0, "ann", strings.Repeat("x", 256), buyOne, idempotencykey.ErrBadKey)
	tell(t, 0, "Len = %d", s.Len())
	if n := s.Len(); n != 0 {
		t.Errorf("after two bad keys Len = %d, want 0", n)
	}
	begin(t, s, 0, "ann", strings.Repeat("x", 255), nil, 1)
	tell(t, 0, "Len = %d", s.Len())
	if n := s.Len(); n != 1 {
		t.Errorf("after one good key Len = %d, want 1", n)
	}
}

func TestBadConfig(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  idempotencykey.Config
	}{
		{"no lease", idempotencykey.Config{Lease: 0, Keep: time.Hour}},
		{"negative lease", idempotencykey.Config{Lease: -1, Keep: time.Hour}},
		{"forgotten before the lease ends", idempotencykey.Config{Lease: time.Hour, Keep: time.Minute}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if s, err := idempotencykey.New(c.cfg); s != nil || err == nil {
				t.Errorf("New(%v) = %v, %v; want no store and an error", c.cfg, s, err)
			}
		})
	}
	store(t, idempotencykey.Config{Lease: time.Minute, Keep: time.Minute})
}

// Keys come for ever; memory does not.
func TestForgets(t *testing.T) {
	s := store(t, usual)
	for i := range 1000 {
		ticket := begin(quiet{t}, s, 0, "ann", fmt.Sprintf("old %d", i), buyOne, 1)
		if i%2 == 0 { // the others are never completed
			complete(quiet{t}, s, 0, ticket, created)
		}
	}
	tell(t, 0, "Begin of 1000 keys, Complete of every other; then Len = %d", s.Len())
	if n := s.Len(); n != 1000 {
		t.Errorf("after 1000 keys Len = %d, want 1000", n)
	}
	for i := range 2000 {
		begin(quiet{t}, s, 25*time.Hour, "ann", fmt.Sprintf("new %d", i), buyOne, 1)
	}
	tell(t, 25*time.Hour, "Begin of 2000 new keys; then Len = %d", s.Len())
	if n := s.Len(); n != 2000 {
		t.Errorf("a day later, after 2000 other keys, Len = %d, want those 2000", n)
	}
}

// What is compared need not be kept.
func TestBodiesAreNotKept(t *testing.T) {
	const count, size = 32, 1 << 20
	s := store(t, usual)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range count {
		body := make([]byte, size)
		body[0] = byte(i)
		complete(quiet{t}, s, 0, begin(quiet{t}, s, 0, "ann", fmt.Sprintf("upload %d", i), body, 1), created)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	tell(t, 0, "%d bodies of 1 MiB, begun and completed: %d KiB in use before, %d after", count, before.HeapAlloc>>10, after.HeapAlloc>>10)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > count*size/4 {
		t.Errorf("%d requests of 1 MiB each made the store grow by %d KiB, want a few KiB: keep what tells them apart", count, grown>>10)
	}
	if s.Len() != count {
		t.Errorf("Len = %d, want %d", s.Len(), count)
	}
}

func BenchmarkReplay(b *testing.B) {
	s := store(b, usual)
	for i := range 100 {
		complete(quiet{b}, s, 0, begin(quiet{b}, s, 0, "ann", fmt.Sprintf("key %d", i), buyOne, 1), created)
	}
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprintf("key %d", i)
	}
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, _, _ = s.Begin(time.Second, "ann", keys[i%len(keys)], buyOne)
		}
	})
}
