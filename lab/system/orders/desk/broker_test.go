package desk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/broker"
	"workbench/lab/broker/kind"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/desk"
)

// unheard is a broker whose messages reach nobody: its workers wait.
type unheard struct{ broker.Broker }

func (unheard) Consume(ctx context.Context, _ broker.Options, _ broker.Handler) error {
	<-ctx.Done()
	return ctx.Err()
}

// What a broker held that ends with the process is lost when it goes down, and
// the counter says how much.
func TestWhatGoesWithABrokerIsCounted(t *testing.T) {
	const n = 17
	for _, c := range []struct {
		name string
		want uint64
	}{{"memory", n}, {"kafka", n}, {"zeromq", n}, {"sqlite", 0}} {
		for how, take := range map[string]func(rig){
			"down":   func(r rig) { _ = r.Down(context.Background()) },
			"closed": func(r rig) { r.end(t) },
		} {
			t.Run(c.name+" "+how, func(t *testing.T) {
				r := with(t, t.TempDir(), func(d *desk.Deps) {
					d.Broker = durable(c.name)
					open := d.Open
					d.Open = func(ctx context.Context, name, queue string) (broker.Broker, error) {
						b, err := open(ctx, name, queue)
						return unheard{b}, err
					}
				})
				for i := range n {
					req := submit(fmt.Sprint(i), buy)
					req.Choices = all(durable(c.name))
					if res := r.do(t, req); res.Status != 202 {
						t.Fatalf("submit = %+v %s", res, res.Body)
					}
				}
				r.until(t, "all are with the broker", func() bool { return r.counts.Published.Load() == n && r.Status(t.Context()).Waiting == 0 })
				take(r)
				if got := r.of["broker"].Get("lost").Load(); got != c.want {
					t.Errorf("broker.lost = %d, want %d", got, c.want)
				}
			})
		}
	}
}

// A wish that could not be fulfilled is forgotten when it is taken back.
func TestTroubleEndsWithItsWish(t *testing.T) {
	r := with(t, t.TempDir(), nil)
	wish := func(once, name string) {
		req := submit(once, buy)
		req.Choices = all(durable(name))
		if res := r.do(t, req); res.Status != 202 {
			t.Fatalf("submit = %+v", res)
		}
	}
	wish("a", "rabbitmq")
	r.until(t, "the trouble is said", func() bool { return strings.Contains(r.Status(t.Context()).Trouble, "rabbitmq") })
	wish("b", "sqlite")
	r.until(t, "the trouble is over", func() bool { s := r.Status(t.Context()); return s.Up && s.Trouble == "" })
}

// counted is a broker that says that it was closed.
type counted struct {
	broker.Broker
	closed chan struct{}
}

func (c counted) Close(ctx context.Context) error {
	defer close(c.closed)
	return c.Broker.Close(ctx)
}

// A broker that was being opened when the fault took brokers away is not
// installed, and is closed.
func TestDownWhileABrokerOpens(t *testing.T) {
	opening, goOn, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r := with(t, t.TempDir(), func(d *desk.Deps) {
		open := d.Open
		d.Open = func(ctx context.Context, name, queue string) (broker.Broker, error) {
			b, err := open(ctx, name, queue)
			if name != "memory" || err != nil {
				return b, err
			}
			select {
			case <-opening:
				return b, nil // the second time, after Revive
			default:
			}
			close(opening)
			<-goOn
			return counted{b, closed}, nil
		}
	})
	req := submit("k", buy)
	req.Choices = all(durable("memory"))
	if res := r.do(t, req); res.Status != 202 {
		t.Fatalf("submit = %+v", res)
	}
	<-opening
	if err := r.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	<-closed
	if s := r.Status(t.Context()); s.Up || !strings.Contains(s.Trouble, "fault") {
		t.Errorf("status %+v, want it taken away by the fault still", s)
	}
	r.Revive()
	r.until(t, "the wished one is there", func() bool { s := r.Status(t.Context()); return s.Up && s.Kind == "memory" && s.Trouble == "" })
}

// A desk that is closed while a broker opens leaves none behind.
func TestCloseWhileABrokerOpens(t *testing.T) {
	opening, goOn, closed := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r := with(t, t.TempDir(), func(d *desk.Deps) {
		open := d.Open
		d.Open = func(ctx context.Context, name, queue string) (broker.Broker, error) {
			if name != "memory" {
				return open(ctx, name, queue)
			}
			close(opening)
			<-goOn
			b, err := kind.Open(context.WithoutCancel(ctx), name, kind.Places{}, broker.Default(queue))
			return counted{b, closed}, err
		}
	})
	req := submit("k", buy)
	req.Choices = all(durable("memory"))
	if res := r.do(t, req); res.Status != 202 {
		t.Fatalf("submit = %+v", res)
	}
	<-opening
	ended := make(chan struct{})
	go func() { defer close(ended); r.end(t) }()
	r.until(t, "requests are refused", func() bool { return errors.Is(ask(r), lab.ErrStop) })
	close(goOn)
	<-ended
	select {
	case <-closed:
	default:
		t.Error("the broker that was being opened is open after Close")
	}
}

// ask returns why the desk serves nobody; nil: it does.
func ask(r rig) error {
	if res := r.Serve(context.Background(), &lab.Request{Op: orders.Quote, Key: 1}); res.Reason == lab.ReasonShutdown {
		return lab.ErrStop
	}
	return nil
}
