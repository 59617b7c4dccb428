package view

import (
	"encoding/json"
	"fmt"
	"strings"

	"workbench/lab/scenario"
)

// Replay is the page that runs a scenario in the browser.
type Replay struct {
	Name, Title, Lesson string
	Flags               []string
	Request             string // for the engine, as JSON
	Worker              string // its address; empty: the server was built without
	Size                string // of what the browser loads for it
	Command             string // the same run in a terminal
	Lab                 string // the same setting in the lab
	Options             []Option
}

// ReplayOf makes the page of a scenario under flags.
func ReplayOf(spec scenario.Spec, flags []string, query, worker, version string, packed int) (Replay, error) {
	request, err := json.Marshal(map[string]any{"scenario": spec.Name, "flags": flags, "version": version})
	if err != nil {
		return Replay{}, fmt.Errorf("write the request: %w", err)
	}
	v := Replay{
		Name: spec.Name, Title: spec.Title, Lesson: spec.Lesson, Flags: flags, Request: string(request), Worker: worker,
		Size: megabytes(packed), Command: commandOf(spec.Name, flags),
		Lab: "/lab?" + query,
	}
	return v, nil
}

// plain is what a shell takes as it is.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=.,:/@%+"

// commandOf writes the run as a shell takes it: whatever stands in a link stays
// one word.
func commandOf(name string, flags []string) string {
	words := []string{"bin/workbench run", name, "--engine virtual"}
	for _, f := range flags {
		if strings.Trim(f, plain) != "" {
			f = "'" + strings.ReplaceAll(f, "'", `'\''`) + "'"
		}
		words = append(words, f)
	}
	return strings.Join(words, " ")
}
