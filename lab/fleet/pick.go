package fleet

import (
	"fmt"

	"workbench/sim/dist"
)

// The pickers.
const (
	RoundRobin       = "round-robin"
	LeastConnections = "least-connections"
	TwoChoices       = "two-choices"
	ConsistentHash   = "consistent-hash"
)

// Pickers returns the names of the pickers, the default first.
func Pickers() []string { return []string{RoundRobin, LeastConnections, TwoChoices, ConsistentHash} }

// Picker chooses an instance by loads alone. It is not safe for concurrent use.
type Picker interface {
	// Pick returns the index of an instance, given how loaded each of them is;
	// there is at least one.
	Pick(loads []int) int
}

// NewPicker returns the picker with this name, or the default for "". Only
// two-choices draws from the stream. Consistent hashing needs to know the
// request and is not among them: see Fleet.
func NewPicker(name string, stream *dist.Stream) (Picker, error) {
	switch name {
	case "", RoundRobin:
		return &roundRobin{}, nil
	case LeastConnections:
		return &leastConnections{}, nil
	case TwoChoices:
		if stream == nil {
			return nil, fmt.Errorf("fleet: picker %s needs a random stream", name)
		}
		return &twoChoices{stream}, nil
	}
	return nil, fmt.Errorf("fleet: unknown picker %q (want one of %v)", name, Pickers()[:3])
}

// roundRobin takes the instances in turn.
type roundRobin struct{ next int }

func (p *roundRobin) Pick(loads []int) int {
	i := p.next % len(loads)
	p.next = i + 1
	return i
}

// leastConnections takes the instance with the fewest requests inside; among
// equals in turn, so that an idle service does not send all to the first.
type leastConnections struct{ next int }

func (p *leastConnections) Pick(loads []int) int {
	n := len(loads)
	best := p.next % n
	for k := 1; k < n; k++ {
		if i := (p.next + k) % n; loads[i] < loads[best] {
			best = i
		}
	}
	p.next = best + 1
	return best
}

// twoChoices draws two instances and takes the one with fewer requests inside:
// nearly as even as asking all, without herds when counts are old.
type twoChoices struct{ stream *dist.Stream }

func (p *twoChoices) Pick(loads []int) int {
	n := uint64(len(loads))
	if n == 1 {
		return 0
	}
	a := p.stream.IntN(n)
	b := p.stream.IntN(n - 1)
	if b >= a {
		b++ // two different ones
	}
	if loads[b] < loads[a] {
		return int(b)
	}
	return int(a)
}
