package queue_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"workbench/lab/trial/queue"
	"workbench/lab/trial/trialtest"
)

func TestTransactions(t *testing.T) { trialtest.Check(t, queue.Transactions(), nil) }

// Each crash repeats one batch, for whoever sees what was never committed, and
// for nobody else; the worker reads the batch again either way.
func TestTransactionsByWayAndReader(t *testing.T) {
	one := queue.Transactions()
	for _, c := range []struct{ batch, crashes int }{{10, 3}, {1, 5}, {20, 5}} {
		r := trialtest.Run(t, one, map[string]any{"batch": c.batch, "crashes": c.crashes})
		for i, row := range r.Rows {
			read, err := strconv.Atoi(row[3])
			if again := read - 120; err != nil || row[1] != fmt.Sprint(c.crashes) || again < c.crashes || again > c.crashes*c.batch {
				t.Errorf("batch %d: a worker that died %s times read %s, want %d crashes and 120 inputs, and a batch more for each", c.batch, row[1], row[3], c.crashes)
			}
			want := []string{row[3], fmt.Sprint(read - 120), "0"}
			if i == 3 { // in a transaction, of which the reader awaits the end
				want = []string{"120", "0", "0"}
			}
			if !slices.Equal(row[5:], want) || row[4] != []string{"uncommitted", "committed"}[i%2] {
				t.Errorf("batch %d, %d crashes: row %d is %v, want it to end with %v", c.batch, c.crashes, i, row, want)
			}
		}
	}
	// A transaction is no help to a reader that does not wait for its end.
	trialtest.Lost(t, trialtest.Run(t, one, map[string]any{"reader": "uncommitted"}), true)
}
