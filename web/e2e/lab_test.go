//go:build e2e

package e2e_test

import (
	"os"
	"strings"
	"testing"

	"workbench/sim/clock"
	"workbench/web/e2e/chrome"
	"workbench/web/webtest"

	"github.com/chromedp/chromedp"
)

// serve starts the site with the stand-in moving in real time.
func serve(t *testing.T) *webtest.Site {
	t.Helper()
	s := webtest.Serve(t, nil)
	go s.Lab.Drive(t.Context(), clock.NewWall())
	return s
}

const live = `document.querySelector('[data-live]')?.dataset.status === 'live' && document.querySelector('[data-figure]').textContent !== ''`

func TestFirstPageLivesByItself(t *testing.T) {
	s, p := serve(t), chrome.Open(t).First()
	p.Size(1440, 900, "light")
	p.Do(chromedp.Navigate(s.URL + "/"))
	p.Until(live)
	p.Until(`document.querySelectorAll('[data-plot] canvas').length === 4`)
	p.Clean(s.Host)
}

// The page owes an answer within a quarter of a second; it is measured in the
// page, from the click to the pressed button. A busy machine gets some tries.
func TestToggleShowsWithinAQuarterSecond(t *testing.T) {
	s, p := serve(t), chrome.Open(t).First()
	p.Do(chromedp.Navigate(s.URL + "/lab"))
	p.Until(live)
	took := 1e9
	for _, state := range []string{"on", "shadow", "on", "shadow", "on"} {
		took = min(took, chrome.JS[float64](p, `new Promise((done) => {
			const b = document.querySelector('[data-pattern="queue"] [data-set="`+state+`"]');
			const start = performance.now();
			new MutationObserver(() => b.getAttribute('aria-pressed') === 'true' && done(performance.now() - start)).observe(b, { attributes: true });
			b.click();
		})`))
		if got := s.Lab.Pattern("queue").State.String(); got != state {
			t.Errorf("the queue is %s in the lab, want %s", got, state)
		}
	}
	t.Logf("a toggle showed after %.0f ms", took)
	if took > 250 {
		t.Errorf("a toggle showed after %.0f ms at best, want at most 250", took)
	}
	p.Until(`document.querySelector('.flow-wide [data-chip="queue"]').classList.contains('on')`)
	p.Clean(s.Host)
}

func TestSpikeKillsAndOneSwitchHeals(t *testing.T) {
	s, p := serve(t), chrome.Open(t).First()
	p.Do(chromedp.Navigate(s.URL + "/"))
	p.Until(live)
	p.Click(`[data-choice="0"]`)
	p.Until(`document.querySelector('[data-predict]').disabled`)
	p.Do(chromedp.KeyEvent("s"))
	p.Until(`document.querySelector('[data-headline]').dataset.level === 'bad'`)
	for range 300 { // half a minute passes in the stand-in
		s.Lab.Step()
	}
	p.Until(`/^Down for .*back to normal, yet it does not recover/.test(document.querySelector('[data-verdict]').textContent)`)
	p.Until(`document.querySelector('[data-markers]').textContent.includes('event')`)
	p.Do(chromedp.KeyEvent(chrome.JS[string](p, `document.querySelector('[data-pattern="queue"] kbd').textContent`)))
	p.Until(`document.querySelector('[data-pattern="queue"]').dataset.state === 'on'`)
	for range 150 {
		s.Lab.Step()
	}
	p.Until(`document.querySelector('[data-verdict]').textContent.startsWith('Everybody')`)
	for range 200 {
		s.Lab.Step()
	}
	p.Until(`document.querySelector('[data-answer]').textContent.startsWith('Measured')`)
	p.Clean(s.Host)
}

func TestWrongKnobSaysWhatIsRight(t *testing.T) {
	s, p := serve(t), chrome.Open(t).First()
	p.Do(chromedp.Navigate(s.URL + "/lab"))
	p.Until(live)
	chrome.JS[chromedp.Void](p, `(() => {
		const form = document.querySelector('[data-pattern="queue"] [data-knobs]');
		form.closest('details').open = true;
		const input = form.querySelector('[data-knob="length"] input');
		input.value = '-3'; input.dispatchEvent(new Event('input', { bubbles: true }));
		form.requestSubmit();
	})()`)
	p.Until(`document.querySelector('[data-pattern="queue"] [data-knob="length"] [data-fault]').textContent.includes('1 to 100000')`)
	p.Until(`document.activeElement.id === 'knob-queue-length'`)
	chrome.JS[chromedp.Void](p, `(() => {
		const form = document.querySelector('[data-pattern="queue"] [data-knobs]');
		const input = form.querySelector('[data-knob="length"] input');
		input.value = '44'; input.dispatchEvent(new Event('input', { bubbles: true }));
		form.requestSubmit();
	})()`)
	p.Until(`document.querySelector('[data-pattern="queue"] [data-knobs]').dataset.dirty === undefined`)
	for _, k := range s.Lab.Pattern("queue").Knobs {
		if k.Name == "length" && k.Value != "44" {
			t.Errorf("queue.length = %s in the lab, want 44", k.Value)
		}
	}
	p.Clean(s.Host)
}

func TestSharedLinkChangesNothingUntilConfirmed(t *testing.T) {
	s, p := serve(t), chrome.Open(t).First()
	p.Do(chromedp.Navigate(s.URL + "/lab?scenario=metastable&seed=9&on=queue&set=queue.length%3D33"))
	p.Until(`document.querySelector('[data-ask]').open`)
	if got := s.Lab.State(); got.Version != 1 {
		t.Errorf("opening a link moved the lab to version %d", got.Version)
	}
	p.Click("[data-ask-yes]")
	p.Until(`document.querySelector('[data-pattern="queue"]').dataset.state === 'on' && location.search === ''`)
	if got := s.Lab.State(); got.Seed != 9 {
		t.Errorf("seed %d, want 9", got.Seed)
	}
	p.Clean(s.Host)
}

func TestTenTabsShareOneStream(t *testing.T) {
	s, b := serve(t), chrome.Open(t)
	tabs := []*chrome.Tab{b.Tab()}
	for range 9 {
		tabs = append(tabs, b.Tab())
	}
	for _, p := range tabs {
		p.Still()
		p.Do(chromedp.Navigate(s.URL + "/lab"))
		p.Until(`document.querySelector('[data-live]').dataset.status === 'live'`)
	}
	if got := s.Server.Streams().Readers; got != 1 {
		t.Errorf("ten tabs hold %d streams, want 1", got)
	}
	last := tabs[9]
	chrome.JS[chromedp.Void](last, `document.querySelector('[data-pattern="breaker"] [data-set="on"]').click()`)
	for _, p := range tabs {
		p.Until(`document.querySelector('[data-pattern="breaker"]').dataset.state === 'on'`)
	}
	tabs[0].Close() // the first tab has the stream
	chrome.JS[chromedp.Void](last, `document.querySelector('[data-pattern="cache"] [data-set="on"]').click()`)
	for _, p := range tabs[1:] {
		p.Until(`document.querySelector('[data-pattern="cache"]').dataset.state === 'on'`)
	}
	if got := s.Server.Streams().Readers; got != 1 {
		t.Errorf("after the first tab closed there are %d streams, want 1", got)
	}
	last.Clean(s.Host)
}

// findings returns what an audit of the page as it is now says against it.
func findings(t *testing.T, p *chrome.Tab) []string {
	t.Helper()
	axe, err := os.ReadFile("../assets/node_modules/axe-core/axe.min.js")
	if err != nil {
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "browser") {
			t.Fatalf("axe-core is required: %v", err)
		}
		t.Skipf("NO AXE: run web/assets/build.sh first: %v", err)
	}
	return p.Audit(string(axe))
}

func TestPagesHaveNoAccessibilityFindings(t *testing.T) {
	s := whole(t)
	p := chrome.Open(t).First()
	p.Do(chromedp.Navigate(s.URL + "/exercises/token-bucket"))
	p.Until(`document.querySelectorAll('[data-beside] tbody tr').length > 5`)
	chrome.JS[chromedp.Void](p, `document.querySelector('[data-read] button').click()`) // which opens the page
	p.Until(`document.querySelector('[data-worked]')`)
	for _, view := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"light", 1440, 900, "light"}, {"dark", 1440, 900, "dark"}, {"phone", 390, 844, "light"}, {"dark phone", 390, 844, "dark"}} {
		p.Size(view.width, view.height, view.scheme)
		for _, path := range []string{"/", "/patterns", "/patterns/queue", "/runs", "/proof", "/classics", "/replay", "/api", "/gallery", "/about", "/guide", "/guide/backpressure", "/guide/glossary", "/guide/map", "/guide/original", "/guide/databases", "/trials", "/trials/composite-index", "/tracks", "/tracks/feed", "/exercises", "/exercises/token-bucket", "/exercises/token-bucket/read", "/rehearse", "/rehearse/retries-worse", "/rehearse/crib", "/progress"} {
			p.Do(chromedp.Navigate(s.URL + path))
			if path == "/" {
				p.Until(live)
				chrome.JS[chromedp.Void](p, `document.querySelectorAll('[data-pattern="queue"] details, .as-table').forEach((d) => { d.open = true })`)
			}
			if got := chrome.JS[float64](p, `document.documentElement.scrollWidth - innerWidth`); got > 0 {
				t.Errorf("%s, %s: the page is %v px wider than the window", path, view.name, got)
			}
			for _, f := range findings(t, p) {
				t.Errorf("%s, %s: %s", path, view.name, f)
			}
		}
	}
}
