//go:build e2e

package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// perShape is how many pages of one shape are looked at: all questions have one
// template, all exercises another.
const perShape = 2

// shape is what a path has in common with others of its template.
func shape(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) > 1 {
		parts[1] = "*"
	}
	return strings.Join(parts, "/")
}

// TestEveryPage follows the program's own links from the first page to every
// shape of page that there is, on a desk in light and on a phone in the dark:
// none has a finding of axe, is wider than its window, or asks another host.
func TestEveryPage(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	const links = `[...document.querySelectorAll('a[href^="/"]:not([download])')].map((a) => a.getAttribute('href').split(/[?#]/)[0])`
	seen, shapes := []string{}, map[string]int{}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		path := queue[0]
		if slices.Contains(seen, path) || shapes[shape(path)] >= perShape || unpaged(path) {
			continue
		}
		seen = append(seen, path)
		shapes[shape(path)]++
		p.Do(chromedp.Navigate(s.url + path))
		queue = append(queue, chrome.JS[[]string](p, links)...)
	}
	for _, want := range []string{"database", "traces", "logs", "signals", "alerts", "series", "incident", "progress", "rehearse/crib", "trials/*", "guide/*", "tracks/*", "exercises/*", "patterns/*"} {
		if shapes[want] == 0 && shapes[shape(want)] == 0 {
			t.Errorf("no link leads to a page /%s", want)
		}
	}
	t.Logf("%d pages of %d shapes", len(seen), len(shapes))
	for _, view := range []struct {
		name          string
		width, height int64
		scheme        string
	}{{"light", 1280, 900, "light"}, {"dark-phone", 390, 844, "dark"}} {
		p.Size(view.width, view.height, view.scheme)
		p.Still()
		for _, path := range seen {
			p.Do(chromedp.Navigate(s.url + path))
			findings(t, p, view.name+" "+path)
			if dir := os.Getenv("WORKBENCH_SHOTS"); dir != "" {
				name := view.name + strings.ReplaceAll(path, "/", "-") + ".png"
				if err := os.WriteFile(filepath.Join(dir, name), p.Shot(), 0o600); err != nil {
					t.Error(err)
				}
			}
		}
	}
	p.Clean(s.host())
}

// unpaged reports whether what is at a path is not a page.
func unpaged(path string) bool {
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/assets/") || strings.HasSuffix(path, "/report") || strings.Contains(path, "/export") ||
		slices.Contains([]string{"/metrics", "/healthz", "/readyz"}, path)
}
