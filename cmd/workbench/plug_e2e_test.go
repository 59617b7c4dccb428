//go:build e2e

package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/lab"
	"workbench/lab/live"
	"workbench/web/e2e/chrome"
)

// serves waits until a learner's answer decides for the traffic, and goes on to.
func (s *started) serves(t *testing.T, pattern, exercise string) {
	t.Helper()
	var p live.PatternState
	s.until("yours decides", time.Minute, func() bool {
		p = patternOf(t, s.state(), pattern)
		return p.State == lab.Yours && p.Yours == exercise && p.Counters[lab.EventDecisions] > 0
	})
	n := p.Counters[lab.EventDecisions]
	s.until("yours goes on to decide", time.Minute, func() bool {
		p = patternOf(t, s.state(), pattern)
		return p.Counters[lab.EventDecisions] > n+100
	})
	if p.Counters[lab.EventBatches] == 0 || p.Counters["admitted"] == 0 || p.Counters[lab.EventAgreed] == 0 {
		t.Errorf("counters %v, want batches, admissions and decisions as ours", p.Counters)
	}
}

// TestOnesOwnAnswerCarriesTheSpike opens an exercise, fails, takes a hint, passes,
// plugs the answer in, compares it, and sees it serve the lab's spike.
func TestOnesOwnAnswerCarriesTheSpike(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1440, 900, "light")
	p.Do(chromedp.Navigate(s.url + "/exercises/token-bucket"))
	editing(p)
	p.Until(`document.querySelector('[data-plug]').hidden`)
	p.Click(`[data-check]`)
	p.Until(`document.querySelector('[data-outcome]').textContent.startsWith('Not accepted')`)
	p.Click(`#tab-hints`)
	p.Click(`[data-task] [data-hint]`)
	p.Until(`document.querySelectorAll('[data-task] [data-taken] li').length === 1`)
	write(t, p, "01-token-bucket/right/b/token_bucket.go")
	p.Click(`[data-check]`)
	p.Until(`document.querySelector('[data-outcome]').textContent.startsWith('Accepted')`)

	p.Click(`[data-do$="/plug"].accent`)
	p.Until(`document.querySelector('[data-plugged]')`)
	p.Click(`[data-do$="/compare"]`)
	p.Until(`document.querySelectorAll('[data-beside] tbody tr').length > 5`)
	deskShot(t, p, "compared")
	good := func(column string) string {
		return chrome.JS[string](p, `document.querySelector('[data-beside] tbody tr:nth-child(2) td:nth-of-type(`+column+`)').textContent`)
	}
	t.Logf("answered in time: %s without, %s with ours, %s with yours", good("1"), good("2"), good("3"))
	p.Clean(s.host())

	p.Do(chromedp.Navigate(s.url + "/lab"))
	p.Until(moving)
	toggle(p, "ratelimit", "yours")
	s.serves(t, "ratelimit", "token-bucket")
	p.Click(`[data-spike]`)
	s.until("the event plays", time.Minute, func() bool { state := s.state(); return state.Traffic.Rate > state.Traffic.Capacity })
	s.serves(t, "ratelimit", "token-bucket")
	p.Until(`document.querySelector('[data-pattern="ratelimit"]').dataset.state === 'yours'`)
	p.Until(`document.querySelector('[data-pattern="ratelimit"] [data-yours]').textContent.startsWith('yours: ')`)
	p.Until(`document.querySelector('[data-chip="ratelimit"] [data-chip-state]').textContent === 'yours'`)
	deskShot(t, p, "yours")
	p.Clean(s.host())
}

// TestOnesOwnEditorCarriesTheSpike does the same from a terminal: start, a save
// that is wrong, a save that is right, and --watch, which plugs it in.
func TestOnesOwnEditorCarriesTheSpike(t *testing.T) {
	s := launch(t)
	dir := filepath.Join(t.TempDir(), "bucket")
	none := func(string) string { return "" }
	var said strings.Builder
	if c := run(t.Context(), []string{"start", "token-bucket", dir}, strings.NewReader(""), &said, &said, none); c != exitOK {
		t.Fatalf("start ended with %d:\n%s", c, said.String())
	}
	save := func(file string) {
		text, err := os.ReadFile("../../exercises/01-token-bucket/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "token_bucket.go"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	words, out := io.Pipe()
	errs, err := os.Create(filepath.Join(t.TempDir(), "errors"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"check", "token-bucket", dir, "--watch", "--plug=" + s.url}, strings.NewReader(""), out, errs, none)
		out.Close()
	}()
	said.Reset()
	heard := func(want string) {
		t.Helper()
		for b := make([]byte, 4096); !strings.Contains(said.String(), want); {
			n, err := words.Read(b)
			said.Write(b[:n])
			if err != nil {
				t.Fatalf("the watch ended before %q:\n%s", want, said.String())
			}
		}
		said.Reset()
	}
	heard("not accepted")
	heard("watching")
	save("right/a/token_bucket.go")
	go func() { _, _ = io.Copy(io.Discard, words) }() // what it says from here on is seen in the lab
	s.until("the answer is plugged in", 2*time.Minute, func() bool { return patternOf(t, s.state(), "ratelimit").Yours == "token-bucket" })
	interrupt()
	if c := <-ended; c != exitOK {
		text, _ := os.ReadFile(errs.Name())
		t.Errorf("the watch ended with %d, want 0:\n%s", c, text)
	}
	n, err := callOn(t.Context(), s.host(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := n.ask(t.Context(), "PUT", "/api/lab/patterns/ratelimit", map[string]any{"state": "yours"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := n.ask(t.Context(), "POST", "/api/lab/spike", map[string]any{}, nil); err != nil {
		t.Fatal(err)
	}
	s.serves(t, "ratelimit", "token-bucket")
	if err := n.ask(t.Context(), "DELETE", "/api/exercises/token-bucket/plug", map[string]any{}, nil); err != nil {
		t.Fatal(err)
	}
	if p := patternOf(t, s.state(), "ratelimit"); p.State != lab.On || p.Yours != "" {
		t.Errorf("unplugged, the pattern is %v with %q, want on and none", p.State, p.Yours)
	}
}
