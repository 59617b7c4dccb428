package edge

import (
	"container/list"
	"net/http"
	"sync"
	"time"
)

// variantsMost is how many copies of one resource are kept: an origin that varies
// on a field with a value for each user would otherwise push everything else out.
const variantsMost = 64

// entryOverhead is what a copy costs beside its body and fields, in bytes.
const entryOverhead = 512

// entry is one stored answer. It is never written to after it was stored, so that
// whoever holds it needs no lock; a 304 replaces it.
type entry struct {
	key     string
	vary    []string
	variant string

	status int
	header http.Header
	body   []byte
	part   span  // of a part: its place in the whole
	whole  int64 // of a part: how long the whole is

	received time.Time
	initial  time.Duration // its age when it was received
	terms    Terms

	size int64
	elem *list.Element // guarded by the store's mu
}

// age is how old the copy is.
func (e *entry) age(now time.Time) time.Duration {
	return e.initial + max(0, now.Sub(e.received))
}

// store keeps entries within a number and a number of bytes, and drops those that
// were used longest ago.
type store struct {
	maxEntries int
	maxBytes   int64

	mu      sync.Mutex
	byKey   map[string][]*entry // guarded by mu; newest first
	used    list.List           // guarded by mu; last used in front
	bytes   int64               // guarded by mu
	evicted uint64              // guarded by mu
	tickets map[string]*ticket  // guarded by mu
}

// ticket says of a key that answers for it are on their way.
type ticket struct {
	holders int
	spoiled uint64 // how often the key was invalidated meanwhile
}

func newStore(entries int, bytes int64) *store {
	return &store{maxEntries: entries, maxBytes: bytes, byKey: map[string][]*entry{}, tickets: map[string]*ticket{}}
}

// find returns the copy that answers a request, nil if there is none, and the
// other copies of the resource.
func (s *store) find(key string, req http.Header) (match *entry, others []*entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.byKey[key] {
		switch {
		case !e.matches(req):
			others = append(others, e)
		case match == nil || e.received.After(match.received):
			match = e // of several the newest counts (RFC 9111 section 4.1)
		}
	}
	if match != nil {
		s.used.MoveToFront(match.elem)
	}
	return match, others
}

// begin says that an answer for the key is on its way. end must follow. spoiled
// reports whether the key was invalidated since: an answer from before a write
// must not be kept after it.
func (s *store) begin(key string) (spoiled func() bool, end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tickets[key]
	if t == nil {
		t = &ticket{}
		s.tickets[key] = t
	}
	t.holders++
	since := t.spoiled
	spoiled = func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return t.spoiled != since
	}
	return spoiled, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if t.holders--; t.holders == 0 {
			delete(s.tickets, key)
		}
	}
}

// put keeps an entry in place of the one for the same requests.
func (s *store) put(e *entry) {
	e.size = int64(len(e.body)) + headerSize(e.header) + int64(len(e.key)+len(e.variant)) + entryOverhead
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.byKey[e.key][:0:0]
	kept = append(kept, e)
	for _, old := range s.byKey[e.key] {
		same := old.variant == e.variant
		full := len(kept) >= variantsMost
		if same || full {
			s.forget(old)
			if full && !same {
				s.evicted++
			}
			continue
		}
		kept = append(kept, old)
	}
	s.byKey[e.key] = kept
	e.elem = s.used.PushFront(e)
	s.bytes += e.size
	for s.used.Len() > s.maxEntries || s.bytes > s.maxBytes {
		s.evicted++
		s.drop(s.used.Back().Value.(*entry))
	}
}

// forget takes an entry out of the order of use. The caller holds mu and sees to
// byKey.
func (s *store) forget(e *entry) {
	s.used.Remove(e.elem)
	s.bytes -= e.size
}

// drop removes an entry. The caller holds mu.
func (s *store) drop(e *entry) {
	s.forget(e)
	var kept []*entry
	for _, old := range s.byKey[e.key] {
		if old != e {
			kept = append(kept, old)
		}
	}
	if len(kept) == 0 {
		delete(s.byKey, e.key)
		return
	}
	s.byKey[e.key] = kept
}

// invalidate removes every copy of a resource, and spoils the answers under way.
// It returns how many copies there were.
func (s *store) invalidate(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tickets[key]; t != nil {
		t.spoiled++
	}
	n := len(s.byKey[key])
	for _, e := range s.byKey[key] {
		s.forget(e)
	}
	delete(s.byKey, key)
	return n
}

// clear removes everything.
func (s *store) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tickets {
		t.spoiled++
	}
	s.byKey, s.bytes = map[string][]*entry{}, 0
	s.used.Init()
}

// limit changes the bounds; what is over them goes.
func (s *store) limit(entries int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxEntries, s.maxBytes = entries, bytes
	for s.used.Len() > 0 && (s.used.Len() > s.maxEntries || s.bytes > s.maxBytes) {
		s.evicted++
		s.drop(s.used.Back().Value.(*entry))
	}
}

func (s *store) sizes() (entries int, bytes int64, evicted uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used.Len(), s.bytes, s.evicted
}

func headerSize(h http.Header) (n int64) {
	for name, values := range h {
		for _, v := range values {
			n += int64(len(name) + len(v) + 32)
		}
	}
	return n
}
