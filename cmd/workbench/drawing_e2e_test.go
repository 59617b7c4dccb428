//go:build e2e

package main

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// The drawing says what stands behind the service, how busy it is, and what it
// is replaced by while the page is open.
func TestTheDrawingTellsWhatStandsBehind(t *testing.T) {
	s := launch(t)
	p := chrome.Open(t).First()
	p.Size(1440, 1000, "light")
	load := func(name string) {
		p.Do(chromedp.Navigate(s.url + "/lab?scenario=" + name))
		p.Until(`document.querySelector('[data-ask]')?.open`)
		p.Click("[data-ask-yes]")
		s.until(name+" runs", time.Minute, func() bool { return s.state().Scenario == name })
	}
	in := func(node, part string) string {
		return `document.querySelector('.flow-wide [data-node="` + node + `"] [data-` + part + `]')`
	}
	load("charged-twice")
	p.Until(in("broker", "note") + `?.textContent === 'in memory'`)
	p.Until(`/^[1-9][0-9]* settled/.test(` + in("workers", "figure2") + `.textContent)`)
	p.Until(in("gate", "meter") + `.getAttribute('width') > 0`)
	chrome.JS[int](p, `fetch('/api/lab/patterns/broker', { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"state":"on","knobs":{"kind":"sqlite"}}' }).then((r) => r.status)`)
	p.Until(in("broker", "note") + `.textContent === 'SQLite file'`)

	load("provider-out")
	p.Until(`/^[1-9][0-9]* % busy$/.test(` + in("provider", "figure") + `?.textContent)`)
	chrome.Reads(p, in("second", "figure")+`.textContent`, "0 % busy")
	for _, size := range [][2]int64{{1440, 1000}, {390, 844}} {
		p.Size(size[0], size[1], "dark")
		kind := map[bool]string{true: "tall", false: "wide"}[size[0] < 800]
		p.Until(`document.querySelector('.flow-` + kind + ` [data-node="second"]').getBoundingClientRect().height > 0`)
		if outside := chrome.JS[string](p, `(() => {
			const svg = document.querySelector('.flow-`+kind+` svg').getBoundingClientRect();
			return [...document.querySelectorAll('.flow-`+kind+` svg .node text, .flow-`+kind+` svg rect')].filter((e) => {
				const r = e.getBoundingClientRect();
				return r.right > svg.right + 1 || r.bottom > svg.bottom + 1 || r.left < svg.left - 1 || r.top < svg.top - 1;
			}).map((e) => e.textContent || e.outerHTML).join('; ');
		})()`); outside != "" {
			t.Errorf("outside the %s drawing: %s", kind, outside)
		}
	}
	p.Clean(s.host())
}
