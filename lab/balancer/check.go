package balancer

import (
	"context"
	"io"
	"net/http"
	"time"
)

// beat is how often the balancer looks for checks that are due and for
// ejections that are over.
const beat = 100 * time.Millisecond

// patrol asks instances whether they are ready, and compares them with one
// another, until the balancer is closed.
func (b *Balancer) patrol() {
	for b.cfg.Clock.Wait(b.watch, b.cfg.Clock.Now()+beat) == nil {
		for _, k := range b.beat() {
			b.watching.Go(func() { b.check(k) })
		}
	}
}

// beat returns the instances that are to be asked now, and compares them all
// when it is time to.
func (b *Balancer) beat() []*backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.cfg.Clock.Now()
	b.fleet.Tick(now)
	var out []*backend
	for _, m := range b.fleet.Due(now) {
		out = append(out, b.by[m])
	}
	return out
}

// check asks one instance whether it is ready.
func (b *Balancer) check(k *backend) {
	limited, cancel := context.WithTimeout(b.watch, b.Settings().Health.Timeout)
	defer cancel()
	ready := k.ready(limited)
	if b.watch.Err() != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fleet.Checked(b.cfg.Clock.Now(), k.seat, ready)
}

// ready reports whether the instance says in time that it is.
func (k *backend) ready(ctx context.Context) bool {
	in, err := http.NewRequestWithContext(ctx, http.MethodGet, k.pool.scheme+"://"+k.Addr+ReadyPath, nil)
	if err != nil {
		return false
	}
	res, err := k.probe.Do(in)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10))
	return err == nil && res.StatusCode == http.StatusOK
}

// ReadyPath is what an instance is asked for.
const ReadyPath = "/readyz"
