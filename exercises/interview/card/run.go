package card

import (
	"fmt"
	"math"
	"time"

	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/sim/stat"
)

// around is how many seconds before and after a marker are compared.
const around = 5

// OfRun makes cards and follow-up questions of a run: a prediction that was
// wrong, a claim that did not hold, a marker after which p99 or goodput changed
// much, and a run that did not recover. Each says what was measured and asks
// why. A run that says nothing surprising makes none.
func OfRun(s live.RunSummary, r scenario.Report) []Card {
	var out []Card
	add := func(name, prompt, answer string) {
		out = append(out, Card{ID: fmt.Sprintf("run/%d/%s", s.ID, name), Kind: Run, Prompt: prompt, Answer: answer, Scenario: s.Scenario, Run: s.ID})
	}
	if s.Prediction == "wrong" {
		add("prediction", fmt.Sprintf("In run %d of “%s” your prediction was wrong. What did you expect, what happened, and why?", s.ID, s.Title),
			fmt.Sprintf("%s of users were answered in time, with a p99 of %s.", stat.Percent(s.GoodputShare, 0), milliseconds(s.P99MS)))
	}
	for i, v := range r.Claims {
		if !v.OK && v.NotJudged == "" {
			add(fmt.Sprintf("claim-%d", i+1), fmt.Sprintf("In run %d this did not hold: “%s”. Why?", s.ID, v.Text), measured(v))
		}
	}
	for i, c := range r.Changes {
		before, after := window(r.Series, c.At, -around), window(r.Series, c.At, around)
		if before.n == 0 || after.n == 0 {
			continue
		}
		prompt, answer := moved(i+1, c.Text, before, after)
		if prompt != "" {
			add(fmt.Sprintf("marker-%d", i+1), prompt, answer)
		}
	}
	if prompt, answer := lasting(r.Series); prompt != "" {
		add("recovery", prompt, answer)
	}
	return out
}

func measured(v scenario.Verdict) string {
	if v.Want == "" {
		return fmt.Sprintf("Measured: %.3g.", v.Value)
	}
	return fmt.Sprintf("Measured: %.3g; wanted: %s.", v.Value, v.Want)
}

func milliseconds(ms float64) string {
	if ms >= 1000 {
		return fmt.Sprintf("%.1f s", ms/1000)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

// level is what a stretch of a run looked like.
type level struct {
	n         int
	p99, good float64 // milliseconds; share of what was offered
}

// window returns the level of some seconds after an instant, or before it where
// the seconds are negative. Seconds without traffic are left out.
func window(series []scenario.Point, at time.Duration, seconds float64) level {
	from, to := at.Seconds(), at.Seconds()+seconds
	if seconds < 0 {
		from, to = to, from
	}
	var l level
	for _, p := range series {
		if p.T <= from || p.T > to || !(p.Offered > 0) || math.IsNaN(p.P99MS) || math.IsInf(p.P99MS, 0) {
			continue
		}
		l.n++
		l.p99 += p.P99MS
		l.good += min(p.Good/p.Offered, 1)
	}
	if l.n > 0 {
		l.p99 /= float64(l.n)
		l.good /= float64(l.n)
	}
	return l
}

// moved asks about a marker after which something changed by at least a factor
// of two, or by a quarter of all users.
func moved(number int, text string, before, after level) (string, string) {
	answer := fmt.Sprintf("Before: p99 %s, %s answered in time. After: p99 %s, %s.", milliseconds(before.p99), stat.Percent(before.good, 0), milliseconds(after.p99), stat.Percent(after.good, 0))
	times := 0.0
	if before.p99 > 0 {
		times = after.p99 / before.p99
	}
	switch {
	case after.good <= before.good-0.25:
		return fmt.Sprintf("At marker %d (%s) the share answered in time fell from %.0f to %.0f %%. Say why.", number, text, 100*before.good, 100*after.good), answer
	case times >= 2:
		return fmt.Sprintf("Your p99 %s at marker %d (%s). Say why.", grew(times), number, text), answer
	case after.good >= before.good+0.25:
		return fmt.Sprintf("At marker %d (%s) the share answered in time rose from %.0f to %.0f %%. What made the difference?", number, text, 100*before.good, 100*after.good), answer
	case times > 0 && times <= 0.5:
		return fmt.Sprintf("Your p99 fell to %.0f %% of what it was at marker %d (%s). What made the difference?", 100*times, number, text), answer
	}
	return "", ""
}

func grew(times float64) string {
	switch math.Round(times) {
	case 2:
		return "doubled"
	case 3:
		return "tripled"
	}
	return fmt.Sprintf("grew to %.0f times what it was", times)
}

// lasting asks about a run in which traffic went back to what it was at first
// and the answers did not.
func lasting(series []scenario.Point) (string, string) {
	const stretch = 2 * around
	if len(series) < 3*stretch {
		return "", ""
	}
	ends := time.Duration(series[len(series)-1].T * float64(time.Second))
	first, last := window(series, 0, stretch), window(series, ends, -stretch)
	a, b := offered(series[:stretch]), offered(series[len(series)-stretch:])
	if first.n == 0 || last.n == 0 || first.good < 0.9 || last.good > 0.5 || b > 1.1*a {
		return "", ""
	}
	return fmt.Sprintf("Traffic at the end was what it had been at the beginning, and only %s were answered in time. What kept the service down?", stat.Percent(last.good, 0)),
		"Look at tries against users: what comes back, and what waits, is load as well. Only less work than capacity ends it."
}

func offered(points []scenario.Point) float64 {
	sum := 0.0
	for _, p := range points {
		sum += p.Offered
	}
	return sum / float64(max(len(points), 1))
}
