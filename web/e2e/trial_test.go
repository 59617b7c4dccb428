//go:build e2e

package e2e_test

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/docs/guide"
	"workbench/lab/catalog"
	"workbench/lab/trial/list"
	"workbench/lab/trial/runner"
	"workbench/web"
	"workbench/web/e2e/chrome"
	"workbench/web/webtest"
)

// benchTrials returns all trials, to be run for real.
func benchTrials(t *testing.T) *web.Trials {
	t.Helper()
	env := runner.Bare()
	env.Dir, env.Keep = t.TempDir(), t.TempDir()
	r, err := runner.New(runner.Config{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // always nil
	return &web.Trials{All: list.Trials(), Runner: r, Env: env}
}

// bench serves the guide and all trials.
func bench(t *testing.T) *webtest.Site {
	t.Helper()
	book, err := guide.Open()
	if err != nil {
		t.Fatal(err)
	}
	trials := benchTrials(t)
	return webtest.Serve(t, func(c *web.Config) {
		c.Guide = &web.Guide{Book: book, Patterns: catalog.Patterns()}
		c.Trials = trials
	})
}

// shot keeps a picture of the page where pictures are wanted.
func shot(t *testing.T, p *chrome.Tab, name string) {
	t.Helper()
	if dir := os.Getenv("WORKBENCH_SHOTS"); dir != "" {
		if err := os.WriteFile(dir+"/"+name+".png", p.Shot(), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// audit looks for what keeps people from using the page as it is now.
func audit(t *testing.T, p *chrome.Tab) {
	t.Helper()
	for _, f := range findings(t, p) {
		t.Error(f)
	}
}

// TestTrialRunsFromItsPage makes a guess, runs both sides, sees the progress and
// then the result, in either scheme and at phone width.
func TestTrialRunsFromItsPage(t *testing.T) {
	s := bench(t)
	p := chrome.Open(t).First()
	p.Size(1280, 900, "light")
	p.Do(chromedp.Navigate(s.URL + "/trials"))
	audit(t, p)
	p.Click(`[data-trial="composite-index"] a`)
	p.Until(`document.querySelector('[data-trial-form]')`)
	audit(t, p)
	chrome.JS[chromedp.Void](p, `(() => {
		document.querySelector('[name=guess]').value = '100 times';
		document.querySelector('[name=knob-rows]').value = '200000';
		document.querySelector('[data-trial-form] .accent').click();
	})()`)
	p.Until(`document.querySelector('[data-trial-run][data-running] [data-doing]')?.textContent !== ''`)
	shot(t, p, "trial-running")
	p.Until(`document.querySelectorAll('[data-side]').length === 2 && !document.querySelector('[data-running]')`)
	got := chrome.JS[string](p, `document.querySelector('[data-trial-run]').textContent`)
	for _, want := range []string{"100 times", "INDEXED BY by_author_time", "sorts in the query plan: 0"} {
		if !strings.Contains(got, want) {
			t.Errorf("the result lacks %q: %.400s", want, got)
		}
	}
	for _, look := range []struct {
		name   string
		width  int64
		height int64
		scheme string
	}{{"trial-light", 1280, 1400, "light"}, {"trial-dark", 1280, 1400, "dark"}, {"trial-phone", 390, 1800, "light"}} {
		p.Size(look.width, look.height, look.scheme)
		audit(t, p)
		shot(t, p, look.name)
		if over := chrome.JS[float64](p, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s: the page is %v px wider than the window", look.name, over)
		}
	}
	p.Clean(s.Host)
}

// TestGuideProgramRunsInPlace runs a program of the guide from its chapter and
// finds its fresh figures beside the kept ones.
func TestGuideProgramRunsInPlace(t *testing.T) {
	s := bench(t)
	p := chrome.Open(t).First()
	p.Size(1280, 900, "light")
	p.Do(chromedp.Navigate(s.URL + "/guide/caching"))
	const box = `document.querySelector('[data-program="/api/guide/caching/convoy"]').closest('section')`
	p.Until(box)
	chrome.JS[chromedp.Void](p, `(() => {
		const b = `+box+`;
		b.querySelector('[data-guess]').value = 'one';
		b.querySelector('[data-run]').click();
	})()`)
	p.Until(box + `.querySelector('[data-say]').textContent.includes('Your guess was “one”')`)
	cells := chrome.JS[[]string](p, `[...`+box+`.querySelectorAll('[data-rows] tr')].flatMap((r) => [r.cells[1].textContent, r.querySelector('[data-now]').textContent, r.querySelector('[data-drift]').textContent])`)
	if len(cells) != 9 {
		t.Fatalf("%d cells, want three for each of three figures: %q", len(cells), cells)
	}
	for i := 0; i < len(cells); i += 3 {
		if cells[i] != cells[i+1] || cells[i+2] != "none" {
			t.Errorf("kept %q, just now %q, drift %q; want the same", cells[i], cells[i+1], cells[i+2])
		}
	}
	audit(t, p)
	p.Do(chromedp.ScrollIntoView(`[data-program="/api/guide/caching/convoy"]`))
	shot(t, p, "program")
	p.Clean(s.Host)
}
