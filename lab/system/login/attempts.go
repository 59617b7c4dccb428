package login

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab"
	"workbench/lab/pattern/ratelimit"
)

// Reasons for refusing an attempt.
const (
	ReasonAddress lab.Reason = "attempts_address"
	ReasonAccount lab.Reason = "attempts_account"
)

// Attempts bounds how often a password may be tried: from one address, whatever
// the account, and for one account, whoever tries. It slows down and never
// locks, or anybody could lock anybody out.
type Attempts struct {
	Address float64 `knob:"address" unit:"1/min" min:"0.1" max:"100000" help:"passwords a minute that one address may try"`
	Account float64 `knob:"account" unit:"1/min" min:"0.1" max:"100000" help:"passwords a minute that may be tried on one account"`
	Burst   int     `knob:"burst" unit:"attempts" min:"1" max:"1000" help:"attempts that are free after a rest"`
}

func attempts() lab.Pattern {
	return lab.Define(lab.Pattern{
		Name: "attempts", Title: "Login: limit on attempts", System: "login", Line: "bounds the passwords tried from one address, and those tried on one account",
		Reasons: []lab.Reason{ReasonAddress, ReasonAccount}, Events: []string{"admitted", "limited_address", "limited_account"},
	}, func() Attempts { return Attempts{Address: 30, Account: 10, Burst: 10} }, newAttemptsLive, newAttemptsStage)
}

// limits is the core of both wrappers. It is not safe for concurrent use.
type limits struct {
	address, account               *ratelimit.Limiter
	admitted, byAddress, byAccount *atomic.Uint64
}

func newLimits(env lab.Env, k Attempts) (*limits, error) {
	knobs := ratelimit.Defaults()
	knobs.Burst, knobs.MaxKeys = k.Burst, 100_000
	knobs.Rate = k.Address / 60
	address, err := ratelimit.New(knobs)
	if err != nil {
		return nil, err
	}
	knobs.Rate = k.Account / 60
	account, err := ratelimit.New(knobs)
	if err != nil {
		return nil, err
	}
	c := env.Counters
	return &limits{address, account, c.Get("admitted"), c.Get("limited_address"), c.Get("limited_account")}, nil
}

// ask decides about one request at now; false: it is to be refused with res.
// An attempt that the address may not make does not count against the account.
func (l *limits) ask(now time.Duration, r *lab.Request) (res lab.Response, ok bool) {
	if r.Op != Login && r.Op != Guess {
		return res, true
	}
	if v := l.address.Take(now, r.IP); !v.OK {
		l.byAddress.Add(1)
		return lab.Refuse(lab.Limited, ReasonAddress, v.Retry), false
	}
	if v := l.account.Take(now, r.Key); !v.OK {
		l.byAccount.Add(1)
		return lab.Refuse(lab.Limited, ReasonAccount, v.Retry), false
	}
	l.admitted.Add(1)
	return res, true
}

// attemptsLive is the limit in one instance.
type attemptsLive struct {
	env  lab.Env
	mu   sync.Mutex
	core *limits // guarded by mu
}

func newAttemptsLive(env lab.Env, k Attempts) (lab.Live, error) {
	core, err := newLimits(env, k)
	return &attemptsLive{env: env, core: core}, err
}

// Wrap implements lab.Live.
func (l *attemptsLive) Wrap(next lab.Handler, state lab.State) lab.Handler {
	return lab.HandlerFunc(func(ctx context.Context, r *lab.Request) lab.Response {
		l.mu.Lock()
		res, ok := l.core.ask(l.env.Clock.Now(), r)
		l.mu.Unlock()
		if ok || state != lab.On {
			return next.Serve(ctx, r)
		}
		return res
	})
}

// Gauges implements lab.Live.
func (l *attemptsLive) Gauges(time.Duration) []lab.Gauge { return nil }

// Close implements lab.Live.
func (l *attemptsLive) Close() error { return nil }

// attemptsStage is the limit in virtual time.
type attemptsStage struct{ core *limits }

func newAttemptsStage(env lab.Env, k Attempts) (lab.Stage, error) {
	core, err := newLimits(env, k)
	return &attemptsStage{core}, err
}

// Enter implements lab.Stage.
func (s *attemptsStage) Enter(sim lab.Sim, id int32) {
	if res, ok := s.core.ask(sim.Now(), sim.Request(id)); !ok {
		sim.Reply(id, res)
		return
	}
	sim.Forward(id)
}

// Leave implements lab.Stage.
func (s *attemptsStage) Leave(sim lab.Sim, id int32, res lab.Response) { sim.Reply(id, res) }

// Wake implements lab.Stage.
func (s *attemptsStage) Wake(lab.Sim, uint64) {}

// Gauges implements lab.Stage.
func (s *attemptsStage) Gauges(time.Duration) []lab.Gauge { return nil }
