package notify

import (
	"time"

	"workbench/lab"
	"workbench/lab/system"
)

// counter is one of a pattern's counters.
type counter interface{ Add(uint64) uint64 }

// ledger is what the providers remember of the keys they were given, what is
// collected for whom, and the rule of what is sent: the same in both engines. It
// is not safe for concurrent use.
type ledger struct {
	seen    map[string]sent // by key
	order   []string        // keys, oldest first; some may be gone
	mail    *mailing
	watch   *watch
	counter map[string]counter
}

// sent says when each provider sent a key's messages last.
type sent struct {
	at  [2]time.Duration
	had [2]bool
}

// maxKeys bounds what is remembered; the oldest are forgotten first.
const maxKeys = 200_000

func newLedger(counters func(string) *lab.Counters) *ledger {
	l := &ledger{seen: map[string]sent{}, mail: newMailing(), counter: map[string]counter{}}
	for _, p := range []lab.Pattern{dedupe(), digest(), failover()} {
		for _, name := range p.Events {
			l.counter[name] = counters(p.Name).Get(name)
		}
	}
	l.watch = &watch{counter: l.counter}
	return l
}

// of returns the place of a provider.
func of(second bool) int {
	if second {
		return 1
	}
	return 0
}

// known reports whether a provider will take a request for one that it has had.
// What one provider knows the other does not.
func (l *ledger) known(now time.Duration, r *lab.Request, once string, second bool) bool {
	k, s, at := lab.Chosen[Dedupe](r, placeDedupe), l.seen[once], of(second)
	return k != nil && once != "" && s.had[at] && now-s.at[at] <= k.Window
}

// take lets a provider have the messages of a request, at now, and reports
// whether it sends them. once is the request's key; a request without one is
// like no other.
func (l *ledger) take(now time.Duration, r *lab.Request, once string) (sent bool) {
	n, e := uint64(messages(r)), errandOf(r)
	if r.Op == Campaign {
		l.counter["campaign_calls"].Add(uint64(e.calls))
	}
	if l.known(now, r, once, e.second) {
		l.counter["deduplicated"].Add(n)
		return false
	}
	l.counter["sent"].Add(n)
	if before := l.seen[once].had; once != "" && (before[0] || before[1]) {
		l.counter["sent_twice"].Add(n)
	}
	if once != "" {
		l.remember(once, now, of(e.second))
	}
	return true
}

func (l *ledger) remember(once string, now time.Duration, provider int) {
	s, known := l.seen[once]
	if !known {
		l.order = append(l.order, once)
	}
	s.at[provider], s.had[provider] = now, true
	l.seen[once] = s
	for len(l.order) > maxKeys {
		delete(l.seen, l.order[0])
		l.order = l.order[1:]
	}
}

// model is the providers in virtual time.
type model struct{ ledger *ledger }

func newModel(counters func(string) *lab.Counters) system.Model {
	return &model{newLedger(counters)}
}

var _ system.Watcher = (*model)(nil)

// Entered implements system.Watcher.
func (m *model) Entered(now time.Duration, r *lab.Request) (lab.Response, bool) {
	r.Choices[placeErrand] = nil // a job that is tried again had another
	if there(r) {
		m.ledger.enter(now, r, key(r), "")
	}
	return lab.Response{}, false
}

// Served implements system.Model.
func (m *model) Served(now time.Duration, r *lab.Request) lab.Response {
	if !there(r) {
		return lab.Response{Missing: true}
	}
	if r.Op != Inbox {
		m.ledger.done(now, r, key(r))
	}
	return lab.Response{}
}

// Left implements system.Watcher. The first call is the database's.
func (m *model) Left(now time.Duration, r *lab.Request, calls int, res lab.Response) {
	m.ledger.left(now, r, calls, res)
}

// Grouped implements system.Watcher; there are no lines here.
func (m *model) Grouped(uint64, int) {}

// there reports whether the person of a request is one that there is.
func there(r *lab.Request) bool { return r.Key >= 1 && r.Key <= People }

// key is what all tries of one simulated user have in common.
func key(r *lab.Request) string {
	n := r.ID >> 8
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	return string(b[:])
}
