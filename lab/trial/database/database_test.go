package database_test

import (
	"os"
	"testing"

	"workbench/lab/trial"
	"workbench/lab/trial/database"
	"workbench/lab/trial/trialtest"
)

const few = 20_000 // rows

func TestDeepPages(t *testing.T) {
	trialtest.Check(t, database.Paging(), map[string]any{"rows": few, "depth": 18_000})
}

func TestCompositeIndex(t *testing.T) {
	trialtest.Check(t, database.Index(), map[string]any{"rows": few})
}

func TestThereIsNoPageBehindTheLastRow(t *testing.T) {
	if _, err := database.Paging().Settings(map[string]any{"rows": few, "depth": few}); err == nil {
		t.Error("a depth behind the last row passes, want an error")
	}
}

// Rows are made once, with signs of progress, and used again.
func TestRowsAreKept(t *testing.T) {
	env := trialtest.Env(t)
	one := database.Index()
	settings, err := one.Settings(map[string]any{"rows": few})
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for range 2 {
		env.Dir = t.TempDir()
		_, err := one.Run(t.Context(), env, settings, func(s trial.Step) {
			if s.Text == "makes the rows, once" {
				made++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if left, err := os.ReadDir(env.Keep); err != nil || len(left) != 1 || made != 1 {
		t.Errorf("%d files kept, rows made %d times, %v; want 1 and once", len(left), made, err)
	}
}

func TestRoundTrips(t *testing.T) {
	trialtest.Check(t, database.RoundTrips(), map[string]any{"posts": 20, "rtt": "0s", "pages": 1})
}

func TestABatchIsTwoQueries(t *testing.T) {
	res := trialtest.Run(t, database.RoundTrips(), map[string]any{"posts": 20, "rtt": "0s", "pages": 2, "way": "batch"})
	for i, want := range []string{"21", "2", "1"} {
		if got := res.Rows[i][1]; got != want {
			t.Errorf("%s makes %s queries, want %s", res.Rows[i][0], got, want)
		}
	}
}

func TestTransactions(t *testing.T) {
	trialtest.Check(t, database.Transactions(), map[string]any{"writers": 10, "call": "40ms", "patience": "150ms", "rounds": 1})
}

func TestPools(t *testing.T) {
	trialtest.Check(t, database.Pools(), map[string]any{"reads": 5})
}

func TestShards(t *testing.T) {
	trialtest.Check(t, database.Shards(), map[string]any{"users": 20_000})
}
