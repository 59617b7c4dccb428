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
	Addr string `json:"addr"` // loopback host:port
}

// Config is what a balancer is made from. Clock and Log are needed.
type Config struct {
	Addr     string // loopback host:port to listen on; empty: any free port of 127.0.0.1
	Backends []Backend
	Picker   string // one of Pickers; empty: round-robin
	Seed     uint64 // of two-choices
	Clock    clock.Clock
	Log      *slog.Logger
	Trace    *trace.Tracer // follows requests; nil: nobody does
}

// Stats is what the balancer knows of one instance.
type Stats struct {
	Backend
	Sent     uint64 `json:"sent"`     // requests given to it
	Errors   uint64 `json:"errors"`   // refused connections and broken answers
	Inflight int    `json:"inflight"` // requests inside now
	Up       bool   `json:"up"`       // false while it is left alone or being probed
}

// Balancer is a running load balancer. It is safe for concurrent use. Use
// Start; Close it.
type Balancer struct {
	cfg       Config
	addr      string
	server    *http.Server
	transport *http.Transport
	buffers   sync.Pool // of *[]byte
	served    chan struct{}

	mu       sync.Mutex
	backends []*backend // guarded by mu
	picker   Picker     // guarded by mu
	counts   []int      // scratch of pick; guarded by mu
	open     []*backend // scratch of pick; guarded by mu
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
	b.addr = l.Addr().String()
	b.server = &http.Server{
		Handler: b, ReadHeaderTimeout: headerTime, IdleTimeout: keepTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelWarn),
	}
	cfg.Log.Info("balancer started", "addr", b.addr)
	go func() {
		defer close(b.served)
		if err := b.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			cfg.Log.Error("balancer stopped serving", "error", err)
		}
	}()
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
	picker, err := NewPicker(cfg.Picker, dist.New(cfg.Seed, "balancer"))
	faults = append(faults, err)
	b := &Balancer{
		cfg: cfg, picker: picker, served: make(chan struct{}),
		transport: &http.Transport{DisableCompression: true, DialContext: (&net.Dialer{Timeout: dialTime}).DialContext},
	}
	b.buffers.New = func() any { buf := make([]byte, 32<<10); return &buf }
	if err := errors.Join(append(faults, b.SetBackends(cfg.Backends))...); err != nil {
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
func (b *Balancer) SetBackends(backends []Backend) error {
	var faults []error
	names := map[string]bool{}
	for _, want := range backends {
		if names[want.Name] {
			faults = append(faults, fmt.Errorf("balancer: there are two backends named %q", want.Name))
		}
		names[want.Name] = true
		faults = append(faults, loopback("the address of backend "+want.Name, want.Addr))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var next []*backend
	for _, want := range backends {
		i := slices.IndexFunc(b.backends, func(old *backend) bool { return old.Backend == want })
		if i >= 0 {
			next = append(next, b.backends[i])
			continue
		}
		next = append(next, &backend{Backend: want, pool: pool{transport: b.transport, addr: want.Addr}})
	}
	for _, old := range b.backends {
		if !slices.Contains(next, old) {
			old.pool.drain(true)
		}
	}
	b.backends = next
	return nil
}

// SetPicker changes how instances are chosen from now on.
func (b *Balancer) SetPicker(name string) error {
	p, err := NewPicker(name, dist.New(b.cfg.Seed, "balancer"))
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.picker = p
	return nil
}

// Addr returns the address that clients send to, host:port.
func (b *Balancer) Addr() string { return b.addr }

// Stats returns what is known of each instance, in the order of SetBackends.
func (b *Balancer) Stats() []Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Stats, len(b.backends))
	for i, k := range b.backends {
		out[i] = Stats{Backend: k.Backend, Sent: k.sent, Errors: k.errors, Inflight: k.inflight, Up: k.down == 0}
	}
	return out
}

// pick chooses an instance that has not been tried for this request and counts
// the request in; nil when there is none.
func (b *Balancer) pick(now time.Duration, tried []*backend) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open, b.counts = b.open[:0], b.counts[:0]
	for _, k := range b.backends {
		if k.open(now) && !slices.Contains(tried, k) {
			b.open, b.counts = append(b.open, k), append(b.counts, k.inflight)
		}
	}
	if len(b.open) == 0 {
		return nil
	}
	k := b.open[b.picker.Pick(b.counts)]
	k.inflight++
	k.probing = k.down > 0
	return k
}

// connected notes that an instance is there, and that it gets a request.
func (b *Balancer) connected(k *backend) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k.sent++
	k.down, k.probing = 0, false
}

// refused notes that no connection could be made to an instance.
func (b *Balancer) refused(k *backend, now time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k.inflight--
	k.errors++
	k.down, k.probing = now+downFor, false
}

// left notes that a request has left an instance.
func (b *Balancer) left(k *backend, broken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k.inflight--
	if broken {
		k.errors++
	}
}

// Close stops accepting, lets the requests inside finish, and cuts off those
// that are left when ctx ends; the error says so.
func (b *Balancer) Close(ctx context.Context) error {
	err := b.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("balancer: close: %w", err), b.server.Close())
	}
	<-b.served
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.backends {
		k.pool.drain(true)
	}
	return err
}
