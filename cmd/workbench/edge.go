package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"workbench/lab/edge"
	"workbench/sim/clock"
)

// edgeConfig is how the edge cache starts as a program of its own.
type edgeConfig struct {
	listen      string
	origin      *url.URL
	connections int
	timeouts    edge.Timeouts
	edge.Settings
}

// edgeCache is the subcommand that puts an HTTP cache before a server.
func edgeCache(ctx context.Context, p *program, args []string) error {
	cfg, err := p.readEdge(args)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(p.err, nil))
	wall := clock.NewWall()
	now := func() time.Time { return wall.Date(wall.Now()) }
	cache, err := edge.New(edge.Config{Origin: cfg.origin, Now: now, Transport: edge.NewTransport(now, cfg.timeouts), Settings: cfg.Settings})
	if err != nil {
		return err
	}
	defer cache.Close()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w; choose another address with --listen", cfg.listen, err)
	}
	fmt.Fprintf(p.out, "Edge cache: http://%s before %s\n", ln.Addr(), cfg.origin)
	err = edge.Serve(ctx, ln, cache, cfg.connections, closing, log)
	s := cache.Stats()
	fmt.Fprintf(p.out, "%d requests: %d hits, %d stale, %d collapsed, %d validated, %d to the origin (%d without an answer); %d bytes saved\n",
		s.Requests, s.Hits, s.Stale+s.StaleError, s.Collapsed, s.Revalidated, s.Origin, s.OriginErrors, s.BytesSaved)
	return err
}

// readEdge reads the flags of the edge cache.
func (p *program) readEdge(args []string) (edgeConfig, error) {
	cfg := edgeConfig{listen: "127.0.0.1:8081", connections: 4096, timeouts: edge.Timeouts{Dial: 5 * time.Second, Quiet: 30 * time.Second}, Settings: edge.DefaultSettings()}
	var origin, cookies string
	var megabytes, body int64
	fs := flag.NewFlagSet("edge", flag.ContinueOnError)
	fs.StringVar(&cfg.listen, "listen", cfg.listen, "listen on `HOST:PORT`; without a host, on this machine alone")
	fs.StringVar(&origin, "origin", "", "the server before which the cache stands, as `URL`")
	fs.IntVar(&cfg.MaxEntries, "entries", cfg.MaxEntries, "keep at most `N` copies")
	fs.Int64Var(&megabytes, "memory", cfg.MaxBytes>>20, "keep at most `N` MiB of copies")
	fs.Int64Var(&body, "body", cfg.MaxBody>>20, "keep no body longer than `N` MiB")
	fs.DurationVar(&cfg.DefaultTTL, "default-ttl", 0, "how long an answer is fresh that says nothing of its own")
	fs.DurationVar(&cfg.StaleWhileRevalidate, "stale-while-revalidate", 0, "how long a stale copy answers while it is validated, where the answer does not say")
	fs.DurationVar(&cfg.StaleIfError, "stale-if-error", 0, "how long a stale copy answers while the origin fails, where the answer does not say")
	fs.DurationVar(&cfg.Offline, "offline", cfg.Offline, "how long a stale copy answers while the origin cannot be reached, unless the answer forbids it")
	fs.BoolVar(&cfg.Collapse, "collapse", cfg.Collapse, "let one request to the origin answer all that want the same meanwhile")
	fs.BoolVar(&cfg.IgnoreClient, "ignore-client", false, "disregard the Cache-Control of requests")
	fs.StringVar(&cookies, "cookies", "explicit", "answers that set cookies: `POLICY` explicit (kept if they state a lifetime), strip (kept without the cookie) or refuse (never kept)")
	fs.DurationVar(&cfg.timeouts.Dial, "dial-timeout", cfg.timeouts.Dial, "how long to wait for a connection to the origin")
	fs.DurationVar(&cfg.timeouts.Quiet, "timeout", cfg.timeouts.Quiet, "how long the origin may be silent")
	fs.IntVar(&cfg.connections, "connections", cfg.connections, "keep at most `N` connections of clients open")
	rest, err := p.flags(fs, args)
	if err != nil {
		return edgeConfig{}, err
	}
	if len(rest) > 0 {
		err = fmt.Errorf("got %q, want flags alone", rest)
	}
	const most = 1 << 40 // MiB: more would not fit in the number of bytes
	cfg.MaxBytes, cfg.MaxBody = min(megabytes, most)<<20, min(body, most)<<20
	if err = errors.Join(err, cfg.bounds(megabytes, body), cfg.complete(origin, cookies)); err != nil {
		return edgeConfig{}, usagef("%w", err)
	}
	return cfg, nil
}

// bounds joins what is wrong with numbers and times, under the flags' names.
func (c *edgeConfig) bounds(megabytes, body int64) error {
	var faults []error
	wrong := func(flag string, got any, want string) {
		faults = append(faults, fmt.Errorf("flag --%s: got %v, want %s", flag, got, want))
	}
	for _, n := range []struct {
		flag string
		got  int64
	}{{"entries", int64(c.MaxEntries)}, {"memory", megabytes}, {"body", body}, {"connections", int64(c.connections)}} {
		if n.got < 1 {
			wrong(n.flag, n.got, "at least 1")
		}
	}
	if megabytes >= 1 && body > megabytes {
		wrong("body", body, fmt.Sprintf("at most the %d MiB of --memory: a longer body could never be kept", megabytes))
	}
	for _, d := range []struct {
		flag  string
		got   time.Duration
		least time.Duration
	}{
		{"default-ttl", c.DefaultTTL, 0}, {"stale-while-revalidate", c.StaleWhileRevalidate, 0}, {"stale-if-error", c.StaleIfError, 0}, {"offline", c.Offline, 0},
		{"dial-timeout", c.timeouts.Dial, time.Nanosecond}, {"timeout", c.timeouts.Quiet, time.Nanosecond},
	} {
		if d.got < d.least {
			wrong(d.flag, d.got, map[bool]string{true: "0 or more, such as 30s", false: "more than 0, such as 30s"}[d.least == 0])
		}
	}
	return errors.Join(faults...)
}

// complete reads what a flag cannot, and joins everything that is wrong.
func (c *edgeConfig) complete(origin, cookies string) error {
	var faults []error
	policies := map[string]edge.Cookies{"explicit": edge.CookiesExplicit, "strip": edge.CookiesStrip, "refuse": edge.CookiesRefuse}
	policy, ok := policies[cookies]
	if !ok {
		faults = append(faults, fmt.Errorf("flag --cookies: got %q, want explicit, strip or refuse", cookies))
	}
	c.Cookies = policy
	var err error
	switch c.origin, err = url.Parse(origin); {
	case origin == "":
		faults = append(faults, errors.New("flag --origin: missing, want the URL of a server, such as http://127.0.0.1:8000"))
	case err != nil || c.origin.Host == "" || c.origin.Scheme != "http" && c.origin.Scheme != "https":
		faults = append(faults, fmt.Errorf("flag --origin: got %q, want http://HOST:PORT or https://HOST:PORT", origin))
	}
	if !strings.Contains(c.listen, ":") {
		c.listen = ":" + c.listen
	}
	if host, port, err := net.SplitHostPort(c.listen); err != nil {
		faults = append(faults, fmt.Errorf("flag --listen: %w, want HOST:PORT", err))
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		faults = append(faults, fmt.Errorf("flag --listen: got port %q, want 0 to 65535 (0: any free one)", port))
	} else if host == "" {
		c.listen = net.JoinHostPort("127.0.0.1", port)
	}
	return errors.Join(faults...)
}
