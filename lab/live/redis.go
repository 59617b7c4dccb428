package live

import (
	"context"
	"errors"
	"fmt"

	"workbench/lab/remote"
)

// openRedis opens the Redis that was named, or our own. One that was named and
// cannot be used is a line in the log and on the diagram, as with PostgreSQL: the
// lab keeps running, on our own in its place.
func (l *Lab) openRedis(ctx context.Context) error {
	o := remote.Options{URL: l.cfg.RedisURL, Log: l.cfg.Log, Dir: l.cfg.Dir, Embedded: l.cfg.Embedded}
	var err error
	if l.redis, err = remote.Open(ctx, o); err == nil {
		return nil
	}
	if o.URL == "" || ctx.Err() != nil {
		return fmt.Errorf("open redis: %w", err)
	}
	named := err
	o.URL = ""
	if l.redis, err = remote.Open(ctx, o); err != nil {
		return errors.Join(fmt.Errorf("open redis: %w", named), fmt.Errorf("open our own in its place: %w", err))
	}
	l.instead = "in place of the Redis that was given: " + named.Error()
	l.cfg.Log.Error("the Redis that was given is not used: our own takes its place", "label", l.redis.Label(), "error", named)
	return nil
}
