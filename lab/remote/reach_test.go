package remote

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// slow is a server of our own on a machine so busy that the first connections
// to it are not made in time.
type slow struct {
	*inside
	dials  atomic.Int64
	misses int64 // how many are not made
}

func (s *slow) kind() Kind    { return Spawned }
func (s *slow) label() string { return "real (redis-server 7.0.15)" }

func (s *slow) options() *redis.Options {
	o := s.inside.options()
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if s.dials.Add(1) <= s.misses {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	return o
}

func TestFirstPingIsRepeated(t *testing.T) {
	for _, c := range []struct {
		name   string
		misses int64
		limit  time.Duration
		kind   string
		warned bool
	}{
		{"at once", 0, startLimit, "real", false},
		{"late", 8, startLimit, "real", false},
		{"never", 1 << 40, 500 * time.Millisecond, "embedded", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := embed()
			if err != nil {
				t.Fatal(err)
			}
			var said strings.Builder
			r, err := reach(t.Context(), Options{Log: slog.New(slog.NewTextHandler(&said, nil))}, &slow{inside: e, misses: c.misses}, c.limit)
			if err != nil {
				t.Fatalf("reach() = %v, want a Redis", err)
			}
			if !strings.HasPrefix(r.Label(), c.kind) || !r.Up() {
				t.Errorf("%s, up %v; want the %s one, up", r.Label(), r.Up(), c.kind)
			}
			if err := r.Client().Set(t.Context(), "workbench:a", 1, 0).Err(); err != nil {
				t.Error(err)
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if got := strings.Contains(said.String(), insteadOfOurs); got != c.warned {
				t.Errorf("warned %v, want %v: %s", got, c.warned, said.String())
			}
		})
	}
}

// A start that is called off ends, and starts nothing else.
func TestFirstPingIsCalledOff(t *testing.T) {
	e, err := embed()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reach(ctx, Options{Log: slog.New(slog.DiscardHandler)}, &slow{inside: e, misses: 1 << 40}, startLimit); !errors.Is(err, context.Canceled) {
		t.Errorf("reach() = %v, want context.Canceled", err)
	}
}
