package view

import (
	"fmt"
	"strconv"

	"workbench/lab/live"
)

// Database is the page of the service's database.
type Database struct {
	Label, Degraded string
	Up              bool
	Scenario        string // what runs; empty: nothing yet
	Knobs           []Knob
	Replicas        []DatabaseReplica
	Counts          []DatabaseCount
	Lag             Fault
	LagBy           string
}

// DatabaseReplica is one row of the replicas.
type DatabaseReplica struct{ Name, State, Lag string }

// DatabaseCount is one count, and what it means.
type DatabaseCount struct{ Name, Value, Help string }

// DatabaseOf makes the page from the lab's state.
func DatabaseOf(s live.State) Database {
	db := s.Database
	v := Database{Label: db.Label, Degraded: db.Degraded, Up: db.Up, Scenario: s.Title, LagBy: "1s"}
	for _, k := range db.Knobs {
		v.Knobs = append(v.Knobs, KnobOf("database", k))
	}
	for _, r := range db.Replicas {
		state := "up"
		if !r.Up {
			state = "does not answer"
		}
		v.Replicas = append(v.Replicas, DatabaseReplica{r.Name, state, fmt.Sprintf("%d ms", r.Lag.Milliseconds())})
	}
	for _, f := range s.Faults {
		if f.Name == "replica-lag" {
			v.Lag = Fault{Name: f.Name, Title: f.Title, Note: f.Note, On: f.On}
		}
	}
	c := db.Counts
	for _, one := range []struct {
		name  string
		value uint64
		help  string
	}{
		{"from the primary", c.Primary, "reads that the primary answered"},
		{"from replicas", c.Replica, "reads that a replica answered"},
		{"stale", c.Stale, "answers older than what had been acknowledged to anybody"},
		{"own write missed", c.Own, "answers older than what had been acknowledged to the same caller"},
		{"pinned", c.Pinned, "from the primary because the caller had just written"},
		{"waited", c.Waited, "from a replica that had to catch up first"},
		{"fell back", c.FellBack, "from the primary because no replica caught up in time"},
		{"failed over", c.Failed, "from the primary because the replica did not answer"},
	} {
		v.Counts = append(v.Counts, DatabaseCount{one.name, strconv.FormatUint(one.value, 10), one.help})
	}
	return v
}
