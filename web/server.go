package web

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"workbench/docs/guide"
	"workbench/lab"
	"workbench/lab/farewell"
	"workbench/lab/join"
	"workbench/sim/clock"
	"workbench/web/assets"
	"workbench/web/engine"
	"workbench/web/stream"
)

// Config is what a server is made from. Lab, Log, Clock and Hosts are needed.
type Config struct {
	Lab       Lab
	Log       *slog.Logger
	Clock     *clock.Wall
	Hosts     []string // every Host header that is answered, exact: "127.0.0.1:8080", "localhost:8080"
	Loopback  bool     // whether the address served can be reached from this machine alone
	Token     string   // the access token; needed unless Loopback
	Dir       string   // where the session key is kept; empty: sessions end with the process
	Version   string   // of the program, for the about page
	Scenarios []Choice // what the picker offers, in order
	// Doc returns the package documentation of a pattern's room as text.
	Doc func(pattern string) (string, bool)
	// Patterns is the whole catalog, for the pages of those that the running
	// service does not have; empty: they have none.
	Patterns []lab.Pattern
	// Exercises is what the exercises' pages stand on; nil: there are none.
	Exercises *Exercises
	// Rehearse is what the rehearsal's pages stand on; nil: there are none.
	Rehearse *Rehearse
	// Progress is what the progress page stands on; nil: there is none.
	Progress *Progress
	// Observe is what the pages of signals, traces, logs and rehearsals stand on;
	// nil: there are none.
	Observe   Observe
	Incidents IncidentLister // past rehearsals; nil: none are kept
	// Tracks is what the tracks' pages stand on; nil: there are none.
	Tracks *Tracks
	// Guide is what the guide's pages stand on; nil: there is none.
	Guide *Guide
	// Trials is what the pages of the trials stand on; nil: there are none.
	Trials *Trials
	// Classroom is the class that the server holds; nil: it has none. With one,
	// Token is needed on loopback too: it tells the teacher from learners.
	Classroom *Classroom
	// Join takes in instances of other processes; nil: there is no such thing.
	Join join.Lab
	// TLS is how connections are encrypted; nil: they are not.
	TLS *tls.Config
	// BehindProxy says that a proxy of the user's own ends TLS in front of this
	// server. Only what it says came encrypted is answered.
	BehindProxy bool

	Rooms  []Room // further rooms, shown in the navigation after Lab
	Limits Limits // zero fields: those of DefaultLimits
	// Metrics is where the figures of the event streams are registered: the
	// registry that Lab.Metrics answers from. Nil: nowhere.
	Metrics prometheus.Registerer
}

// Choice is one scenario of the picker.
type Choice struct {
	Name, Title, Lesson string
	Preset              bool // a named load, offered after the scenarios
}

// Room is a part of the site that is served beside the lab. Its handler gets
// every request for Path and below, behind the same guard, and draws its pages
// with the server's Site and Render.
type Room struct {
	Title string
	Path  string                     // "/guide"
	API   []string                   // further paths of the same handler, such as "/api/exercises"
	Open  func(*Server) http.Handler // called once, by New
}

// Limits of the server.
const (
	maxReaders   = 200
	readTimeout  = 15 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 90 * time.Second
	minToken     = 16 // characters of an access token
)

// Limits are how long the server is patient with those who are slow. A zero
// field means what DefaultLimits says.
type Limits struct {
	Header time.Duration // for a request's head to arrive
	Stream time.Duration // for a write to an event stream to be taken
}

// DefaultLimits returns the limits of a server that people use.
func DefaultLimits() Limits { return Limits{Header: 5 * time.Second, Stream: stream.WriteTimeout} }

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	return Limits{Header: cmp.Or(l.Header, d.Header), Stream: cmp.Or(l.Stream, d.Stream)}
}

// Server answers the browser. Its methods are safe for concurrent use.
type Server struct {
	cfg      Config
	sessions *sessions
	hub      *stream.Hub
	feed     *feed
	echo     *echo.Echo
	handler  http.Handler
	http     *http.Server
	assets   *assets.Set
	engine   *engine.Set
	ending   chan struct{} // closed by Shutdown: streams of attempts end
	ended    sync.Once
	door     *farewell.Door

	mu       sync.Mutex
	listener net.Listener // guarded by mu; nil before Serve
	index    *guide.Index // of the guide
	class    *class       // nil: there is none
	seated   bool         // it is a learner's part of another server
}

// New checks the configuration, naming all its faults at once, and builds the
// server. It serves nothing yet.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	limits := cfg.Limits.orDefault()
	_, port, err := net.SplitHostPort(cfg.Hosts[0])
	if err != nil {
		port = "80" // a host without a port is the scheme's own
	}
	ses, err := openSessions(cfg.Dir, port, cfg.Token, cfg.Clock)
	if err != nil {
		return nil, err
	}
	set, err := assets.Load()
	if err != nil {
		return nil, fmt.Errorf("load the assets: %w", err)
	}
	eng, err := engine.Load()
	if err != nil {
		return nil, fmt.Errorf("load the browser's engine: %w", err)
	}
	s := &Server{cfg: cfg, sessions: ses, hub: stream.New(maxReaders, limits.Stream), assets: set, engine: eng, ending: make(chan struct{})}
	if err := register(cfg.Metrics, s.hub); err != nil {
		return nil, err
	}
	s.feed = &feed{lab: cfg.Lab, hub: s.hub, log: cfg.Log}
	if cfg.Classroom != nil {
		s.openClass(port, limits)
	}
	s.echo = echo.New()
	s.echo.IPExtractor = echo.ExtractIPDirect()
	s.echo.HTTPErrorHandler = s.fail
	s.routes()
	s.door = farewell.New()
	s.handler = s.door.Wrap(s.rescue(s.guard(s.echo)))
	s.http = &http.Server{
		Handler: s.handler, ReadHeaderTimeout: limits.Header, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug), TLSConfig: cfg.TLS,
	}
	return s, nil
}

func (c Config) validate() error {
	var faults []error
	need := func(ok bool, text string) {
		if !ok {
			faults = append(faults, errors.New("web: "+text))
		}
	}
	need(c.Lab != nil, "Config.Lab is nil")
	need(c.Log != nil, "Config.Log is nil")
	need(c.Clock != nil, "Config.Clock is nil")
	need(len(c.Hosts) > 0, "Config.Hosts is empty: name at least one host:port to answer to")
	need(c.Loopback || len(c.Token) >= minToken, fmt.Sprintf("an address that others can reach needs Config.Token of at least %d characters", minToken))
	need(c.Classroom == nil || len(c.Token) >= minToken, fmt.Sprintf("a class needs Config.Token of at least %d characters, on loopback too", minToken))
	need(c.Classroom == nil || c.Loopback || c.TLS != nil || c.BehindProxy, "a class that others can reach needs Config.TLS or Config.BehindProxy")
	return errors.Join(faults...)
}

// Handler returns the server's handler, guard included.
func (s *Server) Handler() http.Handler { return s.handler }

// Login returns the query that opens a session once: "?token=…". It is
// printed for whoever started the program.
func (s *Server) Login() string { return "?token=" + s.sessions.login() }

// Serve answers connections of ln until Shutdown, then returns nil.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	s.listener = ln
	s.mu.Unlock()
	serve := s.http.Serve
	if s.cfg.TLS != nil {
		serve = func(ln net.Listener) error { return s.http.ServeTLS(ln, "", "") }
	}
	if err := serve(ln); !errors.Is(err, http.ErrServerClosed) && !s.door.Ending() {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// Shutdown ends the event streams, lets requests in flight finish and closes.
func (s *Server) Shutdown(ctx context.Context) error {
	s.hub.Close()
	if s.class != nil {
		s.class.close()
	}
	s.ended.Do(func() { close(s.ending) })
	s.mu.Lock()
	ln := s.listener
	s.mu.Unlock()
	if ln != nil {
		s.door.Close(ctx, ln)
	}
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests in flight did not finish: %w", err), s.http.Close())
	}
	s.feed.close()
	if s.class != nil {
		s.class.wait()
	}
	return nil
}

// Streams returns the figures of the event streams.
func (s *Server) Streams() stream.Counts { return s.hub.Counts() }

// rescue turns a panic of a handler into an answer and a line in the log.
func (s *Server) rescue(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			fault := recover()
			if fault == nil {
				return
			}
			if fault == http.ErrAbortHandler {
				panic(fault) // the standard library's own way to end a connection
			}
			s.cfg.Log.Error("handler panicked", "path", r.URL.Path, "panic", fault)
			s.refuse(w, errors.New("panic"))
		}()
		next.ServeHTTP(w, r)
	})
}
