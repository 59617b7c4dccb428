// Package chrome drives a real chromium for the tests that need one. Every
// address that a page asks for, every script that fails and every breach of the
// content policy is kept, so that a test can ask whether the pages were clean.
package chrome

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// watcher notes in the page what must not happen there.
const watcher = `window.__csp = []; document.addEventListener('securitypolicyviolation', (e) => window.__csp.push(e.violatedDirective + ' ' + e.blockedURI));`

// patience is how long a step may take, and eventually how long the page may
// take to come to a state. Both are for a machine that is busy with other
// things; what the page owes people is measured, in the page.
const (
	patience   = 2 * time.Minute
	eventually = 2 * time.Minute
)

// Browser is one chromium with a profile of its own. It ends with its test.
type Browser struct {
	ctx context.Context
	t   testing.TB

	mu       sync.Mutex
	requests []string // guarded by mu; every address that any tab asked for
	faults   []string // guarded by mu; exceptions in pages
}

// Open starts chromium. Without one it skips the test loudly, or fails it where
// WORKBENCH_REQUIRE contains "browser".
func Open(t testing.TB) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if strings.Contains(os.Getenv("WORKBENCH_REQUIRE"), "browser") {
			t.Fatal("chromium is required and not installed")
		}
		t.Skip("NO BROWSER: chromium is not installed, so this journey is not checked")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()))
	for _, flag := range []string{"disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update", "disable-sync"} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	alloc, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	b := &Browser{ctx: ctx, t: t}
	b.watch(ctx)
	return b
}

// watch records what a tab asks for and what goes wrong in it.
func (b *Browser) watch(ctx context.Context) {
	b.t.Helper()
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		asked, thrown := cdp.Events(ctx, t, network.RequestWillBeSent), cdp.Events(ctx, t, runtime.ExceptionThrown)
		go func() {
			for e, err := range asked {
				if err != nil {
					return
				}
				b.mu.Lock()
				b.requests = append(b.requests, e.Request.URL)
				b.mu.Unlock()
			}
		}()
		go func() {
			for e, err := range thrown {
				if err != nil {
					return
				}
				b.mu.Lock()
				b.faults = append(b.faults, e.ExceptionDetails.Text)
				b.mu.Unlock()
			}
		}()
		_, err := cdp.Call(ctx, t, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: watcher})
		return err
	}))
	if err != nil {
		b.t.Fatalf("start the browser: %v", err)
	}
}

// Tab is one page.
type Tab struct {
	*Browser
	ctx    context.Context
	cancel context.CancelFunc
	wishes map[string]string // media features that are set
}

// First returns the tab that the browser begins with.
func (b *Browser) First() *Tab { return &Tab{b, b.ctx, func() {}, map[string]string{}} }

// Tab opens a further tab.
func (b *Browser) Tab() *Tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	b.watch(ctx)
	return &Tab{b, ctx, cancel, map[string]string{}}
}

// Close closes the tab, as a person would.
func (p *Tab) Close() { p.cancel() }

// Do carries out steps, within the patience for one.
func (p *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("browser: %v", err)
	}
}

// Click clicks the middle of what a selector finds, once it stands still: while a
// page is being put together, a button may move away from under the pointer.
func (p *Tab) Click(selector string) {
	p.t.Helper()
	p.Until("document.querySelector(" + strconv.Quote(selector) + ")")
	JS[chromedp.Void](p, `(async () => {
		const frame = () => new Promise((next) => requestAnimationFrame(next));
		const place = () => { const b = document.querySelector(`+strconv.Quote(selector)+`).getBoundingClientRect(); return [b.x, b.y, b.width, b.height].join(); };
		document.querySelector(`+strconv.Quote(selector)+`).scrollIntoView({ block: 'center', behavior: 'instant' });
		for (let was = '', still = 0; still < 3; await frame()) {
			const now = place();
			still = now === was ? still + 1 : 0;
			was = now;
		}
	})()`)
	p.Do(chromedp.Click(selector))
}

// Size sets the window and the colour scheme.
func (p *Tab) Size(width, height int64, scheme string) {
	p.t.Helper()
	p.Do(chromedp.EmulateViewport(width, height))
	p.prefer("prefers-color-scheme", scheme)
}

// Still asks for little motion. A browser without a window takes each of its
// tabs for the one in front, so that ten of them would draw at full rate.
func (p *Tab) Still() {
	p.t.Helper()
	p.prefer("prefers-reduced-motion", "reduce")
}

// prefer sets one media feature and keeps the others.
func (p *Tab) prefer(name, value string) {
	p.t.Helper()
	p.wishes[name] = value
	var all []*emulation.MediaFeature
	for name, value := range p.wishes {
		all = append(all, &emulation.MediaFeature{Name: name, Value: value})
	}
	p.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: all,
		})
		return err
	}))
}

// JS evaluates an expression, waiting for it if it is a promise.
func JS[T any](p *Tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluate %.80s: %v", expression, err)
	}
	return v
}

// Audit returns what axe, whose script is given, says against the page as it is
// now.
func (p *Tab) Audit(axe string) []string {
	p.t.Helper()
	JS[chromedp.Void](p, axe+"; undefined")
	// Colours that are on their way from one scheme to the other are nobody's.
	JS[chromedp.Void](p, `Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().endTime !== Infinity).map((a) => a.finished.catch(() => {}))).then(() => undefined)`)
	return JS[[]string](p, `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.target.join(' ') + ' ' + (n.failureSummary || '').slice(0, 160))))`)
}

// Until waits until an expression is true, though not for ever.
func (p *Tab) Until(expression string) {
	p.t.Helper()
	p.Within(eventually, expression)
}

// Within waits until an expression is true, for d at most.
func (p *Tab) Within(d time.Duration, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, d)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.t.Fatalf("not true within %v: %s (last: %v)", d, expression, err)
		}
	}
}

// Reads waits until an expression has the value wanted, and says what it was at
// last: a page that is just being replaced may have lost what it showed a moment ago.
func Reads[T comparable](p *Tab, expression string, want T) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last T
	for {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
		if err == nil {
			last = got
		}
		if err == nil && got == want {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			p.t.Errorf("within %v %.80s is not %v, last it was %v (%v)", patience, expression, want, last, err)
			return
		}
	}
}

// Shot returns what the tab shows as a PNG.
func (p *Tab) Shot() []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("take a picture: %v", err)
	}
	return png
}

// Clean checks that a tab's policy was never broken, that no script failed
// and that nothing but the server was asked.
func (p *Tab) Clean(host string) {
	p.t.Helper()
	if got := JS[[]string](p, "window.__csp"); len(got) > 0 {
		p.t.Errorf("the content policy was broken: %v", got)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, fault := range p.faults {
		p.t.Errorf("a script failed: %s", fault)
	}
	for _, raw := range p.requests {
		u, err := url.Parse(raw)
		if err != nil || u.Host != host && u.Scheme != "data" && u.Scheme != "about" && u.Scheme != "chrome" {
			p.t.Errorf("a request left the server: %s", raw)
		}
	}
	if len(p.requests) == 0 {
		p.t.Error("no request was recorded, so nothing was checked")
	}
}
