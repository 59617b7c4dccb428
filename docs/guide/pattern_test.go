package guide_test

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"workbench/docs/guide"
	"workbench/lab/system/kind"
)

// words are those under which the guide has a pattern, by the pattern's name; one
// of several, parted by a bar. A new pattern needs some, and then its places in the
// texts.
func words() map[string]string {
	return map[string]string{
		"edge": "edge cache", "ratelimit": "rate limit|quota for each|limit for each caller", "jobs": "job queue|with a 202|202 and", "fallback": "fallback",
		"shed": "shedding|sheds", "cache": "cache",
		"stale": "stale", "singleflight": "single-flight|one load", "timeout": "timeout|deadline", "queue": "bounded queue", "concurrency": "concurrency limit",
		"retry": "retry", "throttle": "adaptive throttl", "breaker": "breaker", "bulkhead": "bulkhead", "hedge": "hedge",
		"attempts": "limit of attempts", "rotation": "rotation", "signed": "signed token", "fanout": "fan-out on write", "paging": "keyset", "brownout": "brownout",
		"dedupe": "deduplication", "failover": "second provider", "digest": "digest", "idempotency": "idempotency key|idempotent", "outbox": "outbox", "sequencer": "sequencer", "broker": "broker",
		"client-backoff": "backoff", "client-budget": "budget",
	}
}

// The next pattern cannot be forgotten: each is in the glossary, on the crib, on
// the map, and found in a chapter by the search.
func TestEachPatternIsInTheGuide(t *testing.T) {
	const (
		own   = "a choice of one system: its track has it"
		which = "where a queue is kept is a table of chapter 6"
		track = "a choice of one system, which the chapters do not speak of: its track does"
	)
	elsewhere := map[string]map[string]string{ // by page and pattern, the reason why it is not there
		"crib":   {"attempts": own, "rotation": own, "signed": own, "fanout": own, "dedupe": own, "digest": own, "failover": own, "sequencer": own, "broker": which},
		"map":    {"attempts": own, "rotation": own, "signed": own, "fanout": own, "dedupe": own, "digest": own, "failover": own, "sequencer": own, "broker": which},
		"search": {"rotation": track, "signed": track, "fanout": track, "dedupe": track, "digest": track},
	}
	text := func(name string) string {
		src, err := fs.ReadFile(guide.Files(), name+".md")
		if err != nil {
			t.Fatal(err)
		}
		return strings.ToLower(string(src))
	}
	terms := regexp.MustCompile(`(?m)^\*\*(.+?)\*\*.*?:`).FindAllString(text("glossary"), -1)
	pages := map[string]string{"crib": text("crib"), "map": text("map")}
	index := open(t).Index()
	for _, p := range kind.AllPatterns() {
		if words()[p.Name] == "" {
			t.Errorf("%s: the guide has no word for it", p.Name)
			continue
		}
		any := strings.Split(words()[p.Name], "|")
		within := func(text string) bool {
			return slices.ContainsFunc(any, func(word string) bool { return strings.Contains(text, word) })
		}
		if !slices.ContainsFunc(terms, within) {
			t.Errorf("%s: the glossary explains none of %q", p.Name, any)
		}
		found := map[string]bool{"search": slices.ContainsFunc(any, func(word string) bool { return inChapter(index.Search(word, 1000)) })}
		for page, text := range pages {
			found[page] = within(text)
		}
		for place, there := range found {
			if why := elsewhere[place][p.Name]; there == (why != "") {
				t.Errorf("%s: the %s has one of %q: %v; and the reason why it is elsewhere: %q", p.Name, place, any, there, why)
			}
		}
	}
}

// inChapter reports whether a search has found a place in a chapter.
func inChapter(hits []guide.Hit) bool {
	return slices.ContainsFunc(hits, func(h guide.Hit) bool {
		return !slices.ContainsFunc([]string{"glossary", "crib", "map", "original"}, func(page string) bool { return strings.HasPrefix(h.Link, guide.Path+page) })
	})
}
