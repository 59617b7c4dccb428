package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"workbench/lab"
	"workbench/lab/balancer"
	"workbench/lab/join"
)

// Sync takes the report of an instance of another process and returns its plan:
// at once when that is new to it, and otherwise after a moment.
func (l *Lab) Sync(ctx context.Context, who join.Member, rep join.Report) (join.Plan, error) {
	g, err := l.hear(who, rep)
	if err != nil {
		return join.Plan{}, err
	}
	if rep.Gone {
		return join.Plan{}, nil
	}
	l.seat(ctx, g)
	h := &l.house
	h.mu.Lock()
	defer h.mu.Unlock()
	hold, heard := holdReport, g.heard
	if l.guestPlan(g).Closing > 0 {
		hold = lookAgain // the run waits for it
	}
	if rep.Full() {
		hold = lookAgain // it has more to tell than it has room for
	}
	limited, cancel := context.WithTimeout(ctx, hold)
	defer cancel()
	for {
		p := l.guestPlan(g)
		if p.Number != rep.Seen || limited.Err() != nil {
			if ctx.Err() != nil && g.heard == heard {
				g.heard = l.clock.Now() - lostAfter + holdReport // the connection broke: unless it reports again soon, it is gone
			}
			return p, nil
		}
		bell := h.next()
		h.mu.Unlock()
		select {
		case <-bell:
		case <-limited.Done():
		}
		h.mu.Lock()
	}
}

// hear takes a report in.
func (l *Lab) hear(who join.Member, rep join.Report) (*guest, error) {
	h := &l.house
	h.mu.Lock()
	g, err := h.find(who)
	if err != nil {
		h.mu.Unlock()
		return nil, err
	}
	batch, fresh := rep.Batch, rep.Number != g.batch // not fresh: it is repeated, since the answer to it was lost
	g.batch, g.heard = rep.Number, l.clock.Now()
	rep.Batch = join.Batch{}
	if fresh {
		h.names[g.name].add(batch)
	}
	if rep.Gone {
		rep.Counters = nil // its service is closed
	}
	back, leaves, r := g.lost, rep.Leaving && !g.leaving, g.at
	early := rep.Gone && !g.released && !g.lost
	g.lost, g.leaving, g.report = false, g.leaving || rep.Leaving, rep
	caughtUp := g.behind && rep.Done == l.guestPlan(g).Number
	if caughtUp {
		g.behind = false
	}
	l.count(g, rep)
	if rep.Gone {
		h.drop(g)
	}
	drained := g.drained || g.leaving || g.behind
	h.ring()
	h.mu.Unlock()
	if fresh {
		l.replay(g, batch)
	}
	if rep.Gone {
		l.observe.tracer.Store().Gone(g.name)
	}
	if r == nil {
		return g, nil
	}
	if leaves {
		r.noted("instance "+g.name+" leaves: it finishes what is inside", nil)
	}
	if back {
		r.noted("instance "+g.name+" reports again", nil)
	}
	if leaves || back || caughtUp {
		r.front.Drain(g.name, drained)
	}
	if early {
		r.noted(fmt.Sprintf("instance %s has left, %d requests cut", g.name, r.sentTo(g.name)), nil)
	}
	if rep.Gone {
		return g, r.unseat(g)
	}
	return g, nil
}

// sentTo returns how many requests the balancer waits for at an instance.
func (r *run) sentTo(name string) int {
	for _, s := range r.front.Stats() {
		if s.Name == name {
			return s.Inflight
		}
	}
	return 0
}

// count adds what a guest's patterns have counted since its last report. mu of
// the house must be held.
func (l *Lab) count(g *guest, rep join.Report) {
	r, err := l.current()
	if err != nil || rep.Run != r.id || rep.Counters == nil {
		return
	}
	if g.run != rep.Run || g.counted == nil {
		g.run, g.counted = rep.Run, map[string]map[string]uint64{}
	}
	for pattern, events := range rep.Counters {
		c := r.counts[pattern]
		if c == nil {
			continue // of no pattern that the service has
		}
		if g.counted[pattern] == nil {
			g.counted[pattern] = map[string]uint64{}
		}
		known := c.All()
		for event, n := range events {
			if _, ok := known[event]; !ok && !slices.Contains(r.eventsOf(pattern), event) {
				continue
			}
			if was := g.counted[pattern][event]; n > was {
				c.Get(event).Add(n - was)
				g.counted[pattern][event] = n
			}
		}
	}
}

// eventsOf returns the events that a pattern declares.
func (r *run) eventsOf(pattern string) []string {
	for _, p := range r.patterns() {
		if p.Name == pattern {
			return p.Events
		}
	}
	return nil
}

// seat gives a guest that has carried out its plan to the balancer, once it has
// shown that it is the one.
func (l *Lab) seat(ctx context.Context, g *guest) {
	r, err := l.current()
	if err != nil {
		return
	}
	l.house.mu.Lock()
	p, rep := l.guestPlan(g), g.report
	ready := g.at != r && !g.leaving && !g.killed && rep.Addr != "" && rep.Run == r.id && rep.Done == p.Number
	l.house.mu.Unlock()
	if !ready {
		return
	}
	if err := l.prove(ctx, g, rep.Addr); err != nil {
		l.cfg.Log.Warn("joined instance gets no requests yet", "instance", g.name, "addr", rep.Addr, "error", err)
		return
	}
	r.shaping.Lock()
	defer r.shaping.Unlock()
	l.house.mu.Lock()
	if g.at == r || r.ctx.Err() != nil || !slices.Contains(l.house.all, g) {
		l.house.mu.Unlock()
		return
	}
	g.at, g.behind = r, false
	first := g.since >= r.shared.began
	l.house.mu.Unlock()
	now := append(slices.Clone(r.guests()), g)
	slices.SortFunc(now, func(a, b *guest) int { return compareNames(a.name, b.name) })
	r.shared.guests.Store(&now)
	if err := r.front.SetBackends(r.backends()); err != nil {
		l.cfg.Log.Error("joined instance not given to the balancer", "instance", g.name, "error", err)
		was := slices.DeleteFunc(slices.Clone(now), func(o *guest) bool { return o == g })
		r.shared.guests.Store(&was)
		l.house.mu.Lock()
		g.at = nil
		l.house.mu.Unlock()
		return
	}
	if g.drained {
		r.front.Drain(g.name, true)
	}
	if first {
		r.noted(fmt.Sprintf("instance %s joined: process %d at %s", g.name, g.hello.PID, rep.Addr), nil)
	}
}

// prove asks who listens at an address, so that no traffic goes to a stranger.
func (l *Lab) prove(ctx context.Context, g *guest, addr string) error {
	a, err := netip.ParseAddrPort(addr)
	if err != nil || a.Addr().String() != g.hello.Host {
		return fmt.Errorf("it reports %q, and joined from %s", addr, g.hello.Host)
	}
	limited, cancel := context.WithTimeout(ctx, proofLimit)
	defer cancel()
	scheme, door := "http", &http.Transport{DisableKeepAlives: true}
	if len(g.hello.Cert) > 0 {
		scheme = "https"
		if door.TLSClientConfig, err = balancer.Pinned(string(g.hello.Cert)); err != nil {
			return err
		}
	}
	in, err := http.NewRequestWithContext(limited, http.MethodGet, scheme+"://"+addr+join.ProofPath, nil)
	if err != nil {
		return err
	}
	client := &http.Client{
		Transport:     door,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return err
	}
	if string(said) != (join.Member{Name: g.name, Key: g.key}).Proof() {
		return errors.New("another server than the instance listens there")
	}
	return nil
}

// guests returns those that the run's balancer has.
func (r *run) guests() []*guest {
	if at := r.shared.guests.Load(); at != nil {
		return *at
	}
	return nil
}

// backends returns all instances that the balancer shall have.
func (r *run) backends() []balancer.Backend {
	out := r.team.Load().backends()
	r.lab.house.mu.Lock()
	defer r.lab.house.mu.Unlock()
	for _, g := range r.guests() {
		out = append(out, balancer.Backend{Name: g.name, Addr: g.report.Addr, Pass: g.pass, Cert: string(g.hello.Cert)})
	}
	return out
}

// unseat takes a guest from the balancer. What is inside may finish.
func (r *run) unseat(g *guest) error {
	r.shaping.Lock()
	defer r.shaping.Unlock()
	return r.letGo(g)
}

// letGo is unseat with shaping held.
func (r *run) letGo(g *guest) error {
	now := slices.DeleteFunc(slices.Clone(r.guests()), func(o *guest) bool { return o == g })
	if len(now) == len(r.guests()) || r.ctx.Err() != nil {
		return nil
	}
	r.shared.guests.Store(&now)
	return r.front.SetBackends(r.backends())
}

// Work does at the service what a request asks for that has passed the patterns
// of an instance in another process.
func (l *Lab) Work(ctx context.Context, who join.Member, c join.Call) (lab.Response, error) {
	l.house.mu.Lock()
	g, err := l.house.find(who)
	l.house.mu.Unlock()
	if err != nil {
		return lab.Response{}, err
	}
	r, err := l.current()
	if err != nil || r.id != c.Run || int(c.Op) >= len(r.ops) {
		return lab.Answer(nil, lab.ErrStop), nil
	}
	r.shared.calls.enter()
	defer r.shared.calls.end()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.life, cancel)()
	q := c.Request(r.clock.Now())
	for _, one := range *r.shared.choices.Load() {
		one.Choose(q)
	}
	ctx, done := l.observe.tracer.Called(ctx, c.Trace, g.name, r.ops[c.Op], q)
	res := r.sys.Serve(ctx, q)
	if done != nil {
		done(res)
	}
	return res, nil
}

// SendHome ends the run and the processes that have joined, while they can
// still reach the lab: their requests inside are answered, and what they have
// accepted is done. Without any it does nothing.
func (l *Lab) SendHome(ctx context.Context) error {
	if len(l.house.list()) == 0 {
		return nil
	}
	l.change.Lock()
	defer l.change.Unlock()
	err := l.stop(ctx, "the lab was closed", closeGrace)
	l.house.mu.Lock()
	l.house.ended = true
	l.house.ring()
	l.house.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if left := l.house.await(limited, func(*guest) bool { return true }); len(left) > 0 {
		l.cfg.Log.Warn("joined instances did not say goodbye", "instances", len(left))
	}
	return err
}

var _ join.Lab = (*Lab)(nil)
