//go:build e2e

package e2e_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/lab/classics"
	"workbench/web/e2e/chrome"
)

// TestClassicRunsInTheBrowser runs a published result in Chromium, with another
// seed than the kept one, and holds what the page shows to the native figure.
func TestClassicRunsInTheBrowser(t *testing.T) {
	needEngine(t)
	s, p := serve(t), chrome.Open(t).First()
	p.Do(chromedp.Navigate(s.URL + "/classics"))
	p.Until(`!document.querySelector('[data-tools]').hidden`)
	chrome.JS[chromedp.Void](p, `(() => { document.querySelector('[data-seed]').value = '7'; document.querySelector('[data-classic="throttle-2"] [data-run]').click(); })()`)
	p.Until(`document.querySelector('[data-say]').textContent.includes('with seed 7')`)
	c, ok := classics.Find("throttle-2")
	if !ok {
		t.Fatal("throttle-2 is not among the classics")
	}
	want, err := c.Try(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	got := chrome.JS[float64](p, `Number(document.querySelector('[data-classic="throttle-2"] [data-value]').textContent)`)
	if off := got - want.Value; off > 1e-4*want.Value || off < -1e-4*want.Value {
		t.Errorf("the page shows %v, the native figure is %v", got, want.Value)
	}
	chrome.JS[chromedp.Void](p, `document.querySelector('[data-all]').click()`)
	p.Until(`document.querySelector('[data-say]').textContent.includes('2 of 50')`)
	chrome.JS[chromedp.Void](p, `document.querySelector('[data-stop]').click()`)
	p.Until(`document.querySelector('[data-say]').textContent.startsWith('Stopped after')`)
	p.Clean(s.Host)
}
