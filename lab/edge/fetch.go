package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
)

// fetch gets an answer from the origin, or from another request's flight. e is the
// copy that needs validation, nil if there is none; others are copies of other
// variants. turns counts how often a flight turned out to be of no use.
func (x *exchange) fetch(e *entry, others []*entry, turns int) {
	if e == nil {
		x.counts.misses.Add(1)
	}
	if x.alone(e) || turns > 2 {
		x.lead(nil, e, others)
		return
	}
	on, leader := x.flights.join(x.flightKey(known(e, others)), x.now())
	switch {
	case on == nil:
		x.lead(nil, e, others)
	case leader:
		// The last flight may have landed between the look into the store and here.
		if kept, _ := x.store.find(x.key, x.r.Header); kept != nil && kept != e && kept.terms.Decide(kept.age(x.now()), x.want) == UseFresh {
			on.answer, on.body = kept, wholeFill(kept.body)
			x.flights.land(on, x.now())
			x.flights.done(on)
			x.collapsed()
			x.serve(kept)
			return
		}
		x.lead(on, e, others)
	default:
		x.follow(on, e, others, turns)
	}
}

// known is the names of the fields that are known to select among a resource's
// answers.
func known(e *entry, others []*entry) []string {
	if e != nil {
		return e.vary
	}
	var out []string
	for _, o := range others {
		out = append(out, o.vary...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// alone reports whether a request must have its own answer from the origin.
func (x *exchange) alone(e *entry) bool {
	h := x.r.Header
	return !x.set.Collapse || x.want.NoCache || x.want.NoStore || x.want.hasMaxAge || x.want.MinFresh > 0 || len(h["Authorization"]) > 0 ||
		e == nil && (len(h["Range"]) > 0 || len(h["If-None-Match"]) > 0 || len(h["If-Modified-Since"]) > 0)
}

// follow waits for what another request brings.
func (x *exchange) follow(on *flight, e *entry, others []*entry, turns int) {
	ctx := x.r.Context()
	select {
	case <-on.known:
	case <-ctx.Done():
		return // the client has left
	}
	if f := on.failed; f != nil {
		switch {
		case e != nil && e.terms.OnError(e.age(x.now()), x.want, f.err != nil, x.set.Policy):
			x.staleError(e, f)
		case f.err != nil:
			x.gaveUp(f) // asking again at once would only add to the trouble
		default:
			x.lead(nil, e, others)
		}
		return
	}
	if on.answer == nil {
		x.lead(nil, e, others) // it is for that client alone; all who waited go at once
		return
	}
	if !on.answer.matches(x.r.Header) {
		x.fetch(e, append([]*entry{on.answer}, others...), turns+1)
		return
	}
	if !on.body.known || x.r.Header.Get("Range") != "" {
		body, err := on.body.whole(ctx)
		if err != nil {
			if ctx.Err() == nil {
				x.lead(nil, e, others)
			}
			return
		}
		whole := *on.answer
		whole.body = body
		x.collapsed()
		x.serve(&whole)
		return
	}
	x.collapsed()
	x.serveFill(on.answer, on.body)
}

func (x *exchange) collapsed() {
	x.counts.collapsed.Add(1)
	x.status.collapsed = true
}

// lead asks the origin, on a flight's account or on its own if there is none.
func (x *exchange) lead(on *flight, e *entry, others []*entry) {
	ctx := x.r.Context()
	landed := on == nil
	land := func() {
		if !landed {
			landed = true
			x.flights.land(on, x.now())
		}
	}
	spoiled, end := x.store.begin(x.key)
	if on != nil {
		// Others may be waiting, so it goes on when this client leaves.
		detached, cancel := context.WithCancel(context.WithoutCancel(ctx))
		stop, forget := context.AfterFunc(x.ctx, cancel), end
		ctx, end = detached, func() { forget(); stop(); cancel() }
		defer func() { // a panic must not leave them waiting
			if !landed {
				on.failed = &failure{reason: "the request that asked broke"}
			}
			land()
		}()
	}
	res, asked, err := x.conditional(ctx, e, others)
	if err != nil {
		end()
		f := failed(err)
		if on != nil {
			on.failed = f
		}
		land()
		if e != nil && e.terms.OnError(e.age(x.now()), x.want, true, x.set.Policy) {
			x.staleError(e, f)
			return
		}
		x.gaveUp(f)
		return
	}
	switch good := validates(res.Header, asked); {
	case res.StatusCode == http.StatusNotModified && len(asked) > 0 && good != nil:
		defer end()
		x.validated(on, land, res, good, spoiled)
	case e != nil && errorStatus(res.StatusCode) && e.terms.OnError(e.age(x.now()), x.want, false, x.set.Policy):
		end()
		_ = res.Body.Close() // it is not wanted
		f := &failure{status: res.StatusCode, reason: "the origin answered that it is in trouble"}
		if on != nil {
			on.failed = f
		}
		land()
		x.staleError(e, f)
	default:
		x.fresh(on, land, res, e, spoiled, end)
	}
}

// conditional asks the origin whether copies are still good, if there are any
// worth asking about. A 304 that names none of them is not usable: then it asks
// again for the whole (RFC 9111 section 4.3.4).
func (x *exchange) conditional(ctx context.Context, e *entry, others []*entry) (answered, []*entry, error) {
	out := x.outgoing(x.r)
	asked := x.candidates(e, others)
	if len(asked) > 0 {
		condition(out.Header, asked...)
	}
	res, err := x.ask(ctx, x.w, out)
	if err != nil || res.StatusCode != http.StatusNotModified || len(asked) == 0 || validates(res.Header, asked) != nil {
		return res, asked, err
	}
	_ = res.Body.Close() // a 304 has none
	out = x.outgoing(x.r)
	condition(out.Header)
	res, err = x.ask(ctx, x.w, out)
	return res, nil, err
}

// candidates are the copies whose validators go with a request.
func (x *exchange) candidates(e *entry, others []*entry) []*entry {
	if x.want.NoStore {
		return nil
	}
	if e != nil {
		if e.header.Get("Etag") == "" && e.header.Get("Last-Modified") == "" {
			return nil
		}
		return []*entry{e}
	}
	h := x.r.Header
	if len(h["If-None-Match"]) > 0 || len(h["If-Modified-Since"]) > 0 || len(h["Range"]) > 0 {
		return nil // the client's own condition goes on as it is
	}
	var out []*entry
	for _, o := range others {
		if o.elem != nil && o.header.Get("Etag") != "" && len(out) < askedMost {
			out = append(out, o)
		}
	}
	return out
}

// validated uses a copy that the origin said is still good.
func (x *exchange) validated(on *flight, land func(), res answered, good *entry, spoiled func() bool) {
	_ = res.Body.Close() // a 304 has none
	x.counts.revalidated.Add(1)
	x.status.forwardStatus = http.StatusNotModified
	renewed := x.renew(good, res)
	renewed.vary = selecting(renewed.header)
	renewed.variant = variant(renewed.vary, x.r.Header)
	if ok, _ := Storable(x.r.Header, renewed.status, renewed.header, renewed.terms, x.set.Policy); ok && !spoiled() {
		x.store.put(renewed)
		x.status.stored = true
	}
	if on != nil && renewed.terms.shareable(renewed.age(x.now())) {
		on.answer, on.body = renewed, wholeFill(renewed.body)
	}
	land()
	if on != nil {
		x.flights.done(on)
	}
	x.serve(renewed)
}

// fresh passes a new answer on, and keeps it if it may be kept. end is called when
// nothing more can be kept.
func (x *exchange) fresh(on *flight, land func(), res answered, old *entry, spoiled func() bool, end func()) {
	x.status.forwardStatus = res.StatusCode
	e := &entry{key: x.key, status: res.StatusCode, header: res.Header, vary: selecting(res.Header)}
	e.variant = variant(e.vary, x.r.Header)
	x.describe(e, res)
	if e.header.Get("Date") == "" { // RFC 9110 section 6.6.1: whoever keeps it adds the date
		e.header["Date"] = []string{res.received.UTC().Format(http.TimeFormat)}
	}
	keep, reason := Storable(x.r.Header, e.status, e.header, e.terms, x.set.Policy)
	if keep && res.ContentLength > x.set.MaxBody {
		keep, reason = false, "too-long"
	}
	if !keep {
		if on == nil && x.partial(e, res, spoiled, end) {
			return
		}
		defer end()
		x.status.detail = reason
		land()
		if old != nil && res.StatusCode < 500 && res.StatusCode != http.StatusNotModified && res.StatusCode != http.StatusPartialContent {
			x.invalidate(x.key) // what was kept is no longer what the origin says
		}
		x.stream(res)
		return
	}
	x.status.stored = true
	own := *e // its first reader gets all of it
	e.header = x.presentable(e)
	body := newFill(res.Body, res.ContentLength >= 0)
	if on != nil && e.terms.shareable(e.age(x.now())) {
		on.answer, on.body = e, body
	}
	land()
	x.work.Go(func() {
		whole, taken, err := body.run(x.set.MaxBody)
		if !taken {
			defer end()
		}
		if errors.Is(err, io.EOF) && !spoiled() {
			kept := *e
			kept.body = whole
			x.store.put(&kept)
			x.store.invalidate(partKey(x.key)) // parts of an older body, perhaps
			x.counts.stored.Add(1)
		}
		if on != nil {
			x.flights.done(on)
		}
	})
	defer func() {
		if body.leave() {
			end() // only now: it ends the request whose body was read here
		}
	}()
	x.serveNew(&own, body)
}

// serveNew answers the request that brought the answer.
func (x *exchange) serveNew(e *entry, body *fill) {
	if rangeHolds(x.r.Header, e.header) && body.known {
		whole, err := body.whole(x.r.Context())
		if err == nil {
			done := *e
			done.body = whole
			x.serve(&done)
			return
		}
		if !errors.Is(err, errTooLong) {
			x.gaveUp(failed(err))
			return
		}
	}
	x.serveFill(e, body)
}
