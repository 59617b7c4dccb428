//go:build e2e

package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/lab/scenario"
	"workbench/lab/virtual"
	"workbench/web"
	"workbench/web/e2e/chrome"
	"workbench/web/engine"
	"workbench/web/webtest"
)

// needEngine skips a test when the browser's engine is not built, or fails it
// where a browser is required.
func needEngine(t *testing.T) {
	t.Helper()
	if built, err := engine.Load(); err != nil || !built.Ready() {
		const why = "the browser's engine is not built (make engine)"
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "browser") {
			t.Fatalf("%s: %v", why, err)
		}
		t.Skip(why)
	}
}

// TestBrowserReplaysToTheLastByte plays shared links in Chromium and holds the
// reports to those of the engine built for this machine.
func TestBrowserReplaysToTheLastByte(t *testing.T) {
	needEngine(t)
	s := webtest.Serve(t, func(c *web.Config) { c.Version = "v1.2.3" })
	p := chrome.Open(t).First()
	for _, c := range []struct {
		name, query string
		flags       []string
	}{
		{"metastable", "seed=3&on=client-budget", []string{"--seed=3", "--on=client-budget"}},
		{"stampede", "", nil},
		{"slow-dependency", "scale=3&on=breaker", []string{"--scale=3", "--on=breaker"}},
	} {
		p.Do(chromedp.Navigate(s.URL + "/replay?scenario=" + c.name + "&" + c.query))
		p.Until(`document.querySelector('[data-play]') && !document.querySelector('[data-play]').hidden`)
		// The report is read where the page saves it.
		chrome.JS[chromedp.Void](p, `(() => { globalThis.saved = ''; URL.createObjectURL = (b) => { b.text().then((t) => { globalThis.saved = t; }); return '/replay'; }; HTMLAnchorElement.prototype.click = () => {}; })()`)
		p.Click("[data-play]")
		p.Until(`!document.querySelector('[data-result]').hidden`)
		p.Click("[data-save]")
		p.Until(`globalThis.saved !== ''`)
		got := chrome.JS[string](p, `globalThis.saved`)
		spec, err := scenario.Find(c.name)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := virtual.RunFlags(t.Context(), spec, c.flags, virtual.Options{Seed: 1, Version: "v1.2.3"})
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(rep)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal([]byte(got), want) {
			t.Errorf("%s?%s: the browser's report of %d bytes is not the native one of %d bytes", c.name, c.query, len(got), len(want))
		}
		if shown := chrome.JS[string](p, `document.querySelector('[data-hash]').textContent`); shown != rep.EventsHash {
			t.Errorf("%s: the page shows the hash %s, want %s", c.name, shown, rep.EventsHash)
		}
	}
	p.Do(chromedp.Navigate(s.URL + "/replay?scenario=metastable&on=cue"))
	p.Click("[data-play]")
	p.Until(`document.querySelector('[data-say]').textContent.includes('pattern "cue": unknown')`)
	p.Clean(s.Host)
}
