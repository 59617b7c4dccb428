package broker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"workbench/lab/broker"
)

func TestLostAt(t *testing.T) {
	lost := &broker.LostError{Messages: 7, Where: "in memory"}
	for _, c := range []struct {
		name string
		err  error
		want int64
		is   bool
	}{
		{"nothing", nil, 0, false},
		{"another error", broker.ErrClosed, 0, false},
		{"itself", lost, 7, true},
		{"beside another", errors.Join(context.Canceled, fmt.Errorf("close: %w", lost)), 7, true},
	} {
		if got := broker.LostAt(c.err); got != c.want || errors.Is(c.err, broker.ErrLost) != c.is {
			t.Errorf("%s: LostAt(%v) = %d, ErrLost %v; want %d, %v", c.name, c.err, got, errors.Is(c.err, broker.ErrLost), c.want, c.is)
		}
	}
	if got, want := lost.Error(), "accepted messages were lost: 7 were in memory when the broker closed"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
