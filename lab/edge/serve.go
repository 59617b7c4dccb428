package edge

import (
	"net/http"
	"net/url"
	"strings"
)

// exchange is one request on its way through the cache.
type exchange struct {
	*Cache
	w    http.ResponseWriter
	r    *http.Request
	set  Settings
	key  string
	want Demand

	status cacheStatus
}

// ServeHTTP answers from a copy, or asks the origin.
func (c *Cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.counts.requests.Add(1)
	x := &exchange{Cache: c, w: w, r: r, set: c.Settings(), key: r.URL.RequestURI()}
	if !x.set.IgnoreClient {
		x.want = ReadDemand(r.Header)
	}
	switch {
	case c.loops(r.Header):
		x.refuse(http.StatusLoopDetected, "loop", "the request has come through this cache several times: is the origin the cache itself?")
	case r.Method == http.MethodConnect:
		x.refuse(http.StatusNotImplemented, "method", "CONNECT is for a proxy that a client chose; this is a cache before an origin")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		x.status.forward = "method"
		x.write()
	case forOrigin(r.Header):
		x.status.forward = "bypass"
		x.pass()
	default:
		x.read()
	}
}

// read answers a GET or a HEAD.
func (x *exchange) read() {
	e, others := x.store.find(x.key, x.r.Header)
	if e != nil {
		age := e.age(x.now())
		switch e.terms.Decide(age, x.want) {
		case UseFresh:
			x.counts.hits.Add(1)
			x.status.hit = true
			x.serve(e)
			return
		case UseStale:
			x.counts.stale.Add(1)
			x.status.hit = true
			x.serve(e)
			return
		case UseWhile:
			x.counts.stale.Add(1)
			x.status.hit = true
			x.refresh(e)
			x.serve(e)
			return
		}
	}
	if e == nil && x.servePart() {
		return
	}
	x.status.forward = why(e, others, x.want)
	switch {
	case x.want.OnlyIfCached:
		x.refuse(http.StatusGatewayTimeout, "only-if-cached", "the request asks for a copy only, and there is none that may be used")
	case x.r.Method == http.MethodHead:
		x.head(e)
	default:
		x.fetch(e, others, 0)
	}
}

// why names, in the words of RFC 9211, why a request goes on.
func why(e *entry, others []*entry, want Demand) string {
	switch {
	case e != nil && (want.NoCache || want.NoStore || want.hasMaxAge):
		return "request"
	case e != nil:
		return "stale"
	case len(others) > 0:
		return "vary-miss"
	}
	return "uri-miss"
}

// pass hands a request on and its answer back, and keeps nothing.
func (x *exchange) pass() {
	x.counts.passed.Add(1)
	res, err := x.ask(x.r.Context(), x.w, x.outgoing(x.r))
	if err != nil {
		x.gaveUp(failed(err))
		return
	}
	x.stream(res)
}

// write hands on a request that may change something, and drops what it made
// untrue (RFC 9111 section 4.4).
func (x *exchange) write() {
	x.counts.passed.Add(1)
	spoiled, end := x.store.begin(x.key)
	res, err := x.ask(x.r.Context(), x.w, x.outgoing(x.r))
	if err != nil {
		end()
		x.gaveUp(failed(err))
		return
	}
	overtaken := spoiled() // another write has come between: which was first nobody knows
	end()
	if x.r.Method != http.MethodOptions && x.r.Method != http.MethodTrace && res.StatusCode >= 200 && res.StatusCode < 400 {
		dropped := x.invalidate(x.key)
		for _, name := range [...]string{"Location", "Content-Location"} {
			if key, ok := x.sameOrigin(res.Header.Get(name)); ok && key != x.key {
				dropped += x.invalidate(key)
			}
		}
		x.counts.invalidated.Add(uint64(dropped))
	}
	if !overtaken && x.standsForGet(res) {
		spoiled, end := x.store.begin(x.key)
		x.fresh(nil, func() {}, res, nil, spoiled, end)
		return
	}
	x.stream(res)
}

// standsForGet reports whether the answer to a POST may be kept for later reads of
// the same resource: it names that resource as what it holds, and says for how
// long it is good (RFC 9110 section 9.3.3). A request with conditions or a range
// is handed on as it is, because they mean something else to a POST.
func (x *exchange) standsForGet(res answered) bool {
	if x.r.Method != http.MethodPost || res.StatusCode != http.StatusOK {
		return false
	}
	for _, name := range [...]string{"Range", "If-None-Match", "If-Modified-Since"} {
		if len(x.r.Header[name]) > 0 {
			return false
		}
	}
	key, ok := x.sameOrigin(res.Header.Get("Content-Location"))
	return ok && key == x.key && Read(res.StatusCode, res.Header, res.received, x.set.Policy).Explicit
}

// invalidate drops the copies of a resource and whatever is on its way to become
// one.
func (c *Cache) invalidate(key string) int {
	dropped := c.store.invalidate(key) + c.store.invalidate(partKey(key))
	c.flights.forget(key)
	return dropped
}

// sameOrigin returns the key of a place that an answer names, if it is one of this
// origin: no answer may drop what belongs to another.
func (x *exchange) sameOrigin(place string) (string, bool) {
	if place == "" {
		return "", false
	}
	to, err := url.Parse(place)
	if err != nil {
		return "", false
	}
	if to.Host != "" && !strings.EqualFold(to.Host, x.origin.Host) && !strings.EqualFold(to.Host, x.r.Host) {
		return "", false
	}
	key := x.r.URL.ResolveReference(to)
	return key.RequestURI(), true
}

// head hands a HEAD on. What it says of a stored answer to GET counts for that
// (RFC 9111 section 4.3.5).
func (x *exchange) head(e *entry) {
	x.counts.passed.Add(1)
	spoiled, end := x.store.begin(x.key)
	defer end()
	res, err := x.ask(x.r.Context(), x.w, x.outgoing(x.r))
	if err != nil {
		if f := failed(err); e != nil && e.terms.OnError(e.age(x.now()), x.want, true, x.set.Policy) {
			x.staleError(e, f)
			return
		} else {
			x.gaveUp(f)
		}
		return
	}
	if e != nil && res.StatusCode == http.StatusOK {
		if sameAs(e, res.Header) {
			if !spoiled() {
				x.store.put(x.renew(e, res))
			}
		} else {
			x.invalidate(x.key)
		}
	}
	x.stream(res)
}

// sameAs reports whether an answer to HEAD is about the stored answer to GET.
func sameAs(e *entry, head http.Header) bool {
	for _, name := range [...]string{"Etag", "Last-Modified", "Content-Length"} {
		if is := head.Get(name); is != "" && is != e.header.Get(name) && e.header.Get(name) != "" {
			return false
		}
	}
	return true
}

// renew is an entry with what an answer says of it.
func (x *exchange) renew(e *entry, res answered) *entry {
	out := *e
	out.header = freshen(e.header, res.Header)
	x.describe(&out, res)
	return &out
}

// describe sets what an entry knows of its freshness.
func (x *exchange) describe(e *entry, res answered) {
	e.received = res.received
	e.initial = InitialAge(res.Header, res.asked, res.received)
	e.terms = Read(e.status, e.header, res.received, x.set.Policy)
	e.elem = nil
}

// refresh has a copy validated in the background. If that is under way already,
// or too much of it is, nothing happens.
func (x *exchange) refresh(e *entry) {
	on, leader := x.flights.join(x.flightKey(e.vary), x.now())
	if !leader {
		return
	}
	select {
	case x.refreshes <- struct{}{}:
	default:
		on.failed = &failure{reason: "too many copies are being validated"}
		x.flights.land(on, x.now())
		return
	}
	x.counts.refreshes.Add(1)
	again := x.r.Clone(x.ctx)
	again.Method, again.Body, again.ContentLength = http.MethodGet, http.NoBody, 0
	y := &exchange{Cache: x.Cache, w: nowhere{}, r: again, set: x.set, key: x.key}
	x.work.Go(func() {
		defer func() { <-x.refreshes }()
		y.lead(on, e, nil)
	})
}

// flightKey groups requests that the same answer would serve, as far as is known.
func (x *exchange) flightKey(vary []string) string {
	return x.key + "\n" + variant(vary, x.r.Header)
}

// nowhere is where the answers of validations in the background go.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}
