package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"workbench/lab/store"
	"workbench/sim/clock"
)

// Limits of every call.
const (
	callLimit    = 700 * time.Millisecond // with the wait for a connection
	dialLimit    = 500 * time.Millisecond
	openLimit    = 5 * time.Second // for the first answer: a server may be far away
	watchPeriod  = 200 * time.Millisecond
	watchLimit   = 300 * time.Millisecond
	watchMisses  = 2
	defaultConns = 16
)

// Options say how a server is used.
type Options struct {
	Log    *slog.Logger // nil discards
	Schema string       // in which the tables are; empty: "workbench"
	Conns  int          // in the pool; 0: 16
}

// server is a PostgreSQL with a pool of connections and a watcher.
type server struct {
	what    string // "PostgreSQL" or "the replica"
	config  *pgxpool.Config
	pool    *pgxpool.Pool
	dialer  *dialer
	log     *slog.Logger
	version string
	schema  string
	up      atomic.Bool
	cancel  context.CancelFunc
	watcher sync.WaitGroup
	guard   *pgx.Conn // the watcher's own; nil while it has none
	greet   func(ctx context.Context, c *pgx.Conn) error
}

// connect reaches the server at url. greet is called with the watcher's
// connection each time that it is made anew.
func connect(ctx context.Context, what, url string, o Options, greet func(context.Context, *pgx.Conn) error) (*server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Schema == "" {
		o.Schema = "workbench"
	}
	if o.Conns == 0 {
		o.Conns = defaultConns
	}
	config, err := Parse(url)
	if err != nil {
		return nil, err
	}
	s := &server{what: what, config: config, dialer: &dialer{conns: map[*tracked]bool{}}, log: o.Log, schema: o.Schema, greet: greet}
	config.MaxConns = int32(min(o.Conns, 1000))
	config.MinConns = 0
	config.ConnConfig.ConnectTimeout = dialLimit
	config.ConnConfig.DialFunc = s.dialer.dial
	config.ConnConfig.RuntimeParams["application_name"] = "workbench"
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "on" // what is acknowledged is on the disk
	config.ConnConfig.RuntimeParams["search_path"] = pgx.Identifier{o.Schema}.Sanitize()
	first, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	if s.guard, err = s.direct(first); err != nil {
		return nil, s.refused(err)
	}
	s.version, _, _ = strings.Cut(s.guard.PgConn().ParameterStatus("server_version"), " ")
	if err := greet(first, s.guard); err != nil {
		return nil, errors.Join(err, s.guard.Close(context.WithoutCancel(ctx)))
	}
	// What is not answered in time is broken off at the server as well. The
	// watcher's connection and seeding have no such limit.
	config.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(callLimit.Milliseconds(), 10)
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, errors.Join(s.refused(err), s.guard.Close(context.WithoutCancel(ctx)))
	}
	s.up.Store(true)
	life, end := context.WithCancel(context.Background())
	s.cancel = end
	s.watcher.Go(func() { s.watch(life) })
	return s, nil
}

// Parse reads a URL, or says what one looks like. The driver's own text may
// quote the URL and with it the password.
func Parse(url string) (*pgxpool.Config, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, errors.New("postgres URL: want postgres://user:password@host:port/database")
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("postgres URL: it cannot be read; want postgres://user:password@host:port/database, with %-escapes for special characters in the password, and perhaps ?sslmode=disable")
	}
	return config, nil
}

func (s *server) refused(err error) error {
	c := s.config.ConnConfig
	return refused(s.what, s.Address(), c.User, c.Database, err)
}

// Address is the server's host and port.
func (s *server) Address() string {
	c := s.config.ConnConfig
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}

// Label names the server for the diagram: "PostgreSQL 15.18 · 127.0.0.1:5432".
func (s *server) Label() string { return "PostgreSQL " + s.version + " · " + s.Address() }

// Up reports whether the server answered lately.
func (s *server) Up() bool { return s.up.Load() }

// Pool is the pool of connections, for rooms that keep tables of their own and
// for measurements. It ends with the store.
func (s *server) Pool() *pgxpool.Pool { return s.pool }

// direct makes a connection beside the pool, without a limit on statements.
func (s *server) direct(ctx context.Context) (*pgx.Conn, error) {
	c := s.config.ConnConfig.Copy()
	delete(c.RuntimeParams, "statement_timeout")
	return pgx.ConnectConfig(ctx, c)
}

// call runs f within the limit of a call. While the server is known to be down
// it is not asked.
func (s *server) call(ctx context.Context, f func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.up.Load() {
		return fmt.Errorf("%w (%s)", store.ErrDown, s.Label())
	}
	limited, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return Explain(ctx, f(limited))
}

// watch keeps up true to the facts until ctx ends.
func (s *server) watch(ctx context.Context) {
	wall := clock.NewWall()
	for misses := 0; wall.Wait(ctx, wall.Now()+watchPeriod) == nil; {
		err := s.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			misses = 0
			if !s.up.Swap(true) {
				s.log.Info("database answers again", "label", s.Label())
			}
			continue
		}
		misses++
		if misses < watchMisses {
			continue
		}
		s.dialer.cut() // each time: those that were being made meanwhile are no better
		if s.up.Swap(false) {
			s.log.Warn("database does not answer", "label", s.Label(), "error", line(err))
		}
	}
}

// ask asks on the watcher's connection, which is made anew when it is lost.
func (s *server) ask(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, watchLimit)
	defer cancel()
	if s.guard == nil || s.guard.IsClosed() {
		c, err := s.direct(limited)
		if err != nil {
			return err
		}
		s.guard = c
		if err := s.greet(limited, c); err != nil {
			s.log.Warn("database has changed", "label", s.Label(), "error", err)
		}
	}
	return s.guard.Ping(limited)
}

// close ends the watcher and the pool. farewell is called with a connection,
// if the server answers.
func (s *server) close(farewell func(context.Context, *pgx.Conn) error) error {
	s.cancel()
	s.watcher.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), openLimit)
	defer cancel()
	var err error
	if s.up.Load() {
		if farewell != nil && s.guard != nil && !s.guard.IsClosed() {
			err = farewell(ctx, s.guard)
		}
	} else {
		s.dialer.cut() // else the pool would wait for what never answers
	}
	s.pool.Close()
	if s.guard != nil {
		_ = s.guard.Close(ctx) // nothing that matters is on its way
	}
	if err != nil {
		return fmt.Errorf("close %s: %w", s.Label(), err)
	}
	return nil
}
