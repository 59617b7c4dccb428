package plug

import (
	"context"
	"fmt"
	"time"

	"workbench/exercises/plug/host"
	"workbench/lab"
)

// topic is a key that questions under way are about. While a load of it runs it
// is not the solution that everybody waits for.
type topic struct {
	key   string
	calls int           // questions under way
	loads int           // loads under way
	begun int           // loads since the topic came up
	over  chan struct{} // closed when no load is under way any more; nil: none is
}

// owed are the questions that were given up as late and have no answer yet.
type owed struct {
	calls int
	since time.Duration // since when the process has said nothing although it owes; 0: not so
}

// join counts a question into its topic. Needs mu.
func (l *line) join(c *call, key string) {
	if known := l.topics[key]; known != nil {
		c.topic = known
	} else {
		c.topic.key = key
		l.topics[key] = c.topic
	}
	c.topic.calls++
}

// owe notes that a question was given up. Needs mu.
func (l *line) owe(c *call) {
	c.owed = true
	l.owed.calls++
	if l.owed.since == 0 {
		l.owed.since = l.clock.Now()
	}
}

// settleTopic takes an answered question out of its topic. Needs mu.
func (l *line) settleTopic(c *call) {
	c.topic.calls--
	l.clear(c.topic)
	l.heard(c)
}

// heard notes that the process is at work, and owes no answer to c. Needs mu.
func (l *line) heard(c *call) {
	if c.owed {
		c.owed = false
		l.owed.calls--
	}
	l.owed.since = 0
	if l.owed.calls > 0 {
		l.owed.since = l.clock.Now()
	}
}

// clear forgets a topic that nobody asks about. Needs mu.
func (l *line) clear(t *topic) {
	if t.calls == 0 && t.loads == 0 {
		delete(l.topics, t.key)
	}
}

// called starts the load that a question is answered from. A question that was
// answered meanwhile is not loaded for: whoever waits for it loads alone.
func (l *line) called(id uint32) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.calls[id]
	switch {
	case c == nil:
		l.send(host.Ask{ID: id, Op: host.Loaded, End: 1})
		return nil
	case c.load == nil:
		return fmt.Errorf("a load for question %d, which has none", id)
	case c.loaded:
		return fmt.Errorf("a second load for question %d", id)
	}
	c.loaded = true
	t := c.topic
	t.begun++
	if t.loads++; t.over == nil {
		t.over = make(chan struct{})
	}
	if l.owed.calls > 0 { // who waits for this load is owed nothing by the process
		for _, other := range l.calls {
			if other.topic == t {
				l.heard(other)
			}
		}
	}
	l.heard(c)
	l.run(func(context.Context) { l.brought(id, t, c.load()) })
	return nil
}

// brought hands the process what a load has brought.
func (l *line) brought(id uint32, t *topic, got lab.Loaded) {
	a := host.Ask{ID: id, Op: host.Loaded, End: 1, Text: got.Text}
	if len(a.Text) > host.MaxText {
		a.Text, got.Keep = nil, false
	}
	if got.Keep {
		a.End = 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.loads--; t.loads == 0 {
		close(t.over)
		t.over = nil
	}
	l.clear(t)
	if l.why == "" {
		l.send(a)
	}
}

// loading returns what ends the loads of a topic that are under way, nil: none
// is; and how many there have been.
func (l *line) loading(t *topic) (over <-chan struct{}, begun int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return t.over, t.begun
}

// Fetch implements lab.Fetcher. The deadline begins anew after each load of the
// key: the solution is not to blame for what the lab's own store takes.
func (u *Unit) Fetch(ctx context.Context, q lab.Fetch) (lab.Fetched, error) {
	u.mu.Lock()
	l, why := u.line, u.why
	u.mu.Unlock()
	switch {
	case l == nil:
		return lab.Fetched{}, fmt.Errorf("%w: %s", lab.ErrForeign, why)
	case len(q.Key) > lab.MaxKey:
		return lab.Fetched{}, fmt.Errorf("%w: a key of %d bytes, want at most %d", lab.ErrForeign, len(q.Key), lab.MaxKey)
	}
	c := &call{done: make(chan host.Tell, 1), at: u.clock.Now(), topic: &topic{}, load: q.Load}
	id := l.put(c, host.Ask{Op: host.Get, Text: []byte(q.Key)})
	if id == 0 {
		return lab.Fetched{}, fmt.Errorf("%w: %d questions have no answer yet", lab.ErrForeign, maxPending)
	}
	first := true
	hit := true
	for {
		began := u.clock.Now()
		over, begun := l.loading(c.topic)
		hit = hit && over == nil && (begun == 0 || first)
		first = false
		t, what := u.await(ctx, l, c, over)
		if _, now := l.loading(c.topic); now != begun {
			hit = false
		}
		switch what {
		case answered:
			return u.fetched(l, q, t, hit, began)
		case ended:
			return lab.Fetched{}, fmt.Errorf("%w: its process has ended", lab.ErrForeign)
		case brought:
			continue
		}
		if _, now := l.loading(c.topic); now != begun && ctx.Err() == nil {
			continue // it was the load that took so long
		}
		if !l.leave(id, c) {
			return u.fetched(l, q, <-c.done, hit, began) // it has come at the last moment
		}
		if ctx.Err() != nil {
			return lab.Fetched{}, fmt.Errorf("%w: %w", lab.ErrForeign, ctx.Err())
		}
		u.judge(l, began, u.guard.Deadline)
		return lab.Fetched{}, fmt.Errorf("%w: none within %v", lab.ErrForeign, u.guard.Deadline)
	}
}

// event is what ends a wait for an answer.
type event int

// The events.
const (
	answered event = iota
	ended          // the process
	brought        // a load has ended that the solution waited for
	late           // or whoever asked has gone
)

// await waits for an answer: as long as a load takes while one is under way, and
// for the time of a decision where none is.
func (u *Unit) await(ctx context.Context, l *line, c *call, over <-chan struct{}) (host.Tell, event) {
	if over == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, u.guard.Deadline)
		defer cancel()
	}
	select {
	case t := <-c.done:
		return t, answered
	case <-l.dead:
		return host.Tell{}, ended
	case <-over:
		return host.Tell{}, brought
	case <-ctx.Done():
		return host.Tell{}, late
	}
}

// fetched takes an answer that came in time. A text that no load has brought
// ends the process: it must not reach anybody.
func (u *Unit) fetched(l *line, q lab.Fetch, t host.Tell, hit bool, began time.Duration) (lab.Fetched, error) {
	if t.OK || len(t.Text) > 0 {
		if err := q.Known(t.Text); err != nil {
			l.fail("it talks nonsense: " + err.Error())
			return lab.Fetched{}, fmt.Errorf("%w: %w", lab.ErrForeign, err)
		}
	}
	u.took(began)
	return lab.Fetched{Loaded: lab.Loaded{Keep: t.OK, Text: t.Text}, Hit: hit && t.OK}, nil
}

var _ lab.Fetcher = (*Unit)(nil)
