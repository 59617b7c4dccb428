//go:build e2e

package e2e_test

import (
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/docs/track"
	"workbench/web/e2e/chrome"
)

// TestTracksFromTheRequirementsToTheInterview goes each track's way: works the
// estimate out with another number, opens a hazard in the lab and an exercise,
// and answers a question, which is ticked then.
func TestTracksFromTheRequirementsToTheInterview(t *testing.T) {
	tracks, err := track.All()
	if err != nil {
		t.Fatal(err)
	}
	s, p := whole(t), chrome.Open(t).First()
	p.Size(1280, 900, "light")
	for _, tr := range tracks {
		p.Do(chromedp.Navigate(s.URL + "/tracks"))
		p.Click(`a[href="/tracks/` + tr.Name + `"]`)
		p.Until(`document.querySelector('.estimate')`)
		before := chrome.JS[string](p, `document.querySelector('#estimate .asked b').textContent`)
		chrome.JS[chromedp.Void](p, `(() => { document.querySelector('[name=users]').value = '123456789'; document.querySelector('.estimate button').click(); })()`)
		p.Until(`location.search.includes('users=123456789') && document.querySelector('#estimate .asked b').textContent !== ` + quoted(before))

		chrome.JS[chromedp.Void](p, `document.querySelector('.track a[href^="/lab?"][href*="on="]').click()`)
		p.Until(`document.querySelector('[data-ask]')?.open`)
		p.Do(chromedp.Navigate(s.URL + "/tracks/" + tr.Name))
		chrome.JS[chromedp.Void](p, `document.querySelector('.track a[href="/exercises/`+tr.Exercises[0]+`"]').click()`)
		p.Until(`document.querySelector('[data-desk]')?.dataset.exercise === ` + quoted(tr.Exercises[0]))

		p.Do(chromedp.Navigate(s.URL + "/tracks/" + tr.Name))
		done := chrome.JS[float64](p, `document.querySelectorAll('.steps .ok').length`)
		question := chrome.JS[string](p, `document.querySelector('.track a[href^="/rehearse/"]').getAttribute('href')`)
		p.Do(chromedp.Navigate(s.URL + question))
		model := answerTo(t, question)
		chrome.JS[chromedp.Void](p, `(() => { document.querySelector('[data-text]').value = `+quoted(model)+`; document.querySelector('[data-form]').requestSubmit(); })()`)
		p.Until(`document.querySelector('[data-answer] .total.ok')`)
		p.Do(chromedp.Navigate(s.URL + "/tracks/" + tr.Name))
		if now := chrome.JS[float64](p, `document.querySelectorAll('.steps .ok').length`); now != done+1 {
			t.Errorf("%s: %v steps are done after a good answer, want %v", tr.Name, now, done+1)
		}
	}
	p.Clean(s.Host)
}
