package balancer

import (
	"fmt"

	"workbench/sim/dist"
)

// The pickers.
const (
	RoundRobin    = "round-robin"
	LeastInflight = "least-inflight"
	TwoChoices    = "two-choices"
)

// Pickers returns the names of the pickers, the default first.
func Pickers() []string { return []string{RoundRobin, LeastInflight, TwoChoices} }

// Picker chooses an instance. It is not safe for concurrent use.
type Picker interface {
	// Pick returns the index of an instance, given how many requests each of
	// them has inside; there is at least one.
	Pick(inflight []int) int
}

// NewPicker returns the picker with this name, or the default for "". Only
// two-choices draws from the stream.
func NewPicker(name string, stream *dist.Stream) (Picker, error) {
	switch name {
	case "", RoundRobin:
		return &roundRobin{}, nil
	case LeastInflight:
		return &leastInflight{}, nil
	case TwoChoices:
		if stream == nil {
			return nil, fmt.Errorf("balancer: picker %s needs a random stream", name)
		}
		return &twoChoices{stream}, nil
	}
	return nil, fmt.Errorf("balancer: unknown picker %q (want one of %v)", name, Pickers())
}

// roundRobin takes the instances in turn.
type roundRobin struct{ next int }

func (p *roundRobin) Pick(inflight []int) int {
	i := p.next % len(inflight)
	p.next = i + 1
	return i
}

// leastInflight takes the instance with the fewest requests inside; among
// equals in turn, so that an idle service does not send all to the first.
type leastInflight struct{ next int }

func (p *leastInflight) Pick(inflight []int) int {
	n := len(inflight)
	best := p.next % n
	for k := 1; k < n; k++ {
		if i := (p.next + k) % n; inflight[i] < inflight[best] {
			best = i
		}
	}
	p.next = best + 1
	return best
}

// twoChoices draws two instances and takes the one with fewer requests inside:
// nearly as even as asking all, without herds when counts are old
// (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE
// TPDS 12(10), 2001).
type twoChoices struct{ stream *dist.Stream }

func (p *twoChoices) Pick(inflight []int) int {
	n := uint64(len(inflight))
	if n == 1 {
		return 0
	}
	a := p.stream.IntN(n)
	b := p.stream.IntN(n - 1)
	if b >= a {
		b++ // two different ones
	}
	if inflight[b] < inflight[a] {
		return int(b)
	}
	return int(a)
}
