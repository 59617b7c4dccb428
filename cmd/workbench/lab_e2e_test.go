//go:build e2e

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"workbench/lab/live"
	"workbench/web/e2e/chrome"
)

// started is the whole program, serving on a free port.
type started struct {
	t   *testing.T
	url string // "http://127.0.0.1:…"
}

// launch starts the program as main does, with a data directory of its own, and
// ends it with the test as a signal would. It returns once a scenario runs.
func launch(t *testing.T) *started {
	t.Helper()
	return launchOn(t, t.TempDir())
}

// launchOn starts the program on a data directory, and ends it with the test.
func launchOn(t *testing.T, dir string) *started {
	t.Helper()
	ctx, signal := context.WithCancel(context.Background())
	stdout, out := io.Pipe()
	var stderr strings.Builder // read after the program has ended
	code := make(chan int, 1)
	args := []string{"serve", "--addr=127.0.0.1:0", "--data=" + dir, "--log=error"}
	go func() {
		code <- run(ctx, args, strings.NewReader(""), out, &stderr, func(string) string { return "" })
		out.Close()
	}()
	t.Cleanup(func() {
		signal()
		if c := <-code; c != exitOK || stderr.Len() > 0 {
			t.Errorf("exit code = %d, stderr:\n%s\nwant 0 and nothing", c, stderr.String())
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("no greeting: %v", err)
	}
	at, err := url.Parse(strings.TrimSpace(strings.TrimPrefix(line, "Traffic Workbench: ")))
	if err != nil || at.Host == "" {
		t.Fatalf("greeting = %q, want an address", line)
	}
	s := &started{t, "http://" + at.Host}
	s.until("a scenario runs", 2*time.Minute, func() bool {
		status, _ := fetch(t.Context(), t, s.url+"/readyz")
		return status == http.StatusOK
	})
	return s
}

func (s *started) host() string { return strings.TrimPrefix(s.url, "http://") }

// state asks the API how the lab stands.
func (s *started) state() live.State {
	s.t.Helper()
	status, body := fetch(s.t.Context(), s.t, s.url+"/api/lab")
	var state live.State
	if err := json.Unmarshal([]byte(body), &state); err != nil || status != http.StatusOK {
		s.t.Fatalf("GET /api/lab = %d, %v", status, err)
	}
	return state
}

// until waits until ok holds, for d at most.
func (s *started) until(what string, d time.Duration, ok func() bool) {
	s.t.Helper()
	for end := time.Now().Add(d); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within %v: %s", d, what)
		}
	}
}

// patternOf returns how one pattern stands.
func patternOf(t *testing.T, state live.State, name string) live.PatternState {
	t.Helper()
	for _, p := range state.Patterns {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("the lab has no pattern %q", name)
	return live.PatternState{}
}

const (
	moving  = `document.querySelector('[data-live]')?.dataset.status === 'live' && Number(document.querySelector('[data-offered]').textContent) > 0`
	offered = `Number(document.querySelector('[data-offered]').textContent)`
	good    = `Number(document.querySelector('[data-good]').textContent)`
)

// toggle clicks a pattern's button and returns how many milliseconds passed
// until the page showed it pressed, as measured in the page.
func toggle(p *chrome.Tab, name, state string) float64 {
	return chrome.JS[float64](p, fmt.Sprintf(`new Promise((done) => {
		const b = document.querySelector('[data-pattern=%q] [data-set=%q]');
		const start = performance.now();
		new MutationObserver(() => b.getAttribute('aria-pressed') === 'true' && done(performance.now() - start)).observe(b, { attributes: true });
		b.click();
	})`, name, state))
}

// TestMetastableByClicking goes the way of the first lesson in the real lab: a
// short spike leaves an outage that does not end, and one switch ends it.
func TestMetastableByClicking(t *testing.T) {
	p := chrome.Open(t).First()
	s := launch(t)
	p.Size(1440, 900, "light")
	p.Do(chromedp.Navigate(s.url + "/"))
	p.Until(moving)
	p.Until(good + ` >= 0.9 * ` + offered)

	p.Click(`[data-choice="0"]`)
	p.Until(`document.querySelector('[data-predict]').disabled`)
	if got := s.state().Predict; got == nil || got.Chosen == nil || *got.Chosen != 0 {
		t.Errorf("the prediction in the lab is %+v, want answer 0", got)
	}
	p.Click(`[data-spike]`)
	p.Until(`document.querySelector('[data-headline]').dataset.level !== 'ok'`)
	overload := func(s live.State) bool { return s.Traffic.Rate > s.Traffic.Capacity }
	s.until("the spike begins", time.Minute, func() bool { return overload(s.state()) })
	s.until("the spike ends", 2*time.Minute, func() bool { return !overload(s.state()) })
	over := s.state().Elapsed
	s.until("15 s more pass", 2*time.Minute, func() bool { return s.state().Elapsed >= over+15*time.Second })
	p.Until(good + ` <= 0.05 * ` + offered)
	p.Until(`document.querySelector('[data-headline]').dataset.level !== 'ok'`)
	sick := s.state()
	if overload(sick) {
		t.Errorf("%.0f users a second ask for a capacity of %.0f: the outage is no riddle", sick.Traffic.Rate, sick.Traffic.Capacity)
	}
	t.Logf("%v after the spike: good %s of %s users/s; %s", sick.Elapsed-over, read(p, "good"), read(p, "offered"), read(p, "verdict"))

	took := toggle(p, "queue", "on")
	switched := s.state()
	if got := patternOf(t, switched, "queue").State.String(); got != "on" {
		t.Errorf("the queue is %s in the lab after the click, want on", got)
	}
	// The backlog of 4095 takes 20 s to drain at 200/s; the rest is for a busy machine.
	p.Until(good + ` >= 0.95 * ` + offered)
	healed := s.state()
	t.Logf("healed %v after the click: good %s of %s users/s", healed.Elapsed-switched.Elapsed, read(p, "good"), read(p, "offered"))

	for _, name := range []string{"breaker", "ratelimit", "timeout"} {
		if took <= 250 {
			break
		}
		t.Logf("a switch showed after %.0f ms on a busy machine; trying another", took)
		took = min(took, toggle(p, name, "shadow"))
	}
	t.Logf("a switch showed after %.0f ms", took)
	if took > 250 {
		t.Errorf("a switch showed after %.0f ms, want at most 250", took)
	}
	p.Clean(s.host())
}

// read returns the text of one part of the headline.
func read(p *chrome.Tab, part string) string {
	return chrome.JS[string](p, `document.querySelector('[data-`+part+`]').textContent`)
}

// TestTenTabsOfTheRealLabMove opens as many tabs as a forgetful person, and
// looks at what Prometheus would get meanwhile.
func TestTenTabsOfTheRealLabMove(t *testing.T) {
	b := chrome.Open(t)
	s := launch(t)
	var tabs []*chrome.Tab
	for range 10 {
		p := b.Tab()
		p.Still()
		p.Do(chromedp.Navigate(s.url + "/lab"))
		p.Until(moving)
		tabs = append(tabs, p)
	}
	for _, p := range tabs {
		chrome.JS[chromedp.Void](p, `void (window.before = document.querySelector('[data-good]').closest('[data-lab]').textContent)`)
		p.Until(`document.querySelector('[data-good]').closest('[data-lab]').textContent !== window.before`)
		chrome.Reads(p, `(`+offered+`) > 0`, true)
	}
	status, metrics := fetch(t.Context(), t, s.url+"/metrics")
	if status != http.StatusOK || !strings.Contains(metrics, "\nworkbench_stream_readers 1\n") {
		t.Errorf("GET /metrics = %d without one stream for ten tabs:\n%s", status, lines(metrics, "workbench_stream"))
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("NO PROMTOOL: the metrics are not checked by Prometheus's own parser")
	} else if out, err := lint(t, promtool, metrics); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	for _, p := range tabs {
		p.Clean(s.host())
	}
}

// lint has Prometheus's own tool read a scrape.
func lint(t *testing.T, promtool, metrics string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(metrics), &out, &out
	err := cmd.Run()
	return out.String(), err
}

// lines returns the lines that begin with a prefix.
func lines(text, prefix string) string {
	var out []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "")
}
