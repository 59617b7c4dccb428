package interview

import (
	"math"
	"slices"
	"strings"

	"workbench/exercises/interview/phrase"
)

// figured is what a metric of a run measures: its kind, what one of its unit is in
// that of phrase.Quantity, and the words by which a sentence names it.
type figured struct {
	kind  phrase.Kind
	scale float64
	names []string // stems
	never []string // stems that, beside a number, make it something else
}

// latencies are the words for how long answers took, and those that make a time
// something that was set rather than measured.
var (
	latencies = []string{"latenc", "respons", "took", "take", "answer", "slow", "slower", "fast", "faster", "wait", "serv", "median", "percentil", "quantil", "tail"}
	settings  = []string{"timeout", "deadlin", "ttl", "lifetim", "backoff", "interv", "window", "apart", "pause", "budget", "limit", "everi"}
)

// figured says what the citation's metric measures. A claim of a run, or of a
// trial, is in words of its own and has no kind.
func (c Citation) figured() (figured, bool) {
	switch {
	case strings.HasSuffix(c.Metric, "_ms"):
		return figured{phrase.Time, 1e-3, latencies, settings}, true
	case c.Metric == "goodput_share":
		return figured{phrase.Share, 1, []string{"goodput", "use", "time", "succeed", "success", "serv", "answer", "good", "promis"}, []string{"disk", "cpu", "memori", "timeout", "hit", "budget"}}, true
	case strings.HasSuffix(c.Metric, "_rate"):
		return figured{phrase.Rate, 1, []string{"offer", "arriv", "came", "come", "user", "load", "traffic", "request", "visitor"}, []string{"retri", "limit", "disk", "timeout"}}, true
	case c.Metric == "tries_per_user":
		return figured{phrase.Factor, 1, []string{"tri", "attempt", "amplif", "multipli", "retri", "sent", "load"}, nil}, true
	case c.Metric == "offered", c.Metric == "sent":
		return figured{phrase.Count, 1, []string{"user", "request", "call", "arriv", "offer", "sent", "visitor"}, []string{"row", "key", "server", "instanc"}}, true
	}
	return figured{}, false
}

// backs reports whether a citation stands in a sentence: its run by number, or its
// metric by name with a figure of the same kind that is within a twentieth.
func (r *reading) backs(c Citation, l *line) bool {
	for i, w := range l.Words {
		if i > 0 && c.Run > 0 && l.Words[i-1].Text == "run" {
			if x, ok := phrase.Digits(w.Text); ok && x == float64(c.Run) {
				return true
			}
		}
	}
	if c.Value == 0 {
		return false
	}
	f, known := c.figured()
	for _, q := range l.quantities {
		switch {
		case !q.Known:
		case known && f.same(q, l) && near(q.Value, c.Value*f.scale) && f.named(c.Metric, q, l):
			return true
		case !known && (near(q.Value, c.Value) || near(q.Said, c.Value)) && r.alike(c.Metric, l) >= 2:
			return true
		}
	}
	return false
}

func near(a, b float64) bool { return math.Abs(a-b) <= 0.05*math.Abs(b) && b != 0 }

// same reports whether a quantity is of the kind. How many tries there are for a
// user is a factor, and said as "1.2 tries"; a share may be said as "0.85".
func (f figured) same(q phrase.Quantity, l *line) bool {
	if q.Kind == f.kind {
		return true
	}
	next := ""
	if q.Last+1 < len(l.Words) {
		next = l.Words[q.Last+1].Stem
	}
	switch f.kind {
	case phrase.Factor:
		return q.Kind == phrase.Count && slices.Contains([]string{"tri", "attempt", "request", "call"}, next) || q.Kind == phrase.Generic
	case phrase.Share:
		return q.Kind == phrase.Generic && q.Value > 0 && q.Value < 1
	}
	return false
}

// reachOf is how many words from a number its metric is named.
const reachOf = 9

// named reports whether the sentence names the metric beside the number, and no
// other quantile nor anything else that the number would then be of.
func (f figured) named(metric string, q phrase.Quantity, l *line) bool {
	quantile, _, latency := strings.Cut(metric, "_ms")
	found := false
	for i := max(0, q.First-reachOf); i < min(len(l.Words), q.Last+reachOf+1); i++ {
		w := l.Words[i]
		away := max(q.First-i, i-q.Last)
		if away > 0 && away <= 4 && slices.Contains(f.never, w.Stem) {
			return false
		}
		if latency && strings.HasPrefix(w.Text, "p") && phrase.Quantile(w.Text) || latency && w.Text == "median" {
			if w.Text != quantile && (w.Text != "median" || quantile != "p50") {
				return false
			}
			found = true
		}
		found = found || (i < q.First || i > q.Last) && slices.Contains(f.names, w.Stem)
	}
	return found
}

// alike counts the content words that a sentence shares with a claim's text.
func (r *reading) alike(text string, l *line) int {
	stems, n := r.c.contentStems(text), 0
	seen := map[string]bool{}
	for _, w := range l.Words {
		if stems[w.Stem] && !seen[w.Stem] && !r.c.function[w.Text] {
			seen[w.Stem] = true
			n++
		}
	}
	return n
}
