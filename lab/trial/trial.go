// Package trial says what an experiment on real components is: named knobs, a
// run that measures, and claims that hold with the right settings and fail with
// the wrong ones.
//
// A scenario puts users in front of the whole service; a trial puts one
// component on the bench: a database with a million rows, a broker whose worker
// is killed, a pool that waits for itself. The page, the command line and the
// checklist run the same trials.
package trial

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"

	"workbench/lab/knob"
	"workbench/sim/clock"
)

// ErrMissing means that a component which a trial needs is not here. The error
// around it says which, and what to do.
var ErrMissing = errors.New("not here")

// Env is what a trial may work with. Dir is empty, its own, and removed
// afterwards; an address is empty where none was given.
type Env struct {
	Dir      string
	Keep     string // for what later runs can use again, such as a seeded database; empty: nothing is kept
	Seed     uint64
	Clock    *clock.Wall
	Log      *slog.Logger
	Redis    string // URL
	RabbitMQ string // URL
	Kafka    string // host:port, separated by commas
	Postgres string // URL

	// Self is the command that has this program be a process which a trial starts
	// and kills; empty: it cannot.
	Self []string
}

// Step is what a trial is doing. Total is 0 where the end is not known.
type Step struct {
	Text  string `json:"text"`
	Done  int    `json:"done,omitempty"`
	Total int    `json:"total,omitempty"`
}

// Column heads one column of a result.
type Column struct {
	Title string `json:"title"`
	Unit  string `json:"unit,omitempty"` // empty for words and bare counts
}

// Claim is one checkable sentence, and what was found.
type Claim struct {
	Text string `json:"text"`
	OK   bool   `json:"ok"`
	Got  string `json:"got"` // the measured value with its unit
	// Timed marks a claim on how fast this machine was, which a busy machine can
	// spoil. Claims on counts are the same everywhere.
	Timed bool `json:"timed,omitempty"`
}

// Note is longer text of a result, such as a query plan or a trace.
type Note struct {
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Result is what a trial measured. Every cell is a measured value as text, with
// as many digits as it deserves.
type Result struct {
	Component string     `json:"component"` // what really ran: "SQLite 3.50 in this process"
	Columns   []Column   `json:"columns"`
	Rows      [][]string `json:"rows"`
	Claims    []Claim    `json:"claims"`
	Notes     []Note     `json:"notes,omitempty"`
}

// Won reports whether every claim holds; a result without claims is not won.
func (r Result) Won() bool {
	for _, c := range r.Claims {
		if !c.OK {
			return false
		}
	}
	return len(r.Claims) > 0
}

// Trial is one experiment.
type Trial struct {
	Name     string // short, lower case, with dashes
	Title    string
	Chapter  int    // of the guide, from 1
	Question string // to be answered before the run
	Lesson   string // one sentence
	Long     string // about how long a run takes, and why, where that is over ten seconds
	Needs    string // the flag without which it cannot run, such as "--postgres"; empty: nothing

	// Knobs returns a pointer to a tagged struct with the defaults, which are
	// the right settings; nil: there is nothing to set.
	Knobs func() any
	// Wrong and Right are settings by knob name: with Wrong at least one claim
	// fails, with Right all hold. Both nil: there is no wrong way, and the claims
	// must hold.
	Wrong, Right map[string]any
	// Run measures. knobs is what Knobs returned, with the settings applied. tell
	// is never nil, and Run calls it from its own goroutine alone. Run ends soon
	// after ctx, and leaves no goroutine and no process behind.
	Run func(ctx context.Context, env Env, knobs any, tell func(Step)) (Result, error)
}

// Settings returns the knobs with changes applied, or an error that names every
// wrong one.
func (t Trial) Settings(changes map[string]any) (any, error) {
	if t.Knobs == nil {
		if len(changes) > 0 {
			return nil, fmt.Errorf("trial %s has no settings", t.Name)
		}
		return nil, nil
	}
	k := t.Knobs()
	changes = maps.Clone(changes)
	if err := knob.Apply(k, changes); err != nil {
		return nil, fmt.Errorf("trial %s: %w", t.Name, err)
	}
	return k, nil
}
