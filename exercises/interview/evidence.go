package interview

import (
	"math"
	"strconv"
	"strings"

	"workbench/exercises/interview/phrase"
)

// evidence finds the sentences with figures and says which run bears each out,
// or which scenario would.
func (r *reading) evidence(cited []Citation) []Claim {
	var out []Claim
	for i := range r.lines {
		l := &r.lines[i]
		if !measured(l) || l.again || l.echo {
			continue
		}
		claim := Claim{Span: Span{i, l.Start, l.End}}
		for k := range cited {
			if backs(cited[k], l) {
				claim.Backed = &cited[k]
				break
			}
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

// backs reports whether a citation stands in a sentence: its run by number, or
// its value to within a twentieth.
func backs(c Citation, l *line) bool {
	for i, w := range l.Words {
		if !w.Number() {
			continue
		}
		x, ok := number(w.Text)
		if !ok {
			continue
		}
		if i > 0 && l.Words[i-1].Text == "run" && c.Run > 0 && x == float64(c.Run) {
			return true
		}
		if c.Value != 0 && near(x, c.Value) || near(x*1000, c.Value) && strings.HasSuffix(c.Metric, "_ms") || near(x/100, c.Value) && strings.HasSuffix(c.Metric, "_share") {
			return true
		}
	}
	return false
}

func near(a, b float64) bool { return math.Abs(a-b) <= 0.05*math.Abs(b) && b != 0 }

// number reads a figure such as 1,200 or 2.3s or 10k.
func number(text string) (float64, bool) {
	text = strings.ReplaceAll(text, ",", "")
	factor := 1.0
	head := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	switch text[len(head):] {
	case "k":
		factor = 1e3
	case "m":
		factor = 1e6
	}
	x, err := strconv.ParseFloat(head, 64)
	return x * factor, err == nil
}

// scenarioFor names the scenario that shows what a sentence speaks of.
func (r *reading) scenarioFor(l *line) string {
	for _, h := range l.hits {
		if h.concept >= 0 {
			if name := shownBy(r.c.concepts[h.concept].ID); name != "" {
				return name
			}
		}
	}
	return r.c.questions[r.q].Links.Scenario
}

// shownBy names the scenario in which a concept can be seen, where there is one.
func shownBy(concept string) string {
	switch concept {
	case "retry-amplification", "metastable", "reduce-load", "backoff-jitter", "jitter-limits":
		return "metastable"
	case "retry-budget", "drain-rate":
		return "retry-budget-threshold"
	case "wait-bound", "concurrency-limit":
		return "fail-fast-that-is-not"
	case "utilisation-curve", "bounded-queue", "headroom", "queue-is-latency", "shed-early":
		return "traffic-ramp"
	case "priority", "cancel-first", "lanes":
		return "priority"
	case "per-key-limit", "fairness":
		return "noisy-neighbour"
	case "hot-key", "hot-post", "hot-symbol", "hot-shard":
		return "hot-key"
	case "stampede", "singleflight", "ttl-jitter", "early-refresh":
		return "stampede"
	case "convoy", "stale-serving":
		return "sick-database-convoy"
	case "cache-down", "hit-ratio":
		return "cache-down"
	case "bulkhead", "timeout-all", "timeout-math", "breaker", "provider-breaker":
		return "slow-dependency"
	case "accept-later", "drain-math", "hides-deficit", "bounded-backlog":
		return "accepted-work"
	}
	return ""
}
