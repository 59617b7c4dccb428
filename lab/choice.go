package lab

import (
	"context"
	"time"
)

// MaxChoices is how many choices a service may have.
const MaxChoices = 4

// Choice is one way in which a service can do its work: a feed that is built at
// writing or at reading, a submission with a key or without. It is a pattern in
// the chain, so it is switched and turned like any other, and holds for a
// request from the moment it passes. Off is the naive way.
type Choice struct {
	Knobs any // a pointer to the room's knobs, not to be changed
}

// DefineChoice returns a choice of a service as a pattern. place is its index in
// Request.Choices; no two choices of a service share one. A choice refuses
// nothing and counts nothing by itself: the service does, under the choice's
// name and in either way. In shadow it goes on in the naive way.
func DefineChoice[K any](p Pattern, place int, defaults func() K) Pattern {
	return Define(p, defaults,
		func(_ Env, k K) (Live, error) { return choice{place, &Choice{Knobs: &k}}, nil },
		func(_ Env, k K) (Stage, error) { return choice{place, &Choice{Knobs: &k}}, nil })
}

// Chosen returns the knobs of a request's choice, or nil for the naive way.
func Chosen[K any](r *Request, place int) *K {
	c := r.Choices[place]
	if c == nil {
		return nil
	}
	k, _ := c.Knobs.(*K)
	return k
}

// choice puts a Choice on every request that passes: Live and Stage in one.
type choice struct {
	place int
	as    *Choice
}

// Chooser is a Live that sets a choice. It can do so on a request that has passed
// the chain of another process.
type Chooser interface{ Choose(r *Request) }

// Choose implements Chooser.
func (c choice) Choose(r *Request) { r.Choices[c.place] = c.as }

// Wrap implements Live.
func (c choice) Wrap(next Handler, state State) Handler {
	if state != On {
		return next
	}
	return HandlerFunc(func(ctx context.Context, r *Request) Response {
		r.Choices[c.place] = c.as
		return next.Serve(ctx, r)
	})
}

// Enter implements Stage.
func (c choice) Enter(s Sim, id int32) {
	s.Request(id).Choices[c.place] = c.as
	s.Forward(id)
}

// Leave implements Stage.
func (c choice) Leave(s Sim, id int32, res Response) { s.Reply(id, res) }

// Wake implements Stage.
func (c choice) Wake(Sim, uint64) {}

// Gauges implements Live and Stage.
func (c choice) Gauges(time.Duration) []Gauge { return nil }

// Close implements Live.
func (c choice) Close() error { return nil }
