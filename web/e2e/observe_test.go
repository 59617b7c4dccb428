//go:build e2e

package e2e_test

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/lab"
	"workbench/lab/trace"
	"workbench/web"
	"workbench/web/e2e/chrome"
	"workbench/web/webtest"
)

func watched(t *testing.T) (*webtest.Site, *webtest.Seen) {
	t.Helper()
	o, err := webtest.NewSeen()
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Serve(t, func(c *web.Config) { c.Observe = o }), o
}

func TestWhatIsSeenIsForEverybody(t *testing.T) {
	s, o := watched(t)
	o.Request(lab.Response{})
	id := o.Tracer.Store().List(trace.Query{Failed: true})[0].ID.String()
	p := chrome.Open(t).First()
	look := func(path, view string) {
		p.Do(chromedp.Navigate(s.URL + path))
		if got := chrome.JS[float64](p, `document.documentElement.scrollWidth - innerWidth`); got > 0 {
			t.Errorf("%s, %s: the page is %v px wider than the window", path, view, got)
		}
		for _, f := range findings(t, p) {
			t.Errorf("%s, %s: %s", path, view, f)
		}
		if dir := os.Getenv("WORKBENCH_SHOTS"); dir != "" {
			name := dir + "/" + view + "-" + strings.ReplaceAll(path[1:], "/", "-") + ".png"
			if err := os.WriteFile(name, p.Shot(), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	for _, view := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"light", 1440, 900, "light"}, {"dark-phone", 390, 844, "dark"}} {
		p.Size(view.width, view.height, view.scheme)
		for _, path := range []string{"/signals", "/traces", "/logs", "/alerts", "/series", "/incident", "/lab"} {
			look(path, view.name)
		}
		look("/traces/"+id, view.name)
		p.Do(chromedp.Navigate(s.URL + "/incident"))
		p.Click(`form[action="/incident/start"] button`)
		p.Until(`document.querySelectorAll('input[type=radio]').length === 18`)
		look("/incident", view.name+"-on")
		p.Click(`form[action="/incident/end"] button`)
		p.Until(`document.querySelector('.result')`)
		look("/incident", view.name+"-over")
	}
	p.Clean(s.Host)
}

// The live tail puts new lines at the top, and each leads to its trace.
func TestTheLogIsFollowed(t *testing.T) {
	s, o := watched(t)
	p := chrome.Open(t).First()
	p.Size(1280, 900, "light")
	p.Do(chromedp.Navigate(s.URL + "/logs?outcome=late"))
	p.Click(`[data-follow]`)
	p.Until(`document.querySelector('[data-tail-state]').textContent === 'following'`)
	o.Request(lab.Response{})
	o.Request(lab.Refuse(lab.Late, lab.ReasonDeadline, 0))
	p.Until(`document.querySelectorAll('[data-lines] tr').length === 1`)
	p.Click(`[data-lines] a`)
	p.Until(`location.pathname.startsWith('/traces/') && document.querySelector('h1').textContent.includes('late')`)
	p.Do(chromedp.Navigate(s.URL + "/signals"))
	p.Until(`document.querySelector('[data-f="o0r"]').textContent === '100.0/s'`)
	p.Clean(s.Host)
}
