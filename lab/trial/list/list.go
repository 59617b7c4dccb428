// Package list is the list of trials. Adding one is adding its room and a line
// here.
package list

import (
	"slices"

	"workbench/lab/trial"
	"workbench/lab/trial/asyncio"
	"workbench/lab/trial/caching"
	"workbench/lab/trial/database"
	"workbench/lab/trial/httpcache"
	"workbench/lab/trial/limits"
	"workbench/lab/trial/observing"
	"workbench/lab/trial/postgres"
	"workbench/lab/trial/queue"
	"workbench/lab/trial/replica"
	"workbench/lab/trial/resilience"
)

// Trials returns all trials in the order of the guide's chapters.
func Trials() []trial.Trial {
	all := []trial.Trial{
		asyncio.HoldAndWait(),
		asyncio.Spin(),
		asyncio.LockAcross(),
		asyncio.Spawn(),
		asyncio.Connections(),
		asyncio.OwnPool(),
		limits.Shared(),
		limits.EveryWindow(),
		limits.Edge(),
		caching.Jitter(),
		caching.Warm(),
		caching.Early(),
		caching.Negative(),
		caching.Levels(),
		caching.KeySet(),
		database.Index(),
		database.Paging(),
		database.RoundTrips(),
		database.Transactions(),
		database.Pools(),
		database.Shards(),
		resilience.Layers(),
		resilience.Hang(),
		resilience.Dead(),
		resilience.Old(),
		httpcache.Validators(),
		httpcache.Storm(),
		httpcache.Variants(),
		httpcache.While(),
		httpcache.Collapse(),
		observing.Percentiles(),
		observing.SaturationLeads(),
		observing.NPlusOne(),
		observing.LoggingCost(),
		observing.Cardinality(),
		observing.BurnRate(),
		queue.Crash(),
		queue.Poison(),
		queue.Backlog(),
		queue.Prefetch(),
		queue.HotPartition(),
		queue.DualWrite(),
		queue.Transactions(),
		queue.SlowSubscriber(),
	}
	all = append(all, postgres.All()...)
	all = append(all, replica.All()...)
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
