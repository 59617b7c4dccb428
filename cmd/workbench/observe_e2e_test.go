//go:build e2e

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// TestFromATraceToAnIncident opens the slowest request, goes to its lines in the
// log, and then rehearses an incident until it is over.
func TestFromATraceToAnIncident(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1280, 900, "light")
	p.Do(chromedp.Navigate(s.url + "/logs"))
	chrome.JS[chromedp.Void](p, `(() => { window.before = true; document.querySelector('[name=mode]').value = 'all'; document.querySelector('form[action="/logs/settings"]').requestSubmit(); })()`)
	p.Until(`!window.before && location.pathname === '/logs' && document.querySelector('[name=mode]').value === 'all'`)
	p.Do(chromedp.Navigate(s.url + "/traces"))
	chrome.JS[chromedp.Void](p, `(() => { window.before = true; document.querySelector('[name=share]').value = '100'; document.querySelector('form[action="/traces/settings"]').requestSubmit(); })()`)
	p.Until(`!window.before && document.querySelector('[name=share]')?.value === '100'`)
	s.until("a trace with its line", time.Minute, func() bool {
		p.Do(chromedp.Navigate(s.url + "/traces?show=latest&op=read-profile"))
		return chrome.JS[bool](p, `document.querySelectorAll('tbody tr').length > 20`)
	})
	chrome.JS[chromedp.Void](p, `document.querySelectorAll('tbody tr')[15].querySelector('a').click()`)
	p.Until(`location.pathname.startsWith('/traces/') && document.querySelector('.falls')`)
	rows := chrome.JS[string](p, `[...document.querySelectorAll('.falls tbody th')].map((x) => x.textContent).join('|')`)
	for _, part := range []string{"user's try", "balancer", "read-profile", "database", "wait for a slot", "SQLite"} {
		if !strings.Contains(rows, part) {
			t.Errorf("the waterfall has %s, want %s in it", rows, part)
		}
	}
	p.Click(`a[href^="/logs?trace="]`)
	p.Until(`!window.before && location.pathname === '/logs' && document.querySelectorAll('[data-lines] tr').length === 1`)

	p.Do(chromedp.Navigate(s.url + "/incident"))
	p.Click(`form[action="/incident/start"] button`)
	p.Until(`document.querySelector('form[action="/incident/answer"]')`)
	if state := s.state(); len(state.Faults) != 0 || state.Scenario != "on-call" {
		t.Errorf("during a rehearsal the lab shows faults %v of scenario %s, want none of on-call", state.Faults, state.Scenario)
	}
	if status, _ := fetch(t.Context(), t, s.url+"/api/incident"); status != http.StatusOK {
		t.Errorf("GET /api/incident = %d, want 200", status)
	}
	p.Click(`form[action="/incident/seen"] button`)
	p.Until(`document.querySelector('.said').textContent.includes('false alarm')`)
	p.Click(`form[action="/incident/end"] button`)
	p.Until(`document.querySelector('.result')?.textContent.includes('Given up') && document.querySelectorAll('article table tbody tr').length === 1`)
	p.Clean(s.host())
}
