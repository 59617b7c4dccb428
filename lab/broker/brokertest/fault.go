package brokertest

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"

	"workbench/lab/broker"
)

func retried(t *testing.T, s Suite) {
	r := open(t, s, nil)
	if !r.caps.Redelivery {
		return // it does not claim it
	}
	r.publish(3, nil)
	r.consume(broker.Options{}, func(_ context.Context, m broker.Message) error {
		if m.ID == "id-1" && m.Attempt < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	r.until("the message was delivered three times", func() bool { return r.times()["id-1"] == 3 })
	r.depth(broker.Depth{})
	var attempts []int
	for _, m := range r.messages() {
		if m.ID == "id-1" {
			attempts = append(attempts, m.Attempt)
		}
	}
	if len(attempts) != 3 || attempts[0] != 1 || attempts[1] != 2 || attempts[2] != 3 {
		t.Errorf("attempts are counted %v, want [1 2 3]", attempts)
	}
}

func poison(t *testing.T, s Suite) {
	r := open(t, s, nil)
	if !r.caps.DeadLetter {
		if _, err := r.Dead(r.ctx, 1); !errors.Is(err, broker.ErrUnsupported) {
			t.Errorf("Dead() = %v, want ErrUnsupported", err)
		}
		return
	}
	const n = 8
	r.publish(n, func(i int) string { return strconv.Itoa(i % 2) })
	r.consume(broker.Options{Workers: 2}, func(_ context.Context, m broker.Message) error {
		switch m.ID {
		case "id-1":
			return errors.New("it is poison")
		case "id-2":
			panic("it panics")
		case "id-3":
			return broker.ErrPoison
		}
		return nil
	})
	r.depth(broker.Depth{Dead: 3})
	times := r.times()
	for i := range n {
		id, want := "id-"+strconv.Itoa(i), 1
		if i == 1 || i == 2 {
			want = 3 // Config.Attempts
		}
		if times[id] != want {
			t.Errorf("%s was delivered %d times, want %d", id, times[id], want)
		}
	}
	dead, err := r.Dead(r.ctx, 10)
	if err != nil || len(dead) != 3 {
		t.Fatalf("Dead(10) = %+v, %v; want three", dead, err)
	}
	for _, d := range dead {
		if d.ID != "id-1" && d.ID != "id-2" && d.ID != "id-3" || string(d.Body) == "" || d.Headers[broker.HeaderCorrelation] == "" || d.Reason == "" {
			t.Errorf("dead letter %+v, want a poison message whole, with a reason", d)
		}
	}
	if some, err := r.Dead(r.ctx, 2); err != nil || len(some) != 2 {
		t.Errorf("Dead(2) = %d letters, %v; want 2", len(some), err)
	}
}

func deadBound(t *testing.T, s Suite) {
	r := open(t, s, func(c *broker.Config) { c.DeadCapacity = 4 })
	if !r.caps.DeadLetter {
		return // it does not claim it
	}
	const n = 10
	r.publish(n, nil)
	r.consume(broker.Options{}, func(context.Context, broker.Message) error { return broker.ErrPoison })
	r.until("all are given up", func() bool {
		d, err := r.Broker.Depth(r.ctx)
		return err == nil && d.Ready+d.Unacked == 0 && d.Dead == 4
	})
	if got := len(r.messages()); got != n {
		t.Errorf("%d deliveries, want %d", got, n)
	}
}

func crash(t *testing.T, s Suite) {
	r := open(t, s, nil)
	const n = 10
	r.publish(n, nil)
	done := map[string]bool{} // one worker at a time
	_, out := r.consume(broker.Options{Prefetch: 4}, func(_ context.Context, m broker.Message) error {
		if len(done) == 3 {
			return broker.ErrCrash
		}
		done[m.ID] = true
		return nil
	})
	if err := r.await(out); !errors.Is(err, broker.ErrCrash) {
		t.Fatalf("Consume() = %v, want ErrCrash", err)
	}
	if !r.caps.Redelivery {
		return
	}
	victim := r.messages()[3]
	r.consume(broker.Options{Prefetch: 4}, nil)
	r.until("all are delivered", func() bool { return len(r.times()) == n && r.times()[victim.ID] >= 2 })
	r.depth(broker.Depth{})
	for _, m := range r.messages()[4:] {
		if m.ID != victim.ID {
			continue
		}
		if r.caps.CountsCrashes && m.Attempt != 2 {
			t.Errorf("%s came back as attempt %d, want 2: the crash counts", m.ID, m.Attempt)
		}
		break
	}
}

func full(t *testing.T, s Suite) {
	const capacity = 20
	r := open(t, s, func(c *broker.Config) { c.Capacity = capacity })
	if r.caps.BoundedReject != (r.caps.Full == broker.Reject) {
		t.Errorf("Caps() = %+v: BoundedReject and Full contradict one another", r.caps)
	}
	accepted, refusals := map[string]bool{}, 0
	for i := range 3*capacity + r.caps.Slack {
		m := sample(i, nil)
		switch err := r.Publish(r.ctx, m); {
		case err == nil:
			accepted[m.ID] = true
		case errors.Is(err, broker.ErrFull):
			refusals++
		default:
			t.Fatalf("Publish(%d) = %v, want nil or ErrFull", i, err)
		}
	}
	switch r.caps.Full {
	case broker.Reject:
		if n := len(accepted); n < capacity || n > capacity+r.caps.Slack {
			t.Errorf("%d accepted of %d, want %d to %d", n, 3*capacity, capacity, capacity+r.caps.Slack)
		}
	default:
		if refusals > 0 {
			t.Errorf("%d refusals by a broker whose policy is %s, want 0", refusals, r.caps.Full)
		}
	}
	r.consume(broker.Options{}, nil)
	if r.caps.Full == broker.Drop {
		r.until("every message is delivered or counted lost", func() bool {
			d, err := r.Broker.Depth(r.ctx)
			return err == nil && d.Ready+d.Unacked == 0 && int(d.Lost)+len(r.messages()) == len(accepted) && d.Lost > 0
		})
		return
	}
	r.until("what was accepted is delivered", func() bool { return len(r.times()) == len(accepted) })
	r.depth(broker.Depth{})
	for id := range r.times() {
		if !accepted[id] {
			t.Errorf("%s was refused and delivered", id)
		}
	}
	r.until("there is room again", func() bool { return r.Publish(r.ctx, broker.Message{ID: "late"}) == nil })
}

func atMostOnce(t *testing.T, s Suite) {
	r := open(t, s, nil)
	const n = 40
	r.publish(n, nil)
	var failed atomic.Int64
	fail := func(err error) error { failed.Add(1); return err }
	_, out := r.consume(broker.Options{Workers: 2, Prefetch: 4, AtMostOnce: true}, func(_ context.Context, m broker.Message) error {
		switch i, _ := strconv.Atoi(m.ID[3:]); {
		case i == 30:
			return fail(broker.ErrCrash)
		case i%5 == 1:
			return fail(errors.New("it failed"))
		}
		return nil
	})
	if err := r.await(out); !errors.Is(err, broker.ErrCrash) {
		t.Fatalf("Consume() = %v, want ErrCrash", err)
	}
	if !r.caps.Redelivery {
		if d, err := r.Broker.Depth(r.ctx); err != nil || d.Lost < failed.Load() {
			t.Errorf("Depth() = %+v, %v; want at least the %d that failed as lost", d, err, failed.Load())
		}
		return
	}
	r.consume(broker.Options{AtMostOnce: true}, nil)
	r.until("the others are delivered", func() bool { return len(r.times()) == n })
	r.depth(broker.Depth{Lost: failed.Load()})
	for id, times := range r.times() {
		if times > 1 {
			t.Errorf("%s was delivered %d times, want at most once", id, times)
		}
	}
}
