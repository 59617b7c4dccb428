//go:build e2e

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// write puts text into the editor's plain form, as a learner who prefers it.
func write(t *testing.T, p *chrome.Tab, file string) {
	t.Helper()
	text, err := os.ReadFile("../../exercises/" + file)
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(string(text))
	if err != nil {
		t.Fatal(err)
	}
	chrome.JS[chromedp.Void](p, `(() => {
		const box = document.querySelector('[data-plain]');
		if (!box.checked) box.click();
		const area = document.querySelector('[data-text]');
		area.value = `+string(quoted)+`;
		area.dispatchEvent(new Event('input', { bubbles: true }));
	})()`)
}

// editing waits until the editor has taken its place: before, a button may move
// away from under a click.
func editing(p *chrome.Tab) {
	p.Until(`document.querySelector('[data-host]')?.shadowRoot.querySelector('.cm-content')?.textContent.includes('package ')`)
}

// TestExerciseFromTheFirstTryToThePass opens an exercise, fails, takes a hint,
// passes, and finds both attempts and the draft after a reload.
func TestExerciseFromTheFirstTryToThePass(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1440, 900, "light")
	p.Do(chromedp.Navigate(s.url + "/exercises"))
	p.Click(`[data-exercise="token-bucket"] a`)
	editing(p)
	p.Until(`document.querySelector('[data-host]').shadowRoot.querySelector('.cm-content').textContent.includes('package tokenbucket')`)
	deskShot(t, p, "editor")

	p.Click(`[data-check]`)
	p.Until(`document.querySelector('[data-outcome]').textContent.startsWith('Not accepted')`)
	p.Until(`document.querySelector('[data-case="TestBurst"].bad pre').textContent !== ''`)
	if got := chrome.JS[string](p, `document.querySelector('[data-case="TestRefill"] .told li').textContent`); !strings.HasPrefix(got, "0s Allow") {
		t.Errorf("the first thing that happened in TestRefill is %q, want what Allow was asked at 0s", got)
	}
	deskShot(t, p, "failed")
	p.Size(390, 844, "dark")
	if chrome.JS[bool](p, `document.documentElement.scrollWidth > innerWidth`) {
		t.Error("on a phone the verdict is wider than the page")
	}
	chrome.JS[chromedp.Void](p, `document.querySelector('[data-case="TestRefill"]').scrollIntoView()`)
	deskShot(t, p, "failed-phone")
	p.Size(1440, 900, "light")

	p.Click(`#tab-hints`)
	p.Click(`[data-task] [data-hint]`)
	p.Until(`document.querySelectorAll('[data-task] [data-taken] li').length === 1`)

	write(t, p, "01-token-bucket/right/b/token_bucket.go")
	p.Until(`document.querySelector('[data-saved]').textContent === 'saved'`)
	p.Click(`[data-check]`)
	p.Until(`document.querySelector('[data-outcome]').textContent.startsWith('Accepted')`)
	deskShot(t, p, "accepted")
	p.Click(`[data-answer]`)
	p.Until(`document.querySelectorAll('[data-diff] .new').length > 0`)
	p.Clean(s.host())

	p.Do(chromedp.Navigate(s.url + "/exercises/token-bucket"))
	p.Until(`document.querySelectorAll('[data-past] tr').length === 2`)
	if got := chrome.JS[string](p, `document.querySelector('[data-text]').value`); !strings.Contains(got, "package tokenbucket") || strings.Contains(got, "return true, 0\n}\n") && !strings.Contains(got, "if ") {
		t.Errorf("after a reload the draft is %.200q", got)
	}
	p.Do(chromedp.Navigate(s.url + "/exercises"))
	p.Until(`document.querySelector('[data-exercise="token-bucket"]').dataset.state === 'passed'`)
}

func deskShot(t *testing.T, p *chrome.Tab, name string) {
	t.Helper()
	if dir := os.Getenv("WORKBENCH_SHOTS"); dir != "" {
		if err := os.WriteFile(dir+"/"+name+".png", p.Shot(), 0o644); err != nil {
			t.Error(err)
		}
	}
}
