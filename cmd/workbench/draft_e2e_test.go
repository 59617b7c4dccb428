//go:build e2e

package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// retype puts a text into the plain editor of the exercise's first file.
func retype(p *chrome.Tab, text string) {
	chrome.JS[chromedp.Void](p, fmt.Sprintf(`(() => {
		const box = document.querySelector('[data-plain]');
		if (!box.checked) box.click();
		const area = document.querySelector('[data-text]');
		area.value = %q;
		area.dispatchEvent(new Event('input', { bubbles: true }));
	})()`, text))
}

// shown returns what stands in the plain editor.
func shown(p *chrome.Tab) string {
	return chrome.JS[string](p, `document.querySelector('[data-text]').value`)
}

const (
	isSaved   = `document.querySelector('[data-saved]').textContent === 'saved'`
	isClash   = `!document.querySelector('[data-clash]').hidden && document.querySelector('[data-clash-diff] .new') !== null`
	isSettled = `document.querySelector('[data-clash]').hidden`
	wouldWarn = `!window.dispatchEvent(new Event('beforeunload', { cancelable: true }))`
)

// A save that the server refuses is tried again, the page says so, and leaving
// it warns until the text is safe.
func TestDraftIsSavedAfterARefusal(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1440, 900, "light")
	p.Do(chromedp.Navigate(s.url + "/exercises/token-bucket"))
	editing(p)
	chrome.JS[chromedp.Void](p, `(() => {
		const real = window.fetch;
		window.refused = 0;
		window.fetch = (path, o) => {
			if (o?.method !== 'PUT' || window.refused > 0) return real(path, o);
			window.refused++;
			return Promise.resolve(new Response('{"detail":"the disk is full."}', { status: 507 }));
		};
	})()`)
	retype(p, "package tokenbucket // mine")
	p.Until(`document.querySelector('[data-saved]').textContent === 'not saved: the disk is full. Trying again in 1 s.'`)
	if !chrome.JS[bool](p, wouldWarn) {
		t.Error("leaving the page with an unsaved text does not warn")
	}
	p.Until(isSaved)
	if chrome.JS[bool](p, wouldWarn) {
		t.Error("leaving the page warns though all is saved")
	}
	if n := chrome.JS[int](p, `window.refused`); n != 1 {
		t.Errorf("%d saves were refused, want 1", n)
	}
	p.Do(chromedp.Navigate(s.url + "/exercises/token-bucket"))
	if got := shown(p); got != "package tokenbucket // mine" {
		t.Errorf("after a reload the draft is %q", got)
	}
	p.Clean(s.host())
}

// Two tabs write one draft. The second is told, sees the difference, and either
// text can be kept without losing the other.
func TestTwoTabsWriteOneDraft(t *testing.T) {
	b := chrome.Open(t)
	one, two := b.First(), b.Tab()
	s := launch(t)
	for _, p := range []*chrome.Tab{one, two} {
		p.Size(1440, 900, "light")
		p.Do(chromedp.Navigate(s.url + "/exercises/token-bucket"))
		editing(p)
	}
	retype(one, "package tokenbucket\n\n// one\n")
	one.Until(isSaved)
	retype(two, "package tokenbucket\n\n// two\n")
	two.Until(isClash)
	if !chrome.JS[bool](two, wouldWarn) {
		t.Error("leaving the second tab does not warn")
	}
	if got := chrome.JS[string](two, `[...document.querySelectorAll('[data-clash-diff] .gone, [data-clash-diff] .new')].map((l) => l.textContent.trim()).join(' ')`); got != "- // two + // one" {
		t.Errorf("the difference reads %q, want two against one", got)
	}
	for _, look := range []struct {
		width, height int64
		scheme        string
	}{{1440, 900, "light"}, {1440, 900, "dark"}, {390, 844, "light"}, {390, 844, "dark"}} {
		two.Size(look.width, look.height, look.scheme)
		chrome.JS[chromedp.Void](two, `document.querySelector('[data-clash]').scrollIntoView({ block: 'center' })`)
		name := fmt.Sprintf("clash-%d-%s", look.width, look.scheme)
		findings(t, two, name)
		deskShot(t, two, name)
	}
	two.Size(1440, 900, "light")

	retype(two, "package tokenbucket\n\n// two, and more\n")
	two.Until(`[...document.querySelectorAll('[data-clash-diff] .gone')].some((l) => l.textContent.includes('and more'))`)
	two.Click(`[data-mine]`)
	two.Until(isSettled + " && " + isSaved)

	retype(one, "package tokenbucket\n\n// one again\n")
	one.Until(isClash)
	one.Click(`[data-theirs]`)
	one.Until(isSettled)
	if got := shown(one); got != "package tokenbucket\n\n// two, and more\n" {
		t.Errorf("after taking the other the first tab shows %q", got)
	}
	if chrome.JS[bool](one, wouldWarn) {
		t.Error("leaving the first tab warns though it holds what is saved")
	}
	one.Click(`[data-undo] button`)
	one.Until(isSaved)
	if got := shown(one); got != "package tokenbucket\n\n// one again\n" {
		t.Errorf("after taking it back the first tab shows %q", got)
	}
	one.Do(chromedp.Navigate(s.url + "/exercises/token-bucket"))
	if got := shown(one); got != "package tokenbucket\n\n// one again\n" {
		t.Errorf("after a reload the draft is %q", got)
	}
}
