package notify

import (
	"time"

	"workbench/lab"
	"workbench/lab/system"
)

// ledger is what the provider remembers of the keys it was given, and the rule
// of what it sends: the same in both engines. It is not safe for concurrent use.
type ledger struct {
	seen    map[string]time.Duration // by key: when its messages were sent last
	order   []string                 // keys, oldest first; some may be gone
	counter map[string]interface{ Add(uint64) uint64 }
}

// maxKeys bounds what is remembered; the oldest are forgotten first.
const maxKeys = 200_000

func newLedger(counters func(string) *lab.Counters) *ledger {
	l := &ledger{seen: map[string]time.Duration{}, counter: map[string]interface{ Add(uint64) uint64 }{}}
	for _, p := range []lab.Pattern{dedupe(), digest()} {
		for _, name := range p.Events {
			l.counter[name] = counters(p.Name).Get(name)
		}
	}
	return l
}

// take lets the provider have the messages of a request, at now, and reports
// whether it sends them. once is the request's key; a request without one is
// like no other.
func (l *ledger) take(now time.Duration, r *lab.Request, once string) (sent bool) {
	n := uint64(messages(r))
	if r.Op == Campaign {
		l.counter["campaign_calls"].Add(uint64(campaignCalls(r)))
	}
	last, before := l.seen[once]
	before = before && once != ""
	if k := lab.Chosen[Dedupe](r, placeDedupe); k != nil && before && now-last <= k.Window {
		l.counter["deduplicated"].Add(n)
		return false
	}
	l.counter["sent"].Add(n)
	if before {
		l.counter["sent_twice"].Add(n)
	}
	if once != "" {
		l.remember(once, now)
	}
	return true
}

func (l *ledger) remember(once string, now time.Duration) {
	if _, known := l.seen[once]; !known {
		l.order = append(l.order, once)
	}
	l.seen[once] = now
	for len(l.order) > maxKeys {
		delete(l.seen, l.order[0])
		l.order = l.order[1:]
	}
}

// model is the provider in virtual time.
type model struct{ ledger *ledger }

func newModel(counters func(string) *lab.Counters) system.Model {
	return &model{newLedger(counters)}
}

// Served implements system.Model.
func (m *model) Served(now time.Duration, r *lab.Request) lab.Response {
	if r.Key < 1 || r.Key > People {
		return lab.Response{Missing: true}
	}
	if r.Op != Inbox {
		m.ledger.take(now, r, key(r))
	}
	return lab.Response{}
}

// key is what all tries of one simulated user have in common.
func key(r *lab.Request) string {
	n := r.ID >> 8
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	return string(b[:])
}
