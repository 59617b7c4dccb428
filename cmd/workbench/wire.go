package main

import (
	"context"
	"io/fs"
	"runtime"
	"time"

	"workbench/exercises"
	"workbench/lab"
	"workbench/lab/classics"
	"workbench/lab/pattern"
	"workbench/lab/scenario"
	"workbench/lab/system"
	"workbench/lab/system/kind"
)

// engine runs scenarios.
type engine interface {
	// Can returns why it cannot run a scenario; nil when it can.
	Can(spec scenario.Spec) error
	// Run plays a scenario to its end. When ctx ends early the report holds what
	// has passed, with ctx's error.
	Run(ctx context.Context, spec scenario.Spec, o runOptions, show watcher) (scenario.Report, error)
	// Close ends what the engine started.
	Close(ctx context.Context) error
}

// watcher is told once a second of the run how far it is; it may be nil.
type watcher func(elapsed, total time.Duration, point scenario.Point)

// runOptions are what flags leave for an engine.
type runOptions struct {
	Seed     uint64
	Scale    float64 // 0: the engine's own
	Patterns map[string]scenario.Toggle
}

// parts is what the program is made of. Tests put fakes in their place.
type parts struct {
	engines   []engineKind // the first is the default
	patterns  []lab.Pattern
	systems   []systemKind
	classics  []classics.Classic // published results
	serve     func(context.Context, *program, config) error
	exercises fs.FS
	doc       func(pattern string) (string, bool) // a room's documentation; nil: not at hand
}

// engineKind is one engine that there is.
type engineKind struct {
	name, line string
	open       func(context.Context, *program) (engine, error)
	jobs       int  // runs that it takes at once; 0: one
	paper      bool // it computes and does not play: chosen by name alone
}

// systemKind is one demo service that there is.
type systemKind struct {
	name, title string
	ops         []system.Op
}

// doc returns the documentation of a pattern's room; false: there is none.
func doc(name string) (string, bool) {
	if text, err := kind.Doc(name); err == nil {
		return text, true
	}
	text, err := pattern.Doc(name)
	return text, err == nil
}

// wire lists what there is.
func wire() parts {
	return parts{
		doc: doc,
		engines: []engineKind{
			{"live", "for real, on this machine", openLive, 1, false},
			{"virtual", "in virtual time, at any scale", openVirtual, runtime.GOMAXPROCS(0), false},
			{"theory", "on paper, where there is a closed form", openTheory, 1, true},
		},
		patterns:  kind.AllPatterns(),
		systems:   systems(),
		classics:  classics.All(),
		serve:     serveLab,
		exercises: exercises.Files,
	}
}

// systems lists the demo services.
func systems() []systemKind {
	var out []systemKind
	for _, k := range kind.All() {
		out = append(out, systemKind{k.Name, k.Title, k.Ops})
	}
	return out
}

// known says what scenarios may name.
func (p parts) known() scenario.Known {
	k := scenario.Known{Patterns: map[string]lab.Pattern{}, Systems: map[string][]string{}}
	for _, pattern := range p.patterns {
		k.Patterns[pattern.Name] = pattern
	}
	for _, s := range p.systems {
		for _, op := range s.ops {
			k.Systems[s.name] = append(k.Systems[s.name], op.Name)
		}
	}
	return k
}
