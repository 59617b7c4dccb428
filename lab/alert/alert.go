// Package alert decides when somebody is to be woken. It has the two ways side
// by side: a threshold on the share of errors, and the burn rate of an error
// budget over two windows.
//
// Idea: an objective of 99 % allows one request in a hundred to fail. Failing at
// that very pace spends the budget by the end of the period: burn rate 1. A page
// is due when a long window shows that a real part of the budget is gone, and a
// short one that it is still going on. Source: Google, The Site Reliability
// Workbook, chapter 5, "Alerting on SLOs", alert 6: multiwindow, multi-burn-rate.
//
// Everything is pure: instants are arguments.
package alert

import (
	"errors"
	"fmt"
	"time"
)

// Rule is one pair of windows.
type Rule struct {
	Name  string
	Long  time.Duration
	Short time.Duration
	Burn  float64 // the rate that pages, in both windows
}

// Config is what both alerts are made from.
type Config struct {
	Objective float64       // share of requests that must be good, such as 0.99
	Rules     []Rule        // of the burn-rate alert
	Share     float64       // of bad requests that pages by the threshold
	Over      time.Duration // over how long the threshold looks
	Least     uint64        // requests in a window below which it says nothing
}

// Workbook returns the published rules for a 30-day objective with all windows
// shortened by so many times, since nobody learns from an alert that takes six
// hours: with 60, an hour is a minute. 14.4 spends 2 % of 30 days in an hour.
func Workbook(faster float64) []Rule {
	short := func(d time.Duration) time.Duration { return time.Duration(float64(d) / faster) }
	return []Rule{
		{"fast", short(time.Hour), short(5 * time.Minute), 14.4},
		{"slow", short(6 * time.Hour), short(30 * time.Minute), 6},
	}
}

// Defaults returns an objective of 99 % with the published rules, an hour in a
// minute, and the threshold that most begin with: 5 % over ten seconds.
func Defaults() Config {
	return Config{Objective: .99, Rules: Workbook(60), Share: .05, Over: 10 * time.Second, Least: 20}
}

// Validate reports everything that is wrong with c.
func (c Config) Validate() error {
	var faults []error
	add := func(format string, args ...any) { faults = append(faults, fmt.Errorf("alert: "+format, args...)) }
	if !(c.Objective >= .5 && c.Objective < 1) {
		add("objective is %v (want from 0.5 to below 1)", c.Objective)
	}
	if !(c.Share > 0 && c.Share <= 1) {
		add("share is %v (want above 0, at most 1)", c.Share)
	}
	if c.Over < time.Second || c.Over > time.Hour {
		add("over is %v (want 1s to 1h)", c.Over)
	}
	if len(c.Rules) == 0 || len(c.Rules) > 8 {
		add("there are %d rules (want 1 to 8)", len(c.Rules))
	}
	for _, r := range c.Rules {
		if r.Short < time.Second || r.Long < r.Short || r.Long > 24*time.Hour || !(r.Burn > 0) {
			add("rule %q has windows %v and %v and burn rate %v (want 1s ≤ short ≤ long ≤ 24h, and a rate above 0)", r.Name, r.Long, r.Short, r.Burn)
		}
	}
	return errors.Join(faults...)
}

// Kind says which alert paged.
type Kind string

// The alerts.
const (
	Threshold Kind = "threshold"
	BurnRate  Kind = "burn-rate"
)

// Page is one time that somebody was woken.
type Page struct {
	Kind Kind          `json:"kind"`
	Rule string        `json:"rule"`
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"` // 0: it still rings
}

// Lamp is an alert as it stands.
type Lamp struct {
	On    bool    `json:"on"`
	Rule  string  `json:"rule,omitempty"` // which rule lit it
	Value float64 `json:"value"`          // the share of errors, or the burn rate that came nearest to its rule's
	Bound float64 `json:"bound"`          // from where on it is lit
}

// State is both alerts as they stand.
type State struct {
	Threshold Lamp    `json:"threshold"`
	Burn      Lamp    `json:"burn"`
	Spent     float64 `json:"spent"` // share of the errors that the objective allowed over all that was seen; above 1: missed
}

// point is one interval's counts.
type point struct {
	at        time.Duration // its end
	good, bad uint64
}

// Alerts is both alerts over one stream of counts. It is for one goroutine. Use
// New.
type Alerts struct {
	cfg       Config
	points    []point
	keep      time.Duration
	pages     []Page
	good, bad uint64
	state     State
}

// maxPages bounds the log of pages.
const maxPages = 200

// New returns alerts that have seen nothing.
func New(c Config) (*Alerts, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	a := &Alerts{cfg: c, keep: c.Over}
	for _, r := range c.Rules {
		a.keep = max(a.keep, r.Long)
	}
	return a, nil
}

// Add takes the counts of the interval that ends at now, and returns both alerts
// as they then stand.
func (a *Alerts) Add(now time.Duration, good, bad uint64) State {
	a.points = append(a.points, point{now, good, bad})
	a.good += good
	a.bad += bad
	cut := 0
	for cut < len(a.points) && a.points[cut].at <= now-a.keep {
		cut++
	}
	a.points = append(a.points[:0], a.points[cut:]...)
	was := a.state
	a.state = State{Threshold: a.threshold(now), Burn: a.burn(now)}
	if all := a.good + a.bad; all > 0 {
		a.state.Spent = float64(a.bad) / (float64(all) * (1 - a.cfg.Objective))
	}
	a.log(now, Threshold, was.Threshold, a.state.Threshold)
	a.log(now, BurnRate, was.Burn, a.state.Burn)
	return a.state
}

// share returns the share of bad requests over the last window; false when there
// were too few to say.
func (a *Alerts) share(now, window time.Duration) (float64, bool) {
	var good, bad uint64
	for i := len(a.points) - 1; i >= 0 && a.points[i].at > now-window; i-- {
		good += a.points[i].good
		bad += a.points[i].bad
	}
	if good+bad < max(1, a.cfg.Least) {
		return 0, false
	}
	return float64(bad) / float64(good+bad), true
}

func (a *Alerts) threshold(now time.Duration) Lamp {
	share, ok := a.share(now, a.cfg.Over)
	return Lamp{On: ok && share >= a.cfg.Share, Rule: "share", Value: share, Bound: a.cfg.Share}
}

// burn lights when both windows of a rule burn; of several the first counts. A
// rule that is not lit shows the lower of its two rates: what keeps it dark.
func (a *Alerts) burn(now time.Duration) Lamp {
	nearest := Lamp{Bound: a.cfg.Rules[0].Burn, Rule: a.cfg.Rules[0].Name}
	for _, r := range a.cfg.Rules {
		long, okLong := a.share(now, r.Long)
		short, okShort := a.share(now, r.Short)
		rate := min(long, short) / (1 - a.cfg.Objective)
		l := Lamp{On: okLong && okShort && rate >= r.Burn, Rule: r.Name, Value: rate, Bound: r.Burn}
		if l.On {
			return l
		}
		if l.Value/l.Bound > nearest.Value/nearest.Bound {
			nearest = l
		}
	}
	return nearest
}

// log notes that a lamp has gone on or off.
func (a *Alerts) log(now time.Duration, kind Kind, was, is Lamp) {
	switch {
	case is.On && !was.On:
		a.pages = append(a.pages, Page{Kind: kind, Rule: is.Rule, From: now})
		if len(a.pages) > maxPages {
			a.pages = append(a.pages[:0], a.pages[1:]...)
		}
	case was.On && !is.On:
		for i := len(a.pages) - 1; i >= 0; i-- {
			if a.pages[i].Kind == kind {
				a.pages[i].To = now
				break
			}
		}
	}
}

// State returns both alerts as they stand.
func (a *Alerts) State() State { return a.state }

// Pages returns the pages so far, the oldest first.
func (a *Alerts) Pages() []Page { return append([]Page(nil), a.pages...) }

// Span is when something was really wrong.
type Span struct{ From, To time.Duration }

// Score is how an alert fared against what was really wrong.
type Score struct {
	Found  int           // of the spans, those in which it rang
	Missed int           // of the spans, those in which it did not
	False  int           // pages that began outside all spans
	Detect time.Duration // from a span's begin to its page, the mean over those found
}

// Judge scores one alert's pages against what was really wrong. A page counts
// for a span when it begins within it, or rings when it begins; grace is how
// long after its end a page is still about it.
func Judge(pages []Page, kind Kind, wrong []Span, grace time.Duration) Score {
	var s Score
	var total time.Duration
	about := make([]bool, len(pages))
	for _, w := range wrong {
		first := time.Duration(-1)
		for i, p := range pages {
			if p.Kind != kind || p.From > w.To+grace || p.To != 0 && p.To < w.From {
				continue
			}
			about[i] = true
			if first < 0 {
				first = max(p.From, w.From)
			}
		}
		if first < 0 || first > w.To {
			s.Missed++
			continue
		}
		s.Found++
		total += first - w.From
	}
	for i, p := range pages {
		if p.Kind == kind && !about[i] {
			s.False++
		}
	}
	if s.Found > 0 {
		s.Detect = total / time.Duration(s.Found)
	}
	return s
}
