//go:build e2e

package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// team reads the panel of the instances: how many, and the settings by name.
const team = `document.querySelector('[data-count]').textContent + ' ' + [...document.querySelectorAll('[data-part] [data-knob]')].map((k) => {
	const i = k.querySelector('input, select'); return k.dataset.knob + '=' + (i.type === 'checkbox' ? i.checked : i.value); }).join(' ')`

// TestALinkCarriesTheTeam scales out by clicking, breaks something, turns the
// dial, copies the link, and opens it in another workbench.
func TestALinkCarriesTheTeam(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1440, 900, "light")
	p.Do(chromedp.Navigate(s.url + "/lab"))
	p.Until(moving)
	chrome.JS[chromedp.Void](p, `(() => { Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (t) => { globalThis.copied = t; } } }); })()`)
	for n := 3; n <= 4; n++ {
		p.Do(chromedp.Click(`[data-more]`))
		s.until("there is one more", time.Minute, func() bool { return len(s.state().Instances) == n })
		p.Until(fmt.Sprintf(`document.querySelector('[data-count]').textContent === '%d'`, n))
	}
	apply := func(part, js string) {
		chrome.JS[chromedp.Void](p, fmt.Sprintf(`(() => { const d = document.querySelector('[data-part=%q]'); d.open = true;
			const set = (knob, v) => { const i = d.querySelector('[data-knob="' + knob + '"] :is(input, select)'); if (i.type === 'checkbox') i.checked = v; else i.value = v; i.dispatchEvent(new Event('input', { bubbles: true })); };
			%s; d.querySelector('[type=submit]').click(); })()`, part, js))
	}
	apply("balancer", `set('picker', 'two-choices'); set('health.on', true); set('health.interval', '700ms'); set('ejection.on', true); set('slow_start.on', true); set('sticky.on', true)`)
	s.until("the balancer is set", time.Minute, func() bool {
		return s.state().Balancer.Note == "two choices, sticky, health checks, ejection, slow start"
	})
	apply("autoscaler", `set('metric', 'in-flight'); set('target', '9'); set('max', '6')`)
	s.until("the autoscaler is set", time.Minute, func() bool { return strings.Contains(s.state().Link, "autoscaler.max") })
	toggle(p, "queue", "on")
	chrome.JS[chromedp.Void](p, `document.querySelector('[data-fault-name="gate-slow"]').click()`)
	chrome.JS[chromedp.Void](p, `(() => { const d = document.querySelector('[data-dial]'); d.value = '-30'; d.dispatchEvent(new Event('input')); d.dispatchEvent(new Event('change')); })()`)
	s.until("the rest is set", time.Minute, func() bool {
		l := s.state().Link
		return strings.Contains(l, "fault=gate-slow") && strings.Contains(l, "traffic=0.5") && strings.Contains(l, "on=queue")
	})
	p.Until(`document.querySelector('[data-pattern="queue"]').dataset.state === 'on' && document.querySelector('[data-fault-name="gate-slow"]').getAttribute('aria-pressed') === 'true' && document.querySelector('[data-factor]').textContent === '×0.5'`)
	s.until("the page has heard of it", time.Minute, func() bool {
		chrome.JS[chromedp.Void](p, `document.querySelector('[data-share-link]').click()`)
		return strings.Contains(chrome.JS[string](p, `globalThis.copied ?? ''`), "fault=gate-slow")
	})
	p.Until(`document.querySelector('[data-toast]').textContent.startsWith('Link copied.')`)
	want, link := chrome.JS[string](p, team), chrome.JS[string](p, `globalThis.copied`)
	t.Logf("the link is %s", link)
	u, err := url.Parse(link)
	if err != nil || !strings.HasPrefix(link, s.url+"/lab?") {
		t.Fatalf("the link is %q, want one of this lab (%v)", link, err)
	}

	p.Clean(s.host())

	fresh := launch(t)
	p = chrome.Open(t).First()
	p.Size(1440, 900, "light")
	p.Do(chromedp.Navigate(fresh.url + "/lab?" + u.RawQuery))
	p.Until(`document.querySelector('[data-ask]')?.open`)
	said := chrome.JS[string](p, `document.querySelector('[data-ask]').textContent`)
	for _, word := range []string{"two-choices", "instances4", "gate-slow", "×0.5", "queueon", "max 6"} {
		if !strings.Contains(said, word) {
			t.Errorf("the question does not say %q: %s", word, said)
		}
	}
	keepShot(t, p, "share-ask")
	p.Size(390, 844, "light")
	keepShot(t, p, "share-ask-phone")
	p.Size(1440, 900, "light")
	if got := fresh.state(); len(got.Instances) != 2 {
		t.Errorf("before it was confirmed there are %d instances, want the scenario's 2", len(got.Instances))
	}
	p.Do(chromedp.Click(`[data-ask-yes]`))
	p.Until(`location.search === '' && document.querySelector('[data-count]').textContent === '4'`)
	p.Until(moving)
	chrome.Reads(p, team, want)
	if got, was := fresh.state(), s.state(); got.Link != was.Link || got.Balancer.Note != was.Balancer.Note || len(got.Instances) != 4 || got.Traffic.Factor != was.Traffic.Factor {
		t.Errorf("the fresh lab has the link %s with %d instances under %s, want %s, 4 and %s", got.Link, len(got.Instances), got.Balancer.Note, was.Link, was.Balancer.Note)
	}
	p.Until(`document.querySelector('[data-fault-name="gate-slow"]').getAttribute('aria-pressed') === 'true' && document.querySelector('[data-factor]').textContent === '×0.5'`)
	keepShot(t, p, "share-opened")

	before := fresh.state() // whose balancer goes on judging its instances
	p.Do(chromedp.Navigate(fresh.url + "/lab?scenario=metastable&set=balancer.picker%3Dbest&instances=12"))
	p.Until(`document.querySelector('[data-ask]')?.open && document.querySelector('[data-ask-yes]') === null`)
	said = chrome.JS[string](p, `document.querySelector('[data-ask]').textContent`)
	for _, word := range []string{"cannot be opened", "instances", "1 to 8"} {
		if !strings.Contains(said, word) {
			t.Errorf("the answer does not say %q: %s", word, said)
		}
	}
	keepShot(t, p, "share-bad")
	p.Size(390, 844, "dark")
	keepShot(t, p, "share-bad-phone")
	if got := fresh.state(); got.Run != before.Run || got.Link != before.Link {
		t.Errorf("a bad link moved the lab from run %d, %s to run %d, %s", before.Run, before.Link, got.Run, got.Link)
	}
	p.Clean(fresh.host())
}

// keepShot keeps a picture of what the window shows where WORKBENCH_SHOTS names
// a folder.
func keepShot(t *testing.T, p *chrome.Tab, name string) {
	t.Helper()
	if dir := os.Getenv("WORKBENCH_SHOTS"); dir != "" {
		if err := os.WriteFile(dir+"/"+name+".png", p.Shot(), 0o644); err != nil {
			t.Error(err)
		}
	}
}
