package interview

import (
	"workbench/exercises/interview/phrase"
)

// evidence finds the sentences with figures and says which run bears each out,
// or which scenario would.
func (r *reading) evidence(cited []Citation) []Claim {
	var out []Claim
	for i := range r.lines {
		l := &r.lines[i]
		if len(l.quantities) == 0 || l.again || l.echo {
			continue
		}
		claim := Claim{Span: Span{i, l.Start, l.End}}
		for k := range cited {
			if r.backs(cited[k], l) {
				claim.Backed = &cited[k]
				break
			}
		}
		if claim.Backed == nil && !measured(l) {
			continue // a count, which no run needs to show
		}
		if claim.Backed == nil {
			claim.Scenario = r.scenarioFor(l)
		}
		out = append(out, claim)
	}
	return out
}

// measured reports whether a sentence has a figure that a run could show.
func measured(l *line) bool {
	for _, x := range l.quantities {
		switch x.Kind {
		case phrase.Time, phrase.Rate, phrase.Share, phrase.Factor:
			return true
		}
	}
	return false
}

// scenarioFor names the scenario that shows what a sentence speaks of: of what is
// heard in it the one that the question wants most, for words are heard as other
// things too.
func (r *reading) scenarioFor(l *line) string {
	name, most := r.c.questions[r.q].Links.Scenario, -1.0
	for _, h := range l.hits {
		if h.concept < 0 {
			continue
		}
		shown, weight := r.c.shown[r.c.concepts[h.concept].ID], r.weight(h.concept)
		if shown != "" && weight > most {
			name, most = shown, weight
		}
	}
	return name
}

// weight is how much the question wants a concept; 0: it does not.
func (r *reading) weight(concept int) float64 {
	for _, n := range r.c.asked[r.q].needs {
		if n.concept == concept {
			return n.weight
		}
	}
	return 0
}

// show is a scenario, and the concepts that can be seen in it.
type show struct {
	scenario string
	concepts []string
}

// shows lists the scenarios in which a concept can be seen. A concept stands once;
// one that no scenario shows is not here, and its question's scenario stands in.
func shows() []show {
	return []show{
		{"metastable", []string{"retry-amplification", "metastable", "reduce-load", "backoff-jitter", "jitter-limits"}},
		{"retry-budget-threshold", []string{"retry-budget", "drain-rate"}},
		{"fail-fast-that-is-not", []string{"wait-bound", "concurrency-limit"}},
		{"traffic-ramp", []string{"utilisation-curve", "bounded-queue", "headroom", "queue-is-latency", "shed-early"}},
		{"priority", []string{"priority"}},
		{"noisy-neighbour", []string{"per-key-limit", "fairness"}},
		{"local-limit", []string{"distributed-limit"}},
		{"hot-key", []string{"hot-key", "hot-post", "hot-shard"}},
		{"stampede", []string{"stampede", "singleflight", "ttl-jitter", "early-refresh"}},
		{"sick-database-convoy", []string{"convoy", "stale-serving"}},
		{"cache-down", []string{"cache-down", "hit-ratio"}},
		{"edge-outage", []string{"cdn"}},
		{"slow-dependency", []string{"bulkhead", "timeout-all", "timeout-math", "breaker", "provider-breaker"}},
		{"slow-by-chance", []string{"hedge", "hedge-independent"}},
		{"costly-refusals", []string{"throttle-self", "throttle-ratio", "throttle-degrees", "throttle-probe"}},
		{"optional-work", []string{"leave-optional", "dimmer", "reduced-said", "dimmer-limits"}},
		{"nothing-to-show", []string{"fallback-order", "not-as-fresh", "no-lie", "fallback-watched", "degrade"}},
		{"accepted-work", []string{"accept-later", "drain-math", "hides-deficit", "bounded-backlog"}},
		{"autoscale-ramp", []string{"autoscale-lag"}},
		{"login-hashing", []string{"slow-hash", "hash-bulkhead"}},
		{"login-attempts", []string{"login-limits", "lockout-dos"}},
		{"login-stolen-token", []string{"refresh-rotation"}},
		{"login-signed", []string{"jwt-session", "token-check-local"}},
		{"feed-fanout", []string{"fanout-write", "fanout-read", "hybrid", "fanout-cost"}},
		{"feed-paging", []string{"keyset", "offset-cost", "feed-cursor"}},
		{"charged-twice", []string{"idempotency-key", "idempotent-submit", "reserve-first"}},
		{"lost-event", []string{"outbox"}},
		{"hot-symbol", []string{"hot-symbol", "by-symbol", "single-writer"}},
		{"cancels-first", []string{"cancel-first"}},
		{"notify-lanes", []string{"lanes"}},
		{"notify-twice", []string{"notify-dedupe"}},
		{"provider-out", []string{"provider-failover", "notify-dlq"}},
		{"wake-for-nothing", []string{"burn-rate", "symptom-alert"}},
	}
}

// shownBy turns shows round: the scenario by its concepts.
func shownBy() map[string]string {
	out := map[string]string{}
	for _, s := range shows() {
		for _, c := range s.concepts {
			out[c] = s.scenario
		}
	}
	return out
}
