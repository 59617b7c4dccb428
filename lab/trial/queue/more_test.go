package queue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"workbench/lab/broker/brokertest"
	"workbench/lab/trial"
	"workbench/lab/trial/queue"
	"workbench/lab/trial/trialtest"
)

// victimArg has this test binary be the process that a trial kills.
const victimArg = "play-the-victim"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == victimArg {
		if err := queue.Victim(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func env(t *testing.T) trial.Env {
	e := trialtest.Env(t)
	e.Self = []string{os.Args[0], victimArg}
	return e
}

func TestPrefetch(t *testing.T)       { trialtest.Check(t, queue.Prefetch(), nil) }
func TestHotPartition(t *testing.T)   { trialtest.Check(t, queue.HotPartition(), nil) }
func TestSlowSubscriber(t *testing.T) { trialtest.Check(t, queue.SlowSubscriber(), nil) }

// Every kill loses an order that is stored first, makes up one that is told of
// first, and loses none of an outbox.
func TestDualWrite(t *testing.T) {
	one := queue.DualWrite()
	for _, c := range []struct {
		side map[string]any
		lost bool
	}{{one.Wrong, true}, {map[string]any{"way": "publish-first"}, true}, {one.Right, false}} {
		side := map[string]any{"kills": 2, "way": c.side["way"]}
		r := trialtest.RunIn(t, env(t), one, side)
		trialtest.Lost(t, r, c.lost)
		for way, want := range map[string][2]string{"store-first": {"2", "0"}, "publish-first": {"0", "2"}, "outbox": {"0", "0"}} {
			row := find(t, r, way)
			if got := [2]string{row[4], row[5]}; got != want || row[3] == "0" {
				t.Errorf("%s: of %s orders %s unheard and %s made up, want %v", way, row[3], got[0], got[1], want)
			}
		}
	}
}

func find(t *testing.T, r trial.Result, way string) []string {
	t.Helper()
	for _, row := range r.Rows {
		if row[1] == way {
			return row
		}
	}
	t.Fatalf("no row of %s in %v", way, r.Rows)
	return nil
}

// What cannot start itself says so, and a process that does not do as it is told
// is no kill.
func TestDualWriteNeedsAProcess(t *testing.T) {
	one := queue.DualWrite()
	for _, c := range []struct {
		name string
		self []string
		want string
	}{
		{"none", nil, "workbench program"},
		{"one that is not there", []string{"/nowhere/at/all"}, "start a process"},
		{"one that ends by itself", []string{os.Args[0], "-test.run=^$"}, "ended by itself"},
	} {
		e := trialtest.Env(t)
		e.Self = c.self
		k, err := one.Settings(one.Right)
		if err != nil {
			t.Fatal(err)
		}
		_, err = one.Run(t.Context(), e, k, func(trial.Step) {})
		if err == nil || !strings.Contains(err.Error(), c.want) || c.self == nil && !errors.Is(err, trial.ErrMissing) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
	if err := queue.Victim(t.Context(), strings.NewReader("kill"), &strings.Builder{}); err == nil {
		t.Error("Victim() of what is not JSON = nil, want an error")
	}
}

// TestRabbitMQ runs on a real one what runs on the brokers in this process.
func TestRabbitMQ(t *testing.T) {
	e := env(t)
	_, e.RabbitMQ = brokertest.RabbitMQ(t)
	for _, c := range []struct {
		one     trial.Trial
		changes map[string]any
		lost    bool
	}{
		{queue.Prefetch(), queue.Prefetch().Right, false},
		{queue.DualWrite(), map[string]any{"kills": 1, "way": "outbox"}, false},
	} {
		r := trialtest.RunIn(t, e, c.one, c.changes)
		trialtest.Lost(t, r, c.lost)
		if !strings.Contains(r.Component, "RabbitMQ") {
			t.Errorf("%s ran on %s, want RabbitMQ among them", c.one.Name, r.Component)
		}
		for _, row := range r.Rows {
			t.Log(row)
		}
	}
}
