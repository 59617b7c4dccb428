package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"workbench/lab/broker"
	"workbench/lab/broker/brokertest"
	"workbench/lab/broker/sqlite"
	"workbench/lab/store"
	"workbench/sim/clock"
)

func open(t *testing.T, path string, c broker.Config) *sqlite.Broker {
	t.Helper()
	b, err := sqlite.Open(t.Context(), path, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// until waits for a fact that another goroutine or the disk brings about.
func until(t *testing.T, what string, fact func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	wall := clock.NewWall()
	for !fact() {
		if wall.Wait(ctx, wall.Now()+2*time.Millisecond) != nil {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestContract(t *testing.T) {
	paths := map[broker.Broker]string{}
	brokertest.Run(t, brokertest.Suite{
		Open: func(t *testing.T, c broker.Config) broker.Broker {
			// A name that would be read as a query or an escape if it were not quoted.
			path := filepath.Join(t.TempDir(), "a?b#c %41.db")
			b := open(t, path, c)
			paths[b] = path
			return b
		},
		Reopen: func(t *testing.T, b broker.Broker, c broker.Config) broker.Broker {
			// The old one stays open and holds its leases, as a process does
			// that hangs.
			return open(t, paths[b], c)
		},
	})
}

// What is accepted is on the disk before it is acknowledged; what consumers say
// need not be.
func TestAcceptedWorkIsSynced(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "q.db"), broker.Default("q"))
	synced, fast, err := b.Synchronous(t.Context())
	if err != nil || synced != 2 || fast != 1 {
		t.Errorf("synchronous = %d for publishers and %d for consumers, %v; want 2 (FULL) and 1 (NORMAL)", synced, fast, err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestQueuesOfOneFileAreApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	one, two := open(t, path, broker.Default("one")), open(t, path, broker.Default("two"))
	if err := errors.Join(one.Publish(t.Context(), broker.Message{ID: "a", Key: "k"}), two.Publish(t.Context(), broker.Message{ID: "b", Key: "k"})); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]*sqlite.Broker{"a": one, "b": two} {
		ctx, cancel := context.WithCancel(t.Context())
		if err := b.Consume(ctx, broker.Options{}, func(_ context.Context, m broker.Message) error {
			if m.ID != name {
				t.Errorf("delivered %s, want %s", m.ID, name)
			}
			cancel()
			return broker.ErrPoison
		}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if d, err := b.Depth(t.Context()); err != nil || (d != broker.Depth{Dead: 1}) {
			t.Errorf("Depth() = %+v, %v; want one dead letter of its own", d, err)
		}
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// A handler that works for several leases keeps its message by renewal.
func TestALongJobKeepsItsLease(t *testing.T) {
	c := broker.Default("q")
	c.Lease = time.Second // renewed in time on a machine that is busy, too
	b := open(t, filepath.Join(t.TempDir(), "q.db"), c)
	if err := b.Publish(t.Context(), broker.Message{ID: "long"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	deliveries := make(chan string, 10)
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			ended <- b.Consume(ctx, broker.Options{}, func(ctx context.Context, m broker.Message) error {
				deliveries <- m.ID
				wall := clock.NewWall()
				return wall.Wait(ctx, 3*c.Lease)
			})
		}()
	}
	until(t, "it is done", func() bool {
		d, err := b.Depth(t.Context())
		return err == nil && d == broker.Depth{}
	})
	cancel()
	for range 2 {
		<-ended
	}
	if len(deliveries) != 1 {
		t.Errorf("%d deliveries of a job of three leases, want 1", len(deliveries))
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A message that ends its consumer each time is given up without being
// delivered once more.
func TestAMessageThatCrashesConsumersIsGivenUp(t *testing.T) {
	c := broker.Default("q")
	c.Lease, c.Attempts = 50*time.Millisecond, 2
	b := open(t, filepath.Join(t.TempDir(), "q.db"), c)
	if err := b.Publish(t.Context(), broker.Message{ID: "bomb"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Consume(t.Context(), broker.Options{}, func(context.Context, broker.Message) error { return broker.ErrCrash }); !errors.Is(err, broker.ErrCrash) {
			t.Fatalf("Consume() = %v, want ErrCrash", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- b.Consume(ctx, broker.Options{}, func(context.Context, broker.Message) error {
			t.Error("it was delivered a third time")
			return nil
		})
	}()
	until(t, "it is a dead letter", func() bool {
		d, err := b.Depth(t.Context())
		return err == nil && d == broker.Depth{Dead: 1}
	})
	cancel()
	<-result
	dead, err := b.Dead(t.Context(), 1)
	if err != nil || len(dead) != 1 || !strings.Contains(dead[0].Reason, "crashed") {
		t.Errorf("Dead() = %+v, %v; want the message and that its consumer crashed", dead, err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A full disk refuses new messages with a sentence, and what is there is still
// delivered.
func TestAFullDiskIsExplained(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "q.db"), broker.Default("q"))
	if err := b.Publish(t.Context(), broker.Message{ID: "kept"}); err != nil {
		t.Fatal(err)
	}
	if err := b.ExecSynced(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range 20 {
		err := b.Publish(t.Context(), broker.Message{ID: strconv.Itoa(i), Body: make([]byte, 100_000)})
		if errors.Is(err, store.ErrSpace) && strings.Contains(err.Error(), "free some space") {
			refused++
		}
	}
	if d, err := b.Depth(t.Context()); err != nil || refused != 20 || d.Ready != 1 {
		t.Errorf("%d of 20 were refused with ErrSpace, and Depth() = %+v, %v; want all refused and 1 waiting", refused, d, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := b.Consume(ctx, broker.Options{}, func(context.Context, broker.Message) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Consume() = %v, want context.Canceled", err)
	}
	if d, err := b.Depth(t.Context()); err != nil || d.Ready+d.Unacked != 0 {
		t.Errorf("Depth() = %+v, %v; want it consumed", d, err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// However many messages wait behind one key, a claim looks at the oldest of each
// key alone: 4,800 behind one key took 27 s to consume when it did not, and 2 s
// since.
func TestAClaimLooksAtTheOldestOfEachKeyAlone(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "q.db"), broker.Default("q"))
	plan, err := b.ClaimPlan(t.Context())
	if err != nil || !strings.Contains(plan, "message_head") || strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("plan of a claim: %s%v; want a search of message_head without a scan or a sort", plan, err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
