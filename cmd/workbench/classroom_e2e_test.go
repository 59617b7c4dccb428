//go:build e2e

package main

import (
	"bufio"
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/web/e2e/chrome"
)

// TestClassroomWithThreeBrowsers holds a class: a teacher and two learners, each
// with a browser of their own, from the door to the histogram.
func TestClassroomWithThreeBrowsers(t *testing.T) {
	teacher, ada, bob := chrome.Open(t).First(), chrome.Open(t).First(), chrome.Open(t).First()
	entry := launchClass(t, t.TempDir())
	base := entry.Scheme + "://" + entry.Host
	teacher.Size(1280, 900, "light")
	ada.Size(390, 844, "dark")
	bob.Size(1280, 900, "light")

	teacher.Do(chromedp.Navigate(entry.String()))
	teacher.Until(`document.querySelector('.link')`)
	link := chrome.JS[string](teacher, `document.querySelector('.link').textContent`)
	bob.Do(chromedp.Navigate(base + "/classroom"))
	bob.Until(`document.body.textContent.includes('has not joined the class')`)
	for name, p := range map[string]*chrome.Tab{"Ada": ada, "Bob": bob} {
		p.Do(chromedp.Navigate(link), chromedp.SendKeys(`input[name=name]`, name))
		p.Click(`main form button`)
		p.Until(`location.pathname === '/classroom' && document.body.textContent.includes('You are ` + name + `')`)
	}
	teacher.Until(`document.querySelectorAll('[data-part=learners] tbody tr').length === 2 && document.body.textContent.includes('2 of them here')`)
	classShot(t, teacher, "teacher-begins")

	teacher.Do(chromedp.SetValue(`select[name=scenario]`, "metastable"))
	teacher.Click(`form[action="/classroom/round"] button`)
	for p, choice := range map[*chrome.Tab]string{ada: "0", bob: "2"} {
		p.Until(`document.querySelector('.ballot input[type=radio]')`) // by itself
		p.Click(`.ballot input[value="` + choice + `"][type=radio]`)
	}
	classShot(t, ada, "learner-predicts")
	ada.Click(`.ballot button`)
	ada.Until(`document.body.textContent.includes('Your answer is committed')`)
	teacher.Until(`document.body.textContent.includes('1 of 2 have committed')`)
	if got := chrome.JS[bool](bob, `document.querySelector('.ballot input[value="2"][type=radio]').checked`); !got {
		t.Error("another's answer took away what Bob was about to choose")
	}
	bob.Click(`.ballot button`)
	teacher.Until(`document.body.textContent.includes('2 of 2 have committed')`)

	teacher.Click(`form[action="/classroom/play"] button`)
	ada.Until(`document.querySelector('[data-part=round]').textContent.includes('being played')`)
	ada.Click(`nav a[href="/lab"]`)
	ada.Until(moving)
	ada.Until(`document.querySelector('.watching').textContent.includes('the teacher drives the lab')`)
	if got := chrome.JS[string](ada, `[...document.querySelectorAll('[data-lab] :is(button, input, select):not(dialog *)')].filter((e) => !e.matches(':disabled, [data-open], [data-pin], [data-share-link], .three *')).map((e) => e.outerHTML).join()`); got != "" {
		t.Errorf("a learner can press what only the teacher may change: %s", got)
	}
	classShot(t, ada, "learner-watches")
	// Whoever takes the lock off the button is refused by the server.
	chrome.JS[chromedp.Void](ada, `document.querySelectorAll('fieldset').forEach((f) => { f.disabled = false }); document.querySelector('[data-pattern="queue"] [data-set="on"]').click()`)
	ada.Until(`document.querySelector('[data-toast]').textContent.includes('the teacher drives the lab')`)
	ada.Do(chromedp.Navigate(base + "/classroom"))

	bob.Do(chromedp.Navigate(base + "/exercises/token-bucket"))
	bob.Until(`document.querySelector('[data-host]')?.shadowRoot.querySelector('.cm-content')`)
	bob.Click(`[data-check]`)
	bob.Until(`document.querySelector('[data-verdict]').children.length > 0`)
	teacher.Until(`document.querySelector('[data-part=attempts] tbody tr')?.textContent.includes('0 of 1')`)
	chrome.Reads(teacher, `/1 learner.*Test|Test.*1 learner/s.test(document.querySelector('[data-part=attempts] tbody tr').textContent)`, true)
	bob.Do(chromedp.Navigate(base + "/classroom"))

	teacher.Until(`document.querySelector('form[action="/classroom/again"]')`) // the event lasts a minute and a half
	teacher.Click(`form[action="/classroom/again"] button`)
	for _, p := range []*chrome.Tab{ada, bob} {
		p.Until(`document.querySelector('.ballot input[name=half]')?.value === 'after'`)
		p.Click(`.ballot input[value="2"][type=radio]`)
		p.Click(`.ballot button`)
	}
	teacher.Until(`document.body.textContent.includes('2 of 2 have committed')`)
	teacher.Click(`form[action="/classroom/show"] button`)
	const cells = `[...document.querySelectorAll('.tally tbody tr')].map((r) => r.cells[1].textContent.trim() + '>' + r.cells[2].textContent.trim()).join(' ')`
	for _, p := range []*chrome.Tab{teacher, ada, bob} {
		p.Until(`document.querySelector('.tally th .hit')`)
		chrome.Reads(p, cells, "1>0 0>0 1>2")
		p.Until(`document.querySelector('[data-part=round]').textContent.includes('Measured: ')`)
	}
	bob.Until(`document.body.textContent.includes('Before, you said “Not in this run”: right.')`)
	ada.Until(`document.body.textContent.includes('Before, you said “At once”: not so.')`)
	classShot(t, teacher, "teacher-shows")
	classShot(t, ada, "learner-sees")
	for p, name := range map[*chrome.Tab]string{teacher: "teacher", ada: "Ada, on a phone", bob: "Bob"} {
		findings(t, p, name)
		p.Clean(entry.Host)
	}
	teacher.Do(chromedp.SetValue(`select[name=scenario]`, "noisy-neighbour"))
	teacher.Click(`form[action="/classroom/round"] button`)
	bob.Until(`document.querySelector('.ballot input[type=radio]') && !document.querySelector('.tally')`) // the next round; the lab is calm again
	ada.Do(chromedp.Navigate(base + "/progress"))
	ada.Until(`document.body.textContent.includes('0 of 1')`) // her prediction, not the teacher's
}

// launchClass starts the program with a class and returns the teacher's address.
func launchClass(t *testing.T, dir string) *url.URL {
	t.Helper()
	ctx, signal := context.WithCancel(context.Background())
	stdout, out := io.Pipe()
	var stderr strings.Builder // read after the program has ended
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"serve", "--classroom", "--addr=127.0.0.1:0", "--data=" + dir, "--log=error"}, strings.NewReader(""), out, &stderr, func(string) string { return "" })
		out.Close()
	}()
	t.Cleanup(func() {
		signal()
		if c := <-code; c != exitOK || stderr.Len() > 0 {
			t.Errorf("exit code = %d, stderr:\n%s\nwant 0 and nothing", c, stderr.String())
		}
	})
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("no greeting: %v", err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	at, err := url.Parse(strings.TrimSpace(strings.TrimPrefix(line, "Traffic Workbench: ")))
	if err != nil || at.Path != "/classroom" || at.Query().Get("token") == "" {
		t.Fatalf("greeting = %q, want the teacher's address", line)
	}
	for ready := 0; ready != 200; ready, _ = fetch(t.Context(), t, at.Scheme+"://"+at.Host+"/readyz") {
		time.Sleep(50 * time.Millisecond)
	}
	return at
}

// findings has axe look at a page, if axe is there.
func findings(t *testing.T, p *chrome.Tab, name string) {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join("..", "..", "web", "assets", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "browser") {
			t.Fatalf("axe-core is required: %v", err)
		}
		t.Logf("NO AXE: run web/assets/build.sh first: %v", err)
		return
	}
	if got := chrome.JS[float64](p, `document.documentElement.scrollWidth - innerWidth`); got > 0 {
		t.Errorf("%s: the page is %v px wider than the window", name, got)
	}
	for _, f := range p.Audit(string(axe)) {
		t.Errorf("%s: %s", name, f)
	}
}

// classShot keeps a picture of the page where WORKBENCH_SHOTS names a folder.
func classShot(t *testing.T, p *chrome.Tab, name string) {
	t.Helper()
	if dir := os.Getenv("WORKBENCH_SHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name+".png"), p.Shot(), 0o644); err != nil {
			t.Error(err)
		}
	}
}
