package gate

import "context"

// Visit is one request at a gate, as somebody sees it who takes no part. The
// calls come in this order, in the goroutine of Do; the first two only for a
// request that got a slot.
type Visit interface {
	// Started is told that the real work begins, and returns the context for it.
	Started(context.Context) context.Context
	// Worked is told that the real work has ended; the slot is held for the rest
	// of the service time.
	Worked(error)
	// Left is told what Do returns.
	Left(error)
}

// Observer is asked about each request that comes to a gate. It returns nil for
// one that it does not follow, and otherwise the context for its way.
type Observer func(context.Context) (context.Context, Visit)

// Observe lets o watch from the next request on; nil: nobody does.
func (g *Gate) Observe(o Observer) {
	if o == nil {
		g.observer.Store(nil)
		return
	}
	g.observer.Store(&o)
}

// watched returns work with its begin and end told to v.
func watched(v Visit, work Work) Work {
	return func(ctx context.Context) (body []byte, err error) {
		ctx = v.Started(ctx)
		body, err = work(ctx)
		v.Worked(err)
		return body, err
	}
}
