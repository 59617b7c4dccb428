package scenario

import (
	"fmt"
	"slices"
	"strconv"
)

func (c *checker) claims() {
	for i, k := range c.spec.Claims {
		path := fmt.Sprintf("claims[%d]", i)
		c.that(k.Text != "" && len(k.Text) <= maxText, path+".text", strconv.Quote(k.Text), "the claim in words")
		c.measured(path, k.Metric, Window{k.Last, k.From, k.To})
		c.bounded(path, k.Min, k.Max)
	}
}

// measured checks a metric and its window.
func (c *checker) measured(path, name string, w Window) {
	m, _, ok := metric(name)
	if !ok {
		c.fault(path+".metric", strconv.Quote(shorten(name)), unknown(name, metricNames()))
		return
	}
	if m.Whole && w != (Window{}) {
		c.fault(path, "a window", "none: "+m.Name+" looks at the whole run")
	}
	if m.Name == "recovered_after_s" && c.spec.calmAfter() < 0 {
		c.fault(path+".metric", m.Name, "a phase named spike or a fault in the scenario to recover from")
	}
	c.ofAlert(path+".metric", m.Name)
	run := c.spec.Traffic.Duration()
	if w.Last != 0 && (w.From != 0 || w.To != 0) {
		c.fault(path+".last", "a window given twice", "last alone, or from and to")
	}
	c.that(w.Last >= 0 && w.Last <= run, path+".last", w.Last, "at most the run, which lasts "+run.String())
	c.that(w.From >= 0 && w.From < max(run, 1), path+".from", w.From, "an instant of the run, which lasts "+run.String())
	c.that(w.To == 0 || w.To > w.From && w.To <= run, path+".to", w.To, "an instant after from, within the run of "+run.String())
}

// bounded checks that a value is held to something that can fail.
func (c *checker) bounded(path string, lo, hi *float64) {
	switch {
	case lo == nil && hi == nil:
		c.fault(path, "no bound", "min, max or both")
	case lo != nil && hi != nil && *lo > *hi:
		c.fault(path+".min", fmt.Sprint(*lo), fmt.Sprintf("at most max (%g)", *hi))
	}
}

// units are those of the prediction card.
var units = [...]string{"share", "ms", "s", "req/s", "requests", "pages"}

func (c *checker) predict() {
	p := c.spec.Predict
	if p.Question == "" && p.Metric == "" && len(p.Options) == 0 {
		return
	}
	c.that(p.Question != "" && len(p.Question) <= maxText, "predict.question", strconv.Quote(p.Question), "a question")
	c.measured("predict", p.Metric, Window{p.Last, p.From, p.To})
	if m, _, ok := metric(p.Metric); ok && p.Unit != m.Unit {
		c.fault("predict.unit", strconv.Quote(p.Unit), m.Unit+", which is "+m.Name+"'s")
	} else if ok && !slices.Contains(units[:], p.Unit) {
		c.fault("predict.metric", p.Metric, "a metric in one of the card's units: "+fmt.Sprint(units))
	}
	c.that(len(p.Options) >= 2 && len(p.Options) <= 6, "predict.options", len(p.Options), "2 to 6 options")
	for i, o := range p.Options {
		path := fmt.Sprintf("predict.options[%d]", i)
		c.that(o.Text != "" && len(o.Text) <= maxText, path+".text", strconv.Quote(o.Text), "the option in words")
		c.bounded(path, o.Min, o.Max)
	}
}

func (c *checker) ablation() {
	a := c.spec.Ablation
	if a.Metric == "" && len(a.With) == 0 && len(a.Without) == 0 {
		return
	}
	c.measured("ablation", a.Metric, Window{a.Last, a.From, a.To})
	c.bounded("ablation", a.Min, a.Max)
	c.that(!slices.Equal(a.With, a.Without), "ablation.with", "the flags of without", "flags that win where without loses")
}
