package remote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"workbench/sim/clock"
)

// How the keys begin of what may be removed from a Redis that others use too. A
// queue is not among it: what was accepted is no copy of anything, and whoever has
// opened a queue removes it.
const (
	Copies = "workbench:cache:"     // cached values, which may go at any time
	Quotas = "workbench:ratelimit:" // what callers have used of their limits
)

// scanned is how many keys are looked at in one step.
const scanned = 1000

// Kind says where a Redis comes from.
type Kind string

// The kinds of Redis.
const (
	Real     Kind = "real"     // the learner's, by URL
	Spawned  Kind = "spawned"  // a redis-server that we started
	Embedded Kind = "embedded" // miniredis in this process
)

// ErrClosed is returned by Kill and Revive after Close.
var ErrClosed = errors.New("redis is closed")

const (
	healthPeriod = 500 * time.Millisecond // how often Up asks
	healthLimit  = 300 * time.Millisecond // how long an answer may take
	healthMisses = 2                      // failures in a row before Up is false: one may be a stall of ours
	reviveLimit  = 5 * time.Second        // how long Revive waits for the first answer
	revivePoll   = 20 * time.Millisecond  // and how often it asks
)

// Options say which Redis to open.
type Options struct {
	URL string       // redis:// or rediss://; empty: our own
	Log *slog.Logger // nil discards
	Dir string       // parent of the private server's directory; empty: the system's temporary directory
	// Embedded passes over a redis-server on PATH, for tests and for machines
	// on which no process may be started.
	Embedded bool
}

// Redis is one Redis with the client through which the lab reaches it. It is
// safe for concurrent use. Close ends it and whatever Open started.
type Redis struct {
	client *redis.Client
	engine engine
	log    *slog.Logger
	up     atomic.Bool
	cancel context.CancelFunc
	watch  sync.WaitGroup

	mu     sync.Mutex // serialises faults and Close
	killed bool       // guarded by mu
	closed bool       // guarded by mu
}

// engine is the server behind the client.
type engine interface {
	kind() Kind
	label() string
	options() *redis.Options          // how to reach it; same address for its whole life
	kill() error                      // makes it unreachable, cutting open connections
	revive(ctx context.Context) error // undoes kill; returns when it answers
	close() error
}

// Open finds or starts a Redis and returns it ready for use. ctx limits the
// opening alone. A URL that cannot be reached is an error; our own server that
// cannot be started is a warning, and the embedded one takes its place.
func Open(ctx context.Context, o Options) (*Redis, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	redis.SetLogger(quiet{o.Log}) // the library's own writes a line to stderr for each failed dial
	e, err := choose(ctx, o)
	if err != nil {
		return nil, err
	}
	return reach(ctx, o, e, startLimit)
}

// reach returns a Redis once its server has answered the client that all will
// use. A busy machine may take longer over that than one call is allowed, so the
// server is asked again until the limit; a server of our own that is silent until
// then gives way to the embedded one.
func reach(ctx context.Context, o Options, e engine, limit time.Duration) (*Redis, error) {
	life, cancel := context.WithCancel(context.Background())
	r := &Redis{client: redis.NewClient(e.options()), engine: e, log: o.Log, cancel: cancel}
	if err := r.reached(ctx, limit); err != nil {
		cancel()
		err = fmt.Errorf("first ping of %s: %w", e.label(), err)
		closed := errors.Join(r.client.Close(), e.close())
		if e.kind() != Spawned || ctx.Err() != nil || closed != nil {
			return nil, errors.Join(err, closed)
		}
		o.Log.Warn(insteadOfOurs, "error", err)
		inside, err := embed()
		if err != nil {
			return nil, err
		}
		return reach(ctx, o, inside, limit)
	}
	r.watch.Go(func() { r.follow(life) })
	o.Log.Info("redis open", "kind", string(e.kind()), "label", e.label())
	return r, nil
}

// insteadOfOurs is the warning that comes with the embedded server where there
// is another.
const insteadOfOurs = "redis-server is on PATH but does not start, using the embedded one"

func choose(ctx context.Context, o Options) (engine, error) {
	if o.URL != "" {
		return connect(ctx, o.URL)
	}
	if path := serverPath(); path != "" && !o.Embedded {
		e, err := spawn(ctx, path, o.Dir)
		if err == nil {
			return e, nil
		}
		o.Log.Warn(insteadOfOurs, "error", err)
	}
	return embed()
}

// Client returns the shared client. Callers do not close it.
func (r *Redis) Client() redis.UniversalClient { return r.client }

// Kind says where this Redis comes from.
func (r *Redis) Kind() string { return string(r.engine.kind()) }

// Label names it for the diagram: "real (redis-server 7.0.15)".
func (r *Redis) Label() string { return r.engine.label() }

// URL returns the address by which another process reaches it, with its
// password: only for those who may have it.
func (r *Redis) URL() string {
	o := r.engine.options()
	u := url.URL{Scheme: "redis", Host: o.Addr, Path: "/" + strconv.Itoa(o.DB)}
	if o.TLSConfig != nil {
		u.Scheme = "rediss"
	}
	if o.Password != "" {
		u.User = url.UserPassword(o.Username, o.Password)
	}
	return u.String()
}

// Up reports whether Redis answered lately. It is false at once after Kill and
// within two seconds of any other failure.
func (r *Redis) Up() bool { return r.up.Load() }

// Health asks Redis now and returns why it does not answer.
func (r *Redis) Health(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	return r.client.Ping(ctx).Err()
}

// follow keeps Up true to the facts until ctx ends.
func (r *Redis) follow(ctx context.Context) {
	wall := clock.NewWall()
	for misses := 0; wall.Wait(ctx, wall.Now()+healthPeriod) == nil; {
		err := r.Health(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			misses = 0
			if !r.up.Swap(true) {
				r.log.Info("redis answers again", "label", r.Label())
			}
		default:
			misses++
			if misses >= healthMisses && r.up.Swap(false) {
				r.log.Warn("redis does not answer", "label", r.Label(), "error", err)
			}
		}
	}
}

// Kill makes Redis unreachable: our own is really ended, the learner's is
// refused at our side. Killing it again does nothing.
func (r *Redis) Kill() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	if r.killed {
		return nil
	}
	if err := r.engine.kill(); err != nil {
		return fmt.Errorf("kill %s: %w", r.Label(), err)
	}
	r.killed = true
	r.up.Store(false)
	return nil
}

// Revive undoes Kill, at the same address. Our own Redis comes back empty.
func (r *Redis) Revive(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	if !r.killed {
		return nil
	}
	if err := r.engine.revive(ctx); err != nil {
		return fmt.Errorf("revive %s: %w", r.Label(), err)
	}
	r.killed = false
	if err := r.reached(ctx, reviveLimit); err != nil {
		return fmt.Errorf("%s is back but does not answer: %w", r.Label(), err)
	}
	return nil
}

// reached waits until the client has noticed that Redis is there. It may take
// several asks: after as many
// failed dials as it has places it asks only once a second.
func (r *Redis) reached(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	wall := clock.NewWall()
	for {
		err := r.Health(ctx)
		if err == nil {
			r.up.Store(true)
			return nil
		}
		if wall.Wait(ctx, wall.Now()+revivePoll) != nil {
			return err
		}
	}
}

// Flush empties the caches that are kept there. Nobody's quota is given back by
// it, and no queue loses anything.
func (r *Redis) Flush(ctx context.Context) error {
	if err := r.remove(ctx, Copies); err != nil {
		return fmt.Errorf("flush %s: %w", r.Label(), err)
	}
	return nil
}

// Reset removes what another run has left that would have the next one begin
// otherwise than the first: cached values, and what callers have used of their
// quotas.
func (r *Redis) Reset(ctx context.Context) error {
	for _, prefix := range []string{Copies, Quotas} {
		if err := r.remove(ctx, prefix); err != nil {
			return fmt.Errorf("reset %s: %w", r.Label(), err)
		}
	}
	return nil
}

// remove removes the keys that begin so, a thousand at a time. It is the same for
// a Redis of our own: others may be let into that as well.
func (r *Redis) remove(ctx context.Context, prefix string) error {
	for cursor := uint64(0); ; {
		keys, next, err := r.client.Scan(ctx, cursor, prefix+"*", scanned).Result()
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := r.client.Unlink(ctx, keys...).Err(); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// Close closes the client and ends what Open started. Closing again does
// nothing.
func (r *Redis) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	r.cancel()
	r.watch.Wait()
	r.up.Store(false)
	return errors.Join(r.client.Close(), r.engine.close())
}

// quiet passes the client library's lines to a logger, for debugging: failures
// that matter come back as errors.
type quiet struct{ log *slog.Logger }

// Printf implements the library's logging interface.
func (q quiet) Printf(ctx context.Context, format string, v ...any) {
	if q.log.Enabled(ctx, slog.LevelDebug) {
		q.log.DebugContext(ctx, fmt.Sprintf(format, v...))
	}
}
