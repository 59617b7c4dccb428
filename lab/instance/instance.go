// Package instance runs one service instance: an HTTP server on loopback that
// turns requests into lab.Request, hands them to the chain, and writes what
// became of them.
//
// An instance does not stop working for a client that leaves: that is for a
// pattern to do. Its work ends when the instance is closed or killed.
package instance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/lab/pattern/jobs"
	"workbench/lab/system"
	"workbench/sim/clock"
)

// The bounds on a connection. None of them runs while a request is worked on:
// how long that may take is what the lab is about.
const (
	headerTime = 10 * time.Second // to send a request's head
	bodyTime   = 10 * time.Second // to send its body
	writeTime  = 10 * time.Second // to read its answer
	idleTime   = 2 * time.Minute  // between requests; longer than the balancer keeps a connection
	maxHeader  = 16 << 10
	maxBody    = 64 << 10
)

// System is what an instance needs to know of the service it runs.
type System interface{ Ops() []system.Op }

// Config is what an instance is made from. All fields but Addr, Open, Pass, Cert, Jobs, Letters,
// Also, Control, Session and Observe are needed.
type Config struct {
	Name    string           // "a", "b", …
	Addr    string           // loopback host:port; empty: any free port of 127.0.0.1
	Open    bool             // Addr may be one that other machines reach; then Pass is needed, and Cert unless it is on loopback
	Pass    string           // what the balancer must show with each request, in Workbench-Pass; empty: nothing
	Cert    *tls.Certificate // encrypts, with this certificate; nil: requests come in the clear
	System  System           // names the routes
	Handler lab.Handler      // the chain
	Clock   clock.Clock
	Log     *slog.Logger
	Jobs    func(id uint64) (jobs.Status, bool)              // looks up an accepted job; nil: there are none
	Letters func(n int) []jobs.Letter                        // the latest dead letters of them; nil: there are none
	Also    map[string]http.Handler                          // further pages to read, by path; nil: none
	Control func() string                                    // the Cache-Control of good answers to reads; "": they say nothing of caches; nil: never
	Session func(user uint64, how fleet.Session) (lost bool) // meets a user under what the balancer says of the session; nil: there are none
	// Observe is told of each request that was decoded, with its header; it may put
	// what it likes into the context of the work, and returns who is to be told the
	// answer, or nil. Nil: nobody watches.
	Observe func(ctx context.Context, h http.Header, r *lab.Request) (context.Context, func(lab.Response))
}

// Instance is one service instance. It is safe for concurrent use. Use Start;
// Close it.
type Instance struct {
	cfg    Config
	routes http.Handler // behind the pass
	addr   string       // stays the same over restarts
	inside atomic.Int64
	drains atomic.Bool // whether it says that it is not ready
	lastID atomic.Uint64
	words  words
	wall   *clock.Wall // for the deadlines of connections, which are calendar times

	mu  sync.Mutex
	run *serving // nil when down; guarded by mu
}

// serving is one life of an instance, between a start and a kill.
type serving struct {
	server *http.Server
	cancel context.CancelFunc // ends the work
	ended  chan struct{}      // closed when Serve has returned
}

// Start starts an instance and returns when it accepts connections. The end of
// ctx does not end it.
func Start(ctx context.Context, cfg Config) (*Instance, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	i := &Instance{cfg: cfg, addr: cfg.Addr, words: newWords(cfg.Name), wall: clock.NewWall()}
	if i.addr == "" {
		i.addr = "127.0.0.1:0"
	}
	i.routes = i.passed(i.router())
	if err := i.Restart(ctx); err != nil {
		return nil, err
	}
	return i, nil
}

func (c Config) validate() error {
	var faults []error
	for _, need := range []struct {
		there bool
		name  string
	}{
		{c.Name != "", "Name"}, {c.System != nil, "System"}, {c.Handler != nil, "Handler"}, {c.Clock != nil, "Clock"}, {c.Log != nil, "Log"},
	} {
		if !need.there {
			faults = append(faults, fmt.Errorf("instance: Config.%s is missing", need.name))
		}
	}
	if c.Open && c.Pass == "" {
		faults = append(faults, errors.New("instance: Config.Open needs Config.Pass: others can reach the address"))
	}
	if c.Addr != "" {
		a, err := netip.ParseAddrPort(c.Addr)
		switch {
		case err != nil || !a.Addr().IsLoopback() && !c.Open:
			faults = append(faults, fmt.Errorf("instance: Config.Addr is %q (want a loopback address with a port, as 127.0.0.1:0)", c.Addr))
		case !a.Addr().IsLoopback() && c.Cert == nil:
			faults = append(faults, fmt.Errorf("instance: Config.Addr %q needs Config.Cert: the pass would cross the network in the clear", c.Addr))
		}
	}
	return errors.Join(faults...)
}

// router returns the routes of the system, and the instance's own. There is no
// echo middleware: echo builds a chain of it anew for every request.
func (i *Instance) router() *echo.Echo {
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect() // nobody on loopback forwards for others
	e.Logger.SetOutput(io.Discard)         // the log is cfg.Log
	e.HTTPErrorHandler = i.refuse
	for n, op := range i.cfg.System.Ops() {
		route := strings.ReplaceAll(op.Path, "{key}", ":key")
		e.Add(op.Method, route, i.operation(uint8(n), op, strings.Contains(route, ":key")))
	}
	e.GET("/healthz", func(c echo.Context) error {
		return c.JSON(http.StatusOK, map[string]string{"status": "ok", "instance": i.cfg.Name})
	})
	e.GET("/readyz", i.ready)
	e.GET("/jobs/:id", i.job)
	e.GET("/jobs/dead", i.letters)
	for path, h := range i.cfg.Also {
		e.GET(path, echo.WrapHandler(h))
	}
	return e
}

// operation returns the handler of one operation: decode, call the chain,
// write.
func (i *Instance) operation(n uint8, op system.Op, keyed bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		i.inside.Add(1)
		defer i.inside.Add(-1)
		r, fault := i.decode(c, n, op, keyed)
		if fault != nil {
			return fault
		}
		if i.lost(c, r) {
			return i.write(c, r, lab.Refuse(lab.Failed, fleet.ReasonSession, 0))
		}
		// The work's own context: the client's ends when the client leaves.
		ctx := c.Request().Context().Value(workKey{}).(context.Context)
		if i.cfg.Observe == nil {
			return i.write(c, r, i.cfg.Handler.Serve(ctx, r))
		}
		ctx, done := i.cfg.Observe(ctx, c.Request().Header, r)
		res := i.cfg.Handler.Serve(ctx, r)
		if done != nil {
			done(res)
		}
		return i.write(c, r, res)
	}
}

// job shows an accepted job.
func (i *Instance) job(c echo.Context) error {
	id, err := parse(c.Param("id"), 64)
	if err != nil {
		return bad("id", c.Param("id"), err)
	}
	if i.cfg.Jobs != nil {
		if job, ok := i.cfg.Jobs(id); ok {
			c.Response().Header()["Workbench-Outcome"] = i.words.outcome[lab.OK]
			return c.JSON(http.StatusOK, job)
		}
	}
	return &problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("there is no job %d here: it may be on another instance, or long done", id), Field: "id"}
}

// mostLetters is how many dead letters one page shows.
const mostLetters = 100

// letters shows the latest dead letters.
func (i *Instance) letters(c echo.Context) error {
	all := []jobs.Letter{}
	if i.cfg.Letters != nil {
		all = append(all, i.cfg.Letters(mostLetters)...)
	}
	c.Response().Header()["Workbench-Outcome"] = i.words.outcome[lab.OK]
	return c.JSON(http.StatusOK, all)
}

// workKey finds the work's context in the server's base context.
type workKey struct{}

// Addr returns the address, host:port. It stays the same over restarts.
func (i *Instance) Addr() string { return i.addr }

// Name returns the instance's name.
func (i *Instance) Name() string { return i.cfg.Name }

// Up reports whether the instance accepts connections.
func (i *Instance) Up() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.run != nil
}

// Inside returns how many requests are being worked on.
func (i *Instance) Inside() int { return int(i.inside.Load()) }

// Restart starts an instance that was killed, at its old address.
func (i *Instance) Restart(ctx context.Context) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.run != nil {
		return fmt.Errorf("instance %s: already running", i.cfg.Name)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", i.addr)
	if err != nil {
		return fmt.Errorf("instance %s: %w", i.cfg.Name, err)
	}
	i.addr = l.Addr().String()
	if i.cfg.Cert != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*i.cfg.Cert}, MinVersion: tls.VersionTLS13})
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	base := context.WithValue(work, workKey{}, work)
	run := &serving{
		server: &http.Server{
			Handler: i.routes, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
			BaseContext: func(net.Listener) context.Context { return base },
			ErrorLog:    slog.NewLogLogger(i.cfg.Log.Handler(), slog.LevelWarn),
		},
		cancel: cancel, ended: make(chan struct{}),
	}
	i.run = run
	i.cfg.Log.Info("instance started", "instance", i.cfg.Name, "addr", i.addr)
	go func() {
		defer close(run.ended)
		if err := run.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			i.cfg.Log.Error("instance stopped serving", "instance", i.cfg.Name, "error", err)
		}
	}()
	return nil
}

// take ends the present life in the books and returns it; nil when down.
func (i *Instance) take() *serving {
	i.mu.Lock()
	defer i.mu.Unlock()
	run := i.run
	i.run = nil
	return run
}

// Kill ends the instance at once, as a crash does: connections break in
// mid-answer. Killing one that is down does nothing.
func (i *Instance) Kill() error {
	run := i.take()
	if run == nil {
		return nil
	}
	i.cfg.Log.Info("instance killed", "instance", i.cfg.Name)
	err := run.server.Close() // first, so that nobody is told that the work ended
	run.cancel()
	<-run.ended
	if err != nil {
		return fmt.Errorf("instance %s: kill: %w", i.cfg.Name, err)
	}
	return nil
}

// Close stops accepting, lets the requests inside finish, and cuts off those
// that are left when ctx ends; the error says so. Closing one that is down does
// nothing.
func (i *Instance) Close(ctx context.Context) error {
	run := i.take()
	if run == nil {
		return nil
	}
	err := run.server.Shutdown(ctx)
	run.cancel()
	if err != nil {
		err = errors.Join(fmt.Errorf("instance %s: close: %w", i.cfg.Name, err), run.server.Close())
	}
	<-run.ended
	i.cfg.Log.Info("instance closed", "instance", i.cfg.Name)
	return err
}
