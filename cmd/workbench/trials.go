package main

import (
	"log/slog"

	triallist "workbench/lab/trial/list"
	"workbench/lab/trial/runner"
	"workbench/web"
)

// openTrials makes what the pages of the trials stand on. Their directories are
// below the scratch directory of this process, and what is made once is kept in
// the data directory.
func openTrials(p *program, c config, scratch string, log *slog.Logger) (*web.Trials, error) {
	env := p.trialEnv()
	env.Log, env.Dir, env.Keep = log, scratch, keepIn(c.data)
	if c.redis != "" {
		env.Redis = c.redis
	}
	r, err := runner.New(runner.Config{Env: env})
	if err != nil {
		return nil, err
	}
	return &web.Trials{All: triallist.Trials(), Runner: r, Env: env}, nil
}
