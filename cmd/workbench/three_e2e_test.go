//go:build e2e

package main

import (
	"os"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// TestThreeEnginesOnOneChart works the first scenario out in virtual time and on
// paper, and lets the live service follow with the queue that saves it.
func TestThreeEnginesOnOneChart(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1440, 900, "light")
	p.Do(chromedp.Navigate(s.url + "/lab"))
	p.Until(moving)
	toggle(p, "queue", "on")
	// A calibration takes 5,000 calm answers, half a minute of them where the
	// machine has nothing else to do.
	switched := s.state().Elapsed
	s.until("half a minute of calm", 2*time.Minute, func() bool { return s.state().Elapsed > switched+35*time.Second })

	const rows = `[...document.querySelectorAll('[data-three-rows] tr')]`
	chrome.JS[chromedp.Void](p, `(() => { const s = document.querySelector('[data-three-users]'); s.value = 12; s.dispatchEvent(new Event('input')); document.querySelector('[data-three-play]').click(); })()`)
	p.Until(`document.querySelector('[data-three-count]').textContent === '1 M'`)
	p.Until(`document.querySelector('[data-three-say]').textContent.startsWith('Worked out')`)
	for _, way := range []string{"virtual", "many", "theory"} {
		if got := chrome.JS[float64](p, rows+`.filter((r) => r.querySelector('.way.`+way+`') && r.cells.length === 7 && parseInt(r.cells[2].textContent) > 90).length`); got != 1 {
			t.Errorf("%v rows have figures of %s with over 90 %% answered in time, want 1: %s", got, way, chrome.JS[string](p, rows+`.map((r) => r.textContent).join('; ')`))
		}
	}
	if got := chrome.JS[float64](p, `document.querySelectorAll('[data-three-chart] path').length`); got != 3 {
		t.Errorf("the chart has %v lines before the event, want 3", got)
	}
	p.Click(`[data-spike]`)
	p.Until(`(document.querySelector('[data-three-chart] .live')?.getAttribute('d') ?? '').split('L').length > 15`)
	p.Until(rows + `[0].textContent.includes('Under way')`)
	shot(t, p, "three-under-way")
	p.Until(rows + `[0].cells.length === 7`) // the event lasts ninety seconds
	said := chrome.JS[[]string](p, rows+`.map((r) => r.cells[6].textContent)`)
	t.Logf("live beside the others: %q, %s", said, chrome.JS[string](p, `document.querySelector('[data-three-note]').textContent`))
	for i, line := range said[1:] {
		if line == "" {
			t.Errorf("row %d says nothing about how far it is from live", i+2)
		}
	}
	shot(t, p, "three-over")
	p.Clean(s.host())
}

// shot keeps a picture of the page where WORKBENCH_SHOTS names a folder.
func shot(t *testing.T, p *chrome.Tab, name string) {
	t.Helper()
	dir := os.Getenv("WORKBENCH_SHOTS")
	if dir == "" {
		return
	}
	p.Do(chromedp.ScrollIntoView(`[data-three]`))
	if err := os.WriteFile(dir+"/"+name+".png", p.Shot(), 0o644); err != nil {
		t.Error(err)
	}
}
