package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"workbench/lab/broker"
	"workbench/lab/broker/kafka"
)

// through puts n messages through a flow that crashes once between its outputs
// and its commit, and returns how often a reader finds each output.
func through(t *testing.T, s kafka.Server, n int, transaction, committed bool) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	in, out := open(t, s, fresh(broker.Default("in"))), open(t, s, fresh(broker.Default("out")))
	for i := range n {
		if err := in.Publish(ctx, broker.Message{ID: fmt.Sprint(i), Key: fmt.Sprint(i), Body: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	working, end := context.WithCancel(ctx)
	done, batches := 0, 0
	f := kafka.Flow{
		To: out, Worker: "w", Batch: 4, Transaction: transaction,
		Make: func(m broker.Message) broker.Message { return broker.Message{ID: "of-" + m.ID, Key: m.Key} },
		Sent: func(int) error {
			if batches++; batches == 2 {
				return broker.ErrCrash
			}
			return nil
		},
		Done: func(k int) {
			if done += k; done >= n {
				end()
			}
		},
	}
	if err := in.Flow(working, f); !errors.Is(err, broker.ErrCrash) {
		t.Fatalf("Flow() that crashes = %v, want ErrCrash", err)
	}
	if err := in.Flow(working, f); !errors.Is(err, context.Canceled) {
		t.Fatalf("Flow() that is ended = %v after %d of %d, want Canceled", err, done, n)
	}
	if done != n {
		t.Errorf("committed %d inputs, want %d", done, n)
	}
	found, err := out.Read(ctx, committed)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for _, m := range found {
		times[m.ID]++
	}
	for _, b := range []*kafka.Broker{in, out} {
		if err := b.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	return times
}

// A crash between the outputs and the commit repeats the batch: for a reader of
// what is committed it never was, if it was a transaction.
func TestFlowThatCrashes(t *testing.T) {
	s := embed(t, "")
	for _, c := range []struct {
		name                   string
		transaction, committed bool
		twice                  bool
	}{
		{"one after the other", false, true, true},
		{"in a transaction", true, true, false},
		{"in a transaction, read before it ends", true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 20
			times, twice := through(t, s, n, c.transaction, c.committed), 0
			for i := range n {
				switch times[fmt.Sprint("of-", i)] {
				case 0:
					t.Errorf("output %d is missing", i)
				case 1:
				default:
					twice++
				}
			}
			if len(times) != n || (twice > 0) != c.twice || twice > 4 {
				t.Errorf("%d outputs, %d of them twice; want %d, and some of a batch of 4 twice: %v", len(times), twice, n, c.twice)
			}
		})
	}
}

// A broker that has lost count of a producer aborts the transaction, and the batch
// comes again; one that never finds it again is an error.
func TestFlowWhoseProducerIsLost(t *testing.T) {
	for _, c := range []struct {
		name  string
		times int
		fails bool
	}{{"once", 1, false}, {"for ever", -1, true}} {
		t.Run(c.name, func(t *testing.T) {
			e := embedded(t, "")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			in, out := open(t, e.Server(false), broker.Default("in")), open(t, e.Server(false), broker.Default("out"))
			for i := range 8 {
				if err := in.Publish(ctx, broker.Message{ID: fmt.Sprint(i), Key: "one", Body: []byte("x")}); err != nil {
					t.Fatal(err)
				}
			}
			e.LoseCount("out", c.times)
			working, end := context.WithCancel(ctx)
			done := 0
			err := in.Flow(working, kafka.Flow{
				To: out, Worker: "w", Batch: 4, Transaction: true,
				Make: func(m broker.Message) broker.Message { return broker.Message{ID: "of-" + m.ID, Key: m.Key} },
				Done: func(k int) {
					if done += k; done == 8 {
						end()
					}
				},
			})
			if lost := errors.Is(err, kerr.OutOfOrderSequenceNumber); lost != c.fails || !c.fails && !errors.Is(err, context.Canceled) {
				t.Fatalf("Flow() = %v after %d of 8", err, done)
			}
			found, err := out.Read(ctx, true)
			if want := 8; err != nil || !c.fails && len(found) != want || c.fails && len(found) > 0 {
				t.Errorf("a reader finds %d outputs, %v", len(found), err)
			}
			for _, b := range []*kafka.Broker{in, out} {
				if err := b.Close(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestFlowNamesWhatIsMissing(t *testing.T) {
	b := open(t, embed(t, ""), fresh(broker.Default("q")))
	err := b.Flow(t.Context(), kafka.Flow{})
	for _, want := range []string{"To", "Worker", "Make", "Done", "Batch"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Flow of nothing = %v, want an error that names %s", err, want)
		}
	}
	if got, err := b.Read(t.Context(), true); err != nil || len(got) != 0 {
		t.Errorf("Read() of an empty topic = %v, %v, want nothing", got, err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := b.Read(t.Context(), true); !errors.Is(err, broker.ErrClosed) {
		t.Errorf("Read() of a closed broker = %v, want ErrClosed", err)
	}
}
