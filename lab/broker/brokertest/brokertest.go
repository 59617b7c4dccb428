package brokertest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/sim/clock"
)

// Suite is an implementation under test.
type Suite struct {
	// Open returns a broker with a fresh queue. The suite closes it.
	Open func(t *testing.T, c broker.Config) broker.Broker
	// Reopen ends whatever holds b's messages as a crash would, and returns a
	// broker with the same queue. Only for Caps.Durable.
	Reopen func(t *testing.T, b broker.Broker, c broker.Config) broker.Broker
	// Leaks is how many goroutines a used and closed broker is known to leave
	// behind, through no fault of ours.
	Leaks int
}

// limit ends a test that hangs.
const limit = 60 * time.Second

// Run holds an implementation to the contract.
func Run(t *testing.T, s Suite) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Suite)
	}{
		{"delivers what it accepted", delivered},
		{"one worker gets messages in order", fifo},
		{"each key keeps its order", keyOrder},
		{"a failed message is tried again", retried},
		{"a poison message becomes a dead letter", poison},
		{"dead letters are bounded", deadBound},
		{"prefetch bounds what a consumer holds", prefetch},
		{"what a crashed consumer held is delivered again", crash},
		{"a full queue keeps to its policy", full},
		{"at most once never delivers twice, and counts", atMostOnce},
		{"an ended context ends the calls", ended},
		{"close waits for handlers and then refuses", closing},
		{"close ends handlers that take too long", closingInHaste},
		{"another group reads everything again", replay},
		{"wrong input is refused", refused},
		{"many publishers and consumers", concurrent},
		{"nothing accepted is lost by a restart", durable},
		{"goroutines end", goroutines},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, s) })
	}
}

// queues that the suite opens are small, with short leases, so that what takes
// time in earnest takes little here.
func config(change func(*broker.Config)) broker.Config {
	c := broker.Config{Queue: "contract", Capacity: 1000, DeadCapacity: 100, Attempts: 3, Lease: time.Second}
	if change != nil {
		change(&c)
	}
	return c
}

// rig is one broker in one test.
type rig struct {
	*testing.T
	broker.Broker
	caps broker.Caps
	ctx  context.Context // ends with the test, or when it hangs

	mu       sync.Mutex
	got      []broker.Message // guarded by mu: in order of delivery
	consumes sync.WaitGroup
}

func open(t *testing.T, s Suite, change func(*broker.Config)) *rig {
	t.Helper()
	return start(t, s.Open(t, config(change)))
}

func start(t *testing.T, b broker.Broker) *rig {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
	r := &rig{T: t, Broker: b, caps: b.Caps(), ctx: ctx}
	t.Cleanup(func() {
		cancel()
		r.consumes.Wait()
		r.close()
	})
	return r
}

// close closes the broker, which may be closed already.
func (r *rig) close() {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := r.Close(ctx); err != nil && !errors.Is(err, broker.ErrLost) {
		r.Errorf("Close() = %v, want nil", err)
	}
}

// publish publishes messages id-0 to id-(n-1), each of the key that key gives.
func (r *rig) publish(n int, key func(i int) string) {
	r.Helper()
	for i := range n {
		if err := r.Publish(r.ctx, sample(i, key)); err != nil {
			r.Fatalf("Publish(%d) = %v, want nil", i, err)
		}
	}
}

func sample(i int, key func(int) string) broker.Message {
	m := broker.Message{
		ID: "id-" + strconv.Itoa(i), Body: fmt.Appendf(nil, "body %d \x00\xff", i), Attempt: 77,
		Headers: map[string]string{broker.HeaderCorrelation: "c-" + strconv.Itoa(i), broker.HeaderTrace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "ünï": "“quoted”; code"},
	}
	if key != nil {
		m.Key = key(i)
	}
	return m
}

// consume starts a consumer and returns how it ended, and a way to end it. Each
// message is noted before h sees it; a nil h acknowledges.
func (r *rig) consume(o broker.Options, h broker.Handler) (end func() error, result <-chan error) {
	ctx, cancel := context.WithCancel(r.ctx)
	out := make(chan error, 1)
	r.consumes.Go(func() {
		defer cancel()
		out <- r.Consume(ctx, o, func(ctx context.Context, m broker.Message) error {
			r.mu.Lock()
			r.got = append(r.got, m)
			r.mu.Unlock()
			if h == nil {
				return nil
			}
			return h(ctx, m)
		})
	})
	return func() error { cancel(); return r.await(out) }, out
}

// await returns the result of a consumer.
func (r *rig) await(out <-chan error) error {
	r.Helper()
	select {
	case err := <-out:
		return err
	case <-r.ctx.Done():
		r.Fatal("a consumer did not end")
		return nil
	}
}

// until waits for a fact that a server brings about in its own time.
func (r *rig) until(what string, fact func() bool) {
	r.Helper()
	wall := clock.NewWall()
	for !fact() {
		if wall.Wait(r.ctx, wall.Now()+2*time.Millisecond) != nil {
			d, err := r.Depth(context.Background())
			r.Fatalf("waited in vain until %s; %d deliveries, Depth() = %+v, %v", what, len(r.messages()), d, err)
		}
	}
}

func (r *rig) messages() []broker.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]broker.Message(nil), r.got...)
}

// times counts the deliveries of each ID.
func (r *rig) times() map[string]int {
	out := map[string]int{}
	for _, m := range r.messages() {
		out[m.ID]++
	}
	return out
}

// depth wants a depth, once the broker has caught up with what it was told.
func (r *rig) depth(want broker.Depth) {
	r.Helper()
	r.until(fmt.Sprintf("Depth() is %+v", want), func() bool {
		d, err := r.Broker.Depth(r.ctx)
		return err == nil && d == want
	})
}

func goroutines(t *testing.T, s Suite) {
	use := func(name string) {
		r := open(t, s, nil)
		r.publish(20, nil)
		_, out := r.consume(broker.Options{Workers: 2, Prefetch: 4}, func(context.Context, broker.Message) error { return broker.ErrCrash })
		if err := r.await(out); !errors.Is(err, broker.ErrCrash) {
			t.Errorf("%s: Consume() = %v, want ErrCrash", name, err)
		}
		r.publish(20, nil) // some brokers have lost the others
		end, _ := r.consume(broker.Options{Workers: 2, Prefetch: 4}, nil)
		r.until("messages arrive", func() bool { return len(r.messages()) > 5 })
		if err := end(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Consume() = %v, want context.Canceled", name, err)
		}
		r.consumes.Wait()
		r.close()
	}
	use("to warm up") // what a library starts once stays
	before := runtime.NumGoroutine()
	use("measured")
	wall := clock.NewWall()
	for until := wall.Now() + 10*time.Second; runtime.NumGoroutine() > before+s.Leaks; {
		if wall.Now() > until {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines before and %d after Close, want at most %d more:\n%s",
				before, runtime.NumGoroutine(), s.Leaks, stacks[:runtime.Stack(stacks, true)])
		}
		_ = wall.Wait(context.Background(), wall.Now()+5*time.Millisecond)
	}
}
