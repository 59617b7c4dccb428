//go:build e2e

package main

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/exercises/progress"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/web/e2e/chrome"
)

// A learner's file with a run that cannot be read still opens, says so, and can
// be mended in the browser.
func TestDamagedFileIsMendedInTheBrowser(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "progress.db")
	file, err := progress.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := file.Keep(t.Context(), live.RunSummary{Scenario: "metastable", Title: "The spike that never ends", At: time.UnixMilli(1_800_000_000_000)}, scenario.Report{Scenario: "metastable"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("UPDATE run SET summary = 'torn' WHERE id = 2")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s := launchOn(t, dir)
	p := chrome.Open(t).First()
	for _, look := range []struct {
		width, height int64
		scheme        string
	}{{1440, 900, "light"}, {1440, 900, "dark"}, {390, 844, "light"}, {390, 844, "dark"}} {
		p.Size(look.width, look.height, look.scheme)
		for _, at := range []string{"runs", "progress"} {
			p.Do(chromedp.Navigate(s.url + "/" + at))
			chrome.JS[chromedp.Void](p, `document.querySelector('#unread details')?.setAttribute('open', '')`)
			chrome.JS[chromedp.Void](p, `document.querySelector('#unread, [data-unread]').scrollIntoView({ block: 'center' })`)
			name := fmt.Sprintf("unread-%s-%d-%s", at, look.width, look.scheme)
			findings(t, p, name)
			deskShot(t, p, name)
		}
	}
	p.Click(`#unread form button`)
	p.Until(`location.pathname === '/progress' && document.querySelector('#unread') === null`)
	p.Do(chromedp.Navigate(s.url + "/runs"))
	p.Until(`document.querySelector('[data-unread]') === null && document.body.textContent.includes('The spike that never ends')`)
	p.Clean(s.host())
}
