package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"workbench/lab/farewell"
	"workbench/lab/fleet"
	"workbench/lab/trace"
	"workbench/sim/clock"
	"workbench/sim/dist"
)

const (
	headerTime = 10 * time.Second // for a client to send a request's head
	keepTime   = 2 * time.Minute  // for a client's connection between requests
	dialTime   = time.Second      // to make a connection to an instance
	maxHeader  = 16 << 10
)

// Backend is one instance to send requests to.
type Backend struct {
	Name string `json:"name"`
	Addr string `json:"addr"` // host:port; loopback unless there are a Pass and a Cert
	Pass string `json:"-"`    // what it wants to see with each request, of an instance in another process; empty: nothing
	Cert string `json:"-"`    // the one certificate to take for its own, DER; empty: requests go in the clear, on loopback alone
}

// Config is what a balancer is made from. Clock and Log are needed.
type Config struct {
	Addr     string // loopback host:port to listen on; empty: any free port of 127.0.0.1
	Backends []Backend
	Settings fleet.Settings // how requests are spread; zero: in turn
	Seed     uint64         // of two-choices
	Clock    clock.Clock
	Log      *slog.Logger
	Trace    *trace.Tracer // follows requests; nil: nobody does
}

// Stats is what the balancer knows of one instance.
type Stats struct {
	Backend
	Sent     uint64        `json:"sent"`     // requests given to it
	Errors   uint64        `json:"errors"`   // refused connections, broken and failed answers
	Inflight int           `json:"inflight"` // requests inside now
	Users    int           `json:"users"`    // who keep to it, by sticky sessions
	Weight   float64       `json:"weight"`   // below 1 while slow start breaks it in
	Up       bool          `json:"up"`       // false while it is left alone or being probed
	State    string        `json:"state"`    // up, refused, unhealthy, ejected, draining
	Why      string        `json:"why,omitempty"`
	Until    time.Duration `json:"until,omitempty"`
}

// Balancer is a running load balancer. It is safe for concurrent use. Use
// Start; Close it.
type Balancer struct {
	cfg       Config
	addr      string
	server    *http.Server
	listener  net.Listener
	door      *farewell.Door
	transport *http.Transport
	probe     *http.Client
	buffers   sync.Pool // of *[]byte
	served    chan struct{}
	before    before

	watch    context.Context // of the health checks
	unwatch  context.CancelFunc
	watching sync.WaitGroup

	mu       sync.Mutex
	backends []*backend                 // guarded by mu
	fleet    *fleet.Fleet               // guarded by mu
	by       map[*fleet.Member]*backend // guarded by mu; the backends that the fleet knows
	seats    []*fleet.Member            // scratch of pick; guarded by mu
}

// Start starts a balancer and returns when it accepts connections. The end of
// ctx does not end it.
func Start(ctx context.Context, cfg Config) (*Balancer, error) {
	b, err := newBalancer(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("balancer: %w", err)
	}
	b.addr, b.listener, b.door = l.Addr().String(), l, farewell.New()
	b.server = &http.Server{
		Handler: b.door.Wrap(http.HandlerFunc(b.enter)), ReadHeaderTimeout: headerTime, IdleTimeout: keepTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn),
	}
	cfg.Log.Info("balancer started", "addr", b.addr)
	go func() {
		defer close(b.served)
		if err := b.server.Serve(l); !errors.Is(err, http.ErrServerClosed) && !b.door.Ending() {
			cfg.Log.Error("balancer stopped serving", "error", err)
		}
	}()
	b.watching.Go(b.patrol)
	return b, nil
}

func newBalancer(cfg Config) (*Balancer, error) {
	var faults []error
	if cfg.Clock == nil {
		faults = append(faults, errors.New("balancer: Config.Clock is missing"))
	}
	if cfg.Log == nil {
		faults = append(faults, errors.New("balancer: Config.Log is missing"))
	}
	if cfg.Addr != "" {
		faults = append(faults, loopback("Config.Addr", cfg.Addr))
	}
	crowd, err := fleet.New(cfg.Settings, dist.New(cfg.Seed, "balancer"))
	if err := errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	b := &Balancer{
		cfg: cfg, fleet: crowd, by: map[*fleet.Member]*backend{}, served: make(chan struct{}),
		transport: &http.Transport{DisableCompression: true, DialContext: (&net.Dialer{Timeout: dialTime}).DialContext},
		probe:     &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
	b.buffers.New = func() any { buf := make([]byte, 32<<10); return &buf }
	b.watch, b.unwatch = context.WithCancel(context.Background())
	if err := b.setBackends(cfg.Backends, true); err != nil {
		return nil, err
	}
	return b, nil
}

func loopback(field, addr string) error {
	if a, err := netip.ParseAddrPort(addr); err != nil || !a.Addr().IsLoopback() {
		return fmt.Errorf("balancer: %s is %q (want a loopback address with a port, as 127.0.0.1:8080)", field, addr)
	}
	return nil
}

// SetBackends replaces the instances. One that stays, by name and address,
// keeps its connections and counts; requests inside one that goes finish.
func (b *Balancer) SetBackends(backends []Backend) error { return b.setBackends(backends, false) }

// setBackends replaces the instances; those that are warm are not broken in.
func (b *Balancer) setBackends(backends []Backend, warm bool) error {
	var faults []error
	names := map[string]bool{}
	for _, want := range backends {
		if names[want.Name] {
			faults = append(faults, fmt.Errorf("balancer: there are two backends named %q", want.Name))
		}
		names[want.Name] = true
		if want.Pass == "" || want.Cert == "" { // one with a pass has been let in by the lab, which knows what may be reached
			faults = append(faults, loopback("the address of backend "+want.Name, want.Addr))
		}
	}
	fresh := make([]*backend, len(backends))
	for n, want := range backends {
		var err error
		if fresh[n], err = b.reach(want); err != nil {
			faults = append(faults, err)
		}
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var next []*backend
	for n, want := range backends {
		i := slices.IndexFunc(b.backends, func(old *backend) bool { return old.Backend == want })
		if i >= 0 {
			next = append(next, b.backends[i])
			continue
		}
		k := fresh[n]
		k.seat = b.fleet.Join(b.cfg.Clock.Now(), want.Name, warm)
		b.by[k.seat] = k
		next = append(next, k)
	}
	for _, old := range b.backends {
		if !slices.Contains(next, old) {
			b.fleet.Leave(old.seat)
			delete(b.by, old.seat)
			old.pool.drain(true)
		}
	}
	b.backends = next
	return nil
}

// Set changes how requests are spread from the next one on.
func (b *Balancer) Set(s fleet.Settings) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fleet.Set(b.cfg.Clock.Now(), s)
}

// Settings returns how requests are spread.
func (b *Balancer) Settings() fleet.Settings {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fleet.Settings()
}

// Drain stops or begins again sending requests to an instance; false: there is
// none of this name.
func (b *Balancer) Drain(name string, on bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.backends {
		if k.Name == name {
			b.fleet.Drain(k.seat, on)
			return true
		}
	}
	return false
}

// Addr returns the address that clients send to, host:port.
func (b *Balancer) Addr() string { return b.addr }

// Stats returns what is known of each instance, in the order of SetBackends.
func (b *Balancer) Stats() []Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := map[string]fleet.Stat{}
	for _, s := range b.fleet.Stats(b.cfg.Clock.Now()) {
		known[s.Name] = s
	}
	out := make([]Stats, len(b.backends))
	for i, k := range b.backends {
		s := known[k.Name]
		out[i] = Stats{
			Backend: k.Backend, Sent: s.Sent, Errors: s.Errors, Inflight: s.Inflight, Users: s.Users, Weight: s.Weight,
			Up: s.Up, State: s.State, Why: s.Why, Until: s.Until,
		}
	}
	return out
}

// Counts returns what the balancer has counted of all instances.
func (b *Balancer) Counts() fleet.Counts {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fleet.Counts()
}

// Busiest returns the most requests inside one instance.
func (b *Balancer) Busiest() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fleet.Busiest()
}

// pick chooses an instance that has not been tried for this request and counts
// the request in; nil when there is none.
func (b *Balancer) pick(now time.Duration, a fleet.Ask, tried []*backend) (*backend, fleet.Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seats = b.seats[:0]
	for _, k := range tried {
		b.seats = append(b.seats, k.seat)
	}
	a.Tried = b.seats
	m, session := b.fleet.Pick(now, a)
	return b.by[m], session
}

// connected notes that an instance is there, and that it gets a request.
func (b *Balancer) connected(k *backend) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fleet.Connected(b.cfg.Clock.Now(), k.seat)
}

// refused notes that no connection could be made to an instance.
func (b *Balancer) refused(k *backend, now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fleet.Refused(now, k.seat)
}

// left notes how a request has left an instance.
func (b *Balancer) left(k *backend, r fleet.Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fleet.Done(b.cfg.Clock.Now(), k.seat, r)
}

// Close stops accepting, lets the requests inside finish, and cuts off those
// that are left when ctx ends; the error says so.
func (b *Balancer) Close(ctx context.Context) error {
	b.unwatch()
	b.watching.Wait()
	b.door.Close(ctx, b.listener)
	err := b.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("balancer: close: %w", err), b.server.Close())
	}
	<-b.served
	err = errors.Join(err, b.before.close(ctx))
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.backends {
		k.pool.drain(true)
	}
	return err
}
