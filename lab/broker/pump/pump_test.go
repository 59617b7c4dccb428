package pump_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/pump"
)

// source gives out n messages, numbered from 0, and then ends or waits.
type source struct {
	n       int
	wait    bool  // for ctx, once all are out
	failing error // of each Settle

	mu      sync.Mutex
	next    int      // guarded by mu
	settled []string // guarded by mu: "id verdict"
	why     []string // guarded by mu
	lost    int      // guarded by mu
}

func (s *source) Next(ctx context.Context) (pump.Delivery, error) {
	s.mu.Lock()
	i := s.next
	s.next++
	s.mu.Unlock()
	if i < s.n {
		return pump.Delivery{Message: broker.Message{ID: fmt.Sprint(i), Attempt: 1}, Tag: i}, nil
	}
	if s.wait {
		<-ctx.Done()
		return pump.Delivery{}, ctx.Err()
	}
	return pump.Delivery{}, pump.ErrEnd
}

func (s *source) Settle(_ context.Context, d pump.Delivery, v pump.Verdict, why string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = append(s.settled, d.ID+" "+[]string{"ack", "retry", "bury", "release"}[v])
	s.why = append(s.why, why)
	return s.failing
}

func (s *source) Lost(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost += n
}

func TestVerdicts(t *testing.T) {
	once := errors.New("not now")
	for _, c := range []struct {
		name     string
		attempts int
		handler  broker.Handler
		want     string
		why      string
	}{
		{"done", 0, func(context.Context, broker.Message) error { return nil }, "0 ack", ""},
		{"failed", 0, func(context.Context, broker.Message) error { return once }, "0 retry", "not now"},
		{"poison", 0, func(context.Context, broker.Message) error { return fmt.Errorf("no: %w", broker.ErrPoison) }, "0 bury", "no: the message can never be handled"},
		{"panic", 0, func(context.Context, broker.Message) error { panic("oh") }, "0 retry", "the handler panicked: oh"},
		{"in place", 3, func(_ context.Context, m broker.Message) error {
			if m.Attempt < 3 {
				return once
			}
			return nil
		}, "0 ack", ""},
		{"in place, in vain", 3, func(context.Context, broker.Message) error { return once }, "0 bury", "not now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &source{n: 1}
			err := pump.Run(t.Context(), pump.Job{Source: s, Options: broker.Options{Workers: 1, Prefetch: 1}, Handler: c.handler, Attempts: c.attempts})
			if got := strings.Join(s.settled, " "); err != nil || got != c.want || s.why[0] != c.why {
				t.Errorf("Run() = %v, settled %q because %q; want %q because %q", err, got, s.why, c.want, c.why)
			}
		})
	}
}

func TestACrashSettlesNothingMore(t *testing.T) {
	s := &source{n: 10}
	err := pump.Run(t.Context(), pump.Job{Source: s, Options: broker.Options{Workers: 1, Prefetch: 5}, Handler: func(_ context.Context, m broker.Message) error {
		if m.ID == "2" {
			return broker.ErrCrash
		}
		return nil
	}})
	if want := []string{"0 ack", "1 ack"}; !errors.Is(err, broker.ErrCrash) || !slices.Equal(s.settled, want) {
		t.Errorf("Run() = %v, settled %v; want ErrCrash and %v", err, s.settled, want)
	}
}

func TestAtMostOnceSettlesFirst(t *testing.T) {
	s := &source{n: 3}
	err := pump.Run(t.Context(), pump.Job{Source: s, Options: broker.Options{Workers: 1, Prefetch: 1, AtMostOnce: true}, Handler: func(_ context.Context, m broker.Message) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if last := s.settled[len(s.settled)-1]; last != m.ID+" ack" {
			t.Errorf("%s is handled after %q, want it acknowledged before", m.ID, last)
		}
		if m.ID == "1" {
			return errors.New("lost")
		}
		return nil
	}})
	if err != nil || s.lost != 1 || len(s.settled) != 3 {
		t.Errorf("Run() = %v with %d lost of %v, want nil and 1 of 3", err, s.lost, s.settled)
	}
}

// Whatever ends a consumer reaches a handler that would work for an hour, and
// what it holds is given back.
func TestEnds(t *testing.T) {
	gone := errors.New("the connection is gone")
	for _, c := range []struct {
		name string
		end  func(cancel, kill context.CancelFunc, lose context.CancelCauseFunc)
		want error
	}{
		{"ctx", func(cancel, _ context.CancelFunc, _ context.CancelCauseFunc) { cancel() }, context.Canceled},
		{"kill", func(_, kill context.CancelFunc, _ context.CancelCauseFunc) { kill() }, nil},
		{"connection", func(_, _ context.CancelFunc, lose context.CancelCauseFunc) { lose(gone) }, gone},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				kill, killed := context.WithCancel(t.Context())
				lost, lose := context.WithCancelCause(t.Context())
				defer func() { cancel(); killed(); lose(nil) }()
				s := &source{n: 9, wait: true}
				result := make(chan error, 1)
				go func() {
					result <- pump.Run(ctx, pump.Job{
						Source: s, Options: broker.Options{Workers: 2, Prefetch: 4}, Kill: kill, Gone: lost,
						Handler: func(ctx context.Context, _ broker.Message) error {
							timer := time.NewTimer(time.Hour)
							defer timer.Stop()
							select {
							case <-timer.C:
								return nil
							case <-ctx.Done():
								return ctx.Err()
							}
						},
					})
				}()
				synctest.Wait()
				c.end(cancel, killed, lose)
				err := <-result
				if !errors.Is(err, c.want) || c.want == nil && err != nil {
					t.Errorf("Run() = %v, want %v", err, c.want)
				}
				slices.Sort(s.settled)
				if want := []string{"0 release", "1 release", "2 release", "3 release"}; !slices.Equal(s.settled, want) {
					t.Errorf("settled %v, want %v", s.settled, want)
				}
			})
		})
	}
}

// Stop ends the taking of messages; what is held is handled to the end.
func TestStopFinishesWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, halt := context.WithCancel(t.Context())
		s := &source{n: 100}
		result := make(chan error, 1)
		go func() {
			result <- pump.Run(t.Context(), pump.Job{
				Source: s, Options: broker.Options{Workers: 1, Prefetch: 3}, Stop: stop,
				Handler: func(context.Context, broker.Message) error { <-time.NewTimer(time.Second).C; return nil },
			})
		}()
		synctest.Wait()
		halt()
		if err := <-result; err != nil {
			t.Errorf("Run() = %v, want nil", err)
		}
		if want := []string{"0 ack", "1 ack", "2 ack"}; !slices.Equal(s.settled, want) {
			t.Errorf("settled %v, want what was held, %v", s.settled, want)
		}
	})
}

func TestAFailingSettleEndsTheConsumer(t *testing.T) {
	broken := errors.New("broken")
	s := &source{n: 50, wait: true, failing: broken}
	err := pump.Run(t.Context(), pump.Job{Source: s, Options: broker.Options{Workers: 1, Prefetch: 1}, Handler: func(context.Context, broker.Message) error { return nil }})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "settle 0") {
		t.Errorf("Run() = %v, want what could not be settled", err)
	}
}

// Deliveries of one lane are handled in order, by several workers too.
func TestLanes(t *testing.T) {
	s := &source{n: 300}
	var mu sync.Mutex
	last := map[int]int{}
	err := pump.Run(t.Context(), pump.Job{
		Source: s, Options: broker.Options{Workers: 4, Prefetch: 16},
		Lane: func(d pump.Delivery) int { return d.Tag.(int) % 7 },
		Handler: func(_ context.Context, m broker.Message) error {
			var i int
			if _, err := fmt.Sscan(m.ID, &i); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if before, seen := last[i%7]; seen && before > i {
				t.Errorf("%d is handled after %d of the same lane", i, before)
			}
			last[i%7] = i
			return nil
		},
	})
	if err != nil || len(s.settled) != 300 {
		t.Errorf("Run() = %v with %d settled, want nil and 300", err, len(s.settled))
	}
}

// A connection that breaks may say io.EOF, which is no plain end: Keep would
// take it for the broker's and never come back.
func TestABrokenConnectionIsNoPlainEnd(t *testing.T) {
	err := pump.Run(t.Context(), pump.Job{Source: broken{}, Options: broker.Options{Workers: 1, Prefetch: 1}})
	if !errors.Is(err, io.EOF) {
		t.Errorf("Run() = %v, want the source's io.EOF", err)
	}
}

type broken struct{ *source }

func (broken) Next(context.Context) (pump.Delivery, error) { return pump.Delivery{}, io.EOF }
