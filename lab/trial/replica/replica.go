// Package replica is the trial of read replicas: who reads what it has just
// written. It needs no server: two SQLite files follow a third.
package replica

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"workbench/lab/store"
	"workbench/lab/store/replica"
	"workbench/lab/store/sqlite"
	"workbench/lab/trial"
)

// All returns the trials of this room.
func All() []trial.Trial { return []trial.Trial{ownWrites()} }

type knobs struct {
	Own     string        `knob:"own" options:"off,pin,wait" help:"how callers read their own writes"`
	Lag     time.Duration `knob:"lag" min:"0s" max:"2s" help:"how long after a write the replicas apply it"`
	PinFor  time.Duration `knob:"pin_for" min:"1ms" max:"10s" help:"with pin: how long a caller reads from the primary after a write"`
	WaitFor time.Duration `knob:"wait_for" min:"0s" max:"1s" help:"with wait: how long a read waits for a replica before the primary answers"`
	After   time.Duration `knob:"after" min:"0s" max:"2s" help:"how long after its write a caller reads"`
	Callers int           `knob:"callers" min:"1" max:"2000" help:"callers, each of which writes once and reads once"`
}

func ownWrites() trial.Trial {
	return trial.Trial{
		Name: "own-writes", Title: "Where is my comment?", Chapter: 4,
		Question: "Replicas are 100 ms behind. Each caller writes and reads it back 60 ms later: how many do not see their own write?",
		Lesson:   "Reads from replicas are stale by the lag; a caller reads its own writes only if it is sent to the primary for longer than the lag, or to a replica known to have them.",
		Knobs: func() any {
			return &knobs{Own: replica.Wait, Lag: 100 * time.Millisecond, PinFor: 50 * time.Millisecond, WaitFor: 20 * time.Millisecond, After: 60 * time.Millisecond, Callers: 200}
		},
		Wrong: map[string]any{"own": replica.Pin}, Right: map[string]any{"own": replica.Wait},
		Run: func(ctx context.Context, env trial.Env, k any, tell func(trial.Step)) (trial.Result, error) {
			return run(ctx, env, *k.(*knobs), tell)
		},
	}
}

func run(ctx context.Context, env trial.Env, k knobs, tell func(trial.Step)) (r trial.Result, err error) {
	primary, followers, end, err := files(ctx, env.Dir, k.Callers)
	defer func() { err = errors.Join(err, end()) }()
	if err != nil {
		return r, err
	}
	r = trial.Result{Component: "SQLite in this process, and two files that follow it", Columns: []trial.Column{
		{Title: "own writes"}, {Title: "read from replicas"}, {Title: "from the primary"}, {Title: "did not see their own write"}, {Title: "longest read", Unit: "ms"},
	}}
	ways := []string{replica.Off, replica.Pin, replica.Wait}
	for i, own := range ways {
		tell(trial.Step{Text: "own writes: " + own, Done: i, Total: len(ways)})
		got, longest, err := measure(ctx, env, primary, followers, own, k)
		if err != nil {
			return r, err
		}
		r.Rows = append(r.Rows, []string{own, fmt.Sprint(got.Replica), fmt.Sprint(got.Primary), fmt.Sprint(got.Own), fmt.Sprintf("%.1f", longest.Seconds()*1e3)})
		if own == k.Own {
			r.Claims = []trial.Claim{{Text: "every caller sees its own write", OK: got.Own == 0, Got: fmt.Sprintf("%d of %d did not", got.Own, k.Callers)}}
		}
	}
	return r, nil
}

// files makes a primary with a profile for each caller and two files that
// follow it. end closes them, also after an error.
func files(ctx context.Context, dir string, callers int) (primary *sqlite.Store, followers []replica.Follower, end func() error, err error) {
	var closing []func() error
	end = func() error {
		var faults []error
		for i := len(closing) - 1; i >= 0; i-- {
			faults = append(faults, closing[i]())
		}
		return errors.Join(faults...)
	}
	if primary, err = sqlite.Open(ctx, filepath.Join(dir, "primary.db")); err != nil {
		return nil, nil, end, err
	}
	closing = append(closing, primary.Close)
	if err := primary.Seed(ctx, callers); err != nil {
		return nil, nil, end, err
	}
	if err := primary.Log(ctx, true); err != nil {
		return nil, nil, end, err
	}
	for _, name := range []string{"replica 1", "replica 2"} {
		f, err := sqlite.Follow(ctx, primary, name, filepath.Join(dir, name+".db"))
		if err != nil {
			return nil, nil, end, err
		}
		closing = append(closing, f.Close)
		followers = append(followers, f)
	}
	return primary, followers, end, nil
}

// measure has every caller write, and read after a while.
func measure(ctx context.Context, env trial.Env, primary *sqlite.Store, followers []replica.Follower, own string, k knobs) (got replica.Stats, longest time.Duration, err error) {
	router, err := replica.New(primary, followers, replica.Settings{Reads: replica.Replicas, Own: own, PinFor: k.PinFor, WaitFor: k.WaitFor})
	if err != nil {
		return got, 0, err
	}
	defer router.Close()
	if err := router.Resume(ctx); err != nil {
		return got, 0, err
	}
	if err := router.Catch(ctx); err != nil {
		return got, 0, err
	}
	// A router protects what was written before it by sending everybody to the
	// primary for a moment, which is not what is measured here.
	if err := env.Clock.Wait(ctx, env.Clock.Now()+max(k.PinFor, 100*time.Millisecond)); err != nil {
		return got, 0, err
	}
	if err := router.Lag(ctx, max(k.Lag, time.Nanosecond)); err != nil {
		return got, 0, err
	}
	wrote := make([]time.Duration, k.Callers)
	for c := range uint64(k.Callers) {
		if _, err := router.UpdateProfile(store.WithCaller(ctx, c), c+1, "mine"); err != nil {
			return got, 0, err
		}
		wrote[c] = env.Clock.Now()
		if c%16 == 15 || int(c) == k.Callers-1 { // a batch, so that waiting for each is not the sum of all
			for r := c - c%16; r <= c; r++ {
				if err := env.Clock.Wait(ctx, wrote[r]+k.After); err != nil {
					return got, 0, err
				}
				asked := env.Clock.Now()
				if _, err := router.Profile(store.WithCaller(ctx, r), r+1); err != nil {
					return got, 0, err
				}
				longest = max(longest, env.Clock.Now()-asked)
			}
		}
	}
	return router.Stats(), longest, router.Resume(ctx)
}
