package main

import (
	"context"
	"log/slog"
	"strings"

	"workbench/exercises/progress"
	triallist "workbench/lab/trial/list"
	"workbench/lab/trial/runner"
	"workbench/web"
)

// openTrials makes what the pages of the trials stand on. Their directories are
// below the scratch directory of this process, and what is made once is kept in
// the data directory.
func openTrials(p *program, c config, scratch string, kept *progress.Progress, log *slog.Logger) (*web.Trials, error) {
	env := p.trialEnv()
	env.Log, env.Dir, env.Keep = log, scratch, keepIn(c.data)
	if c.redis != "" {
		env.Redis = c.redis
	}
	env.Postgres = c.postgres.url
	r, err := runner.New(runner.Config{Env: env, Finished: func(run runner.Run) {
		if run.State != runner.Done || !strings.HasPrefix(run.Subject, "trial/") {
			return // the guide's programs are kept by the guide itself
		}
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		if _, err := kept.KeepTrial(ctx, run); err != nil {
			log.Error("result of a trial not kept", "subject", run.Subject, "error", err)
		}
	}})
	if err != nil {
		return nil, err
	}
	return &web.Trials{All: triallist.Trials(), Runner: r, Env: env, Keeper: kept}, nil
}
