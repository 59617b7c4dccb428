package interview

import (
	"iter"
	"maps"
	"slices"

	"workbench/exercises/interview/phrase"
)

// sorted walks a set in a fixed order, so that sums do not depend on chance.
func sorted(set map[string]bool) iter.Seq[string] {
	return slices.Values(slices.Sorted(maps.Keys(set)))
}

func clamp(x, low, high float64) float64 { return min(max(x, low), high) }

// findWrong looks for known mistakes and for dismissals of what is wanted.
func (r *reading) findWrong(i int) {
	l := &r.lines[i]
	if l.echo || l.again || l.Question || l.quoted {
		return
	}
	for _, h := range l.hits {
		if h.concept >= 0 || h.m.Assumed || h.m.Partly || l.Supposed(h.m.At) || r.distanced(l, h.m) || l.alive < 0.5 {
			continue
		}
		m := r.c.mistakes[-1-h.concept]
		r.fault(wrongHit{id: m.id, says: m.says, line: i, m: h.m})
	}
	r.findDismissals(i)
}

// fault notes a mistake once for each sentence.
func (r *reading) fault(w wrongHit) {
	for _, old := range r.wrongs {
		if old.line == w.line {
			return
		}
		if old.id == w.id { // the same mistake again costs no more, and earns nothing
			r.lines[w.line].wrong = true
			return
		}
	}
	r.wrongs = append(r.wrongs, w)
	r.lines[w.line].wrong = true
}

// distanced reports whether the speaker names the mistake as one, or turns
// against it with a "but".
func (r *reading) distanced(l *line, m phrase.Match) bool {
	for _, d := range l.cues[distance] {
		if !d.Denied && !slices.ContainsFunc(d.At, func(i int) bool { return slices.Contains(m.At, i) }) {
			return true
		}
	}
	last := m.At[len(m.At)-1]
	for j := last + 1; j < len(l.Words); j++ {
		switch l.Words[j].Text {
		case "but", "however", "unless", "except", "though":
			return true
		}
	}
	return false
}

// findDismissals finds a wanted concept that is called needless.
func (r *reading) findDismissals(i int) {
	l := &r.lines[i]
	if len(l.cues[dismissal]) == 0 || hedged(l) {
		return
	}
	for _, h := range l.hits {
		if h.concept < 0 || h.m.Assumed || !r.wanted(h.concept) && !r.protects(h.concept) {
			continue
		}
		for _, d := range l.cues[dismissal] {
			at := d.At[0]
			for _, k := range h.m.At {
				if slices.Contains(h.m.At, at) || l.Parted(k, at) || l.Parted(h.m.At[0], h.m.At[len(h.m.At)-1]) && len(h.m.At) > 1 && h.m.At[len(h.m.At)-1] < at || max(k-at, at-k) > 8 {
					continue
				}
				says := "You call needless what protects it: " + r.c.concepts[h.concept].Says
				r.fault(wrongHit{id: r.c.concepts[h.concept].ID, says: says, line: i, m: h.m, kind: dismissal})
				return
			}
		}
	}
}

// hedged reports whether a sentence sets a condition for what it says.
func hedged(l *line) bool {
	for i, w := range l.Words {
		if w.Text == "if" && i < l.cues[dismissal][0].At[0] || w.Text == "where" {
			return true
		}
		switch w.Text {
		case "until", "unless", "yet", "first", "initially", "small", "beginning", "after", "low", "few", "early", "or":
			return true
		}
	}
	return false
}

// protects reports whether a concept is a protection that nobody who knows it
// calls needless, whatever the question.
func (r *reading) protects(concept int) bool {
	switch r.c.concepts[concept].ID {
	case "timeout-all", "deadline", "breaker", "bulkhead", "retry-budget", "per-key-limit", "concurrency-limit", "bounded-queue", "idempotency-key", "dedupe",
		"singleflight", "stale-serving", "ttl-jitter", "backoff-jitter", "shed-early", "headroom", "dead-letter", "outbox", "keyset", "invalidate", "kill-switch":
		return true
	}
	return false
}

func (r *reading) wanted(concept int) bool {
	return slices.ContainsFunc(r.c.asked[r.q].needs, func(n need) bool { return n.concept == concept })
}

// failsOpen reports whether "never fail" is followed by how: never fail open.
func failsOpen(l *line, m phrase.Match) bool {
	last := m.At[len(m.At)-1]
	for i := last; i < len(l.Words) && i <= last+2; i++ {
		if l.Words[i].Text == "open" || l.Words[i].Text == "closed" {
			return true
		}
	}
	return false
}

// overclaims finds promises without limits. One alone is a manner of speaking.
func (r *reading) overclaims() {
	var found []wrongHit
	for i := range r.lines {
		l := &r.lines[i]
		if l.wrong || l.echo || l.again || l.Question || len(l.cues[distance]) > 0 || l.alive < 0.5 {
			continue
		}
		for _, m := range l.cues[overclaim] {
			if !m.Partly && !l.Supposed(m.At) && !failsOpen(l, m) {
				found = append(found, wrongHit{id: "overclaim", says: "This promises what no system keeps; say within which limits it holds and what it costs.", line: i, m: m, kind: overclaim})
				break
			}
		}
	}
	if len(found) < 2 {
		return
	}
	r.wrongs = append(r.wrongs, found...)
}
