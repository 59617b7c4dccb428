//go:build e2e

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// TestScaleOutInABrowser does what a person does: one instance becomes four
// under load, one is killed, the balancer notices, and it comes back.
func TestScaleOutInABrowser(t *testing.T) {
	s := launch(t)
	p := chrome.Open(t).First()
	p.Do(chromedp.Navigate(s.url+"/lab"), chromedp.Navigate(s.url+"/about")) // a session, and a page that does not follow the lab
	yaml := `name: wide
instances: 1
instance: {slots: 4, service: 20ms, start: 300ms}
gate: {slots: 50, service: 1ms}
traffic: [{for: 60s, rate: 100}]
live_scale: 1`
	chrome.JS[chromedp.Void](p, fmt.Sprintf(`(() => { fetch('/api/lab/scenario', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({yaml: %q})}); })()`, yaml))
	s.until("the scenario runs", time.Minute, func() bool { return s.state().Scenario == "wide" })
	p.Do(chromedp.Navigate(s.url + "/lab"))
	rows := func() string {
		return chrome.JS[string](p, `[...document.querySelectorAll('[data-member]')].map((r) => r.dataset.member + ' ' + r.dataset.state).sort().join(', ')`)
	}
	s.until("the panel shows one", time.Minute, func() bool { return rows() == "a up" })
	for n := 2; n <= 4; n++ {
		p.Click(`[data-more]`)
		s.until("there is one more", time.Minute, func() bool { return len(s.state().Instances) == n })
		s.until("the page says so", time.Minute, func() bool {
			return chrome.JS[string](p, `document.querySelector('[data-count]').textContent`) == fmt.Sprint(n)
		})
	}
	s.until("four serve", time.Minute, func() bool { return rows() == "a up, b up, c up, d up" })
	s.until("four are drawn", time.Minute, func() bool {
		return chrome.JS[int](p, `document.querySelectorAll('.flow-wide .lane').length`) == 4
	})
	chrome.JS[chromedp.Void](p, `(() => { const d = document.querySelector('[data-part="balancer"]'); d.open = true;
		const on = d.querySelector('[data-knob="health.on"] input'); on.checked = true; on.dispatchEvent(new Event('input', {bubbles: true}));
		d.querySelector('[type=submit]').click(); })()`)
	s.until("health checks are on", time.Minute, func() bool { return strings.Contains(s.state().Balancer.Note, "health checks") })
	chrome.JS[chromedp.Void](p, `document.querySelector('[data-member="b"] [data-to="down"]').click()`)
	s.until("b is seen down", time.Minute, func() bool { return strings.Contains(rows(), "b down") })
	s.until("the balancer leaves it out", time.Minute, func() bool {
		for _, m := range s.state().Markers {
			if strings.Contains(m.Text, "instance b fails its health checks") {
				return true
			}
		}
		return false
	})
	chrome.JS[chromedp.Void](p, `document.querySelector('[data-member="b"] [data-to="up"]').click()`)
	s.until("b is back", time.Minute, func() bool { return rows() == "a up, b up, c up, d up" })
}
