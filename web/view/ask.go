package view

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"workbench/lab/live"
)

// Ask is the question before a shared setting is started.
type Ask struct {
	Link   string      // its query; empty: it cannot be opened
	Title  string      // of the scenario
	Parts  []AskPart   // what is set in it
	Faults []LinkFault // why it cannot be opened
}

// Text says what would be started.
func (a Ask) Text() string {
	if len(a.Parts) == 0 {
		return a.Title + ", as the scenario has it. What runs now is stopped."
	}
	return a.Title + ", changed as follows. What runs now is stopped."
}

// AskPart is one thing that a link sets, with its settings.
type AskPart struct{ Name, Value string }

// LinkFault is one wrong word of a link.
type LinkFault struct{ Name, Got, Want string }

// AskOf describes what a link holds.
func AskOf(link, title string, s live.Setup) *Ask {
	v := &Ask{Link: link, Title: title}
	add := func(name, value string) {
		if value != "" {
			v.Parts = append(v.Parts, AskPart{name, value})
		}
	}
	if s.Seed != nil {
		add("seed", strconv.FormatUint(*s.Seed, 10))
	}
	if s.Scale != 0 {
		add("scale", strconv.FormatFloat(s.Scale, 'g', 3, 64))
	}
	add("variant", s.Variant)
	if s.Users != 0 {
		add("users", strconv.FormatUint(s.Users, 10))
	}
	if s.Duration != 0 {
		add("length", s.Duration.String())
	}
	if s.Traffic != nil {
		add("traffic", "×"+strconv.FormatFloat(*s.Traffic, 'g', 3, 64))
	}
	if s.Instances != 0 {
		add("instances", strconv.Itoa(s.Instances))
	}
	add("killed", strings.Join(s.Down, ", "))
	add("draining", strings.Join(s.Draining, ", "))
	for _, name := range slices.Sorted(maps.Keys(s.Patterns)) {
		t := s.Patterns[name]
		var words []string
		if t.State != nil {
			words = append(words, t.State.String())
		}
		for _, k := range slices.Sorted(maps.Keys(t.Knobs)) {
			words = append(words, fmt.Sprintf("%s %v", Words(k), t.Knobs[k]))
		}
		add(name, strings.Join(words, ", "))
	}
	var faults []string
	for _, f := range s.Faults {
		faults = append(faults, f.String())
	}
	add("broken", strings.Join(faults, "; "))
	return v
}
