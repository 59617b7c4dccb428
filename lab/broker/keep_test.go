package broker_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/sim/clock"
)

// script is a broker whose consumers end as it says, after as long.
type script struct {
	clock *clock.Manual
	ends  []error
	lives []time.Duration
	begun []time.Duration
}

func (s *script) Consume(ctx context.Context, _ broker.Options, _ broker.Handler) error {
	i := len(s.begun)
	s.begun = append(s.begun, s.clock.Now())
	if i < len(s.lives) {
		s.clock.At += s.lives[i]
	}
	return s.ends[i]
}

func TestKeep(t *testing.T) {
	away, crash := broker.ErrUnavailable, broker.ErrCrash
	ms := time.Millisecond
	for _, c := range []struct {
		name  string
		ends  []error
		lives []time.Duration
		want  error
		begun []time.Duration
	}{
		{"closed", []error{nil}, nil, nil, []time.Duration{0}},
		{"closed before", []error{broker.ErrClosed}, nil, nil, []time.Duration{0}},
		{"cannot", []error{broker.ErrUnsupported}, nil, broker.ErrUnsupported, []time.Duration{0}},
		{"away for a while", []error{away, crash, away, nil}, nil, nil, []time.Duration{0, 50 * ms, 150 * ms, 350 * ms}},
		{"a long life between", []error{away, away, away, nil}, []time.Duration{0, 10 * time.Second}, nil, []time.Duration{0, 50 * ms, 10_100 * ms, 10_200 * ms}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{clock: &clock.Manual{}, ends: c.ends, lives: c.lives}
			told := 0
			err := broker.Keep(t.Context(), s.clock, s, broker.Options{}, nil, func(error) { told++ })
			if !errors.Is(err, c.want) || c.want == nil && err != nil || !slices.Equal(s.begun, c.begun) || told != len(c.ends)-1 {
				t.Errorf("Keep() = %v with consumers at %v, told %d times; want %v, %v and %d", err, s.begun, told, c.want, c.begun, len(c.ends)-1)
			}
		})
	}
	if err := broker.Keep(t.Context(), &clock.Manual{}, &script{}, broker.Options{Workers: -1}, nil, nil); err == nil {
		t.Error("Keep() of wrong options = nil, want what is wrong")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := broker.Keep(ctx, &clock.Manual{}, &script{clock: &clock.Manual{}, ends: []error{away}}, broker.Options{}, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Keep() with an ended context = %v, want context.Canceled", err)
	}
}
