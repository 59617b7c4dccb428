package notify

import (
	"time"

	"workbench/lab"
	"workbench/lab/pattern/breaker"
)

// Failover has the second provider take what the first one cannot.
type Failover struct {
	Share float64       `knob:"failure_share" min:"0.01" max:"1" help:"share of the first provider's calls, failed or slow, from which on it is left alone"`
	Slow  time.Duration `knob:"slow" min:"0s" max:"1m" help:"answers slower than this count as failures; 0s: only errors do"`
	Rest  time.Duration `knob:"rest" min:"100ms" max:"10m" help:"how long the first provider is left alone before it is tried again"`
}

func failover() lab.Pattern {
	return lab.DefineChoice(lab.Pattern{
		Name: "failover", Title: "Notify: second provider", System: "notify", Line: "turns to a second provider while the first is out",
		Events: []string{"to_first", "to_second", "turned", "turned_back"},
	}, placeFailover, func() Failover { return Failover{Share: 0.5, Slow: time.Second, Rest: 5 * time.Second} })
}

// What a watch needs besides the knobs: few calls are no share, and one that
// works again may have been luck.
const (
	watchCalls  = 10
	watchWindow = 2 * time.Second
	watchProbes = 3
)

// watch follows how the first provider does: a breaker whose refusals are calls
// of the second. All instances of the service share what it has seen. It is not
// safe for concurrent use.
type watch struct {
	knobs   *Failover // that core was made from
	core    *breaker.Breaker
	counter map[string]counter
}

// choose says which provider a request goes to.
func (w *watch) choose(now time.Duration, e *errand, k *Failover) {
	if w.core == nil || *w.knobs != *k {
		b := breaker.Defaults()
		b.FailureShare, b.Slow, b.OpenFor = k.Share, k.Slow, k.Rest
		b.MinCalls, b.Window, b.Probes = watchCalls, watchWindow, watchProbes
		core, err := breaker.New(b)
		if err != nil {
			return // the knobs' own bounds are narrower
		}
		w.knobs, w.core = k, core
		core.OnChange = func(s breaker.State) {
			switch s {
			case breaker.Open:
				w.counter["turned"].Add(1)
			case breaker.Closed:
				w.counter["turned_back"].Add(1)
			}
		}
	}
	d := w.core.Allow(now)
	if e.second = d.Reason != ""; e.second {
		w.counter["to_second"].Add(1)
		return
	}
	e.watched, e.pass = true, d.Pass
	w.counter["to_first"].Add(1)
}

// judge takes what came of a request's calls of the first provider.
func (w *watch) judge(now time.Duration, r *lab.Request, e *errand, res lab.Response) {
	if e.watched && w.core != nil {
		e.watched = false
		w.core.Done(now, e.pass, breaker.Judge(r, e.at, res))
	}
}
