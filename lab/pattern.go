package lab

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/lab/knob"
	"workbench/sim/clock"
)

// State says how a pattern stands in the chain.
type State uint8

// The states of a pattern.
const (
	Off    State = iota // not in the chain
	Shadow              // computes and counts what it would do; acts on nothing
	On                  // acts
	Yours               // a learner's accepted solution acts in its place
)

var stateNames = [...]string{"off", "shadow", "on", "yours"}

// String returns the state's word.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// ParseState returns the state a word names.
func ParseState(word string) (State, error) {
	if i := slices.Index(stateNames[:], word); i >= 0 {
		return State(i), nil
	}
	return 0, &StateError{Got: word}
}

// StateError is a word that names no state.
type StateError struct{ Got string }

// Error implements error.
func (e *StateError) Error() string {
	return fmt.Sprintf("unknown state %q (want %s)", e.Got, e.Want())
}

// Want lists the words that name one.
func (e *StateError) Want() string { return "off, shadow, on or yours" }

// MarshalText writes the state's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's word.
func (s *State) UnmarshalText(b []byte) error {
	v, err := ParseState(string(b))
	if err == nil {
		*s = v
	}
	return err
}

// Side says where a pattern works.
type Side string

// The sides of a pattern.
const (
	Server Side = "server" // in the chain of each service instance
	Client Side = "client" // in the simulated clients
)

// Pattern describes one switchable protection: what the catalog lists, the
// page draws and the chain builds. A room's Pattern function returns it.
type Pattern struct {
	Name    string   // one word, as in the CLI: "breaker"
	Title   string   // as on the page: "Circuit breaker"
	Line    string   // what it does, in one sentence of at most 80 characters
	Side    Side     // empty means Server
	System  string   // the only demo service that has it; empty: all have it
	Front   bool     // stands before the balancer: one for all instances of a service
	Reasons []Reason // with which it may refuse
	Events  []string // the names of its counters
	Knobs   func() any
	// New builds it for one service instance from knobs (a pointer to the
	// room's Knobs, already validated). nil for client-side patterns.
	New func(env Env, knobs any) (Live, error)
	// NewStage builds it in virtual time. nil for client-side patterns.
	NewStage func(env Env, knobs any) (Stage, error)
	// Yours builds it for one service instance around a learner's solution that
	// decides in its place; see Yield. nil where the decision is not handed over.
	Yours func(env Env, knobs any, s Solution) (Live, error)
}

// Define returns a pattern whose knobs are a K, so that rooms work with their
// own type and the chain with any.
func Define[K any](p Pattern, defaults func() K, live func(Env, K) (Live, error), stage func(Env, K) (Stage, error)) Pattern {
	if p.Side == "" {
		p.Side = Server
	}
	p.Knobs = func() any { k := defaults(); return &k }
	if live != nil {
		p.New = func(env Env, k any) (Live, error) { return live(env, *k.(*K)) }
	}
	if stage != nil {
		p.NewStage = func(env Env, k any) (Stage, error) { return stage(env, *k.(*K)) }
	}
	return p
}

// DefineCore is Define for a pattern with one core in two shells: build makes the
// core from the knobs, live and stage put it to work.
func DefineCore[K, C any, L Live, S Stage](p Pattern, defaults func() K, build func(K) (C, error), live func(Env, C) L, stage func(Env, C) S) Pattern {
	return Define(p, defaults, func(env Env, k K) (Live, error) {
		core, err := build(k)
		if err != nil {
			return nil, err
		}
		return live(env, core), nil
	}, func(env Env, k K) (Stage, error) {
		core, err := build(k)
		if err != nil {
			return nil, err
		}
		return stage(env, core), nil
	})
}

// Settings returns fresh knobs with changes applied and validated. The error
// names each wrong knob, what it may be, and leaves nothing half-applied.
func (p Pattern) Settings(changes map[string]any) (any, error) {
	k := p.Knobs()
	if err := knob.Apply(k, changes); err != nil {
		return nil, fmt.Errorf("pattern %s: %w", p.Name, err)
	}
	return k, nil
}

// Env is what a pattern is given to work with.
type Env struct {
	Clock    clock.Clock
	Uniform  func() float64                // the next uniform draw in [0, 1); safe for concurrent use
	Counters *Counters                     // the pattern's own counters; outlive the instance
	Redis    redis.UniversalClient         // shared between instances; nil without one
	Shared   map[string]any                // in virtual time, what the instances share in place of Redis, by pattern; nil: nothing is shared
	Slots    int                           // how many requests the gate serves at once
	Service  time.Duration                 // the gate's mean service time
	Instance string                        // the name of the service instance: "a", "b", …
	Log      *slog.Logger                  // never nil
	Simpler  func(r *Request) []byte       // what the service answers r when it cannot do better; nil, or of nil: it has nothing
	Common   func(build func() any) any    // what a Front pattern's stages have in common, built by the first; nil: there is one stage
	Go       func(f func(context.Context)) // runs f on a goroutine that the lab owns, waits for, and ends by the context
}

// Live is a pattern at work in one service instance. All methods are safe for
// concurrent use.
type Live interface {
	// Wrap returns next with the pattern in front. state is Shadow, in which
	// every request must reach next and every answer pass unchanged, or On. It
	// is called once for each chain that is compiled, never per request.
	Wrap(next Handler, state State) Handler
	// Gauges returns the pattern's present state for the diagram and /metrics,
	// always the same names in the same order.
	Gauges(now time.Duration) []Gauge
	// Close ends what the pattern started. Requests inside still finish.
	Close() error
}

// Wrap is the Wrap of a Live that answers by one of two functions: on, or in
// shadow watch. Either gets next with each request.
func Wrap(next Handler, state State, on, watch func(ctx context.Context, r *Request, next Handler) Response) Handler {
	serve := on
	if state == Shadow {
		serve = watch
	}
	return HandlerFunc(func(ctx context.Context, r *Request) Response { return serve(ctx, r, next) })
}

// Gauge is one figure of a pattern's present state.
type Gauge struct {
	Name  string  `json:"name"` // snake_case with the unit last: "queue_depth", "wait_seconds"
	Value float64 `json:"value"`
	Text  string  `json:"text,omitempty"` // where a word says more than the number: "half-open"
}

// Counters are a pattern's named event counts. They belong to the slot in the
// chain, so they keep growing when the pattern is switched off and on.
type Counters struct {
	mu    sync.Mutex
	names map[string]*atomic.Uint64 // guarded by mu
}

// NewCounters returns an empty set.
func NewCounters() *Counters { return &Counters{names: map[string]*atomic.Uint64{}} }

// Get returns the counter with this name, made at the first call. A pattern
// calls it in New and keeps the result; adding costs one atomic add.
func (c *Counters) Get(name string) *atomic.Uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.names[name]
	if n == nil {
		n = new(atomic.Uint64)
		c.names[name] = n
	}
	return n
}

// All returns a copy of every count.
func (c *Counters) All() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]uint64, len(c.names))
	for _, k := range slices.Sorted(maps.Keys(c.names)) {
		out[k] = c.names[k].Load()
	}
	return out
}
