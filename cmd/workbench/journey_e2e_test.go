//go:build e2e

package main

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// TestFromTheGuideToTheCrib reads a chapter, runs an experiment in it, carries
// the setting into the lab, plays it there, answers a question with that run as
// evidence, and finds its chart in the crib.
func TestFromTheGuideToTheCrib(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1280, 900, "light")
	p.Do(chromedp.Navigate(s.url + "/guide"))
	p.Click(`.chapters a[href="/guide/backpressure"]`)
	const box = `document.querySelector('[data-experiment*="fail-fast"]')`
	p.Until(box + `?.querySelector('[data-run-tools]').offsetHeight > 0`)
	chrome.JS[chromedp.Void](p, box+`.querySelector('[data-run]').click()`)
	p.Until(box + `.querySelector('[data-say]').textContent.startsWith('Measured just now')`)

	chrome.JS[chromedp.Void](p, box+`.querySelector('[data-rows] tr:nth-child(2) a').click()`)
	p.Until(`document.querySelector('[data-ask]')?.open`)
	p.Click(`[data-ask-yes]`)
	p.Until(`document.querySelector('[data-lab]').dataset.scenario === 'fail-fast-that-is-not' && ` + moving)
	state := s.state()
	for _, k := range patternOf(t, state, "concurrency").Knobs {
		if k.Name == "wait" && k.Value != "0s" {
			t.Errorf("concurrency.wait is %s in the lab, want the experiment's 0s", k.Value)
		}
	}
	p.Click(`[data-spike]`)
	s.until("the run is kept", 2*time.Minute, func() bool {
		_, body := fetch(t.Context(), t, s.url+"/api/runs")
		return len(body) > 10
	})

	p.Do(chromedp.Navigate(s.url + "/rehearse/fifty-ms-gate"))
	p.Until(`document.querySelectorAll('input[name=run]').length === 1`)
	chrome.JS[chromedp.Void](p, `(() => {
		document.querySelector('input[name=run]').checked = true;
		document.querySelector('[data-text]').value = 'A wait of 50 ms is queueing, not failing fast: at twice the capacity nearly everybody who gets in has waited nearly 50 ms. So I would wait for nothing, or a few milliseconds, and refuse with 503 and Retry-After. The price is a few per cent of throughput.';
	})()`)
	p.Click(`[data-form] button.accent:not([data-start])`)
	p.Until(`document.querySelector('[data-answer] .total')`)
	p.Until(`document.querySelector('figure path.good')?.getAttribute('d').length > 50`)
	p.Do(chromedp.Navigate(s.url + "/rehearse/crib"))
	p.Until(`document.querySelector('.crib figure path.good')?.getAttribute('d').length > 50`)
	p.Do(chromedp.Navigate(s.url + "/progress"))
	p.Until(`document.querySelector('tr[data-pattern="concurrency"]').textContent.includes('1 run')`)
	p.Clean(s.host())
}
