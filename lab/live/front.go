package live

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/catalog"
	"workbench/lab/chain"
	httpcache "workbench/lab/edge"
	"workbench/lab/knob"
	"workbench/lab/pattern/edge"
	"workbench/sim/clock"
)

// Bounds of the edge cache that are not the learner's to set.
const (
	edgeName  = "lab-edge" // in Via and Cache-Status
	edgeBytes = 256 << 20
	edgeBody  = 1 << 20
)

// front is what stands before the balancer: the edge cache, in HTTP. Its answers
// come from copies by the rules of lab/edge, or from the balancer's inner address.
type front struct {
	pattern  lab.Pattern
	counters *lab.Counters
	clock    *clock.Wall
	inner    func(context.Context) (string, error)
	before   func(http.Handler)
	control  atomic.Pointer[string] // what the instances' answers say of caches
	ghost    atomic.Pointer[ghost]  // nil unless in shadow

	mu    sync.Mutex
	state lab.State
	knobs *edge.Knobs
	cache *httpcache.Cache   // nil when off
	seen  httpcache.Stats    // of cache, at the last reading
	old   []*httpcache.Cache // caches that were replaced, empty
}

// ghost counts what copies would have answered, and answers nothing itself.
type ghost struct {
	mu     sync.Mutex
	copies *edge.Copies[struct{}] // guarded by mu
}

func (r *run) openFront(counters *lab.Counters) error {
	p, ok := catalog.Find("edge")
	if !ok {
		return errors.New("the catalog has no edge cache")
	}
	k, err := p.Settings(nil)
	if err != nil {
		return err
	}
	f := &front{pattern: p, counters: counters, clock: r.clock, inner: r.front.Inner, before: r.front.SetBefore, knobs: k.(*edge.Knobs)}
	for _, name := range p.Events {
		counters.Get(name)
	}
	r.edge = f
	return nil
}

// chained are the patterns of the instances' chains: not what stands before them.
func (r *run) chained() []lab.Pattern {
	return slices.DeleteFunc(r.patterns(), func(p lab.Pattern) bool { return p.Front })
}

// watched puts the edge's shadow before an instance's chain. The edge itself is
// opened after the instances.
func (r *run) watched(next lab.Handler) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, q *lab.Request) lab.Response {
		f := r.edge
		if f == nil {
			return next.Serve(ctx, q)
		}
		if g := f.ghost.Load(); g != nil {
			return g.serve(ctx, q, next, f)
		}
		return next.Serve(ctx, q)
	})
}

// control is what the instances' answers say of caches.
func (r *run) control() string {
	if r.edge == nil {
		return ""
	}
	return r.edge.header()
}

// note is what the diagram says of the edge.
func (f *front) note() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.state != lab.On {
		return f.state.String()
	}
	return fmt.Sprintf("%d answers", f.seen.Entries)
}

// header is the Cache-Control of the instances' answers.
func (f *front) header() string {
	if c := f.control.Load(); c != nil {
		return *c
	}
	return ""
}

// change sets the state, the knobs or both for the next request on. The edge
// starts empty whenever it is changed, as every pattern does.
func (f *front) change(ctx context.Context, state *lab.State, knobs map[string]any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	merged := map[string]any{}
	for name, v := range knob.Values(f.knobs) {
		merged[name] = v
	}
	maps.Copy(merged, knobs)
	settings, err := f.pattern.Settings(merged)
	if err != nil {
		return err
	}
	next := f.state
	if state != nil {
		next = *state
	}
	k := settings.(*edge.Knobs)
	var cache *httpcache.Cache
	if next == lab.On {
		if cache, err = f.open(ctx, k); err != nil {
			return err
		}
	}
	old := f.cache
	f.read()
	f.state, f.knobs, f.cache, f.seen = next, k, cache, httpcache.Stats{}
	f.ghost.Store(nil)
	control := ""
	switch next {
	case lab.On:
		control = k.Control()
		f.control.Store(&control) // first: no answer without a lifetime may be met
		f.before(&reporter{cache: cache})
	case lab.Shadow:
		f.ghost.Store(&ghost{copies: edge.New[struct{}](*k)})
		f.control.Store(&control)
		f.before(nil)
	default:
		f.control.Store(&control)
		f.before(nil)
	}
	if old != nil {
		old.Clear() // those inside finish there; it is closed with the run
		f.old = append(f.old, old)
	}
	return nil
}

// open makes the cache that stands before the balancer.
func (f *front) open(ctx context.Context, k *edge.Knobs) (*httpcache.Cache, error) {
	addr, err := f.inner(ctx)
	if err != nil {
		return nil, err
	}
	now := func() time.Time { return f.clock.Date(f.clock.Now()) }
	cache, err := httpcache.New(httpcache.Config{
		Origin: &url.URL{Scheme: "http", Host: addr}, Now: now, Name: edgeName,
		Transport: httpcache.NewTransport(now, httpcache.Timeouts{Dial: time.Second, Quiet: time.Minute, Idle: 512}),
		Settings: httpcache.Settings{
			Policy:     httpcache.Policy{Cookies: httpcache.CookiesRefuse},
			MaxEntries: k.Capacity, MaxBytes: edgeBytes, MaxBody: edgeBody, Collapse: k.Collapse,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open the edge cache: %w", err)
	}
	return cache, nil
}

// read takes what the cache has counted since the last reading into the pattern's
// counters. mu is held.
func (f *front) read() {
	if f.cache == nil {
		return
	}
	s, was := f.cache.Stats(), f.seen
	f.seen = s
	for name, n := range map[string]uint64{
		"hit": s.Hits - was.Hits, "miss": s.Misses - was.Misses, "revalidated": s.Revalidated - was.Revalidated, "stale": s.Stale - was.Stale,
		"stale_error": s.StaleError - was.StaleError, "collapsed": s.Collapsed - was.Collapsed, "refresh": s.Refreshes - was.Refreshes,
		"store": s.Stored - was.Stored, "evicted": s.Evicted - was.Evicted, "dropped": s.Invalidated - was.Invalidated, "bytes_saved": s.BytesSaved - was.BytesSaved,
	} {
		f.counters.Get(name).Add(n)
	}
}

// slot is the edge as the page shows a pattern.
func (f *front) slot() chain.Slot {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read()
	s := chain.Slot{Pattern: f.pattern, State: f.state, Knobs: f.knobs, Counters: f.counters}
	if f.state != lab.Off {
		s.Gauges = []lab.Gauge{{Name: "answers", Value: float64(f.seen.Entries)}, {Name: "flights", Value: float64(f.seen.Flights)}}
	}
	return s
}

func (g *ghost) serve(ctx context.Context, r *lab.Request, next lab.Handler, f *front) lab.Response {
	g.mu.Lock()
	_, offer, lease := g.copies.Look(f.clock.Now(), r)
	g.mu.Unlock()
	if r.Read && offer != edge.Miss {
		f.counters.Get("shadow_hit").Add(1)
	}
	res := next.Serve(ctx, r)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !r.Read:
		g.copies.Wrote(r, 16, &res)
	case offer != edge.Fresh:
		g.copies.Keep(f.clock.Now(), r, lease, res)
	}
	return res
}

// close takes the cache away.
func (f *front) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before(nil)
	f.read()
	if f.cache != nil {
		f.old = append(f.old, f.cache)
		f.cache, f.state = nil, lab.Off
	}
	for _, c := range f.old {
		c.Close()
	}
	f.old = nil
}

// reporter says of the edge's answers, in the lab's words, what became of the
// request: a copy carries those of the request that brought it.
type reporter struct{ cache *httpcache.Cache }

// ServeHTTP implements http.Handler.
func (p *reporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.cache.ServeHTTP(&reported{ResponseWriter: w, id: r.Header["Workbench-Id"]}, r)
}

type reported struct {
	http.ResponseWriter
	id   []string
	done bool
}

// Unwrap lets http.ResponseController reach the server's own writer.
func (w *reported) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w *reported) WriteHeader(code int) {
	if !w.done && code >= http.StatusOK {
		w.done = true
		w.describe(code)
	}
	w.ResponseWriter.WriteHeader(code)
}

// describe reads Cache-Status, whose last member is the edge's own.
func (w *reported) describe(code int) {
	h := w.Header()
	lines := h["Cache-Status"]
	if len(lines) == 0 {
		return
	}
	said := lines[len(lines)-1]
	if w.id != nil {
		h["Workbench-Id"] = w.id
	}
	copied := strings.Contains(said, "; hit") || strings.Contains(said, "; collapsed") || strings.Contains(said, "detail=stale-if-error")
	if copied {
		h["Workbench-Cache"], h["Workbench-Instance"] = []string{"hit"}, []string{"edge"}
	}
	switch {
	case copied && strings.Contains(said, "ttl=-") || strings.Contains(said, "detail=stale-if-error"):
		h["Workbench-Outcome"] = []string{lab.Stale.String()}
	case h.Get("Workbench-Outcome") == "" && code >= http.StatusInternalServerError: // an answer of the edge's own
		h["Workbench-Outcome"], h["Workbench-Reason"] = []string{lab.Failed.String()}, []string{string(lab.ReasonDown)}
	}
}
