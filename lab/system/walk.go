package system

import (
	"context"

	"workbench/lab"
	"workbench/lab/gate"
)

// Gates are a service's dependencies as it calls them. Second may be nil: its
// calls go to Provider then; so may Provider, and its calls go to Gate.
type Gates struct{ Gate, Provider, Second *gate.Gate }

// at returns the gate behind a door.
func (g Gates) at(d Door) *gate.Gate {
	if d == Second && g.Second != nil {
		return g.Second
	}
	if d != Gate && g.Provider != nil {
		return g.Provider
	}
	return g.Gate
}

// Walk makes the calls that request r makes of a service of kind k, in their
// order. Call number n, from 0, does work(ctx, n) inside its gate; Walk returns
// what the last one returned, and the first error. A request without calls does
// work once, outside any gate.
func (g Gates) Walk(ctx context.Context, k Kind, r *lab.Request, work func(ctx context.Context, n int) ([]byte, error)) ([]byte, error) {
	var buf [4]Visit
	var body []byte
	n := 0
	for _, v := range k.Path(r, buf[:0]) {
		for range v.Times {
			call := n
			var err error
			body, err = g.at(v.Door).Do(ctx, r, func(ctx context.Context) ([]byte, error) { return work(ctx, call) })
			if err != nil {
				return nil, err
			}
			n++
		}
	}
	if n == 0 {
		return work(ctx, 0)
	}
	return body, nil
}

// Calls returns how many calls request r makes of a service of kind k.
func (k Kind) Calls(r *lab.Request) int {
	var buf [4]Visit
	n := 0
	for _, v := range k.Path(r, buf[:0]) {
		n += v.Times
	}
	return n
}
