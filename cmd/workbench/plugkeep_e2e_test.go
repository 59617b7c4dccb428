//go:build e2e

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/web/e2e/chrome"
)

// pass writes a right answer on its exercise's page and waits until it is accepted.
func (s *started) pass(t *testing.T, p *chrome.Tab, slug, file string) {
	t.Helper()
	p.Do(chromedp.Navigate(s.url + "/exercises/" + slug))
	editing(p)
	p.Until(`document.querySelector('[data-plug]').hidden`)
	write(t, p, file)
	p.Click(`[data-check]`)
	const outcome = `document.querySelector('[data-outcome]').textContent`
	p.Within(2*time.Minute, outcome+` !== '' && `+outcome+` !== 'Being checked'`)
	if said := chrome.JS[string](p, outcome); !strings.HasPrefix(said, "Accepted") {
		t.Fatalf("the check of %s says %q: %s %s", file, said,
			chrome.JS[string](p, `document.querySelector('[data-doing]').textContent`), chrome.JS[string](p, `document.querySelector('[data-verdict]').innerText`))
	}
}

// plugIn plugs an answer in and compares it.
func (s *started) plugIn(t *testing.T, p *chrome.Tab) {
	t.Helper()
	p.Click(`[data-do$="/plug"].accent`)
	p.Within(time.Minute, `document.querySelector('[data-plugged]')`)
	p.Click(`[data-do$="/compare"]`)
	p.Within(time.Minute, `document.querySelectorAll('[data-beside] tbody tr').length > 5`)
	t.Log(chrome.JS[string](p, `[...document.querySelectorAll('[data-beside] tbody tr')].map((r) => [...r.children].map((c) => c.textContent).join(' ')).join('; ') + ' ' + document.querySelector('[data-beside] > p:last-child').textContent`))
}

// shots takes a page at both widths and in both schemes, with an element in view.
func shots(t *testing.T, p *chrome.Tab, name, element string) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 390} {
			p.Size(width, 900, scheme)
			chrome.JS[chromedp.Void](p, fmt.Sprintf(`document.querySelector(%q).scrollIntoView({ block: 'start' })`, element))
			p.Until(`!document.getAnimations().some((a) => a instanceof CSSTransition && a.playState === 'running')`)
			deskShot(t, p, fmt.Sprintf("%s-%d-%s", name, width, scheme))
		}
	}
	p.Size(1440, 900, "light")
}

// TestOnesOwnCacheCarriesTheSpike passes cache-aside, plugs the answer in, compares
// it, and sees it serve the lab's spike; and after a restart it is there again.
func TestOnesOwnCacheCarriesTheSpike(t *testing.T) {
	dir := t.TempDir()
	t.Run("plugged in", func(t *testing.T) {
		p := chrome.Open(t).First()
		s := launchOn(t, dir)
		p.Size(1440, 900, "light")
		s.pass(t, p, "cache-aside", "04-cache-aside/right/b/cache_aside.go")
		s.plugIn(t, p)
		shots(t, p, "cache-compared", "[data-plug]")
		p.Clean(s.host())
		p.Do(chromedp.Navigate(s.url + "/lab"))
		p.Until(moving)
		toggle(p, "cache", "yours")
		s.hits(t, 0)
		p.Click(`[data-spike]`)
		s.until("the event plays", time.Minute, func() bool { state := s.state(); return state.Traffic.Rate > state.Traffic.Capacity })
		s.hits(t, 200)
		p.Until(`document.querySelector('[data-pattern="cache"] [data-yours]').textContent.startsWith('yours: ')`)
		p.Until(`document.querySelector('[data-chip="cache"] [data-chip-state]').textContent === 'yours'`)
		shots(t, p, "cache-lab", `[data-pattern="cache"]`)
		p.Clean(s.host())
	})
	t.Run("after a restart", func(t *testing.T) {
		s := launchOn(t, dir)
		s.until("it is plugged in again", 2*time.Minute, func() bool { return patternOf(t, s.state(), "cache").Yours == "cache-aside" })
		n, err := callOn(t.Context(), s.host(), "")
		if err != nil {
			t.Fatal(err)
		}
		if err := n.ask(t.Context(), http.MethodPut, "/api/lab/patterns/cache", map[string]any{"state": "yours"}, nil); err != nil {
			t.Fatal(err)
		}
		s.hits(t, 0)
	})
}

// hits waits until a learner's cache answers, and has given so many decisions more.
func (s *started) hits(t *testing.T, more uint64) {
	t.Helper()
	var p live.PatternState
	read := func() map[string]uint64 { p = patternOf(t, s.state(), "cache"); return p.Counters }
	before := read()[lab.EventDecisions]
	s.until("yours answers", time.Minute, func() bool {
		n := read()
		return p.State == lab.Yours && p.Yours == "cache-aside" && n[lab.EventDecisions] > before+more && n[lab.EventAgreed] > 0 && n["hit"] > 0
	})
}

// TestOnesOwnQueueCarriesTheSpike does the same for the room of a queue, with an
// answer that serves the newest when it cannot keep up.
func TestOnesOwnQueueCarriesTheSpike(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1440, 900, "light")
	s.pass(t, p, "lifo-codel", "17-lifo-codel/right/b/lifo_codel.go")
	s.plugIn(t, p)
	shots(t, p, "queue-compared", "[data-plug]")
	p.Do(chromedp.Navigate(s.url + "/lab"))
	p.Until(moving)
	toggle(p, "queue", "yours")
	p.Click(`[data-spike]`)
	s.until("the event plays", time.Minute, func() bool { state := s.state(); return state.Traffic.Rate > state.Traffic.Capacity })
	s.serves(t, "queue", "lifo-codel")
	shots(t, p, "queue-lab", `[data-pattern="queue"]`)
	p.Clean(s.host())
}
