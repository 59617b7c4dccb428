package live

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"workbench/lab/knob"
	"workbench/lab/store/replica"
)

// DatabaseState says which database serves, who answers reads, and what came
// of that.
type DatabaseState struct {
	Label    string                  `json:"label"` // "SQLite", "PostgreSQL 15.18 · 127.0.0.1:5432"
	Up       bool                    `json:"up"`
	Degraded string                  `json:"degraded,omitempty"`
	Knobs    []knob.Info             `json:"knobs"` // reads, own, pin_for, wait_for
	Replicas []replica.FollowerStats `json:"replicas"`
	Counts   replica.Stats           `json:"counts"` // since the lab began
}

// lagBy is how much replicas lag when nobody says how much.
const lagBy = time.Second

// SetDatabase changes who answers reads, and how callers read their own writes:
// the knobs of DatabaseState by name. It holds from the next read on.
func (l *Lab) SetDatabase(ctx context.Context, changes map[string]any) (State, error) {
	return l.alter(func(r *run) (string, error) {
		if !r.replicated() {
			return "", fmt.Errorf("%w: the service %s keeps tables of its own in SQLite, without replicas; run a scenario of the profile service", ErrConflict, r.kind.Name)
		}
		if len(changes) == 0 {
			return "", &FieldError{Field: "reads", Got: "nothing", Want: "one of reads, own, pin_for, wait_for"}
		}
		s := l.data.router.Load().Settings()
		if err := knob.Apply(&s, changes); err != nil {
			return "", invalid(err)
		}
		if s.Reads != replica.Replicas { // a lag of what is not read would be a switch that does nothing
			if text, err := r.setFault("replica-lag", FaultChange{}); err != nil {
				return "", err
			} else if text != "" {
				r.noteHand(text)
			}
		}
		if err := l.data.set(ctx, s); err != nil {
			return "", err
		}
		text := "database"
		for _, k := range slices.Sorted(maps.Keys(changes)) {
			text += fmt.Sprintf(" %s=%v", k, changes[k])
		}
		return text, nil
	})
}

// replicated reports whether the run's service keeps its data in the lab's
// database; the others have files of their own.
func (r *run) replicated() bool { return r.kind.Name == "profile" }

// databaseNode completes the diagram's box of the database.
func (r *run) databaseNode(n Node, db DatabaseState) Node {
	if r.replicated() {
		return db.box(n)
	}
	n.Note += " + SQLite"
	return n
}

// replicaFault declares the lag of the replicas, where the service reads them.
func (r *run) replicaFault(add func(string, string, func(FaultChange) error, func() error)) {
	if !r.replicated() {
		return
	}
	d := r.lab.data
	add("replica-lag", "Replicas lag", func(c FaultChange) error { return d.delay(r.ctx, either(c.By, lagBy)) }, func() error { return d.resume(r.ctx) })
}

func (l *Lab) databaseState() DatabaseState {
	router := l.data.router.Load()
	settings := router.Settings()
	s := DatabaseState{
		Label: l.data.label, Up: l.data.up(), Degraded: l.data.degraded,
		Knobs: knob.Describe(&settings), Replicas: router.Followers(), Counts: l.data.stats(),
	}
	if !s.Up {
		s.Degraded = "does not answer: requests are told so at once, and it is asked again by itself"
	}
	return s
}

// box completes the diagram's box of the database: which one it is, who answers
// reads, and what is wrong.
func (s DatabaseState) box(n Node) Node {
	n.Note += " + " + s.Label
	var lag time.Duration
	reads := slices.ContainsFunc(s.Knobs, func(k knob.Info) bool { return k.Name == "reads" && k.Value == replica.Replicas })
	for _, f := range s.Replicas {
		lag = max(lag, f.Lag)
	}
	if reads {
		n.Note += fmt.Sprintf(" · reads from %d replicas, %d ms behind", len(s.Replicas), lag.Milliseconds())
	}
	n.Up = n.Up && s.Up
	n.Degraded = strings.Trim(n.Degraded+"; "+s.Degraded, "; ")
	return n
}
