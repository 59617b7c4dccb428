//go:build e2e

package e2e_test

import (
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/docs/guide"
	"workbench/lab/catalog"
	"workbench/web"
	"workbench/web/e2e/chrome"
	"workbench/web/webtest"
)

// TestGuideExperimentRunsInPlace makes a guess, runs an experiment in the page
// and finds the figures that the chapter's text prints.
func TestGuideExperimentRunsInPlace(t *testing.T) {
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := webtest.Serve(t, func(c *web.Config) { c.Guide = &web.Guide{Book: book, Patterns: catalog.Patterns()} })
	p := chrome.Open(t).First()
	p.Size(1280, 900, "light")
	p.Do(chromedp.Navigate(s.URL + "/guide/backpressure"))
	const box = `document.querySelector('[data-experiment*="fail-fast"]')`
	p.Until(box + `.querySelector('[data-run-tools]').offsetHeight > 0`)
	kept := chrome.JS[[]string](p, `[...`+box+`.querySelectorAll('[data-rows] td.num')].map((c) => c.textContent)`)
	chrome.JS[chromedp.Void](p, `(() => {
		const b = `+box+`;
		for (const c of b.querySelectorAll('[data-rows] td.num')) c.textContent = '';
		b.querySelector('[data-guess]').value = '25 ms';
		b.querySelector('[data-run]').click();
	})()`)
	p.Until(box + `.querySelector('[data-say]').textContent.includes('Your guess was “25 ms”')`)
	got := chrome.JS[[]string](p, `[...`+box+`.querySelectorAll('[data-rows] td.num')].map((c) => c.textContent)`)
	if len(got) != 8 {
		t.Fatalf("%d figures, want 8", len(got))
	}
	for i := range got {
		if got[i] != kept[i] {
			t.Errorf("figure %d is %q in the browser and %q in the text", i+1, got[i], kept[i])
		}
	}
	if n := chrome.JS[float64](p, box+`.querySelectorAll('[data-chart] path').length`); n != 4 {
		t.Errorf("the chart has %v lines, want 4", n)
	}
	if dir := os.Getenv("WORKBENCH_SHOTS"); dir != "" {
		p.Do(chromedp.ScrollIntoView(`[data-experiment*="fail-fast"]`))
		if err := os.WriteFile(dir+"/experiment.png", p.Shot(), 0o644); err != nil {
			t.Error(err)
		}
	}
	p.Click(`[data-experiment*="fail-fast"] [data-rows] tr:nth-child(2) a`)
	p.Until(`document.querySelector('[data-ask]')?.open`)
	p.Clean(s.Host)
}

// TestMeasuredNumbersReadAsText finds a measured number that is set in another size
// than the sentence around it, as the large figure of the lab's headline is.
func TestMeasuredNumbersReadAsText(t *testing.T) {
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := webtest.Serve(t, func(c *web.Config) { c.Guide = &web.Guide{Book: book, Patterns: catalog.Patterns()} })
	p := chrome.Open(t).First()
	for _, page := range []string{"crib", "original", "resilience"} {
		p.Do(chromedp.Navigate(s.URL + "/guide/" + page))
		p.Until(`document.querySelectorAll('data.figure').length > 3`)
		odd := chrome.JS[[]string](p, `[...document.querySelectorAll('data.figure')].filter((d) => getComputedStyle(d).font !== getComputedStyle(d.parentElement).font).map((d) => d.id)`)
		if len(odd) > 0 {
			t.Errorf("%s: %d numbers are set in another type than their sentence, such as %s", page, len(odd), odd[0])
		}
		p.Clean(s.Host)
	}
}
