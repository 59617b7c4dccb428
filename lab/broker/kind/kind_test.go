package kind_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"workbench/lab/broker"
	"workbench/lab/broker/kind"
)

// TestEveryKindCarriesAMessage opens each kind that needs no server of its own.
func TestEveryKindCarriesAMessage(t *testing.T) {
	client := redis.NewClient(&redis.Options{Addr: miniredis.RunT(t).Addr(), DisableIdentity: true})
	defer client.Close()
	places := kind.Places{Dir: t.TempDir(), Redis: client, RedisLabel: "embedded (miniredis)"}
	for _, k := range kind.All() {
		t.Run(k.Name, func(t *testing.T) {
			if k.Title == "" || !strings.HasSuffix(k.Idea, ".") {
				t.Errorf("%+v: want a title and a sentence", k)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			b, err := kind.Open(ctx, k.Name, places, broker.Default("q"))
			if k.Name == "rabbitmq" {
				if !errors.Is(err, kind.ErrMissing) || b != nil {
					t.Errorf("Open without an address = %v, %v; want ErrMissing and no broker", b, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b.Caps().Label == "" {
				t.Error("Caps().Label is empty: want what it really is")
			}
			if err := b.Publish(ctx, broker.Message{ID: "a"}); err != nil {
				t.Fatal(err)
			}
			consuming, end := context.WithCancel(ctx)
			got := ""
			if err := b.Consume(consuming, broker.Options{}, func(_ context.Context, m broker.Message) error {
				got = m.ID
				end()
				return nil
			}); !errors.Is(err, context.Canceled) || got != "a" {
				t.Errorf("Consume() = %v with %q, want the message", err, got)
			}
			if err := b.Close(ctx); err != nil {
				t.Errorf("Close() = %v, want nil", err)
			}
		})
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	for _, c := range []struct {
		name   string
		places kind.Places
		config broker.Config
		want   error
		text   string
	}{
		{"carrier-pigeon", kind.Places{}, broker.Default("q"), kind.ErrUnknown, "memory, sqlite, redis, rabbitmq, kafka, zeromq"},
		{"sqlite", kind.Places{}, broker.Default("q"), kind.ErrMissing, "folder"},
		{"redis", kind.Places{}, broker.Default("q"), kind.ErrMissing, "Redis"},
		{"kafka", kind.Places{Kafka: "nowhere"}, broker.Default("q"), nil, "host:port"},
		{"memory", kind.Places{}, broker.Config{}, nil, "Queue"},
		{"zeromq", kind.Places{}, broker.Config{}, nil, "Queue"},
		{"kafka", kind.Places{}, broker.Config{}, nil, "Queue"},
	} {
		b, err := kind.Open(t.Context(), c.name, c.places, c.config)
		if b != nil || err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("Open(%s) = %v, %v; want no broker and an error with %q", c.name, b, err, c.text)
		}
	}
}
