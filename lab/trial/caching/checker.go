package caching

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"workbench/lab/system/login/keyset"
	"workbench/lab/trial"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

// checker is a service that checks tokens.
type checker struct {
	clock clock.Manual
	is    *issuer
	key   func(ctx context.Context, kid string) (ed25519.PublicKey, error)
}

// newChecker returns one that comes by its keys in the way of k.
func newChecker(ctx context.Context, k *keySetKnobs, is *issuer) *checker {
	c := &checker{is: is}
	fetch := func(context.Context) (map[string]ed25519.PublicKey, error) { return is.fetch(c.clock.At) }
	pick := func(keys map[string]ed25519.PublicKey, kid string) (ed25519.PublicKey, error) {
		if key, ok := keys[kid]; ok {
			return key, nil
		}
		return nil, fmt.Errorf("key %.40q: %w", kid, keyset.ErrUnknown)
	}
	switch k.Way {
	case "each":
		c.key = func(ctx context.Context, kid string) (ed25519.PublicKey, error) {
			keys, err := fetch(ctx)
			if err != nil {
				return nil, err
			}
			return pick(keys, kid)
		}
	case "ever":
		var kept map[string]ed25519.PublicKey
		c.key = func(ctx context.Context, kid string) (_ ed25519.PublicKey, err error) {
			if kept == nil {
				if kept, err = fetch(ctx); err != nil {
					return nil, err
				}
			}
			return pick(kept, kid)
		}
	default:
		c.key = keyset.New(keyset.Settings{
			TTL: k.TTL, Ahead: k.Ahead, Stale: k.Stale, Negative: k.Negative, Gap: k.Gap, Unknown: idsKept,
		}, &c.clock, func(f func(context.Context)) { f(ctx) }, fetch).Key
	}
	return c
}

// check returns why a token is refused.
func (c *checker) check(ctx context.Context, t signed) error {
	key, err := c.key(ctx, t.kid)
	if err != nil {
		return err
	}
	return t.check(key, c.clock.At)
}

// phase is a part of a run, and what was met in it.
type phase struct {
	name    string
	begin   time.Duration
	good    int   // tokens that are good
	refused int   // of them
	why     error // the first of them was refused; nil: none was
	made    int   // tokens with made-up ids
	fetches int   // that were sent to the issuer
}

// course is a run under way.
type course struct {
	k        *keySetKnobs
	c        *checker
	draw     *dist.Stream
	phases   []phase
	now      int           // index of the phase that it is in
	made     int           // made-up tokens so far
	probe    time.Duration // when a token of the withdrawn key is due
	believed time.Duration // for so long the withdrawn key was believed
}

func keySet(ctx context.Context, env trial.Env, knobs any, tell func(trial.Step)) (trial.Result, error) {
	k := knobs.(*keySetKnobs)
	run := &course{k: k, c: newChecker(ctx, k, newIssuer(env.Seed, k)), draw: dist.New(env.Seed, "key-set tokens"), phases: []phase{
		{name: "calm"}, {name: "made-up ids, and a rotation", begin: floodAt}, {name: "the old key is withdrawn", begin: calmAt},
		{name: "issuer down", begin: downAt}, {name: "issuer back", begin: downAt + k.Down},
	}}
	for n := 0; ; n++ {
		if err := ctx.Err(); err != nil {
			return trial.Result{}, err
		}
		at := time.Duration(n) * time.Second / time.Duration(k.Rate)
		if at >= k.end() {
			break
		}
		if n%k.Rate == 0 {
			tell(trial.Step{Text: "checks tokens, on a clock that is stepped", Done: int(at / time.Second), Total: int(k.end() / time.Second)})
		}
		if err := run.step(ctx, at, uint64(n)); err != nil {
			return trial.Result{}, err
		}
	}
	return run.result(), nil
}

// step checks what comes at an instant.
func (r *course) step(ctx context.Context, at time.Duration, account uint64) error {
	r.c.clock.At = at
	if next := r.now + 1; next < len(r.phases) && at >= r.phases[next].begin {
		r.now = next
	}
	p, is := &r.phases[r.now], r.c.is
	before := is.fetches
	defer func() { p.fetches += is.fetches - before }()
	// The good token comes somewhere among the others, or a busy issuer would
	// always serve it first.
	due := r.made
	if at >= floodAt && at < calmAt {
		due = int((at - floodAt).Seconds() * float64(r.k.Flood))
	}
	if err := r.flood(ctx, r.made+int(r.draw.Float64()*float64(1+due-r.made))); err != nil {
		return err
	}
	p.good++
	u := r.draw.Float64()
	age := time.Duration(u * u * u * float64(tokenLife)) // most are used soon after they were signed
	if err := r.c.check(ctx, is.sign(max(0, at-age), account)); err != nil {
		p.refused++
		if p.why == nil {
			p.why = err
		}
	}
	if old := is.keys[0]; at >= old.withdrawn && at >= r.probe {
		r.probe = at + time.Second
		if r.c.check(ctx, old.sign(at, account)) == nil {
			r.believed = at - old.withdrawn
		}
	}
	return r.flood(ctx, due)
}

// flood checks tokens with made-up ids, until there were so many.
func (r *course) flood(ctx context.Context, until int) error {
	for ; r.made < until; r.made++ {
		r.phases[r.now].made++
		if r.c.check(ctx, signed{kid: fmt.Sprintf("made-up-%d", r.made%r.k.IDs)}) == nil {
			return errors.New("a token with a made-up id was accepted, want it refused")
		}
	}
	return nil
}

func (r *course) result() trial.Result {
	from := map[string]string{"each": "a fetch of the keys for each token", "ever": "one fetch of the keys", "cached": "the lab's key-set cache"}[r.k.Way]
	res := trial.Result{
		Component: from + " and Ed25519 signatures, on a clock that is stepped",
		Columns:   []trial.Column{{Title: "phase"}, {Title: "good tokens"}, {Title: "of them refused"}, {Title: "with made-up ids"}, {Title: "fetches"}, {Title: "work that they ask of the issuer", Unit: "%"}},
	}
	for i, p := range r.phases {
		end := r.k.end()
		if i+1 < len(r.phases) {
			end = r.phases[i+1].begin
		}
		work := 100 * float64(p.fetches) * r.k.Cost.Seconds() / (end - p.begin).Seconds()
		res.Rows = append(res.Rows, []string{p.name, trial.Count(p.good), trial.Count(p.refused), trial.Count(p.made), trial.Count(p.fetches), trial.Number(work, "")})
		if p.why != nil {
			res.Notes = append(res.Notes, trial.Note{Title: "Why the first good token was refused: " + p.name, Text: p.why.Error()})
		}
	}
	calm, flood, down := r.phases[0], r.phases[1], r.phases[3]
	rotation := flood.refused + r.phases[2].refused
	res.Claims = []trial.Claim{
		trial.AtMost("fetches for 1,000 tokens in calm", 1000*float64(calm.fetches)/float64(calm.good), 10, ""),
		trial.AtMost("fetches a second while tokens with made-up ids come", float64(flood.fetches)/(calmAt-floodAt).Seconds(), 2, "/s"),
		trial.Exactly("good tokens refused around the rotation", rotation, 0),
		trial.AtMost("how long a withdrawn key is believed", r.believed.Seconds(), 30, "s"),
		trial.Exactly("good tokens refused while the issuer is down", down.refused, 0),
	}
	return res
}
