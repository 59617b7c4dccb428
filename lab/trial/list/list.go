// Package list is the list of trials. Adding one is adding its room and a line
// here.
package list

import (
	"slices"

	"workbench/lab/trial"
	"workbench/lab/trial/queue"
)

// Trials returns all trials in the order of the guide's chapters.
func Trials() []trial.Trial {
	all := []trial.Trial{
		queue.Crash(), queue.Poison(), queue.Backlog(),
	}
	slices.SortStableFunc(all, func(a, b trial.Trial) int { return a.Chapter - b.Chapter })
	return all
}

// Find returns the trial with this name.
func Find(name string) (trial.Trial, bool) {
	all := Trials()
	i := slices.IndexFunc(all, func(t trial.Trial) bool { return t.Name == name })
	if i < 0 {
		return trial.Trial{}, false
	}
	return all[i], true
}
