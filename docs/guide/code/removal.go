package code

import "sync"

// Tidy is a lock for each key that is taken off its map when nobody seems to
// hold it, as the original sample does it.
type Tidy struct {
	mu    sync.Mutex
	locks map[string]chan struct{} // guarded by mu; each has room for one holder
}

// guide:begin removal

// Do calls work under the key's lock. Between looking the lock up and taking it
// there is a moment in which somebody else may take it off the map. The next
// caller makes a new one, and two hold "the" lock. The hook found stands in
// that moment, for a test.
func (t *Tidy) Do(key string, found, work func()) {
	t.mu.Lock()
	l, ok := t.locks[key]
	if !ok {
		l = make(chan struct{}, 1)
		if t.locks == nil {
			t.locks = map[string]chan struct{}{}
		}
		t.locks[key] = l
	}
	t.mu.Unlock()
	found()
	l <- struct{}{}
	work()
	<-l
	t.mu.Lock()
	if len(l) == 0 { // nobody holds it; but who has found it, and will?
		delete(t.locks, key)
	}
	t.mu.Unlock()
}

// guide:end
